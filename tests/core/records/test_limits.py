"""When a file is held as a whole."""

import pytest

from blocks.errors import CountsDiffer
from tasks.records.counts import Counts
from tasks.records.validation.limits import Thresholds, exceeded_limits


@pytest.mark.parametrize(
    ("limits", "counts", "opt_outs", "before", "reason", "expected"),
    [
        (Thresholds(), Counts(), 0, 0, "too_few_records", "0 records"),
        (Thresholds(max_records=5), Counts(records=6), 0, 0, "too_many_records", "6 records"),
        (
            Thresholds(),
            Counts(records=99, rejected=21),
            0,
            0,
            "too_many_rejects",
            "21.2 % rejected",
        ),
        (Thresholds(max_opt_out_percent=5), Counts(records=100), 6, 0, "too_many_opt_outs", "6 %"),
        (Thresholds(), Counts(records=49), 0, 100, "file_shrank", "51 % fewer"),
    ],
)
def test_a_file_beyond_a_limit_is_held(
    limits: Thresholds, counts: Counts, opt_outs: int, before: int, reason: str, expected: str
) -> None:
    """Each limit holds the file, and the sentence gives the figure."""
    (complaint,) = exceeded_limits(limits, counts, opt_outs=opt_outs, before=before, full=True)
    assert complaint.reason == reason
    assert expected in complaint.sentence


@pytest.mark.parametrize(
    ("counts", "before", "full"),
    [
        (Counts(records=100, rejected=20), 0, False),
        (Counts(records=3, rejected=3), 0, False),
        (Counts(records=49), 100, False),
        (Counts(records=50), 100, True),
    ],
    ids=["at the limit", "small files", "incremental files may shrink", "half is still agreed"],
)
def test_a_file_within_the_limits_passes(counts: Counts, before: int, full: bool) -> None:
    """A limit is what is still accepted."""
    assert not [*exceeded_limits(Thresholds(), counts, opt_outs=0, before=before, full=full)]


def test_a_record_without_an_outcome_stops_the_run() -> None:
    """records = submitted + unchanged + duplicate + rejected + blocked, or nothing is done."""
    whole = Counts(records=15, submitted=1, unchanged=2, duplicate=3, rejected=4, blocked=5)
    assert whole.conserved() == whole

    with pytest.raises(CountsDiffer, match="16 records but 15"):
        Counts(records=16, submitted=1, unchanged=2, duplicate=3, rejected=4, blocked=5).conserved()
