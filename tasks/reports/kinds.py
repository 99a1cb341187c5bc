"""The list of export kinds, from which the watcher, onboarding and checks are derived."""

from dataclasses import dataclass
from typing import Literal

from tasks.reports import rows
from tasks.reports.output import layouts
from tasks.reports.output.layouts import Layout
from tasks.reports.rows import RowKind

KindName = Literal["unsubscribed", "email_statistics", "cumulative", "sms_outcomes", "subscribed"]


@dataclass(frozen=True)
class ExportKind:
    """One kind of export; `name` is the prefix of its streams in the ledger."""

    name: KindName
    layout: Layout
    rows: tuple[RowKind, ...]

    @property
    def flow(self) -> str:
        """The flow's name in Prefect: the function's name with dashes."""
        return f"export-{self.name}".replace("_", "-")


EXPORT_KINDS: dict[KindName, ExportKind] = {
    kind.name: kind
    for kind in (
        ExportKind("unsubscribed", layouts.UNSUBSCRIBED, (rows.UNSUBSCRIPTIONS,)),
        ExportKind("email_statistics", layouts.EMAIL_STATISTICS, (rows.EVENTS,)),
        ExportKind("cumulative", layouts.CUMULATIVE, (rows.UNSUBSCRIPTIONS, rows.EVENTS)),
        ExportKind("sms_outcomes", layouts.SMS_OUTCOMES, (rows.SMS_EVENTS,)),
        ExportKind("subscribed", layouts.SUBSCRIBED, (rows.SUBSCRIPTIONS,)),
    )
}

LAYOUTS: dict[str, Layout] = {kind.name: kind.layout for kind in EXPORT_KINDS.values()}
