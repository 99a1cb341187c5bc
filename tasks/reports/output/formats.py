"""Format of exported files: separators, quotes, encoding, dates, line ends."""

import re
from collections.abc import Iterator
from typing import Literal
from zoneinfo import ZoneInfo

import polars as pl
from pydantic import Field, model_validator

from tasks.agreements.base import Settings
from tasks.files import date_formats

LINE_ENDS = {"crlf": "\r\n", "lf": "\n"}


class Format(Settings):
    """The CSV format of an export."""

    separator: Literal[";", ",", "|"] = Field(default=";", description="Character between cells.")
    quote: Literal['"', "'"] = Field(
        default='"', description="Character around cells; it is doubled within a cell."
    )
    quoting: Literal["when-needed", "always"] = Field(
        default="when-needed",
        description="Quote only cells that contain a separator or a quote, or all cells.",
    )
    encoding: Literal["utf-8", "utf-8-bom", "cp1252"] = Field(
        default="utf-8",
        description="Encoding: UTF-8 for any alphabet, with or without BOM, or Windows Latin.",
    )
    missing_characters: Literal["refuse", "replace"] = Field(
        default="refuse",
        description=(
            "For characters that cp1252 lacks: stop the export with their number, or write a "
            "question mark for each and report their number."
        ),
    )
    date_format: str = Field(
        default="%Y%m%dT%H%M%S",
        max_length=60,
        description=(
            "Format of dates, with %d, %m, %Y, %y, %H, %M, %S; %z adds the offset from UTC, which "
            "makes the hour unambiguous that occurs twice when clocks go back."
        ),
    )
    zone: str = Field(
        default="Europe/Rome",
        description="Time zone of all dates and of the file name, such as Europe/Rome.",
    )
    line_end: Literal["crlf", "lf"] = Field(
        default="crlf", description="End of each line: CR LF as on Windows, or LF."
    )
    header: bool = Field(
        default=True, description="Write the names of the columns as the first line."
    )
    escape_formulas: bool = Field(
        default=False,
        description=(
            "Put an apostrophe before a text that a spreadsheet would run as a formula; phone "
            "numbers and negative numbers are not changed."
        ),
    )

    @model_validator(mode="after")
    def _usable(self) -> "Format":
        for mistake in _mistakes(self):
            raise ValueError(mistake)
        return self


def _mistakes(settings: Format) -> Iterator[str]:
    if mistake := date_mistake(settings.date_format, whole_date=True):
        yield f"date_format '{settings.date_format}' {mistake}."
    if not is_zone(settings.zone):
        yield f"zone '{settings.zone}' is not known; give a name such as Europe/Rome or UTC."


def date_mistake(date_format: str, *, whole_date: bool) -> str:
    """What is wrong with a date format, as the second half of a sentence, or empty.

    Accepted are the directives of `tasks.files.date_formats`, and %z.
    """
    if not date_format.isprintable():
        return "contains invisible characters"
    without_offset = re.sub("%(.?)", lambda found: found[0].replace("%z", ""), date_format)
    mistake = date_formats.mistake(without_offset, reading=whole_date)
    return mistake.replace(date_formats.DIRECTIVES, f"{date_formats.DIRECTIVES}, %z")


def is_zone(name: str) -> bool:
    """Whether both Python and polars know this time zone."""
    try:
        ZoneInfo(name)
        pl.Series([0], dtype=pl.Datetime("us", "UTC")).dt.convert_time_zone(name)
    except (OSError, KeyError, ValueError, pl.exceptions.PolarsError):
        # ZoneInfoNotFoundError is a KeyError; a folder of the zone database is an OSError.
        return False
    return True
