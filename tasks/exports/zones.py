"""Dates that MailUp writes without a zone: whether it is known in which one they are."""

from datetime import UTC, datetime, timedelta

import polars as pl

from blocks.errors import ConfigurationError
from blocks.mailup.pages.moments import LOCAL_LENGTH
from tasks.reports.agreement import ExportAgreement
from tasks.reports.windows import utc

CLOCKS_DIFFER = timedelta(minutes=15)
FARTHEST_ZONE = timedelta(hours=26)
"""Between the two zones that are farthest apart; a date beyond is wrong in another way."""


def require_zone(
    texts: pl.Series, agreement: ExportAgreement, *, local: bool, ahead_seconds: float | None
) -> None:
    """ConfigurationError where dates (as `moments.moment` writes them) may be hours off.

    `local`: MailUp documents that it writes local time here. Any other form without a zone is taken
    only where the agreement states the zone. Dates that are read in it must not be of the future.
    """
    without = texts.filter((texts != "") & ~texts.str.ends_with("Z"))
    if without.is_empty():
        return
    documented = local and (without.str.len_bytes() == LOCAL_LENGTH).all()
    if not documented and "mailup_zone" not in agreement.model_fields_set:
        raise ConfigurationError(
            "MailUp writes dates without a time zone where it documents another form, so that "
            "nobody can tell whether they are UTC or local time. Nothing was exported. Set "
            "mailup_zone in the export's agreement: UTC, or a zone such as Europe/Rome; "
            "docs/first-contact.md tells how to find out which one it is."
        )
    zone = agreement.mailup_zone
    now = datetime.now(UTC) + timedelta(seconds=ahead_seconds or 0)
    moments = without.to_frame("text").select(utc(pl.col("text"), zone)).to_series()
    future = moments.filter((moments > now + CLOCKS_DIFFER) & (moments < now + FARTHEST_ZONE))
    if not future.is_empty():
        raise ConfigurationError(
            f"Read in {zone}, dates of MailUp lie in the future: that is not the zone in which "
            "it writes them. Nothing was exported. Correct mailup_zone in the export's agreement; "
            "docs/first-contact.md tells how to find out which one it is."
        )
