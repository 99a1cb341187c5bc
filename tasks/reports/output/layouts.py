"""The layouts of exported files: their columns, in order, with headers.

Headers, order and compulsory columns are those of MailUp's own exports. Its documentation describes
the headers `email`, `Ip Address`, `Geo Data`, `User Agent` and `Campaign Tags` without giving them
literally; the layouts of `cumulative` and `subscribed` are defined here.

Rows: in `unsubscribed` and `subscribed` one for each unsubscription or subscription, in
`sms_outcomes` one for each change of state of each sent SMS, in `email_statistics` one for each
action: SNT sent, OPN opened, CLK clicked (details: the URL), NCO bounced (details: bounce code).

`cumulative` has the rows of `email_statistics` and one UNS row for each unsubscription: idNl is the
message whose link was used, statusChange the time, details the code of optout_type in the file of
unsubscriptions; sentDate and subject may be empty.
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

    `source`: the column of the row schema. `cell`: `text` unchanged (codes too: "01" stays "01"),
    `id` as a whole number, `date` in the client's zone. `usual` columns are written if the client
    chooses none; compulsory ones always.
    """

    header: str
    source: str
    cell: CellType = "text"
    compulsory: bool = False
    usual: bool = True


@dataclass(frozen=True)
class ExtraField:
    """A dynamic field that is added to a file: its id and its header."""

    id: int
    name: str


@dataclass(frozen=True)
class Layout:
    """All columns of one kind of file, in their documented order."""

    name: str
    available: tuple[LayoutColumn, ...]
    takes_fields: bool = False

    def columns(
        self, chosen: Sequence[str] = (), extra_fields: Sequence[ExtraField] = ()
    ) -> tuple[LayoutColumn, ...]:
        """The columns of a file in the documented order, then the extra fields in the given order.

        `chosen`: headers of the optional columns to write; empty for the usual ones.
        ConfigurationError for an unknown header, and for fields that the layout does not accept or
        whose names are not unique.
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
        """What is wrong with the chosen headers, as a sentence, or empty."""
        headers = [column.header for column in self.available]
        unknown = [name for name in chosen if name not in headers]
        if not unknown:
            return ""
        return (
            f"The layout {self.name} has no column {unknown[0]!r}; accepted are exactly "
            f"{', '.join(headers)}."
        )

    def _field_mistakes(self, fields: Sequence[ExtraField]) -> Iterator[str]:
        if fields and not self.takes_fields:
            yield f"The layout {self.name} accepts no recipient fields; leave them out."
        for field in fields:
            if not field.name.strip():
                yield f"Field {field.id} has no name; set one in MailUp, which becomes the header."
        used = [column.header for column in self.available]
        headers = Counter(name.strip().casefold() for name in (*used, *(f.name for f in fields)))
        twice = [field.id for field in fields if headers[field.name.strip().casefold()] > 1]
        if twice:
            yield (
                f"The name of field {twice[0]} is also the header of another column; rename the "
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
        # The type distinguishes unsubscriptions from actions.
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
        # Not in MailUp's documentation, which ends after the compulsory columns.
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
