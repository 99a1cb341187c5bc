"""Batches: every record once, in order, opt-outs first, however the records arrive."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.records.batching.batches import Batch, StoredRecords, write_batches
from tasks.records.batching.destinations import Destination, only_destination
from tasks.records.frames import LINE

SCHEMA = {
    LINE: pl.Int64,
    "channel": pl.String,
    "list_id": pl.Int64,
    "group": pl.String,
    "import_type": pl.String,
    "clear": pl.Boolean,
}
Place = tuple[str, int, str | None, str, bool]


def records(places: list[Place]) -> pl.DataFrame:
    rows = [(line, *place) for line, place in enumerate(places, start=2)]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def written(
    folder: Path, places: list[Place], *, size: int = 2, part: int = 3, pending: int = 1000
) -> list[tuple[int, Destination, list[int]]]:
    frame = records(places)
    parts = [frame.slice(start, part) for start in range(0, frame.height, part)]
    batches = write_batches(iter(parts), folder, size, pending_rows=pending)
    assert {*folder.iterdir()} == {piece.path for batch in batches for piece in batch.pieces}
    return [(batch.number, batch.destination, lines(batch)) for batch in batches]


def lines(batch: Batch) -> list[int]:
    frame = batch.records()
    assert frame.height == batch.rows and dict(frame.schema) == SCHEMA
    return frame[LINE].to_list()


def test_batches_are_full_in_order_and_opt_outs_go_first(tmp_path: Path) -> None:
    """Records keep the file's order in their destination; who leaves is sent first."""
    stay: Place = ("email", 7, None, "default", False)
    leave: Place = ("email", 9, None, "optout", False)
    assert written(tmp_path, [stay, stay, leave, stay, stay, stay]) == [
        (1, Destination(*leave), [4]),
        (2, Destination(*stay), [2, 3]),
        (3, Destination(*stay), [5, 6]),
        (4, Destination(*stay), [7]),
    ]


def test_batches_of_one_file_have_their_own_records_each(tmp_path: Path) -> None:
    """However many batches come out of one part, none is sent twice and none is left out."""
    stay: Place = ("email", 7, None, "default", False)
    batches = write_batches([records([stay] * 7)], tmp_path, 2)

    assert [lines(batch) for batch in batches] == [[2, 3], [4, 5], [6, 7], [8]]
    assert len({piece.path for batch in batches for piece in batch.pieces}) == 1


def laid_down(folder: Path, frame: pl.DataFrame) -> StoredRecords:
    """The records in a file of their own, as the first pass leaves them."""
    path = folder / f"{frame[LINE][0]}.parquet"
    frame.write_parquet(path)
    to = only_destination(frame)
    assert to is not None
    return StoredRecords(to, path, frame.height)


def test_what_is_laid_down_is_moved_and_keeps_its_place(tmp_path: Path) -> None:
    """Files go into batches after what came before them, whether that was in memory, in a file,
    or had to wait on disk; nothing of them is written again."""
    stay: Place = ("email", 7, None, "default", False)
    other: Place = ("email", 9, None, "default", False)
    frame = records([stay, other, stay, stay, stay, stay, stay, stay, stay])
    (tmp_path / "checked").mkdir()
    for pending in (1000, 1):
        parts = [
            laid_down(tmp_path / "checked", frame[5:7]),
            laid_down(tmp_path / "checked", frame[7:8]),
        ]
        inode = parts[0].path.stat().st_ino
        folder = tmp_path / f"pending-{pending}"
        batches = write_batches(
            [frame[:3], frame[3:5], *parts, frame[8:]], folder, 5, pending_rows=pending
        )

        assert [lines(batch) for batch in batches] == [[2, 4, 5, 6, 7], [8, 9, 10], [3]]
        moved = inode in {path.stat().st_ino for path in folder.iterdir()}
        assert moved == (pending == 1000)
        assert not any((tmp_path / "checked").iterdir())


def test_one_destination_is_distinguished_from_several() -> None:
    """Each thing that an import takes once makes two destinations of two records."""
    base: Place = ("email", 7, None, "default", False)
    assert only_destination(records([base, base])) == Destination(*base)
    assert only_destination(records([])) is None
    for other in (
        ("sms", 7, None, "default", False),
        ("email", 8, None, "default", False),
        ("email", 7, "News", "default", False),
        ("email", 7, None, "optout", False),
        ("email", 7, None, "default", True),
    ):
        assert only_destination(records([base, other])) is None
        assert only_destination(records([other, base])) is None


def test_no_records_no_batches(tmp_path: Path) -> None:
    """Nothing to send leaves nothing on disk."""
    assert write_batches(iter([records([])]), tmp_path / "new", 10) == []
    assert list((tmp_path / "new").iterdir()) == []


def test_a_destination_says_everything_that_an_import_needs(tmp_path: Path) -> None:
    """Channel, list, group, import type and clearing each make a destination of their own."""
    base: Place = ("email", 7, None, "default", False)
    others: list[Place] = [
        ("sms", 7, None, "default", False),
        ("email", 8, None, "default", False),
        ("email", 7, "News", "default", False),
        ("email", 7, None, "optin", False),
        ("email", 7, None, "default", True),
    ]
    assert len(written(tmp_path, [base, *others], size=100)) == 6


def test_many_destinations_are_spilled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With more destinations than memory may hold, records wait on disk and none is lost."""
    seen: list[Path] = []
    write = pl.DataFrame.write_parquet

    def watched(frame: pl.DataFrame, path: Path, **options: object) -> None:
        seen.append(path)
        write(frame, path, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(pl.DataFrame, "write_parquet", watched)
    places: list[Place] = [("email", 1 + n % 300, None, "default", False) for n in range(1500)]
    got = written(tmp_path, places, size=4, part=50, pending=200)
    assert sorted(line for _, _, batch in got for line in batch) == list(range(2, 1502))
    assert sum(path.name.startswith("spill") for path in seen) >= 5


def test_spilled_records_keep_their_place(tmp_path: Path) -> None:
    """A full batch in memory waits for the earlier records of its destination on disk."""
    one: Place = ("email", 1, None, "default", False)
    two: Place = ("email", 2, None, "default", False)
    places = [one, two, two, one, one, one]
    spilled = written(tmp_path / "a", places, size=3, part=3, pending=2)
    assert spilled == [
        (1, Destination(*one), [2, 5, 6]),
        (2, Destination(*one), [7]),
        (3, Destination(*two), [3, 4]),
    ]


drawn = st.lists(
    st.tuples(
        st.sampled_from(["email", "sms"]),
        st.integers(1, 3),
        st.sampled_from([None, "News"]),
        st.sampled_from(["default", "optout"]),
        st.booleans(),
    ),
    max_size=40,
)


@settings(
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(drawn, st.integers(1, 5), st.integers(1, 9), st.integers(0, 20))
def test_batches_do_not_depend_on_how_records_arrive(
    tmp_path_factory: pytest.TempPathFactory,
    places: list[Place],
    size: int,
    part: int,
    pending: int,
) -> None:
    """Cut into other parts, with other limits of memory, the same records give the same batches."""
    one = written(tmp_path_factory.mktemp("a"), places, size=size, part=100)
    other = written(tmp_path_factory.mktemp("b"), places, size=size, part=part, pending=pending)
    assert one == other
    assert [number for number, _, _ in one] == list(range(1, len(one) + 1))
    assert sorted(line for _, _, batch in one for line in batch) == list(range(2, len(places) + 2))
