"""Dates without a time zone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from blocks.errors import ConfigurationError
from tasks.exports.zones import require_zone
from tasks.reports.agreement import ExportAgreement

DOCUMENTED, UNDOCUMENTED, ZONED = (
    "2024-02-20 18:05:12.000", "2024-02-20 17:05:12", "2024-02-20 17:05:12Z",
)  # fmt: skip


def required(*texts: str, local: bool = True, **agreed: Any) -> None:
    """Look at dates as an export with this agreement does."""
    agreement = ExportAgreement(
        client="acme", server="sftp-server/acme", account="acme", lists=[1], **agreed
    )
    require_zone(pl.Series(["", *texts]), agreement, local=local, ahead_seconds=None)


def from_now(hours: float) -> str:
    """A documented date so many hours from now, if it is UTC."""
    return f"{datetime.now(UTC) + timedelta(hours=hours):%Y-%m-%d %H:%M:%S}.000"


@pytest.mark.parametrize("local", [True, False])
def test_a_date_with_its_zone_needs_nothing(local: bool) -> None:
    """In every date field."""
    required(ZONED, local=local)
    required(local=local)


def test_local_time_is_known_where_it_is_documented() -> None:
    """The form of subscription dates is MailUp's own."""
    required(DOCUMENTED, ZONED)


@pytest.mark.parametrize(("text", "local"), [(UNDOCUMENTED, True), (DOCUMENTED, False)])
def test_any_other_date_without_a_zone_stops_until_the_zone_is_stated(
    text: str, local: bool
) -> None:
    """Nothing is written that may be hours off; one row among others is enough."""
    with pytest.raises(ConfigurationError, match="mailup_zone"):
        required(DOCUMENTED, ZONED, text, local=local)
    required(text, local=local, mailup_zone="UTC")
    required(text, local=local, mailup_zone="Europe/Rome")


@pytest.mark.parametrize("stated", [{}, {"mailup_zone": "Europe/Rome"}])
def test_dates_of_the_future_tell_another_zone(stated: dict[str, str]) -> None:
    """Who wrote them is east of the zone in which they are read; ten minutes are a clock's."""
    with pytest.raises(ConfigurationError, match="In the time zone Europe/Rome"):
        required(from_now(5), **stated)
    required(from_now(0.1), mailup_zone="UTC")
    required(from_now(24 * 400), **stated)
