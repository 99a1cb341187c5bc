"""Export unsubscribed people: who left the lists, when, how and through which message.

Needs a server block, a MailUpAccount and a Ledger block; the agreement names them.
"""

from prefect import flow
from prefect.client.schemas.objects import State

from tasks.exports.export import export
from tasks.reports.agreement import ExportAgreement
from tasks.runs.naming import run_name


@flow(name="export-unsubscribed", flow_run_name=run_name)
def export_unsubscribed(
    since: str = "",
    until: str = "",
    again: bool = False,
    dry_run: bool = False,
    *,
    agreement: ExportAgreement,
) -> State[None]:
    """
    Deliver who has left a client's lists.

    Args:
        since: Start of a manual window, such as 2026-10-25 or 2026-10-25T02:30, in the client's
            zone; empty for the next window.
        until: End of a manual window, exclusive; empty for now.
        again: Deliver the last window again, with the same bytes and name, if its file was lost;
            nothing new is read.
        dry_run: Report what would be delivered, and change nothing.
        agreement: The agreement with the client; a manual run rarely changes it.
    """
    return export(agreement, "unsubscribed", since=since, until=until, again=again, dry_run=dry_run)
