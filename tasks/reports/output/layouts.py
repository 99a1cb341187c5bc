"""The documented layouts of exported files: which columns, in which order, under which header.

Headers, order and compulsory columns are those of MailUp's own exports. Of the statistics, the
headers `email`, `Ip Address`, `Geo Data`, `User Agent` and `Campaign Tags` are only described in
its documentation, not printed; the layouts of `cumulative` and `subscribed` are ours.

Rows: in `unsubscribed` and `subscribed` one for each unsubscription or subscription, in
`sms_outcomes` one for each change of state of each sent SMS, in `email_statistics` one for each
action: SNT sent, OPN opened, CLK clicked (details: the URL), NCO bounced (details: bounce code).

`cumulative` holds the rows of `email_statistics` and, between them, one UNS row for each
unsubscription: idNl is the message whose link was used, statusChange the moment, details the code
that optout_type has in the file of unsubscriptions; sentDate and subject may be empty.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from blocks.errors import ConfigurationError

CellType = Literal["text", "id", "date"]


@dataclass(frozen=True)
class LayoutColumn:
    """One column of an exported file.

    `source` is the column of the row schema that it shows. `cell` says how: `text` as it is (codes
    too: "01" stays "01"), `id` as a whole number, `date` as a moment in the client's zone.
    `usual` columns are written where the client chooses none; compulsory ones always.
    """

    header: str
    source: str
    cell: CellType = "text"
    compulsory: bool = False
    usual: bool = True


@dataclass(frozen=True)
class ExtraField:
    """A dynamic field of the recipients that is added to a file: its id and its header there."""

    id: int
    name: str


@dataclass(frozen=True)
class Layout:
    """All columns that one kind of file can have, in their documented order."""

    name: str
    available: tuple[LayoutColumn, ...]
    takes_fields: bool = False

    def columns(
        self, chosen: Sequence[str] = (), extra_fields: Sequence[ExtraField] = ()
    ) -> tuple[LayoutColumn, ...]:
        """The columns of a file in the documented order, extra fields behind them.

        `chosen` are headers: these columns and the compulsory ones are written; none chosen means
        the usual ones. Extra fields keep the order given. ConfigurationError for a header that
        the layout does not have, and for fields that it does not take or cannot tell apart.
        """
        if mistake := self.mistake(chosen):
            raise ConfigurationError(mistake, layout=self.name)
        wanted = [
            column
            for column in self.available
            if column.compulsory or (column.header in chosen if chosen else column.usual)
        ]
        for mistake in self._field_mistakes(extra_fields):
            raise ConfigurationError(mistake, layout=self.name)
        added = [LayoutColumn(field.name.strip(), f"field_{field.id}") for field in extra_fields]
        return (*wanted, *added)

    def mistake(self, chosen: Sequence[str]) -> str:
        """What is wrong with a choice of headers, as a sentence; empty if nothing is."""
        headers = [column.header for column in self.available]
        unknown = [name for name in chosen if name not in headers]
        if not unknown:
            return ""
        return (
            f"The layout {self.name} has no column {unknown[0]!r}; choose from "
            f"{', '.join(headers)}, with exactly these letters and blanks."
        )

    def _field_mistakes(self, fields: Sequence[ExtraField]) -> Iterator[str]:
        if fields and not self.takes_fields:
            yield f"The layout {self.name} takes no recipient fields; leave them out."
        for field in fields:
            if not field.name.strip():
                yield f"Field {field.id} has no name; give it one in MailUp, it becomes the header."
        taken = [column.header for column in self.available]
        headers = Counter(name.strip().casefold() for name in (*taken, *(f.name for f in fields)))
        twice = [field.id for field in fields if headers[field.name.strip().casefold()] > 1]
        if twice:
            yield (
                f"The name of field {twice[0]} is the header of another column, too; rename the "
                "field in MailUp or leave it out."
            )


_EMAIL_STATISTICS = (
    LayoutColumn("idList", "list_id", "id", compulsory=True),
    LayoutColumn("idInvio", "sending_id", "id"),
    LayoutColumn("idNl", "message_id", "id"),
    LayoutColumn("email", "email", compulsory=True),
    LayoutColumn("subject", "subject", compulsory=True),
    LayoutColumn("statusType", "kind"),
    LayoutColumn("details", "details"),
    LayoutColumn("statusChange", "at", "date", compulsory=True),
    LayoutColumn("sentDate", "sent_at", "date"),
    LayoutColumn("Ip Address", "ip", usual=False),
    LayoutColumn("Geo Data", "geo", usual=False),
    LayoutColumn("User Agent", "agent", usual=False),
    LayoutColumn("Campaign Tags", "tags", usual=False),
)

UNSUBSCRIBED = Layout(
    "unsubscribed",
    (
        LayoutColumn("email", "email", compulsory=True),
        LayoutColumn("Phone Number", "phone"),
        LayoutColumn("idList", "list_id", "id"),
        LayoutColumn("OptOut_Date", "at", "date"),
        LayoutColumn("Subscription Date", "subscribed_at", "date"),
        LayoutColumn("optout_nl", "message_id", "id"),
        LayoutColumn("optout_type", "type"),
        # Only the oldest documented layout has it.
        LayoutColumn("optout_subtype", "subtype", usual=False),
    ),
    takes_fields=True,
)

EMAIL_STATISTICS = Layout("email_statistics", _EMAIL_STATISTICS)

CUMULATIVE = Layout(
    "cumulative",
    tuple(
        # Without the type nobody could tell unsubscriptions and actions apart.
        LayoutColumn("statusType", "kind", compulsory=True) if column.source == "kind" else column
        for column in _EMAIL_STATISTICS
    ),
)

SMS_OUTCOMES = Layout(
    "sms_outcomes",
    (
        LayoutColumn("recipient", "number", compulsory=True),
        LayoutColumn("idList", "list_id", "id", compulsory=True),
        LayoutColumn("idSMS", "message_id", "id", compulsory=True),
        LayoutColumn("sentdate", "sent_at", "date", compulsory=True),
        LayoutColumn("responsedate", "at", "date", compulsory=True),
        LayoutColumn("status", "status", compulsory=True),
        # Ours: MailUp's documentation is cut off behind the compulsory columns.
        LayoutColumn("email", "email", usual=False),
    ),
    takes_fields=True,
)

SUBSCRIBED = Layout(
    "subscribed",
    (
        LayoutColumn("email", "email", compulsory=True),
        LayoutColumn("Phone Number", "phone"),
        LayoutColumn("idList", "list_id", "id"),
        LayoutColumn("Subscription Date", "at", "date"),
    ),
    takes_fields=True,
)
