"""Checks that the time zone of MailUp's dates is known."""

from datetime import UTC, datetime, timedelta

import polars as pl

from blocks.errors import ConfigurationError
from blocks.mailup.pages.moments import LOCAL_LENGTH
from tasks.reports.agreement import ExportAgreement
from tasks.reports.windows import utc

CLOCKS_DIFFER = timedelta(minutes=15)
FARTHEST_ZONE = timedelta(hours=26)
"""Distance of the two farthest zones; a date beyond is wrong for another reason."""


def require_zone(
    texts: pl.Series, agreement: ExportAgreement, *, local: bool, ahead_seconds: float | None
) -> None:
    """Raise ConfigurationError if dates (as from `moments.moment`) may be hours off.

    `local`: MailUp documents local time here. Any other form without a zone is accepted only if the
    agreement states the zone. Dates in that zone must not be in the future.
    """
    without = texts.filter((texts != "") & ~texts.str.ends_with("Z"))
    if without.is_empty():
        return
    documented = local and (without.str.len_bytes() == LOCAL_LENGTH).all()
    if not documented and "mailup_zone" not in agreement.model_fields_set:
        raise ConfigurationError(
            "MailUp sends dates without a time zone, although it documents another form, so they "
            "may be UTC or local time. Nothing was exported. Set mailup_zone in the export's "
            "agreement: UTC, or a zone such as Europe/Rome; docs/first-contact.md says how to "
            "find it out."
        )
    zone = agreement.mailup_zone
    now = datetime.now(UTC) + timedelta(seconds=ahead_seconds or 0)
    moments = without.to_frame("text").select(utc(pl.col("text"), zone)).to_series()
    future = moments.filter((moments > now + CLOCKS_DIFFER) & (moments < now + FARTHEST_ZONE))
    if not future.is_empty():
        raise ConfigurationError(
            f"In the time zone {zone}, MailUp's dates are in the future: it is not their zone. "
            "Nothing was exported. Correct mailup_zone in the export's agreement; "
            "docs/first-contact.md says how to find it out."
        )
