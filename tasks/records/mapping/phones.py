"""Parsing of mobile numbers into MailUp's prefix and number.

Digits are joined only across the usual grouping: blanks, hyphens, dots, slashes and brackets. A
cell is UNREADABLE if its number is complete without the last group (an extension, the end of a
second number, the ".0" of a spreadsheet), or may be a landline that lost its leading zero.
"""

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from urllib.parse import unquote

import phonenumbers
import polars as pl
from phonenumbers import NumberParseException, PhoneMetadata, PhoneNumberType

from tasks.records.mapping.cells import UNREADABLE
from tasks.records.mapping.marks import digits_and_signs, each_once, read_again

_GAP = r"(?:[ \u00a0]+|[ \u00a0]?[-./][ \u00a0]?)"
_GROUPED = (
    rf"^(?:(?:\+|00)[ \u00a0]?)?(?:[0-9]+{_GAP}?)?(?:\([0-9]{{2,5}}\){_GAP}?)?"
    rf"(?:[0-9]+{_GAP})*[0-9]*[0-9]{{2}}$"
)
"""Groups of digits, the last of two or more, behind a plus and with an area code in brackets."""
_LAST_GROUP = r"[^0-9]+[0-9]+$"
_SCHEME = re.compile(r"(?:tel|callto|sms|whatsapp):", re.IGNORECASE)
_CODE_IN_BRACKETS = re.compile(r"\(((?:\+|00) ?[0-9]{1,3})\) ?")
_TRUNK_ZERO = re.compile(r"((?:\+|00) ?[0-9]{1,3}) ?\(0\) ?")
"""As in +44 (0) 7911 123456: the zero is for calls within the country."""
_LONG_GROUP = 5
"""From this length on a group is a whole subscriber number: another group behind it is doubtful."""
_CODES = [str(code) for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE]
_CODE = rf"^\+({'|'.join(_CODES)})"
_MOBILE_TYPES = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
_CACHED_NUMBERS = 100_000
_COUNTRIES_IN_BULK = 20
"""How many calling codes of a chunk are parsed in bulk; rarer ones are parsed one by one."""


def prefix_and_number(mobiles: pl.Series, prefixes: pl.Series | None, region: str) -> pl.DataFrame:
    """Parse mobile numbers into columns `prefix` ("0039") and `number` ("3331234567").

    `mobiles` are trimmed cells, null if blank; `prefixes` those of a prefix column, or None. A
    number without + or 00 takes the prefix of its row, else that of `region`. Both results are
    null if the mobile is. `number` is UNREADABLE if the cell is no mobile number, `prefix` if it
    is no calling code or contradicts the number.

    MailUp accepts "0039" and "+39"; "0039" is used because its own lists write prefixes like that.
    """
    if prefixes is not None:
        return _parse(mobiles, prefixes, region)
    home = str(phonenumbers.country_code_for_region(region))
    frame = pl.select(_home_numbers(mobiles, home).alias("number")).select(
        prefix=pl.when(pl.col("number").is_not_null()).then(pl.lit(f"00{home}")), number="number"
    )
    others = (frame["number"].is_null() & mobiles.is_not_null()).arg_true()
    if others.is_empty():
        return frame
    read = _parse(mobiles.gather(others), None, region)
    return pl.DataFrame({name: frame[name].scatter(others, read[name]) for name in frame.columns})


def _home_numbers(mobiles: pl.Series, home: str) -> pl.Expr:
    """National numbers of cells with such a number, with or without the calling code `home`.

    `_parse` reads numbers without grouping that match the pattern in the same way.
    """
    cells = pl.lit(mobiles)
    national = (
        pl.when(cells.str.starts_with(f"+{home}"))
        .then(cells.str.slice(1 + len(home)))
        .when(cells.str.starts_with(f"00{home}"))
        .then(cells.str.slice(2 + len(home)))
        .when(~cells.str.starts_with("00") & _is_whole(cells, home))
        .then(cells)
    )
    return pl.when(national.str.contains(_mobile_pattern(home))).then(national)


def _is_whole(national: pl.Expr, code: str) -> pl.Expr:
    """Whether a national number cannot have lost a leading zero, as spreadsheets drop it."""
    length = _length_without_doubt(code)
    return national.str.len_bytes() == length if length else pl.lit(True)


@cache
def _length_without_doubt(code: str) -> int:
    """Length of a mobile number that is no landline without its leading zero, in countries where
    landlines keep it abroad, as in Italy; 0 for other countries."""
    plan = PhoneMetadata.metadata_for_region(phonenumbers.region_code_for_country_code(int(code)))
    if plan is None or plan.fixed_line is None or plan.mobile is None:
        return 0
    keeps_zero = (plan.fixed_line.example_number or "").startswith("0")
    return max(plan.mobile.possible_length) if keeps_zero and plan.mobile.possible_length else 0


def _parse(mobiles: pl.Series, prefixes: pl.Series | None, region: str) -> pl.DataFrame:
    frame = _international(mobiles, prefixes, region)
    frame = frame.with_columns(code=pl.col("plus").str.extract(_CODE))
    frame = frame.with_columns(number=_in_bulk(frame["code"]))
    return _one_by_one(frame, region).select(*_results())


def _international(mobiles: pl.Series, prefixes: pl.Series | None, region: str) -> pl.DataFrame:
    """Columns `written` (grouped digits), `digits` (with or without +), `given` (code of the prefix
    cell), `plus` and `head`.

    `written` and `given` are UNREADABLE if the cell is invalid; `plus` is the number with + and
    its given or assumed calling code, `head` the same without the last group, null if there is
    only one.
    """
    home = str(phonenumbers.country_code_for_region(region))
    blank = pl.Series(values=[None] * len(mobiles), dtype=pl.String)
    given = blank if prefixes is None else each_once(prefixes, _calling_code)
    frame = pl.DataFrame({"written": _grouped(mobiles), "given": given})
    frame = frame.with_columns(digits=_digits(pl.col("written")))
    local = pl.concat_str(pl.lit("+"), pl.col("given").fill_null(home))
    behind = pl.when(~pl.col("digits").str.starts_with("+")).then(local).otherwise(pl.lit(""))
    head = _digits(pl.col("written").str.replace(_LAST_GROUP, ""))
    return frame.with_columns(
        plus=pl.concat_str(behind, "digits"),
        head=pl.when(pl.col("written").str.contains(_LAST_GROUP)).then(pl.concat_str(behind, head)),
    )


def _grouped(mobiles: pl.Series) -> pl.Series:
    """Cells that are groups of digits, with the marks around others taken off."""
    return read_again(mobiles, ~mobiles.str.contains(_GROUPED), _without_marks)


@lru_cache(maxsize=_CACHED_NUMBERS)
def _without_marks(cell: str) -> str:
    """Groups of digits, or UNREADABLE."""
    text = digits_and_signs(cell)
    if text and "%" in text:
        text = digits_and_signs(unquote(text))
    if text is None:
        return UNREADABLE
    text = digits_and_signs(_SCHEME.sub("", text, count=1)) or ""
    text = _TRUNK_ZERO.sub(r"\1 ", _CODE_IN_BRACKETS.sub(r"\1 ", text, count=1), count=1)
    return text if re.fullmatch(_GROUPED, text, re.ASCII) else UNREADABLE


def _calling_code(cell: str) -> str:
    """The digits of a calling code, or UNREADABLE."""
    text = (digits_and_signs(cell) or "").replace(" ", "")
    code = re.fullmatch(r"\(?(?:\+|00)?([1-9][0-9]*)\)?", text, re.ASCII)
    return code[1] if code and code[1] in _CODES else UNREADABLE


def _digits(written: pl.Expr) -> pl.Expr:
    """Digits alone, behind a + where the number has one or 00; UNREADABLE stays."""
    digits = written.str.replace_all(r"[ \u00a0().\-/]", "")
    return (
        pl.when(digits.str.starts_with("00"))
        .then(pl.concat_str(pl.lit("+"), digits.str.slice(2)))
        .otherwise(digits)
    )


def _in_bulk(codes: pl.Series) -> pl.Expr:
    """National numbers that match their country's pattern for mobile numbers, else null."""
    national = pl.lit(None, pl.String)
    abroad = pl.col("digits").str.starts_with("+")
    for code in codes.drop_nulls().value_counts(sort=True)["code"].head(_COUNTRIES_IN_BULK):
        rest, pattern = pl.col("plus").str.slice(1 + len(code)), _mobile_pattern(code)
        complete = pl.col("head").str.slice(1 + len(code)).str.contains(pattern).fill_null(False)
        matches = (pl.col("code") == code) & rest.str.contains(pattern) & ~complete
        matches &= abroad | _is_whole(rest, code)
        national = pl.when(matches).then(rest).otherwise(national)
    return national


@cache
def _mobile_pattern(code: str) -> str:
    """Regex of mobile numbers in a calling code's main country; matches nothing if unknown.

    A property test shows that phonenumbers reads whatever matches in the same way.
    """
    region = phonenumbers.region_code_for_country_code(int(code))
    plan = PhoneMetadata.metadata_for_region(region)
    if plan is None or plan.mobile is None or not plan.mobile.national_number_pattern:
        return r"^\b$"
    return f"^(?:{plan.mobile.national_number_pattern})$"


def _one_by_one(frame: pl.DataFrame, region: str) -> pl.DataFrame:
    """Fill `code` and `number` of the remaining rows; each distinct number is parsed once."""
    open_cases = (pl.col("number").is_null() & pl.col("written").is_not_null()).fill_null(False)
    cases = frame.filter(open_cases).select("written", "given").unique(maintain_order=True)
    if cases.is_empty():
        return frame
    read = [_read(written, given or "", region) for written, given in cases.iter_rows()]
    answers = cases.with_columns(
        read_code=pl.Series(values=[code for code, _ in read], dtype=pl.String),
        read_number=pl.Series(values=[number for _, number in read], dtype=pl.String),
    )
    joined = frame.join(
        answers, on=["written", "given"], how="left", nulls_equal=True, maintain_order="left"
    )
    return joined.with_columns(
        code=pl.when(open_cases).then("read_code").otherwise("code"),
        number=pl.when(open_cases).then("read_number").otherwise("number"),
    )


@lru_cache(maxsize=_CACHED_NUMBERS)
def _read(written: str, given: str, region: str) -> tuple[str, str]:
    """Calling code and national number; UNREADABLE as number where it is no mobile number."""
    if UNREADABLE in (written, given):
        return given, written if written == UNREADABLE else _plain(written)
    found = _mobile(_plain(written), given, region)
    groups = re.findall("[0-9]+", written)
    if found is None or (len(groups) > 1 and _ends_before(written, groups, given, region)):
        return given, UNREADABLE
    return found if _kept_its_zero(written, found) else (given, UNREADABLE)


def _plain(written: str) -> str:
    """Digits alone, behind a + where the number has one or 00."""
    return re.sub("^00", "+", re.sub("[^0-9+]", "", written))


def _mobile(digits: str, given: str, region: str) -> tuple[str, str] | None:
    """Calling code and national number of a mobile number; None for anything else."""
    spellings = [digits if digits.startswith("+") or not given else f"+{given}{digits}"]
    if given and digits.startswith(given):
        spellings.append(f"+{digits}")  # the prefix is written in both columns
    for spelling in spellings:
        number = _parsed(spelling, region)
        if number is not None and phonenumbers.number_type(number) in _MOBILE_TYPES:
            return str(number.country_code), phonenumbers.national_significant_number(number)
    return None


def _parsed(digits: str, region: str) -> phonenumbers.PhoneNumber | None:
    try:
        number = phonenumbers.parse(digits, region)
    except NumberParseException:
        return None
    return number if phonenumbers.is_valid_number(number) else None


def _ends_before(written: str, groups: Sequence[str], given: str, region: str) -> bool:
    """Whether the number is complete without its last group, which differs from the others."""
    gaps = [gap.replace("\u00a0", " ").strip() for gap in re.findall("[^0-9+]+", written)]
    regular = gaps[-1] in gaps[:-1] and len(groups[-2]) < _LONG_GROUP
    head = _plain(re.sub(_LAST_GROUP, "", written))
    return not regular and _mobile(head, given, region) is not None


def _kept_its_zero(written: str, found: tuple[str, str]) -> bool:
    """Whether no other number of the country is the same with a zero before it.

    Spreadsheets drop it: an Italian 331123456 may be the landline 0331123456.
    """
    code, number = found
    if written.startswith(("+", "00")):
        return True
    other = _parsed(f"+{code}0{number}", "ZZ")
    return other is None or phonenumbers.national_significant_number(other) == number


def _results() -> tuple[pl.Expr, pl.Expr]:
    blank = pl.col("written").is_null()
    unread = pl.col("number") == UNREADABLE
    prefix = pl.concat_str(pl.lit("00"), pl.col("code"))
    wrong = (pl.col("given") == UNREADABLE) | (~unread & (pl.col("given") != pl.col("code")))
    return (
        pl.when(blank)
        .then(None)
        .when(wrong.fill_null(False))
        .then(pl.lit(UNREADABLE))
        .otherwise(prefix)
        .alias("prefix"),
        pl.when(~blank).then("number").alias("number"),
    )
