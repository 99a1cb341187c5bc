"""Items become data frames, whatever MailUp sends."""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocks.errors import MailUpUnavailable
from blocks.mailup.pages.frames import PageColumn, frame
from blocks.mailup.pages.moments import local_day, moment

COLUMNS = (
    PageColumn("recipient_id", "id", ("idrecipient",)),
    PageColumn("count", "count", ("count",)),
    PageColumn("url", "text", ("url", "link")),
    PageColumn("at", "moment", ("clickdate", "date")),
)
SCHEMA = {"recipient_id": pl.Int64, "count": pl.Int64, "url": pl.String, "at": pl.String}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inside: st.lists(inside, max_size=2) | st.dictionaries(st.text(), inside, max_size=2),
    max_leaves=4,
)
PLAIN = st.none() | st.integers(-(2**64), 2**64) | st.text() | st.sampled_from(["", "\ud83d"])
KEYS = st.sampled_from(["IdRecipient", "idRecipient", "COUNT", "Url", "Link", "Date", "x"])
FIRST = datetime.fromisoformat("0002-01-02")  # later than MailUp's "never" in every zone
FORMS = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(Z|\.\d{3})?", re.ASCII)


def test_keys_are_read_in_any_spelling() -> None:
    """Letter case and underscores do not matter, also when rows of one page differ."""
    items = [{"IdRecipient": 1, "Click_Date": "2024-01-02 03:04:05Z"}, {"idrecipient": 2}]
    found = frame(items, COLUMNS)
    assert found["recipient_id"].to_list() == [1, 2]
    assert found["at"].to_list() == ["2024-01-02 03:04:05Z", None]


def test_the_better_name_wins_row_by_row() -> None:
    """Where a row holds several names of a column, the first named one that is filled is taken."""
    items = [{"Url": "a", "Link": "b"}, {"Url": "", "Link": "b"}, {"Url": None}]
    assert frame(items, COLUMNS)["url"].to_list() == ["a", "b", None]


def test_what_is_missing_is_not_known() -> None:
    """A row without fields is nulls, and one occurrence."""
    found = frame([{}, {"Count": None}, {"Count": 0}], COLUMNS)
    assert found.row(0) == (None, 1, None, None)
    assert found["count"].to_list() == [1, 1, 0]


def test_ids_may_come_as_text() -> None:
    """Digits are a number; what is no number, or too large for one, is not known."""
    items = [{"IdRecipient": value} for value in ("17", "x", "--1", 1.5, 2**63, "9" * 5000, -1)]
    found = frame(items, COLUMNS)["recipient_id"].to_list()
    assert found == [17, None, None, None, None, None, -1]


def test_half_a_character_does_not_stop_a_page() -> None:
    """A lone surrogate, which JSON can spell and no file can hold, becomes a question mark."""
    assert frame([{"Url": "a\ud83d"}, {"Url": "è"}], COLUMNS)["url"].to_list() == ["a?", "è"]


def test_codes_stay_text() -> None:
    """A number where text is expected is its digits; a list or an object is not known."""
    items: list[dict[str, Any]] = [{"Url": 550}, {"Url": "01"}, {"Url": [1]}, {"Url": True}]
    assert frame(items, COLUMNS)["url"].to_list() == ["550", "01", None, None]


@given(st.lists(st.dictionaries(KEYS, JSON, max_size=4), max_size=5))
def test_any_object_becomes_a_row(items: list[dict[str, Any]]) -> None:
    """Whatever the fields hold: one row per item, and always the same columns and types."""
    found = frame(items, COLUMNS)
    assert dict(found.schema) == SCHEMA
    assert found.height == len(items)


@given(st.lists(st.dictionaries(KEYS, PLAIN, max_size=4), max_size=5))
def test_a_page_that_is_as_expected_is_read_like_any_other(items: list[dict[str, Any]]) -> None:
    """Values mean the same whether or not an odd one stands among them."""
    odd = {"IdRecipient": [], "Count": [], "Url": [], "Date": []}
    assert frame([*items, odd], COLUMNS)[:-1].equals(frame(items, COLUMNS))


@pytest.mark.parametrize("item", [None, 1, "a", [1]])
def test_an_item_that_is_no_object_is_refused(item: object) -> None:
    """Such a page is an unusable answer, which the run may ask for again."""
    with pytest.raises(MailUpUnavailable, match="not an object"):
        frame([item], COLUMNS)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2014-04-01 13:53:06Z", "2014-04-01 13:53:06Z"),
        ("2020-01-27 10:38:00.000", "2020-01-27 10:38:00.000"),
        ("2020-01-27 10:38:00", "2020-01-27 10:38:00"),
        ("2020-01-27T10:38:00.000", "2020-01-27 10:38:00"),
        ("2014-04-01T13:53:06.1234567+02:00", "2014-04-01 11:53:06Z"),
        ("/Date(1396360386000+0200)/", "2014-04-01 13:53:06Z"),
        ("/Date(-1000)/", "1969-12-31 23:59:59Z"),
        ("0001-01-01 00:00:00Z", None),
        ("/Date(-62135596800000)/", None),
        ("/Date(soon)/", None),
        ("0001-01-01T00:00:00+02:00", None),
        ("9999-12-31T23:59:59-01:00", None),
        ("/Date(99999999999999999999)/", None),
        ("yesterday", None),
        ("", None),
        (None, None),
        (20140401, None),
    ],
)
def test_dates_come_in_three_forms(written: object, read: str | None) -> None:
    """UTC with Z, local as documented, or without a zone in any other form; MailUp's "never" and
    what is no date are none."""
    assert moment(written) == read


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2024-05-01 00:30:00.000", "2024-05-01"),
        ("2024-04-30 22:30:00Z", "2024-05-01"),
        ("2024-04-30 21:30:00Z", "2024-04-30"),
        ("2024-04-30 12:00:00", "2024-05-01"),
        ("2024-04-30 00:00:00", "2024-04-30"),
        ("9999-12-31 23:00:00Z", None),
        ("", None),
    ],
)
def test_a_day_is_one_of_the_account(written: str, day: str | None) -> None:
    """UTC is brought to the account's zone; who left on an unknown hour left as late as can be."""
    assert local_day(written, "Europe/Rome") == day


@given(st.datetimes(min_value=FIRST), st.integers(-14 * 60, 14 * 60))
def test_a_date_keeps_its_second(when: datetime, minutes: int) -> None:
    """Any ISO date with a zone comes back as the same second in UTC."""
    zoned = when.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    try:
        expected = zoned.astimezone(UTC).replace(microsecond=0)
    except OverflowError:
        assert moment(zoned.isoformat()) is None
        return
    assert datetime.fromisoformat(str(moment(zoned.isoformat()))) == expected


@given(st.text())
def test_no_text_is_an_error(text: str) -> None:
    """Whatever stands in a date field gives none or one of the two forms."""
    found = moment(text)
    assert found is None or FORMS.fullmatch(found)
