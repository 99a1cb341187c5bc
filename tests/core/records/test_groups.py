"""Several groups in one cell: a record is sent for each of them, and counts once."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from blocks.ledger.batches import BatchEntry
from tasks.imports.compare_counts import compare_counts
from tasks.imports.delta_snapshots import _confirmed
from tasks.imports.read_back import rejected_by_mailup
from tasks.records.agreement import ImportAgreement
from tasks.records.batching.batches import repetitions_of
from tasks.records.consent.second_key import both_keys
from tasks.records.delta.snapshot import Snapshot, snapshot_of, write_snapshot
from tasks.records.frames import LINE
from tasks.records.read_file import read_file
from tasks.records.stages import AccountFacts, Prepared, RejectedByMailUp
from tests.core.full_files import KEY, TODAY

COLUMNS = [
    {"column": "email", "target": "email"},
    {"column": "cell", "target": "mobile"},
    {"column": "stato", "target": "status"},
    {"column": "tags", "target": "group", "separator": ","},
]
GROUPS = {1: "VIP", 2: "Big, bold", 3: "Soci", 4: "* mine"}
ROWS = ["ada@x.it;;1;VIP, Soci", "bea@x.it;;1;VIP", "cleo@x.it;;1;", "dora@x.it;;1;Soci , VIP"]


def agreed(separator: str = ",", **other: Any) -> ImportAgreement:
    columns = [*COLUMNS[:-1], COLUMNS[-1] | {"separator": separator}]
    mapping = {"columns": columns} | other.pop("mapping", {})
    known = {
        "client": "acme", "server": "sftp-server/acme", "account": "acme", "list_id": 1,
        "dialect": {"separator": ";"}, "mapping": mapping,
    }  # fmt: skip
    return ImportAgreement.model_validate(known | other)


def read(
    folder: Path,
    rows: list[str],
    agreement: ImportAgreement | None = None,
    former: Path | None = None,
    *,
    batch_size: int = 100,
) -> Prepared:
    folder.mkdir(exist_ok=True)
    path = folder / "file.csv"
    path.write_text("email;cell;stato;tags\r\n" + "".join(f"{row}\r\n" for row in rows))
    snapshot = Snapshot(former, KEY) if former else None
    facts = AccountFacts(groups={1: GROUPS})
    return read_file(
        path, agreement or agreed(), facts, folder,
        batch_size=batch_size, today=TODAY, snapshot=snapshot,
    )  # fmt: skip


def sent(prepared: Prepared) -> list[tuple[str | None, list[int]]]:
    """Group and lines of each batch."""
    return [
        (each.destination.group, each.records(LINE)[LINE].to_list()) for each in prepared.batches
    ]


@pytest.mark.parametrize(
    ("cell", "separator", "groups"),
    [
        ("VIP, Soci", ",", ["Soci", "VIP"]),
        ("VIP,,vip , VIP,", ",", ["VIP"]),
        ('"""VIP"",""Big, bold"""', ",", ["Big, bold", "VIP"]),
        ('" ""Big, bold"" , soci"', ",", ["Big, bold", "Soci"]),
        ("Soci ::: VIP ::: * mine", ":::", ["* mine", "Soci", "VIP"]),
        ("Soci ::: VIP :::", " ::: ", ["Soci", "VIP"]),
        ('"Soci;2"', ";", ["2", "Soci"]),
        ('"VIP\nSoci"', "\n", ["Soci", "VIP"]),
        ('"=""VIP,Soci"""', ",", ["Soci", "VIP"]),
        ("'VIP,“Soci”", ",", ["Soci", "VIP"]),
        (" , ,", ",", []),
        ("VIP, n/a", ",", ["VIP"]),
        ("VIP", ",", ["VIP"]),
        ('"Big, bold"', "", ["Big, bold"]),
        ('"VIP, Soci"', "", None),
        ("VIP, Nuovi", ",", None),
        ("VIP, 77", ",", None),
        ('"VIP, ""Soci"', ",", None),
        ("VIP; Soci", ",", None),
    ],
)  # fmt: skip
def test_a_cell_is_split_at_the_agreed_sign(
    tmp_path: Path, cell: str, separator: str, groups: list[str] | None
) -> None:
    """Parts are trimmed, quotes taken off, empty and repeated ones dropped; without a sign, the
    cell is one group; if one of the groups is not known, the row is rejected."""
    cell = cell if cell.startswith('"') or ";" not in cell else f'"{cell}"'
    agreement = agreed(separator, mapping={"blank_texts": ["N/A"]} if separator else {})
    prepared = read(tmp_path, [f"ada@x.it;;1;{cell}"], agreement)

    if groups is None:
        assert prepared.reasons == {"group_unknown": 1}
    else:
        assert [group for group, _ in sent(prepared)] == (groups or [None])
    counts = prepared.counts
    assert (counts.submitted, counts.rejected) == (groups is not None, groups is None)


@pytest.mark.parametrize(
    ("cell", "group"),
    [("Nuovi, VIP", ["Nuovi", "VIP"]), ("'Nuovi, VIP", None), ('"""Nuovi, VIP"', None),
     ("5, VIP", None)],
)  # fmt: skip
def test_groups_are_created_only_under_a_certain_name(
    tmp_path: Path, cell: str, group: list[str] | None
) -> None:
    """A number that is no group's id, or half of a pair of quotes, makes no group and stops no
    file: the row is rejected."""
    prepared = read(tmp_path, [f"ada@x.it;;1;{cell}"], agreed(create_groups=True))
    assert [found for found, _ in sent(prepared)] == (group or [])
    assert prepared.counts.rejected == (group is None)


@pytest.mark.parametrize("batch_size", [1, 2, 100])
def test_a_record_is_sent_for_each_group_and_counts_once(tmp_path: Path, batch_size: int) -> None:
    """Each group gets its people, in the file's order; opt-outs, duplicates and records without
    group go once; the counts are those of the file."""
    rows = [*ROWS, "eva@x.it;;0;VIP,Soci", "bea@x.it;;1;Soci,VIP"]
    prepared = read(tmp_path, rows, batch_size=batch_size)
    found: dict[str | None, list[int]] = {}
    for group, lines in sent(prepared):
        found.setdefault(group, []).extend(lines)

    assert found == {None: [6, 4], "Soci": [2, 5, 7], "VIP": [2, 5, 7]}
    assert prepared.batches[0].destination.import_type == "optout"
    counts = prepared.counts
    assert (counts.records, counts.submitted, counts.duplicate) == (6, 5, 1)
    assert (prepared.repeated, prepared.opt_outs) == (3, 1)
    assert repetitions_of(prepared.batches, {2, 4}) == 1
    new = [line for each in prepared.batches for line in each.new_records(LINE)[LINE]]
    assert sorted(new) == [2, 4, 5, 6, 7]


def test_records_are_split_in_small_parts(tmp_path: Path) -> None:
    """The order in each group does not depend on how many are split at once."""
    many = [f"p{number}@x.it;;1;VIP,Soci" for number in range(4500)]
    assert sent(read(tmp_path, many, batch_size=9000)) == [
        (group, list(range(2, 4502))) for group in ("Soci", "VIP")
    ]


def entry(number: int, rows: int, *refused: int, found: bool = True) -> BatchEntry:
    """A completed batch of which MailUp refused these lines, which were found or not."""
    state = {"state": "complete" if found else "too_many_calls", "lines": list(refused) * found}
    return BatchEntry(
        id=number, number=number, rows=rows, sha256="", state="done", after_import=0,
        import_id=number, sending_id=None, refused=state if refused else None,
        target={"list_id": 1, "channel": "email", "import_type": "default"},
        counters={"rows": rows, "not_valid": len(refused)},
    )  # fmt: skip


def test_who_is_refused_for_each_group_is_rejected_once(tmp_path: Path) -> None:
    """MailUp counts the person in every import; the file has one reject, and the counts agree."""
    prepared = read(tmp_path, ROWS)
    entries = [entry(1, 1), entry(2, 2, 2), entry(3, 3, 2)]
    refused = rejected_by_mailup(entries)

    assert refused == RejectedByMailUp(1, (2,), "complete")
    counts = prepared.counts.refused(1)
    assert compare_counts(counts, entries, refused, prepared.repeated).hold is None
    assert compare_counts(counts, entries[:2], refused, prepared.repeated).hold is not None


@pytest.mark.parametrize(
    ("entries", "again"),
    [
        ([entry(1, 1), entry(2, 2), entry(3, 3)], []),
        ([entry(1, 1), entry(2, 2, 2), entry(3, 3)], [2]),
        ([entry(1, 1), entry(2, 2), entry(3, 3, 5)], [5]),
        ([entry(1, 1), entry(2, 2), entry(3, 3, 5, found=False)], [2, 3, 5]),
        ([entry(1, 1), entry(2, 2, 2, found=False), entry(3, 3)], [2, 5]),
    ],
)  # fmt: skip
def test_a_record_is_unchanged_if_all_its_groups_are(
    tmp_path: Path, entries: list[BatchEntry], again: list[int]
) -> None:
    """The next full file sends what MailUp did not confirm for one of the groups, whatever their
    order in the cell, and whose groups are others."""
    first = read(tmp_path / "one", ROWS)
    path = tmp_path / "snapshot.parquet"
    confirmed = list(_confirmed(first.batches, entries))
    assert sum(each.height for each in confirmed) == len(ROWS) - len(again)
    write_snapshot(path, [snapshot_of(each, KEY) for each in confirmed], None)

    rows = ["ada@x.it;;1;soci,VIP", *ROWS[1:]]
    second = read(tmp_path / "two", rows, former=path)
    assert sorted({line for _, lines in sent(second) for line in lines}) == again
    assert (second.counts.submitted, second.counts.unchanged) == (len(again), 4 - len(again))
    other = ["ada@x.it;;1;Soci", *ROWS[1:]]
    assert 2 in sent(read(tmp_path / "three", other, former=path))[0][1]


def test_two_keys_are_compared_once(tmp_path: Path) -> None:
    """A record for several groups takes no more calls, and does not contradict itself."""
    prepared = read(tmp_path, ["ada@x.it;3331234567;1;VIP,Soci,2"])
    assert both_keys(prepared.batches).height == 1


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        ({"replace_groups": True}, "not possible with replace_groups"),
        ({"confirm_email": True}, "not possible with confirm_email"),
        ({"consent": {
            "import_type": "opt-in", "grant_date": "2026-01-01", "grant_by": "A",
            "grant_reason": "b", "grant_expires": "2026-12-31",
        }}, "not possible with consent.import_type 'opt-in'"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_for_several_groups_is_refused(
    other: dict[str, Any], sentence: str
) -> None:
    """Nobody is asked twice, or taken out of the group that the same cell names."""
    with pytest.raises(ValidationError, match=sentence):
        agreed(**other)
    assert agreed("", **other).mapping.several_groups is False
