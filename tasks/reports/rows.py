"""Row kinds of exports: their columns, and what identifies their events.

Null means unknown. Times are UTC. Frames of people may have dynamic fields after these columns, as
text, one column `field_<id>` each.
"""

from dataclasses import dataclass, field

import polars as pl

MOMENT = pl.Datetime("us", "UTC")
_ID = pl.Int64()
_TEXT = pl.String()

Schema = dict[str, pl.DataType]

EVENT: Schema = {
    "list_id": _ID,
    "message_id": _ID,
    "sending_id": _ID,
    "recipient_id": _ID,
    "email": _TEXT,
    "subject": _TEXT,
    "kind": _TEXT,
    "details": _TEXT,
    "count": _ID,
    "at": MOMENT,
    "sent_at": MOMENT,
    "ip": _TEXT,
    "geo": _TEXT,
    "agent": _TEXT,
    "tags": _TEXT,
}
"""An action of a recipient on a message, and how often it occurred (`count`; null means once).

`kind`: SNT sent, OPN opened, CLK clicked, NCO bounced or UNS unsubscribed. `details`: the URL of a
CLK, the bounce code of an NCO, the type of a UNS, else empty. `at`: MailUp's date.
"""

UNSUBSCRIPTION: Schema = {
    "list_id": _ID,
    "recipient_id": _ID,
    "email": _TEXT,
    "phone": _TEXT,
    "at": MOMENT,
    "subscribed_at": MOMENT,
    "message_id": _ID,
    "type": _TEXT,
    "subtype": _TEXT,
}
SUBSCRIPTION: Schema = {
    "list_id": _ID,
    "recipient_id": _ID,
    "email": _TEXT,
    "phone": _TEXT,
    "at": MOMENT,
}
SMS_OUTCOME: Schema = {
    "list_id": _ID,
    "message_id": _ID,
    "number": _TEXT,
    "sent_at": MOMENT,
    "status": _TEXT,
    "at": MOMENT,
    "email": _TEXT,
}

_FIELD = "field_"
_HAPPENED = "happened"


@dataclass(frozen=True)
class RowKind:
    """One kind of rows; rows with equal `person` and `key` columns are the same event.

    `part`: the column by which snapshots are partitioned. `person`: the columns that identify the
    person, best first; the first one that is not null is used. `personal` columns and dynamic
    fields are not part of the rows: they come from the recipient with the same `known_by` value.
    """

    name: str
    schema: Schema = field(repr=False)
    part: str
    person: tuple[str, ...]
    key: tuple[str, ...]
    known_by: str = ""
    personal: tuple[str, ...] = ()

    @property
    def counts(self) -> bool:
        """Whether rows have a count of occurrences."""
        return "count" in self.schema

    def person_key(self, rows: pl.DataFrame) -> pl.Expr:
        """Key of each row's person, as text; e-mail addresses in lower case."""
        known = []
        for name in self.person:
            known.append(pl.concat_str(pl.lit(f"{name}="), _as_text(name, self.schema[name])))
            if self.schema[name] != pl.String and not rows[name].null_count():
                break  # usually all rows have it: the other columns are not needed
        return pl.coalesce(*known).alias("person")

    def identities(self, rows: pl.DataFrame) -> pl.Series:
        """Identity of each row's event, as text; equal texts are the same event."""
        # Many people share few different keys, whose texts are made once.
        happened = rows.select(self.key).unique()
        texts = happened.with_columns(pl.concat_str(map(self._piece, self.key)).alias(_HAPPENED))
        found = rows.join(
            texts, on=self.key, how="left", nulls_equal=True, maintain_order="left", validate="m:1"
        )
        text = pl.concat_str(pl.lit(self.name), _with_length(pl.col("person")), _HAPPENED)
        # An extra step: polars computes an expression each time it is used.
        people = found.select(self.person_key(rows), _HAPPENED)
        return people.select(text.alias("identity")).to_series()

    def _piece(self, name: str) -> pl.Expr:
        text = _as_text(name, self.schema[name])
        return _with_length(text) if self.schema[name] == pl.String else _number(text)


EVENTS = RowKind(
    "event",
    schema=EVENT,
    part="message_id",
    person=("recipient_id", "email"),
    key=("list_id", "message_id", "kind", "details"),
)
UNSUBSCRIPTIONS = RowKind(
    "unsubscription",
    schema=UNSUBSCRIPTION,
    part="list_id",
    person=("recipient_id", "email", "phone"),
    key=("list_id", "at", "type", "subtype", "message_id"),
    known_by="recipient_id",
    personal=("phone",),
)
SUBSCRIPTIONS = RowKind(
    "subscription",
    schema=SUBSCRIPTION,
    part="list_id",
    person=("recipient_id", "email", "phone"),
    key=("list_id", "at"),
    known_by="recipient_id",
    personal=("phone",),
)
SMS_EVENTS = RowKind(
    "sms outcome",
    schema=SMS_OUTCOME,
    part="message_id",
    person=("number",),
    key=("list_id", "message_id", "sent_at", "status"),
    known_by="number",
    personal=("email",),
)


def fitted(rows: pl.DataFrame, kind: RowKind) -> pl.DataFrame:
    """Rows with exactly the columns of their kind, null if missing, then dynamic fields.

    ValueError for an unknown column.
    """
    fields = [name for name in rows.columns if name.startswith(_FIELD)]
    unknown = [name for name in rows.columns if name not in kind.schema and name not in fields]
    if unknown:
        raise ValueError(f"Rows of the kind {kind.name} have no column {unknown[0]}.")
    return rows.select(
        pl.col(name).cast(dtype) if name in rows.columns else pl.lit(None, dtype).alias(name)
        for name, dtype in (kind.schema | dict.fromkeys(fields, pl.String())).items()
    )


def _as_text(name: str, dtype: pl.DataType) -> pl.Expr:
    """A column as text; null for empty texts."""
    column = pl.col(name)
    if dtype == MOMENT:
        return column.dt.epoch("us").cast(pl.String)
    if dtype != pl.String:
        return column.cast(pl.String)
    text = column.str.to_lowercase() if name == "email" else column
    return pl.when(text != "").then(text)


def _number(digits: pl.Expr) -> pl.Expr:
    return pl.concat_str(pl.lit(":"), digits.fill_null("-"))


def _with_length(text: pl.Expr) -> pl.Expr:
    """A text prefixed with its length, so that a concatenation is unambiguous."""
    length = text.str.len_bytes().cast(pl.String)
    return pl.concat_str(pl.lit(":"), length, pl.lit(":"), text).fill_null(":-")
