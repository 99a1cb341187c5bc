"""People who are missing in a full file: who they are, and whether they are unsubscribed."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from pydantic import ValidationError

from blocks.ledger.decisions import Decision
from tasks.records.counts import Counts
from tasks.records.delta.missing import decide_missing, too_many_missing, who_is_missing
from tasks.records.delta.settings import Delta
from tasks.records.delta.snapshot import Snapshot, missing_people
from tasks.records.frames import PEOPLE
from tasks.records.stages import Claim, DeltaResult, Prepared
from tests.core.full_files import COLUMNS, FIRST, KEY, kept, read

ADA, BEA, CLEO = FIRST
UNSUBSCRIBE = Delta(on=True, missing="unsubscribe")
NOW = datetime(2026, 5, 15, tzinfo=UTC)
CLAIM = Claim("a.csv", 1, 1, NOW, "nothing", "a.csv", Counts(), ())
FEW = DeltaResult(missing=5, known=100, left_because="")


def former(prepared: Prepared) -> tuple[Path, Path]:
    assert prepared.compared is not None
    assert prepared.compared.previous is not None
    return prepared.compared.previous


def flagged(prepared: Prepared) -> dict[str, int]:
    """How many rows of the snapshot have each flag."""
    flags = pl.read_parquet(former(prepared)[1])
    return {name: int(flags[name].sum()) for name in flags.columns}


def people(channel: str, *addresses: tuple[str | None, ...]) -> pl.DataFrame:
    return pl.DataFrame([(channel, 1, *each) for each in addresses], schema=PEOPLE, orient="row")


def test_who_is_in_a_rejected_row_is_not_missing(tmp_path: Path) -> None:
    """As long as its address can be read; rows in which it cannot are counted."""
    first = kept(read(tmp_path / "one", FIRST)[0], tmp_path / "snapshot.parquet")
    rows = ["ada@example.it;Ada;Roma;x", "nobody;Bea;;1", "too;few", CLEO]
    second, sent = read(tmp_path / "two", rows, first)

    assert flagged(second) == {"unchanged": 1, "refused": 1, "missing": 1}
    assert second.compared is not None
    assert (sent, second.compared.unidentified_rows, second.compared.missing) == ([], 2, 1)


LEAVING = {"ground": "column", "column": "stato", "values": {"1": "subscribed", "0": "leave_out"}}
BY_COLUMN = {"mapping": {"columns": COLUMNS[:3]}, "consent": {"basis": {"email": LEAVING}}}


@pytest.mark.parametrize("cell", ["0", "", "x"], ids=["left out", "blank", "rejected"])
def test_who_stands_in_the_file_is_present_however_the_row_ends(tmp_path: Path, cell: str) -> None:
    """Left out, blank and rejected people are not missing, and MailUp keeps what it has of them:
    back as they were they are unchanged, and gone they are missing."""
    first = kept(read(tmp_path / "one", FIRST, **BY_COLUMN)[0], tmp_path / "one.parquet")
    second, sent = read(tmp_path / "two", [f"{ADA[:-1]}{cell}", BEA, CLEO], first, **BY_COLUMN)
    assert (sent, flagged(second)) == ([], {"unchanged": 2, "refused": 1, "missing": 0})
    after = kept(second, tmp_path / "two.parquet", "refused")
    assert read(tmp_path / "three", FIRST, after, **BY_COLUMN)[1] == []
    gone = read(tmp_path / "four", [BEA, CLEO], after, **BY_COLUMN)[0]
    assert flagged(gone)["missing"] == 1


@pytest.mark.parametrize("keep", [(), ("refused",), ("missing",), ("refused", "missing")])
def test_who_is_kept_may_be_missing_in_the_next_file(tmp_path: Path, keep: tuple[str, ...]) -> None:
    """MailUp has them as they were: back as they were, they are unchanged."""
    first = kept(read(tmp_path / "one", FIRST)[0], tmp_path / "one.parquet")
    second = read(tmp_path / "two", [ADA, "cleo@example.it;;;x"], first)[0]
    after = kept(second, tmp_path / "two.parquet", *keep)

    assert flagged(read(tmp_path / "three", [ADA], after)[0])["missing"] == len(keep)
    back, sent = read(tmp_path / "back", FIRST, after)
    assert (len(sent), flagged(back)["missing"]) == (2 - len(keep), 0)


def test_of_a_file_that_is_sent_as_a_whole_the_people_are_compared(tmp_path: Path) -> None:
    """All rows are sent, nothing counts as unchanged, and who is missing is known."""
    snapshot = kept(read(tmp_path / "one", FIRST)[0], tmp_path / "one.parquet")
    second, sent = read(tmp_path / "two", FIRST[1:], snapshot, send_all=True)
    assert (len(sent), second.counts.unchanged) == (2, 0)
    assert flagged(second) == {"unchanged": 0, "refused": 0, "missing": 1}
    assert second.compared is not None
    assert replace(second.compared, why="due").ledger_figures(2) == {"missing": 1, "known": 3}


def test_the_missing_are_found_by_their_hashes_whatever_their_spelling(tmp_path: Path) -> None:
    """MailUp may write addresses in another case; whoever the file never brought is not found."""
    first = kept(read(tmp_path / "one", FIRST)[0], tmp_path / "one.parquet")
    hashes = missing_people(former(read(tmp_path / "two", [ADA], first)[0]))
    page = people("email", *((name, None, None) for name in (
        "Bea@Example.it", "ada@example.it", "form@example.it", "cleo@example.it",
    )))  # fmt: skip
    found = who_is_missing(page, hashes, KEY)
    assert found["email"].to_list() == ["Bea@Example.it", "cleo@example.it"]
    assert who_is_missing(page.with_columns(list_id=2), hashes.clear(), KEY).is_empty()
    assert who_is_missing(page, hashes, b"another key" * 3).is_empty()


def test_missing_numbers_are_found_with_any_prefix(tmp_path: Path) -> None:
    """On the SMS channel prefix and number together say who it is."""
    by_number = {
        "mapping": {
            "key": "mobile",
            "columns": [{"column": "email", "target": "mobile"}],
            "default_region": "IT",
        }
    }
    rows = ["333 1234567;;;", "333 7654321;;;"]
    first = kept(read(tmp_path / "one", rows, **by_number)[0], tmp_path / "one.parquet")
    hashes = missing_people(former(read(tmp_path / "two", rows[1:], first, **by_number)[0]))
    page = people("sms", *((None, prefix, "3331234567") for prefix in ("0039", "+39", "39", "41")))
    assert who_is_missing(page, hashes, KEY)["prefix"].to_list() == ["0039", "+39", "39"]


@pytest.mark.parametrize(
    ("delta", "nameless", "replayed", "because"),
    [
        (Delta(on=True), 0, False, "report"),
        (UNSUBSCRIBE, 0, False, ""),
        (UNSUBSCRIBE, 0, True, "replay"),
        (UNSUBSCRIBE, 1, False, "unreadable"),
        (UNSUBSCRIBE.model_copy(update={"max_nameless_rows": 1}), 1, False, ""),
    ],
)
def test_nobody_is_unsubscribed_unless_it_is_agreed_and_sure(
    delta: Delta, nameless: int, replayed: bool, because: str
) -> None:
    """By default, by an old file, and by a file with rows that may be anybody's, nobody is."""
    compared = DeltaResult(missing=1, known=9, unidentified_rows=nameless)
    assert decide_missing(delta, compared, CLAIM, replayed=replayed).left_because == because


@pytest.mark.parametrize(
    ("released", "reason", "because"),
    [
        (False, "", ""), (True, "", "limit"), (True, "file_shrank", "limit"),
        (True, "too_many_missing", ""),
    ],
)  # fmt: skip
def test_only_a_release_for_just_that_unsubscribes_more_than_agreed(
    released: bool, reason: str, because: str
) -> None:
    """Any other release lets the file pass and leaves them; without one the file is held."""
    decision = Decision(1, 1, reason, "release", "Anna", "", "", NOW) if reason else None
    claim = replace(CLAIM, released=released, decision=decision)
    many = decide_missing(UNSUBSCRIBE, replace(FEW, missing=50), claim, replayed=False)
    assert many.left_because == because
    assert any(too_many_missing(UNSUBSCRIBE, many)) == (because == "")
    assert decide_missing(UNSUBSCRIBE, FEW, claim, replayed=False).left_because == ""


@pytest.mark.parametrize(
    ("missing", "known", "held"),
    [(0, 0, False), (0, 100, False), (5, 100, False), (6, 100, True), (1, 10, True),
     (1000, 10**6, False), (1001, 10**6, True)],
)  # fmt: skip
def test_too_many_missing_hold_the_file_with_the_figures(
    missing: int, known: int, held: bool
) -> None:
    """By default more than five of a hundred, or more than a thousand in all."""
    compared = replace(FEW, missing=missing, known=known)
    (*found,) = too_many_missing(UNSUBSCRIBE, compared)
    assert [each.reason for each in found] == ["too_many_missing"] * held
    assert all(f"{missing:,} of {known:,} people" in each.sentence for each in found)
    assert not any(too_many_missing(UNSUBSCRIBE, replace(compared, left_because="report")))


def test_unsubscribing_needs_comparing() -> None:
    """Without delta.on nobody could be found missing: that is said where it is agreed."""
    with pytest.raises(ValidationError, match="needs on"):
        Delta(missing="unsubscribe")


def test_a_snapshot_of_nobody_misses_nobody(tmp_path: Path) -> None:
    """After a file of opt-outs alone there is nothing to miss."""
    only = kept(read(tmp_path / "one", ["ada@example.it;Ada;Roma;0"])[0], tmp_path / "s.parquet")
    assert Snapshot(only, KEY).compared().height == 0
