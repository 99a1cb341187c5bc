"""Compares what MailUp counted with what was sent."""

from collections.abc import Sequence

from blocks.ledger.batches import BatchEntry
from tasks.records.counts import Counts
from tasks.records.stages import COUNTS_DIFFER, Hold, RejectedByMailUp, Submission


def compare_counts(
    counts: Counts, entries: Sequence[BatchEntry], refused: RejectedByMailUp, repeated: int
) -> Submission:
    """Compare MailUp's counters with what was sent; hold the file if they differ.

    `repeated`: rows that were sent in addition to the records, because of several groups.
    """
    imports = tuple(
        {"import_id": entry.import_id, "list_id": entry.target["list_id"],
         "import_type": entry.target["import_type"], "sent": entry.rows, **entry.counters}
        for entry in entries
    )  # fmt: skip
    received = sum(entry.counters.get("rows", 0) for entry in entries)
    sent = counts.submitted + len(refused.lines) + repeated
    hold = None
    if received != sent:
        hold = Hold(
            COUNTS_DIFFER,
            f"{sent} records were sent, but MailUp counts {received}. Compare "
            "the imports listed in the result with MailUp's console before you release this file.",
        )
    return Submission(counts.conserved(), imports, refused, hold)
