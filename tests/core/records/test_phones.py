"""Mobile numbers in every spelling become one prefix and one number."""

import phonenumbers
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberType

from tasks.records.mapping.cells import UNREADABLE
from tasks.records.mapping.phones import prefix_and_number

GOOD = ("0039", "3331234567")


def read(mobile: str | None, prefix: str | None = None, region: str = "IT") -> tuple[str, str]:
    prefixes = None if prefix is None else pl.Series([prefix], dtype=pl.String)
    return prefix_and_number(pl.Series([mobile], dtype=pl.String), prefixes, region).row(0)


@pytest.mark.parametrize(
    "cell",
    [
        "3331234567",
        "333 123 4567",
        "333-123.45/67",
        "(333) 1234567",
        "+393331234567",
        "+39 333 1234567",
        "00393331234567",
        "0039 333\u00a01234567",
        "393331234567",
    ],
)
def test_one_number_in_every_spelling(cell: str) -> None:
    """However an Italian mobile number is written, MailUp gets 0039 and the number."""
    assert read(cell) == GOOD


def test_a_number_that_begins_like_the_calling_code_keeps_its_digits() -> None:
    """393 is an operator as well as a calling code: nothing is cut off."""
    assert read("3931234567") == ("0039", "3931234567")


@pytest.mark.parametrize(
    ("cell", "prefix", "number"),
    [
        ("+41 79 123 45 67", "0041", "791234567"),
        ("0044 7911 123456", "0044", "7911123456"),
        ("+1 201 555 0123", "001", "2015550123"),
        ("+378 66 66 12 12", "00378", "66661212"),
    ],
)
def test_foreign_numbers_keep_their_country(cell: str, prefix: str, number: str) -> None:
    """An international number is read by its own country's rules."""
    assert read(cell) == (prefix, number)


def test_the_trunk_prefix_of_a_country_is_removed() -> None:
    """A national number of a country with a leading 0 loses it."""
    assert read("07911 123456", region="GB") == ("0044", "7911123456")
    assert read("07911 123456", "44") == ("0044", "7911123456")


@pytest.mark.parametrize(
    "cell",
    ["abc", "06 69812345", "12", "+39", "33312345678901", "3.93E+11", "+39 333 12x4567",
     "333 1234567, 333 7654321", "+999 3331234567", "+39+3331234567", "٣٣٣١٢٣٤٥٦٧"],
)  # fmt: skip
def test_what_is_no_mobile_number_is_unreadable(cell: str) -> None:
    """Landlines, fragments, spreadsheet damage and two numbers in a cell are refused."""
    assert read(cell)[1] == UNREADABLE


def test_blank_cells_stay_blank() -> None:
    """No number is nothing wrong, whatever the prefix column says."""
    assert read(None) == (None, None)
    assert read(None, "zz") == (None, None)


@pytest.mark.parametrize("prefix", ["39", "+39", "0039", " 39 "])
def test_the_prefix_column_in_every_spelling(prefix: str) -> None:
    """A prefix cell is understood with and without + or 00."""
    assert read("3331234567", prefix) == GOOD
    assert read("393331234567", prefix) == GOOD


@pytest.mark.parametrize("prefix", ["zz", "0", "999", "41"])
def test_a_wrong_prefix_is_distinguished_from_a_wrong_number(prefix: str) -> None:
    """A prefix that does not exist, or contradicts the number, is the prefix cell's fault."""
    assert read("+393331234567", prefix) == (UNREADABLE, "3331234567")
    assert read("3331234567", prefix)[0] == (UNREADABLE if prefix != "41" else "0041")


def test_each_row_keeps_its_own_number() -> None:
    """Good, bad, blank and repeated numbers in one chunk do not shift."""
    cells = ["3331234567", None, "x", "07911123456", "+447911123456", "x", "3331234567"]
    got = prefix_and_number(pl.Series(cells), None, "IT")["number"].to_list()
    bad = UNREADABLE
    assert got == ["3331234567", None, bad, bad, "7911123456", bad, "3331234567"]


def test_a_landline_abroad_is_not_taken_for_a_mobile_at_home() -> None:
    """In a chunk of several countries each number is held against its own country's plan."""
    cells = pl.Series(["+393331234567", "+493311234567", "+41791234567"])
    got = prefix_and_number(cells, None, "IT")["number"].to_list()
    assert got == ["3331234567", UNREADABLE, "791234567"]


def as_the_library_says(cell: str, region: str) -> tuple[str, str] | None:
    try:
        number = phonenumbers.parse(cell, region)
    except phonenumbers.NumberParseException:
        return None
    mobile = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
    if not phonenumbers.is_valid_number(number) or phonenumbers.number_type(number) not in mobile:
        return None
    return f"00{number.country_code}", phonenumbers.national_significant_number(number)


EXAMPLES = {
    region: str(
        phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE).national_number
    )
    for region in ("IT", "FR", "DE", "ES", "GB", "CH", "US", "AT", "BR", "MX", "AR", "RU", "SE")
}


@settings(derandomize=True, database=None)
@given(
    st.sampled_from(sorted(EXAMPLES)),
    st.integers(0, 6),
    st.text("0123456789", min_size=0, max_size=8),
    st.sampled_from(["", "+{}", "00{}"]),
    st.sampled_from(["IT", "FR", "US"]),
)
def test_bulk_reading_agrees_with_the_library(
    country: str, kept: int, tail: str, form: str, region: str
) -> None:
    """Reading many numbers at once never differs from asking phonenumbers one by one."""
    code = phonenumbers.country_code_for_region(country)
    cell = form.format(code) + EXAMPLES[country][:kept] + tail
    if len(cell) < 4:
        return
    expected = as_the_library_says(cell.replace("00", "+", 1) if form == "00{}" else cell, region)
    got = read(cell, region=region)
    assert (got if got[1] != UNREADABLE else None) == expected
