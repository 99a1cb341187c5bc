"""Mobile numbers: from however a client writes them to MailUp's prefix and number."""

from functools import cache, lru_cache

import phonenumbers
import polars as pl
from phonenumbers import NumberParseException, PhoneMetadata, PhoneNumberType

from tasks.records.mapping.cells import UNREADABLE

_DECORATION = r"[\s().\-/\u00a0]"
_CODES = [str(code) for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE]
_CODE = rf"^\+({'|'.join(_CODES)})"
_MOBILE_TYPES = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
_REMEMBERED_NUMBERS = 100_000
_COUNTRIES_IN_BULK = 20
"""Calling codes of one chunk that are read in bulk; numbers of rarer ones are read one by one."""


def prefix_and_number(mobiles: pl.Series, prefixes: pl.Series | None, region: str) -> pl.DataFrame:
    """Columns `prefix` ("0039") and `number` ("3331234567") of mobile numbers.

    `mobiles` are trimmed cells, null where blank; `prefixes` those of a prefix column, or None.
    Without + or 00 a number belongs to the prefix beside it, else to `region`. Both results are
    null where the mobile is. UNREADABLE in `number` where a cell is no mobile number, in `prefix`
    where the prefix is no calling code, or another one than the number itself says.

    MailUp takes "0039" and "+39" alike; "0039" is how its own lists write their default prefix,
    so that is the one spelling used here.
    """
    if prefixes is not None:
        return _as_written(mobiles, prefixes, region)
    home = str(phonenumbers.country_code_for_region(region))
    frame = pl.select(_at_home(mobiles, home).alias("number")).select(
        prefix=pl.when(pl.col("number").is_not_null()).then(pl.lit(f"00{home}")), number="number"
    )
    others = (frame["number"].is_null() & mobiles.is_not_null()).arg_true()
    if others.is_empty():
        return frame
    read = _as_written(mobiles.gather(others), None, region)
    return pl.DataFrame({name: frame[name].scatter(others, read[name]) for name in frame.columns})


def _at_home(mobiles: pl.Series, home: str) -> pl.Expr:
    """National numbers where a cell is nothing else, or one behind the calling code `home`.

    A number without decoration that fits the pattern is read in the same way by `_as_written`.
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


def _as_written(mobiles: pl.Series, prefixes: pl.Series | None, region: str) -> pl.DataFrame:
    frame = _international(mobiles, prefixes, region)
    frame = frame.with_columns(code=pl.col("plus").str.extract(_CODE))
    frame = frame.with_columns(number=_in_bulk(frame["code"]))
    return _one_by_one(frame, region).select(*_results())


def _international(mobiles: pl.Series, prefixes: pl.Series | None, region: str) -> pl.DataFrame:
    """Columns `digits` (a + at most before them), `given` (code of the prefix cell), `plus`.

    `digits` and `given` are UNREADABLE where a cell is something else; `plus` is the number with
    + and the calling code that is supposed.
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
    """National numbers where a country's pattern for mobile numbers settles it, else null."""
    national = pl.lit(None, pl.String)
    for code in codes.drop_nulls().value_counts(sort=True)["code"].head(_COUNTRIES_IN_BULK):
        rest = pl.col("plus").str.slice(1 + len(code))
        settled = (pl.col("code") == code) & rest.str.contains(_mobile_pattern(code))
        national = pl.when(settled).then(rest).otherwise(national)
    return national


@cache
def _mobile_pattern(code: str) -> str:
    """Regex of whole mobile numbers in a calling code's main country; one that fits none, if none.

    The property test holds it against phonenumbers: nothing that fits is read differently there.
    """
    region = phonenumbers.region_code_for_country_code(int(code))
    plan = PhoneMetadata.metadata_for_region(region)
    if plan is None or plan.mobile is None or not plan.mobile.national_number_pattern:
        return r"^\b$"
    return f"^(?:{plan.mobile.national_number_pattern})$"


def _one_by_one(frame: pl.DataFrame, region: str) -> pl.DataFrame:
    """Fill `code` and `number` of the rest; each distinct one is read once."""
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


@lru_cache(maxsize=_REMEMBERED_NUMBERS)
def _read(digits: str, given: str, region: str) -> tuple[str, str]:
    """Calling code and national number; UNREADABLE as number where it is no mobile number."""
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
