"""When a file is held for being unlike the client's last ones."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.records.validation.history import (
    SMALL_FILE_RECORDS,
    FileFigures,
    HistoryLimits,
    deviations,
    ledger_figures,
)

COLUMNS = ("email", "nome", "consenso")
LAST = [
    FileFigures.of(
        records * 50,
        {"records": records, "rejected": 10, "changed": 20, "missing": 5, "known": 1000}
        | ledger_figures(COLUMNS, 5),
    )
    for records in (1000, 900, 1100, 1000, 950)
]
USUAL = LAST[0]


def sentences(now: FileFigures, former: list[FileFigures], **agreed: object) -> dict[str, str]:
    habit = HistoryLimits.model_validate(agreed)
    return {each.reason: each.sentence for each in deviations(habit, now, former)}


@pytest.mark.parametrize(
    ("now", "reason", "expected"),
    [
        (
            replace(USUAL, records=120),
            "unusual_records",
            "120 records; the last 5 files had 900 to",
        ),
        (replace(USUAL, records=6000), "unusual_records", "6,000 records"),
        (replace(USUAL, bytes=8000), "unusual_size", "8,000 bytes"),
        (replace(USUAL, rejected=130), "unusual_rejects", "13.0 % of the records are rejected"),
        (replace(USUAL, opt_outs=120), "unusual_opt_outs", "12.0 % of the records are opt-outs"),
        (replace(USUAL, changed=330), "unusual_changes", "33.0 % of the records are new or"),
        (replace(USUAL, missing=106), "unusual_missing", "missing; in the last 5 files at most 0."),
        (replace(USUAL, columns=4, header=1), "unusual_columns", "4 columns"),
    ],
)
def test_a_file_unlike_the_last_ones_is_reported_with_its_figures(
    now: FileFigures, reason: str, expected: str
) -> None:
    """Each habit is watched by itself, and the sentence sets this file beside the last ones."""
    found = sentences(now, LAST)
    assert list(found) == [reason]
    assert expected in found[reason]


def test_columns_in_another_order_are_unusual() -> None:
    """Names in another order and another number of names have other fingerprints."""
    prints = {ledger_figures(names, 0)["header"] for names in (COLUMNS, COLUMNS[::-1], COLUMNS[:2])}
    assert len(prints) == 3
    now = replace(USUAL, header=ledger_figures(COLUMNS[::-1], 0)["header"])
    assert "unusual_columns" in sentences(now, LAST)
    assert sentences(now, LAST, columns="accept") == {}
    assert sentences(now, [now, *LAST]) == {}, "released once, it is one of the client's own"


@given(
    st.builds(FileFigures, *[st.integers(0, 10**7)] * 3, *[st.integers(0, 9)] * 6),
    st.lists(st.just(USUAL), max_size=4),
)
def test_a_young_client_has_no_habit(now: FileFigures, former: list[FileFigures]) -> None:
    """Whatever a file looks like, nothing is held before five were imported."""
    assert sentences(now, former) == {}


@given(
    st.lists(st.integers(0, SMALL_FILE_RECORDS - 1), min_size=5, max_size=10),
    st.integers(0, SMALL_FILE_RECORDS - 1),
    st.data(),
)
def test_small_files_are_never_unusual(
    before: list[int], records: int, data: st.DataObject
) -> None:
    """A client with a handful of changes a day is left in peace, rejects and opt-outs included."""
    former = [replace(USUAL, records=each, bytes=each, rejected=0) for each in before]
    bad, left = (data.draw(st.integers(0, records)) for _ in range(2))
    now = replace(
        USUAL, records=records, bytes=records, rejected=bad, opt_outs=left, changed=bad,
        missing=left, known=records,
    )  # fmt: skip
    assert sentences(now, former) == {}


def test_files_imported_before_the_figures_were_noted_do_not_count() -> None:
    """Opt-outs and columns are compared only with files of which they are known."""
    old = [replace(each, opt_outs=None, columns=None, header=None) for each in LAST]
    now = replace(USUAL, opt_outs=500, columns=4, header=1)
    assert sentences(now, old) == {}
    assert sentences(now, [*LAST[:4], *old]) == {}


def test_churn_is_judged_only_of_files_that_were_compared() -> None:
    """A file that is sent as a whole is not held for it, nor one after such files."""
    whole = {"changed": None, "missing": None, "known": None}
    sent_whole = [replace(each, **whole) for each in LAST]
    churned = replace(USUAL, changed=1000, missing=1000)
    assert sentences(replace(USUAL, **whole), LAST) == {}
    assert sentences(churned, [*LAST[:4], *sent_whole]) == {}
    assert set(sentences(churned, LAST)) == {"unusual_changes", "unusual_missing"}


def test_half_of_the_people_may_vanish_behind_a_usual_number_of_records() -> None:
    """As many new ones hide them from every other figure, and few records left do not excuse it."""
    swapped = replace(USUAL, changed=500, missing=500)
    assert set(sentences(swapped, LAST)) == {"unusual_changes", "unusual_missing"}
    assert "unusual_missing" in sentences(replace(USUAL, records=50, missing=950), LAST)


def test_a_habit_can_be_switched_off_and_is_never_impossible() -> None:
    """`hold: false` holds nothing; more files than are looked at cannot be asked for."""
    assert sentences(replace(USUAL, records=120), LAST, hold=False) == {}
    with pytest.raises(ValueError, match="at_least"):
        HistoryLimits(files=3, at_least=4)
