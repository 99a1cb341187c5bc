"""The two views of e-mail statistics that MailUp documents, from the rows of one extraction.

MailUp's documentation ends after its examples. Decisions made here:

- repeated opens, and repeated clicks on one link, are separate rows in the view of every event, and
  one row in the view of the latest action;
- a click is a click on anything that MailUp counts as a link, such as "Unsubscribe" or "Read in web
  browser"; if MailUp reports clicks without links, all clicks of a recipient are on one link;
- an open or a click is later than a bounce, and a bounce later than the sending; of several bounces
  the one with the latest date is the latest action, then the one with the largest code;
- several sendings of one message are one sending, as in MailUp's own statistics.
"""

import polars as pl

from tasks.reports.rows import EVENTS, UNSUBSCRIPTIONS, fitted

_MESSAGE = ("list_id", "message_id")
_LATEST_FIRST = {"CLK": 0, "OPN": 1, "NCO": 2, "SNT": 3}


def every_event(rows: pl.DataFrame, *, sent: bool = True, bounces: bool = True) -> pl.DataFrame:
    """The view of every event: each sending, open, click and bounce (rows: schema EVENT).

    SNT and NCO rows are left out if not wanted.
    """
    return rows.filter(_wanted(sent=sent, bounces=bounces))


def latest_action(rows: pl.DataFrame, *, sent: bool = True, bounces: bool = True) -> pl.DataFrame:
    """The view of each recipient's latest action on a message (rows: schema EVENT).

    `rows` has all rows of each recipient. The result has one CLK per clicked link, else one OPN if
    opened, else one NCO if bounced, else one SNT; all with a count of 1. UNS rows stay. SNT and NCO
    rows that are not wanted are removed last, so that a recipient whose message bounced has no row
    instead of an SNT. Compared with the snapshot, an SNT can be followed by an OPN and that by a
    CLK, never the reverse.
    """
    person = [*_MESSAGE, "person"]
    action = pl.col("kind").replace_strict(_LATEST_FIRST, default=None, return_dtype=pl.Int8)
    link = pl.when(pl.col("kind") == "CLK").then(pl.col("details").fill_null(""))
    latest = (
        rows.filter(action.is_not_null(), pl.col("count").fill_null(1) > 0)
        .with_columns(EVENTS.person_key(rows), action.alias("action"), link.alias("link"))
        .filter(pl.col("action") == pl.col("action").min().over(person))
        .sort("at", "details", nulls_last=False, maintain_order=True)
        .unique([*person, "link"], keep="last", maintain_order=True)
        .select(rows.columns)
        .with_columns(count=pl.lit(1, pl.Int64))
    )
    others = rows.filter(pl.col("kind") == "UNS")
    return pl.concat([latest, others]).filter(_wanted(sent=sent, bounces=bounces))


def count_clicks(rows: pl.DataFrame) -> pl.DataFrame:
    """Aggregate CLK rows of one click each to one row per link with a count (schema EVENT).

    For accounts whose click details have no count; `rows` has all rows of each recipient. A row
    that comes twice because pages moved is counted as a second click.
    """
    clicks = rows.filter(pl.col("kind") == "CLK").with_columns(EVENTS.person_key(rows))
    link = [*_MESSAGE, "person", "details"]
    counted = (
        clicks.with_columns(pl.len().over(link).cast(pl.Int64).alias("count"))
        .sort("at", maintain_order=True)
        .unique(link, keep="last", maintain_order=True)
        .select(rows.columns)
    )
    return pl.concat([rows.filter(pl.col("kind") != "CLK"), counted])


def as_events(unsubscriptions: pl.DataFrame) -> pl.DataFrame:
    """Convert rows of UNSUBSCRIPTION to UNS rows of EVENT, for the cumulative file.

    `details` is the type of the unsubscription. New rows must be selected before, among the
    unsubscriptions: an event has no date in its key, so a second one would not be new.
    """
    columns = [name for name in UNSUBSCRIPTIONS.schema if name in EVENTS.schema]
    events = unsubscriptions.select(
        *columns,
        pl.lit("UNS").alias("kind"),
        pl.col("type").fill_null("").alias("details"),
        pl.lit(1).alias("count"),
    )
    return fitted(events, EVENTS)


def _wanted(*, sent: bool, bounces: bool) -> pl.Expr:
    unwanted = [kind for kind, wanted in (("SNT", sent), ("NCO", bounces)) if not wanted]
    return ~pl.col("kind").is_in(unwanted)
