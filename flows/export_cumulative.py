"""Export one cumulative file: e-mail statistics and unsubscriptions.

Needs a server block, a MailUpAccount and a Ledger block; the agreement names them.
"""

from prefect import flow
from prefect.client.schemas.objects import State

from tasks.exports.export import export
from tasks.reports.agreement import StatisticsAgreement
from tasks.runs.naming import run_name


@flow(name="export-cumulative", flow_run_name=run_name)
def export_cumulative(
    since: str = "",
    until: str = "",
    again: bool = False,
    dry_run: bool = False,
    *,
    agreement: StatisticsAgreement,
) -> State[None]:
    """
    Deliver unsubscriptions and e-mail statistics in one file.

    Args:
        since: Start of a manual window, such as 2026-10-25 or 2026-10-25T02:30, in the client's
            zone; empty for the next window.
        until: End of a manual window, exclusive; empty for now.
        again: Deliver the last window again, with the same bytes and name, if its file was lost;
            nothing new is read.
        dry_run: Report what would be delivered, and change nothing.
        agreement: The agreement with the client; a manual run rarely changes it.
    """
    return export(agreement, "cumulative", since=since, until=until, again=again, dry_run=dry_run)
