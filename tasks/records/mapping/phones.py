"""Parsing of mobile numbers into MailUp's prefix and number."""

from functools import cache, lru_cache

import phonenumbers
import polars as pl
from phonenumbers import NumberParseException, PhoneMetadata, PhoneNumberType

from tasks.records.mapping.cells import UNREADABLE

_DECORATION = r"[\s().\-/\u00a0]"
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

    `_parse` reads undecorated numbers that match the pattern in the same way.
    """
    cells = pl.lit(mobiles)
    national = (
        pl.when(cells.str.starts_with(f"+{home}"))
        .then(cells.str.slice(1 + len(home)))
        .when(cells.str.starts_with(f"00{home}"))
        .then(cells.str.slice(2 + len(home)))
        .when(~cells.str.starts_with("00"))
        .then(cells)
    )
    return pl.when(national.str.contains(_mobile_pattern(home))).then(national)


def _parse(mobiles: pl.Series, prefixes: pl.Series | None, region: str) -> pl.DataFrame:
    frame = _international(mobiles, prefixes, region)
    frame = frame.with_columns(code=pl.col("plus").str.extract(_CODE))
    frame = frame.with_columns(number=_in_bulk(frame["code"]))
    return _one_by_one(frame, region).select(*_results())


def _international(mobiles: pl.Series, prefixes: pl.Series | None, region: str) -> pl.DataFrame:
    """Columns `digits` (with or without +), `given` (code of the prefix cell) and `plus`.

    `digits` and `given` are UNREADABLE if the cell is invalid; `plus` is the number with + and
    its given or assumed calling code.
    """
    home = str(phonenumbers.country_code_for_region(region))
    blank = pl.Series(values=[None] * len(mobiles), dtype=pl.String)
    frame = pl.DataFrame({"mobile": mobiles, "prefix": blank if prefixes is None else prefixes})
    frame = frame.with_columns(pl.all().str.replace_all(_DECORATION, ""))
    frame = frame.select(digits=_without_00("mobile", "+"), given=_without_00("prefix", ""))
    frame = frame.select(
        digits=_readable("digits", pl.col("digits").str.contains(r"^\+?[0-9]{4,18}$")),
        given=_readable("given", pl.col("given").str.strip_prefix("+").is_in(_CODES)),
    ).with_columns(pl.col("given").str.strip_prefix("+"))
    local = pl.concat_str(pl.lit("+"), pl.col("given").fill_null(home), pl.col("digits"))
    abroad = pl.col("digits").str.starts_with("+")
    return frame.with_columns(plus=pl.when(abroad).then("digits").otherwise(local))


def _without_00(name: str, instead: str) -> pl.Expr:
    cells = pl.col(name)
    rest = pl.concat_str(pl.lit(instead), cells.str.slice(2))
    return pl.when(cells.str.starts_with("00")).then(rest).otherwise(cells)


def _readable(name: str, readable: pl.Expr) -> pl.Expr:
    cells = pl.col(name)
    return pl.when(cells.is_null() | readable).then(cells).otherwise(pl.lit(UNREADABLE))


def _in_bulk(codes: pl.Series) -> pl.Expr:
    """National numbers that match their country's pattern for mobile numbers, else null."""
    national = pl.lit(None, pl.String)
    for code in codes.drop_nulls().value_counts(sort=True)["code"].head(_COUNTRIES_IN_BULK):
        rest = pl.col("plus").str.slice(1 + len(code))
        matches = (pl.col("code") == code) & rest.str.contains(_mobile_pattern(code))
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
    open_cases = (pl.col("number").is_null() & pl.col("digits").is_not_null()).fill_null(False)
    cases = frame.filter(open_cases).select("digits", "given").unique(maintain_order=True)
    if cases.is_empty():
        return frame
    read = [_read(digits, given or "", region) for digits, given in cases.iter_rows()]
    answers = cases.with_columns(
        read_code=pl.Series(values=[code for code, _ in read], dtype=pl.String),
        read_number=pl.Series(values=[number for _, number in read], dtype=pl.String),
    )
    joined = frame.join(
        answers, on=["digits", "given"], how="left", nulls_equal=True, maintain_order="left"
    )
    return joined.with_columns(
        code=pl.when(open_cases).then("read_code").otherwise("code"),
        number=pl.when(open_cases).then("read_number").otherwise("number"),
    )


@lru_cache(maxsize=_CACHED_NUMBERS)
def _read(digits: str, given: str, region: str) -> tuple[str, str]:
    """Calling code and national number; UNREADABLE as number if it is no mobile number."""
    if UNREADABLE in (digits, given):
        return given, digits
    spellings = [digits if digits.startswith("+") or not given else f"+{given}{digits}"]
    if given and digits.startswith(given):
        spellings.append(f"+{digits}")  # the prefix is written in both columns
    for spelling in spellings:
        try:
            number = phonenumbers.parse(spelling, region)
        except NumberParseException:
            continue
        if phonenumbers.is_valid_number(number) and (
            phonenumbers.number_type(number) in _MOBILE_TYPES
        ):
            return str(number.country_code), phonenumbers.national_significant_number(number)
    return given, UNREADABLE


def _results() -> tuple[pl.Expr, pl.Expr]:
    blank = pl.col("digits").is_null()
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
