"""The rows of exports: their columns, and what makes two rows the same event.

In every column null means "not known". Moments are UTC. Frames of people may carry dynamic fields
behind the columns named here, as text, one column `field_<id>` each.
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
"""What a recipient did with a message, and how often so far (`count`; null means once).

`kind` is SNT sent, OPN opened, CLK clicked, NCO bounced or UNS unsubscribed; `details` is the URL
of a CLK, the bounce code of an NCO, the type of a UNS, else empty; `at` is MailUp's date.
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
    """One kind of rows. Rows with the same `person` and `key` columns are the same event.

    `part` is the column by which snapshots are cut, so that a delta needs one part at a time.
    `person` are the columns that tell whose row it is, best first: the first known one counts.
    `personal` columns, and dynamic fields, are not told with the rows: they are those of the
    recipient that is `known_by` the same id or number.
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
        """Whether a row tells how often its event occurred."""
        return "count" in self.schema

    def whose(self, rows: pl.DataFrame) -> pl.Expr:
        """Whose each of these rows is, as text; e-mail addresses without regard to letter case."""
        known = []
        for name in self.person:
            known.append(pl.concat_str(pl.lit(f"{name}="), _plain(name, self.schema[name])))
            if self.schema[name] != pl.String and not rows[name].null_count():
                break  # all are told by it, as nearly always: the others need not be put together
        return pl.coalesce(*known).alias("whose")

    def identities(self, rows: pl.DataFrame) -> pl.Series:
        """What tells each event from all others, as a text; equal texts are the same event."""
        # Few different things happen to many people: their texts are put together once.
        happened = rows.select(self.key).unique()
        told = happened.with_columns(pl.concat_str(map(self._piece, self.key)).alias(_HAPPENED))
        found = rows.join(
            told, on=self.key, how="left", nulls_equal=True, maintain_order="left", validate="m:1"
        )
        text = pl.concat_str(pl.lit(self.name), _measured(pl.col("whose")), _HAPPENED)
        # One step more: polars computes an expression as often as it is named.
        whose = found.select(self.whose(rows), _HAPPENED)
        return whose.select(text.alias("identity")).to_series()

    def _piece(self, name: str) -> pl.Expr:
        text = _plain(name, self.schema[name])
        return _measured(text) if self.schema[name] == pl.String else _told(text)


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
    """*rows* with exactly the columns of their kind, null where missing, and fields behind.

    ValueError for a column that the kind does not have.
    """
    fields = [name for name in rows.columns if name.startswith(_FIELD)]
    unknown = [name for name in rows.columns if name not in kind.schema and name not in fields]
    if unknown:
        raise ValueError(f"Rows of the kind {kind.name} have no column {unknown[0]}.")
    return rows.select(
        pl.col(name).cast(dtype) if name in rows.columns else pl.lit(None, dtype).alias(name)
        for name, dtype in (kind.schema | dict.fromkeys(fields, pl.String())).items()
    )


def _plain(name: str, dtype: pl.DataType) -> pl.Expr:
    """A column as text; null where it tells nothing, as empty texts do."""
    column = pl.col(name)
    if dtype == MOMENT:
        return column.dt.epoch("us").cast(pl.String)
    if dtype != pl.String:
        return column.cast(pl.String)
    text = column.str.to_lowercase() if name == "email" else column
    return pl.when(text != "").then(text)


def _told(digits: pl.Expr) -> pl.Expr:
    return pl.concat_str(pl.lit(":"), digits.fill_null("-"))


def _measured(text: pl.Expr) -> pl.Expr:
    """A text behind its length, so that texts put together cannot be cut in two ways."""
    length = text.str.len_bytes().cast(pl.String)
    return pl.concat_str(pl.lit(":"), length, pl.lit(":"), text).fill_null(":-")
