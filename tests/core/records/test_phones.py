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
    [
        "'3331234567",
        "\u20193331234567",
        '="3331234567"',
        "tel:+39-333-1234567",
        "TEL:%2B393331234567",
        "+39\u200e 333 1234567",
        "333\u20111234567",
        "333\u2013123\u20134567",
        "333\u202f123\u202f4567",
        "\u202d333 1234567\u202c",
        "(+39) 333 1234567",
        "+39 (0) 333 1234567",
        "00 39 333 1234567",
        "3.331.234.567",
        "333\u200b1234567",
    ],
)
def test_marks_around_a_number_are_taken_off(cell: str) -> None:
    """What spreadsheets, telephones, chats and links put around a number is no part of it."""
    assert read(cell) == GOOD


@pytest.mark.parametrize(
    "cell",
    [
        "335123456.0",
        "3331234567.0",
        "335123456-1",
        "335 123456/7",
        "335 123456 7",
        "3331234567 int. 5",
        "3331234567 (2)",
        "333 1234567 333 7654321",
        "tel:+393331234567;ext=2",
        "3.33123E+11",
        "3331234567,00",
        "+39 333\n1234567",
        "\u202e3331234567\u202c",
        "039 333 1234567",
        "331123456",
        "351 234567",
    ],
)
def test_digits_that_may_not_be_the_numbers_own_are_not_put_together(cell: str) -> None:
    """Extensions, second numbers, decimals and lost zeros never make somebody else's number."""
    assert read(cell)[1] == UNREADABLE


@pytest.mark.parametrize(
    ("cell", "region"),
    [("0664 1234567-12", "AT"), ("6641234567.0", "AT"), ("6641234567.00", "AT"),
     ("0664 12 34 567 8", "AT"), ("07911 123456 x2", "GB"), ("+1 201 555 0123 ext 5", "IT"),
     ("+43 664 1234567/8", "IT")],
)  # fmt: skip
def test_countries_with_numbers_of_any_length_are_no_exception(cell: str, region: str) -> None:
    """Where a longer number is a number as well, its last group has to be written like the rest."""
    assert read(cell, region=region)[1] == UNREADABLE


@pytest.mark.parametrize(
    ("cell", "region", "number"),
    [("0664 123 45 67", "AT", "6641234567"), ("0664/1234567", "AT", "6641234567"),
     ("0171 12345 67", "DE", "1711234567"), ("+33 (0)6 12 34 56 78", "IT", "612345678"),
     ("06.12.34.56.78", "FR", "612345678"), ("+7 (912) 345-67-89", "IT", "9123456789"),
     ("+55 11 9 8765-4321", "IT", "11987654321"), ("1-201-555-0123", "US", "2015550123"),
     ("335 123456", "IT", "335123456"), ("+39331123456", "IT", "331123456")],
)  # fmt: skip
def test_each_country_groups_its_numbers_its_own_way(cell: str, region: str, number: str) -> None:
    """Known grouping is read, also of numbers that are shorter than usual."""
    assert read(cell, region=region)[1] == number


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


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(
    st.sampled_from(sorted(EXAMPLES)),
    st.lists(st.integers(1, 12), max_size=4),
    st.text(" -./()x,'\u00a0\u2011\u200b", min_size=1, max_size=5),
    st.text("0123456789", max_size=3),
    st.sampled_from(["", "0", "+{}", "00{}", "(+{}) ", "+{} (0)"]),
)
def test_a_number_that_is_sent_is_the_digits_that_a_person_reads(
    country: str, cuts: list[int], gaps: str, tail: str, form: str
) -> None:
    """All digits of the cell are in the number or its prefix, in their order, and no others."""
    code = str(phonenumbers.country_code_for_region(country))
    rest = EXAMPLES[country] + tail
    for gap, cut in zip(gaps, sorted(cuts, reverse=True), strict=False):
        rest = rest[:cut] + gap + rest[cut:]
    cell = form.format(code) + rest
    prefix, number = read(cell, region=country)
    if number != UNREADABLE:
        digits = "".join(filter(str.isdigit, cell.replace("(0)", "")))
        own = digits.removeprefix("00").removeprefix(code) if form.strip("0") else digits
        assert prefix == f"00{code}"
        assert own.lstrip("0") == number.lstrip("0") or digits == code + number


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(st.text("0123456789 -./()+\u00a0", min_size=6, max_size=16), st.sampled_from(["IT", "AT"]))
def test_grouped_numbers_in_bulk_agree_with_one_by_one(cell: str, region: str) -> None:
    """Nothing is accepted in bulk that the library does not accept as that number."""
    prefix, number = read(cell, region=region)
    if number != UNREADABLE:
        assert as_the_library_says(f"+{prefix.removeprefix('00')}{number}", "ZZ") == (
            prefix, number,
        )  # fmt: skip
