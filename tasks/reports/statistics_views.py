"""E-mail statistics in the two readings that MailUp documents, from the rows of one extraction.

MailUp's text is cut off after its examples; what is decided here where it says nothing:

- repeated opens, and repeated clicks on one link, are rows of their own in the reading of every
  event, and one row in the reading of the latest action;
- a click is a click on whatever MailUp counts as a link, such as "Unsubscribe" or "Read in web
  browser"; where MailUp tells clicks without links, all clicks of a recipient are one link;
- an open or a click is later than a bounce, and a bounce later than the sending; of several
  bounces the one with the latest date is the latest action, then the one with the largest code;
- several sendings of one message are one sending, as in MailUp's own statistics.
"""

import polars as pl

from tasks.reports.rows import EVENTS, UNSUBSCRIPTIONS, fitted

_MESSAGE = ("list_id", "message_id")
_LATEST_FIRST = {"CLK": 0, "OPN": 1, "NCO": 2, "SNT": 3}


def every_event(rows: pl.DataFrame, *, sent: bool = True, bounces: bool = True) -> pl.DataFrame:
    """The rows of the reading in which each sending, open, click and bounce is told.

    *rows* as EVENT. SNT and NCO rows are left out where they are not wanted.
    """
    return rows.filter(_wanted(sent=sent, bounces=bounces))


def latest_action(rows: pl.DataFrame, *, sent: bool = True, bounces: bool = True) -> pl.DataFrame:
    """The rows of the reading in which only a recipient's latest action on a message is told.

    *rows* as EVENT, all of each of their recipients: whoever clicked has one CLK per link, whoever
    only opened one OPN, otherwise one NCO if the message bounced, else one SNT; all with a count of
    1. UNS rows are no action on this scale and stay. SNT and NCO rows that are not wanted are left
    out at the end, so that a recipient whose message bounced has no row rather than a SNT.
    Against the snapshot, what is new is what no earlier extraction told: a SNT can be
    followed by an OPN and that by a CLK, never the other way round.
    """
    who = [*_MESSAGE, "whose"]
    action = pl.col("kind").replace_strict(_LATEST_FIRST, default=None, return_dtype=pl.Int8)
    link = pl.when(pl.col("kind") == "CLK").then(pl.col("details").fill_null(""))
    latest = (
        rows.filter(action.is_not_null(), pl.col("count").fill_null(1) > 0)
        .with_columns(EVENTS.whose(rows), action.alias("action"), link.alias("link"))
        .filter(pl.col("action") == pl.col("action").min().over(who))
        .sort("at", "details", nulls_last=False, maintain_order=True)
        .unique([*who, "link"], keep="last", maintain_order=True)
        .select(rows.columns)
        .with_columns(count=pl.lit(1, pl.Int64))
    )
    others = rows.filter(pl.col("kind") == "UNS")
    return pl.concat([latest, others]).filter(_wanted(sent=sent, bounces=bounces))


def count_clicks(rows: pl.DataFrame) -> pl.DataFrame:
    """EVENT rows whose CLK rows are one click each, with the CLK rows counted: one per link.

    For accounts whose click details carry no count; all rows of each recipient. A row that comes
    twice because pages moved cannot be told from a second click, and counts as one.
    """
    clicks = rows.filter(pl.col("kind") == "CLK").with_columns(EVENTS.whose(rows))
    link = [*_MESSAGE, "whose", "details"]
    counted = (
        clicks.with_columns(pl.len().over(link).cast(pl.Int64).alias("count"))
        .sort("at", maintain_order=True)
        .unique(link, keep="last", maintain_order=True)
        .select(rows.columns)
    )
    return pl.concat([rows.filter(pl.col("kind") != "CLK"), counted])


def as_events(unsubscriptions: pl.DataFrame) -> pl.DataFrame:
    """Rows of UNSUBSCRIPTION as UNS rows of EVENT, for the cumulative file.

    `details` is the type of the unsubscription. What is new has to be found before, among the
    unsubscriptions: an event has no date in its key, so a second one would not be new.
    """
    columns = [name for name in UNSUBSCRIPTIONS.schema if name in EVENTS.schema]
    told = unsubscriptions.select(
        *columns,
        pl.lit("UNS").alias("kind"),
        pl.col("type").fill_null("").alias("details"),
        pl.lit(1).alias("count"),
    )
    return fitted(told, EVENTS)


def _wanted(*, sent: bool, bounces: bool) -> pl.Expr:
    unwanted = [kind for kind, wanted in (("SNT", sent), ("NCO", bounces)) if not wanted]
    return ~pl.col("kind").is_in(unwanted)
