"""Applies consent: which records are sent, and with which import type."""

from dataclasses import dataclass
from datetime import date

import polars as pl

from blocks.errors import ConfigurationError, RunStopped
from tasks.records.consent.settings import Consent, check_grant
from tasks.records.frames import LINE, REJECTS, no_rejects, only_key
from tasks.records.mapping.emails import with_ascii_domains
from tasks.records.mapping.resolve import ResolvedMapping
from tasks.records.results.reasons import LEFT_OUT
from tasks.records.validation.validate import recipient_keys

_BOUNCED = ("8", "80", "81", "82", "83", "256", "2561", "2562", "2563")
_BOUNCED_SOFTLY = ("512", "5121", "5122")
_COMPLAINED = ("16", "161", "162")
_LEFT = ("0", "01", "00", "2", "20", "21", "22", "4", "40", "41", "42", "32", "320", "321")
_LEFT_BY_MAIL = ("64", "640", "641", "642", "128", "1280")

_KINDS = {
    **dict.fromkeys([*_BOUNCED, *_BOUNCED_SOFTLY], "bounced"),
    **dict.fromkeys(_COMPLAINED, "complained"),
    **dict.fromkeys([*_LEFT, *_LEFT_BY_MAIL], "left"),
    "pending": "pending",
}
"""Kinds of MailUp's codes (its data sync manual, 4.1). Any other code, such as 1024 for the right
to be forgotten, or none, means "closed": no grant subscribes these people again."""

_REASONS = {
    "left": "consent_unsubscribed",
    "closed": "consent_unsubscribed",
    "bounced": "consent_bounced",
    "complained": "consent_complained",
    "pending": "consent_pending",
}
GRANTED = "consent_granted"
"""Reason of people who are subscribed again because of the grant."""

_KEY = ["key_high", "key_low"]
_UNSUBSCRIBED_COLUMNS = ("kind", "left_on")
_SEVERITY = pl.Enum(["pending", "left", "closed", "complained", "bounced"])


@dataclass(frozen=True)
class Unsubscribed:
    """People who are not subscribed, by 128-bit keys instead of addresses.

    `by_list`: list_id, key_high, key_low, kind and left_on, one row per person and list. `bounced`:
    keys of addresses that bounced in any list; MailUp disables these in all lists.
    """

    by_list: pl.DataFrame
    bounced: pl.DataFrame


NOBODY = Unsubscribed(
    # Nothing is computed keys: a process forked afterwards would lack polars' threads.
    pl.DataFrame(
        schema={
            "list_id": pl.Int64,
            **dict.fromkeys(_KEY, pl.UInt64),
            "kind": _SEVERITY,
            "left_on": pl.String,
        }
    ),
    pl.DataFrame(schema=dict.fromkeys(_KEY, pl.UInt64)),
)
"""Nobody, if MailUp was not asked."""


def comparable(people: pl.DataFrame) -> pl.Series:
    """Normalise addresses of people (columns `channel` and `address`) like those of records."""
    digits = people["address"].str.replace_all(r"[^0-9+]", "").str.replace(r"^(?:\+|00)?", "00")
    lower = with_ascii_domains(people["address"].str.strip_chars().str.to_lowercase())
    return lower.zip_with(people["channel"] == "email", digits)


def prepare_unsubscribed(people: pl.DataFrame) -> Unsubscribed:
    """Prepare people (schema UNSUBSCRIBED_PEOPLE) for `apply_consent` in this process."""
    coded = kinds_of(people)
    by_list = coded.group_by("list_id", *_KEY).agg(
        pl.col("kind").max(), left_on=_latest(pl.col("left_on"))
    )
    return Unsubscribed(by_list, coded.filter(pl.col("kind") == "bounced").select(_KEY).unique())


def kinds_of(people: pl.DataFrame) -> pl.DataFrame:
    """Replace addresses by keys and causes by kinds; other columns stay."""
    kind = pl.col("cause").replace_strict(_KINDS, default="closed", return_dtype=pl.String)
    coded = people.with_columns(
        address=comparable(people), kind=kind.fill_null("closed").cast(_SEVERITY)
    )
    key = recipient_keys(pl.col("channel"), pl.col("address"))
    return coded.with_columns(*key).drop("channel", "address", "cause")


def _latest(days: pl.Expr) -> pl.Expr:
    """The latest of several days; null if one of them is unknown."""
    return pl.when(days.null_count() == 0).then(days.max())


@dataclass(frozen=True)
class ConsentResult:
    """One chunk of records after consent.

    `send`: schema RECORD and fields, plus `import_type` ("default", "optout", "optin"). `blocked`:
    schema REJECTS, people who are not sent. `granted`: schema REJECTS with reason GRANTED, people
    in `send` who are subscribed again because of the grant.
    """

    send: pl.DataFrame
    blocked: pl.DataFrame
    granted: pl.DataFrame


_BLOCKED = {
    "update": [],
    "block": ["left", "closed", "bounced", "complained"],
    "opt-in": ["left", "closed", "bounced", "complained", "pending"],
}
"""Kinds of people who are blocked, by policy."""


def apply_consent(
    records: pl.DataFrame,
    originals: pl.DataFrame | None,
    people: Unsubscribed | None,
    consent: Consent,
    resolved: ResolvedMapping,
    *,
    today: date,
) -> ConsentResult:
    """Decide for each record of a chunk whether and how it is sent.

    `originals`: the chunk's text frame, for the cells of listed people; None leaves them null.
    `people`: may be None if the agreement does not need them. If duplicates are not yet removed,
    the caller removes theirs from `granted`.

    Rows that unsubscribe are always sent, as opt-outs with their key alone. All others are default
    imports, which change nobody's status. Only with a valid grant are people who left before its
    day sent as opt-ins, without the identifier of the other channel, which the grant does not
    cover. A row with status "subscribed" is no opt-in. If grounds are agreed, a default import
    needs status "subscribed", and its other identifier is sent only if `second_key` allows it.

    Raises ConfigurationError if the grant is not valid, or if all rows are opt-outs while a column
    gives a status; RunStopped if people are needed but None.
    """
    _check_consistent(people, consent, resolved, today)
    policy = "opt-in" if consent.import_type == "opt-in" else consent.unsubscribed
    leaving = pl.lit(consent.import_type == "opt-out") | (pl.col("status") == "unsubscribed")
    before = (pl.col("left_on") < consent.grant_date).fill_null(False)
    rejoins = pl.lit(policy == "opt-in") & (pl.col("kind") == "left") & before
    typed = _with_kind(records, people).with_columns(
        import_type=pl.when(leaving)
        .then(pl.lit("optout"))
        .when(rejoins)
        .then(pl.lit("optin"))
        .otherwise(pl.lit("default"))
    )
    silent = pl.lit(bool(resolved.grounds)) & pl.col("status").ne_missing("subscribed") & ~leaving
    left_out = silent.fill_null(True)
    barred = pl.col("kind").is_in(_BLOCKED[policy]) & (pl.col("import_type") == "default")
    stopped = left_out | barred
    blocked = typed.filter(stopped)
    known = pl.col("kind").replace_strict(_REASONS, default=None, return_dtype=pl.String)
    send = typed.filter(~stopped.fill_null(False))
    granted = send.filter(pl.col("import_type") == "optin")
    return ConsentResult(
        send=_one_channel(send).drop("kind", "left_on", "second_key"),
        blocked=_listed(
            blocked, pl.when(left_out).then(pl.lit(LEFT_OUT)).otherwise(known), originals, resolved
        ),
        granted=_listed(granted, pl.lit(GRANTED), originals, resolved),
    )


def _check_consistent(
    people: Unsubscribed | None, consent: Consent, resolved: ResolvedMapping, today: date
) -> None:
    check_grant(consent, today)
    if consent.import_type == "opt-out" and resolved.column_for("status"):
        raise ConfigurationError(
            "import_type 'opt-out' unsubscribes everybody, but a column gives each row's status; "
            "set import_type to 'default' or remove the status column from the mapping."
        )
    if consent.asks_mailup and people is None:
        raise RunStopped(
            "The agreement needs MailUp's unsubscribed people, but they were not requested. "
            "Nothing was sent; report this as a defect."
        )


def _with_kind(records: pl.DataFrame, people: Unsubscribed | None) -> pl.DataFrame:
    """Records with `kind`: why the person is not subscribed, null if unknown."""
    if people is None:
        return records.with_columns(
            pl.lit(None, pl.String).alias(name) for name in _UNSUBSCRIBED_COLUMNS
        )
    keys = ["list_id", *_KEY]
    # Reduced to this chunk's people first: a join hashes its right side again for each chunk.
    by_list = people.by_list.join(records.select(keys), on=keys, how="semi")
    bounced = people.bounced.join(records.select(_KEY), on=_KEY, how="semi")
    return (
        records.join(by_list, on=keys, how="left", maintain_order="left")
        .join(bounced.with_columns(lost=True), on=_KEY, how="left", maintain_order="left")
        .with_columns(
            kind=pl.when("lost").then(pl.lit("bounced")).otherwise(pl.col("kind").cast(pl.String))
        )
        .drop("lost")
    )


def _one_channel(send: pl.DataFrame) -> pl.DataFrame:
    """Remove the identifier of the other channel from opt-ins and opt-outs, and where that channel
    has no ground.

    MailUp may reject a row whose other identifier differs from its own, but whoever unsubscribes
    must be unsubscribed.
    """
    alone = pl.col("import_type").is_in(["optin", "optout"]) | ~pl.col("second_key")
    return only_key(send, alone)


def _listed(
    records: pl.DataFrame,
    reason: pl.Expr,
    originals: pl.DataFrame | None,
    resolved: ResolvedMapping,
) -> pl.DataFrame:
    """Records as rows of the schema REJECTS; the column at fault is that of their key."""
    if records.is_empty():
        return no_rejects()
    key = {"email": resolved.client_name("email"), "sms": resolved.client_name("number")}
    column = pl.col("channel").replace_strict(key, return_dtype=pl.String)
    if originals is None:
        originals = pl.DataFrame(schema=dict.fromkeys([LINE, *resolved.file_columns], pl.String))
        originals = originals.cast({LINE: pl.Int64})
    rows = originals.filter(pl.col(LINE).is_in(records[LINE].implode()))
    cells = rows.select(LINE, cells=pl.concat_list(resolved.file_columns))
    return (
        records.select(LINE, columns=pl.concat_list(column), reasons=pl.concat_list(reason))
        .join(cells, on=LINE, how="left", maintain_order="left")
        .rename({LINE: "line"})
        .with_columns(original=pl.lit(None, pl.String))
        .select(REJECTS.keys())
    )
