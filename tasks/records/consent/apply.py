"""Who may be written to MailUp, and with which status: nobody is subscribed against their will."""

from dataclasses import dataclass
from datetime import date

import polars as pl

from blocks.errors import ConfigurationError, RunStopped
from tasks.records.consent.settings import Consent, check_grant
from tasks.records.frames import LINE, REJECTS, no_rejects
from tasks.records.mapping.emails import with_ascii_domains
from tasks.records.mapping.resolve import ResolvedMapping
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
"""What MailUp's codes mean here (mailup-datasync, 4.1). A code that is missing, such as 1024 for
the right to be forgotten, or none at all, means "closed": no grant opens it again."""

_REASONS = {
    "left": "consent_unsubscribed",
    "closed": "consent_unsubscribed",
    "bounced": "consent_bounced",
    "complained": "consent_complained",
    "pending": "consent_pending",
}
GRANTED = "consent_granted"
"""Reason under which somebody is listed who is subscribed again because of the grant."""

_KEY = ["key_high", "key_low"]
_KNOWN = ("kind", "left_on")
_SEVERITY = pl.Enum(["pending", "left", "closed", "complained", "bounced"])


@dataclass(frozen=True)
class Unsubscribed:
    """People who are not subscribed, ready for judging: no addresses, 128-bit keys instead.

    `by_list` has list_id, key_high, key_low, kind and left_on, once each; `bounced` the keys of
    those whose address bounced in any list, for MailUp takes these off the channel in all lists.
    """

    by_list: pl.DataFrame
    bounced: pl.DataFrame


NOBODY = Unsubscribed(
    # Nothing is computed here: polars' threads would be missing in a process forked afterwards.
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
"""Where nobody was asked for."""


def comparable(people: pl.DataFrame) -> pl.Series:
    """Addresses of people (columns `channel` and `address`) in the one spelling of our records."""
    digits = people["address"].str.replace_all(r"[^0-9+]", "").str.replace(r"^(?:\+|00)?", "00")
    lower = with_ascii_domains(people["address"].str.strip_chars().str.to_lowercase())
    return lower.zip_with(people["channel"] == "email", digits)


def prepare_unsubscribed(people: pl.DataFrame) -> Unsubscribed:
    """Prepare people (schema UNSUBSCRIBED) for judging; valid in this process only."""
    coded = kinds_of(people)
    by_list = coded.group_by("list_id", *_KEY).agg(
        pl.col("kind").max(), left_on=_latest(pl.col("left_on"))
    )
    return Unsubscribed(by_list, coded.filter(pl.col("kind") == "bounced").select(_KEY).unique())


def kinds_of(people: pl.DataFrame) -> pl.DataFrame:
    """People with keys instead of addresses and kinds instead of causes; other columns stay."""
    kind = pl.col("cause").replace_strict(_KINDS, default="closed", return_dtype=pl.String)
    coded = people.with_columns(
        address=comparable(people), kind=kind.fill_null("closed").cast(_SEVERITY)
    )
    key = recipient_keys(pl.col("channel"), pl.col("address"))
    return coded.with_columns(*key).drop("channel", "address", "cause")


def _latest(days: pl.Expr) -> pl.Expr:
    """The latest of several days; null where one of them is not known."""
    return pl.when(days.null_count() == 0).then(days.max())


@dataclass(frozen=True)
class ConsentResult:
    """One chunk of records after the rules of consent.

    `send`: schema RECORD and fields, plus `import_type` ("default", "optout", "optin");
    `blocked`: schema REJECTS, people who are left out; `granted`: schema REJECTS with reason
    GRANTED, people in `send` who are subscribed again because of the grant.
    """

    send: pl.DataFrame
    blocked: pl.DataFrame
    granted: pl.DataFrame


_BLOCKED = {
    "update": [],
    "block": ["left", "closed", "bounced", "complained"],
    "opt-in": ["left", "closed", "bounced", "complained", "pending"],
}
"""Kinds of people who are left out, by what was agreed."""


def apply_consent(
    records: pl.DataFrame,
    originals: pl.DataFrame | None,
    people: Unsubscribed | None,
    consent: Consent,
    binding: ResolvedMapping,
    *,
    today: date,
) -> ConsentResult:
    """Decide for each record of a chunk how it is sent, or that it is not.

    `originals` is the chunk's text frame, from which the cells of listed people are taken; None
    leaves their cells null, and the line has to do. `people` may be None where the agreement does
    not ask for them. Whoever judges before duplicates are settled has to drop from `granted` the
    lines that do not win. Rows that unsubscribe always pass, as opt-outs by their key alone. All
    others are default imports, which change nobody's status; only with a grant that holds today are
    people who left before its day sent as opt-ins, and then without the identifier of the other
    channel, which the grant does not concern. A row that says "subscribed" is no opt-in. Raises
    ConfigurationError where the grant does not hold, or where all rows are opt-outs while a column
    gives a status; RunStopped where people are needed but None.
    """
    _refuse_contradictions(people, consent, binding, today)
    policy = "opt-in" if consent.import_type == "opt-in" else consent.unsubscribed
    leaving = pl.lit(consent.import_type == "opt-out") | (pl.col("status") == "unsubscribed")
    before = (pl.col("left_on") < consent.grant_date).fill_null(False)
    rejoins = pl.lit(policy == "opt-in") & (pl.col("kind") == "left") & before
    judged = _with_kind(records, people).with_columns(
        import_type=pl.when(leaving)
        .then(pl.lit("optout"))
        .when(rejoins)
        .then(pl.lit("optin"))
        .otherwise(pl.lit("default"))
    )
    stopped = pl.col("kind").is_in(_BLOCKED[policy]) & (pl.col("import_type") == "default")
    blocked = judged.filter(stopped)
    send = judged.filter(~stopped.fill_null(False))
    granted = send.filter(pl.col("import_type") == "optin")
    return ConsentResult(
        send=_one_channel(send).drop("kind", "left_on"),
        blocked=_listed(blocked, pl.col("kind").replace_strict(_REASONS), originals, binding),
        granted=_listed(granted, pl.lit(GRANTED), originals, binding),
    )


def _refuse_contradictions(
    people: Unsubscribed | None, consent: Consent, binding: ResolvedMapping, today: date
) -> None:
    check_grant(consent, today)
    if consent.import_type == "opt-out" and binding.column_for("status"):
        raise ConfigurationError(
            "import_type 'opt-out' unsubscribes everybody, but a column gives each row's status; "
            "set import_type to 'default' or take the status column out of the mapping."
        )
    if consent.asks_mailup and people is None:
        raise RunStopped(
            "Who is unsubscribed in MailUp is not known, but the agreement needs it. Nothing was "
            "sent; report this as a defect."
        )


def _with_kind(records: pl.DataFrame, people: Unsubscribed | None) -> pl.DataFrame:
    """Records with `kind`: why the person is not subscribed, null if nothing is known."""
    if people is None:
        return records.with_columns(pl.lit(None, pl.String).alias(name) for name in _KNOWN)
    here = ["list_id", *_KEY]
    # Reduced to this chunk's people first: a join hashes its right side anew for each chunk.
    by_list = people.by_list.join(records.select(here), on=here, how="semi")
    bounced = people.bounced.join(records.select(_KEY), on=_KEY, how="semi")
    return (
        records.join(by_list, on=here, how="left", maintain_order="left")
        .join(bounced.with_columns(lost=True), on=_KEY, how="left", maintain_order="left")
        .with_columns(
            kind=pl.when("lost").then(pl.lit("bounced")).otherwise(pl.col("kind").cast(pl.String))
        )
        .drop("lost")
    )


def _one_channel(send: pl.DataFrame) -> pl.DataFrame:
    """Records whose opt-ins and opt-outs carry nothing but the identifier of their own channel.

    MailUp may refuse the row of somebody whose other identifier differs from the one it has; who
    unsubscribes has to leave all the same.
    """
    forced = pl.col("import_type").is_in(["optin", "optout"])
    by_email = pl.col("channel") == "email"
    return send.with_columns(
        pl.when(~forced | by_email).then("email").alias("email"),
        pl.when(~(forced & by_email)).then("prefix").alias("prefix"),
        pl.when(~(forced & by_email)).then("number").alias("number"),
    )


def _listed(
    records: pl.DataFrame, reason: pl.Expr, originals: pl.DataFrame | None, binding: ResolvedMapping
) -> pl.DataFrame:
    """Records as rows of the schema REJECTS, with the client's column of their key at fault."""
    if records.is_empty():
        return no_rejects()
    key = {"email": binding.client_name("email"), "sms": binding.client_name("number")}
    column = pl.col("channel").replace_strict(key, return_dtype=pl.String)
    if originals is None:
        originals = pl.DataFrame(schema=dict.fromkeys([LINE, *binding.file_columns], pl.String))
        originals = originals.cast({LINE: pl.Int64})
    there = originals.filter(pl.col(LINE).is_in(records[LINE].implode()))
    cells = there.select(LINE, cells=pl.concat_list(binding.file_columns))
    return (
        records.select(LINE, columns=pl.concat_list(column), reasons=pl.concat_list(reason))
        .join(cells, on=LINE, how="left", maintain_order="left")
        .rename({LINE: "line"})
        .with_columns(original=pl.lit(None, pl.String))
        .select(REJECTS.keys())
    )
