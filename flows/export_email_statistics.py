"""Export e-mail statistics: who got, opened and clicked which message, and what bounced.

Needs a server block, a MailUpAccount and a Ledger block; the agreement names them.
"""

from prefect import flow
from prefect.client.schemas.objects import State

from tasks.exports.export import export
from tasks.reports.agreement import StatisticsAgreement
from tasks.runs.naming import run_name


@flow(name="export-email-statistics", flow_run_name=run_name)
def export_email_statistics(
    since: str = "",
    until: str = "",
    again: bool = False,
    dry_run: bool = False,
    *,
    agreement: StatisticsAgreement,
) -> State[None]:
    """
    Deliver e-mail statistics per recipient and message.

    Args:
        since: For a window by hand: its start, such as 2026-10-25 or 2026-10-25T02:30, in the
            client's zone; empty for what is due.
        until: For a window by hand: its end, which is not part of it; empty for now.
        again: Deliver the last window again, the same bytes under the same name, when its file was
            lost; nothing new is read.
        dry_run: Count what would be delivered, and change nothing anywhere.
        agreement: What was agreed with the client; a manual run seldom changes it.
    """
    return export(
        agreement, "email_statistics", since=since, until=until, again=again, dry_run=dry_run
    )
