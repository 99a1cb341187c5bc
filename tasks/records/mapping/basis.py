"""The agreed grounds for consent to e-mail and to SMS.

A row subscribes a person by a channel only if the channel's ground says so: by an agreed value of a
column, or by the client's statement for everybody. A blank cell alone never subscribes.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any, Literal

from pydantic import Field, model_validator

from blocks.mailup.resources.imports import Channel
from tasks.agreements.base import Settings
from tasks.records.mapping.cells import UNREADABLE
from tasks.records.mapping.marks import compared, unwrapped

ConsentMeaning = Literal["subscribed", "unsubscribed", "leave_out"]
_CHANNELS: tuple[Channel, ...] = ("email", "sms")

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class ConsentGround(Settings):
    """The ground for consent to one channel, and who is left out or unsubscribed."""

    ground: Literal["unknown", "none", "column", "all"] = Field(
        default="unknown",
        description=(
            "Column: a column of the file says who agreed. All: the client states in writing that "
            "everybody in its files agreed. None: nobody agreed, and nothing is sent by this "
            "channel. Unknown: not agreed yet, so that files are not sent."
        ),
    )
    column: str = Field(
        default="",
        description=(
            "Column of the file, by name or position such as #3, that says who agreed; with "
            "'all', who is left out or unsubscribed."
        ),
    )
    values: dict[str, ConsentMeaning] = Field(
        default={},
        description=(
            "What each value of the column means, letter case aside: subscribed, unsubscribed, or "
            "leave_out (not sent, but listed). In an opt-out column, 1 means unsubscribed or "
            "leave_out. A row with any other value is rejected."
        ),
    )
    blank: Literal["leave_out", "unsubscribed", "all"] = Field(
        default="leave_out",
        description=(
            "What an empty cell means: leave the person out, unsubscribe the person, or, with "
            "ground 'all', that the client's statement applies. Alone it never means subscribed."
        ),
    )
    stated_on: str = Field(
        default="",
        description="Ground 'all' only: day of the client's statement, such as 2026-01-31.",
    )
    stated_by: str = Field(
        default="", max_length=200, description="Ground 'all' only: who at the client stated it."
    )

    @model_validator(mode="after")
    def _consistent(self) -> "ConsentGround":
        for mistake in _mistakes(self):
            raise ValueError(mistake)
        return self

    @property
    def meanings(self) -> set[ConsentMeaning]:
        """All possible meanings of a row."""
        if self.ground in ("unknown", "none"):
            return {"leave_out"}
        if not self.column:
            return {"subscribed"}
        return {*self.values.values(), self.of_blank}

    @property
    def of_blank(self) -> ConsentMeaning:
        """The meaning of an empty cell; without a column, of every row."""
        if self.ground == "all" and (self.blank == "all" or not self.column):
            return "subscribed"
        return "leave_out" if self.blank == "all" else self.blank

    def read(self, cells: Iterable[str]) -> dict[str, str]:
        """The meaning of each cell, none of them blank; UNREADABLE if it is not agreed."""
        agreed = {compared(value): meaning for value, meaning in self.values.items()}

        def meaning(cell: str) -> str:
            whole = compared(cell)
            return agreed.get(whole if whole in agreed else compared(unwrapped(cell)), UNREADABLE)

        return {cell: meaning(cell) for cell in cells}


def _mistakes(ground: ConsentGround) -> Iterator[str]:
    """Contradictions between the settings, as sentences."""
    if ground.ground in ("unknown", "none"):
        others = (ground.column, ground.values, ground.stated_on, ground.stated_by)
        if any(others) or ground.blank != "leave_out":
            yield f"ground '{ground.ground}' has no other settings; take 'column' or 'all'."
        return
    yield from _statement_mistakes(ground)
    if ground.column.strip():
        yield from _value_mistakes(ground)
    elif ground.ground == "column":
        yield "ground 'column' needs column, the name of the column that says who agreed."
    elif ground.values or ground.blank != "leave_out":
        yield "values and blank are about a column; name it as column, or leave them out."


def _statement_mistakes(ground: ConsentGround) -> Iterator[str]:
    if ground.ground == "all":
        if not is_day(ground.stated_on):
            yield "ground 'all' needs stated_on, a day such as 2026-01-31."
        if not ground.stated_by.strip():
            yield "ground 'all' needs stated_by, who at the client states that everybody agreed."
        return
    if ground.stated_on or ground.stated_by:
        yield "stated_on and stated_by are for ground 'all'; leave them out for a column."
    if ground.blank == "all":
        yield "blank 'all' is for ground 'all' only; take leave_out or unsubscribed."


def _value_mistakes(ground: ConsentGround) -> Iterator[str]:
    values = [compared(value) for value in ground.values]
    if not values or "" in values or len(values) != len(set(values)):
        yield "values: give each value of the column once, not empty, letter case aside."
    if ground.ground == "column" and "subscribed" not in ground.values.values():
        yield "values: none means subscribed; add the value that says yes."
    if ground.ground == "all" and ground.meanings == {"subscribed"}:
        yield "values: all mean subscribed, also a blank; leave out column, values and blank."


def is_day(text: str) -> bool:
    """Whether a text is a valid day such as 2026-01-31."""
    try:
        return bool(_DAY.fullmatch(text)) and bool(date.fromisoformat(text))
    except ValueError:
        return False


class ConsentBasis(Settings, title="Basis"):
    """The ground for consent to each channel."""

    email: ConsentGround = Field(
        default=ConsentGround(), description="Ground for e-mail, for agreements with addresses."
    )
    sms: ConsentGround = Field(
        default=ConsentGround(),
        description=(
            "Ground for SMS, for agreements with mobile numbers. Without one no number is sent as "
            "MailUp's mobile number; it may go to a dynamic field."
        ),
    )

    def of(self, channel: Channel) -> ConsentGround:
        """The ground of a channel."""
        return self.email if channel == "email" else self.sms

    @property
    def known(self) -> bool:
        """Whether any ground is agreed; older agreements have none."""
        return any(self.of(channel).ground != "unknown" for channel in _CHANNELS)

    def stated(self, channels: Iterable[Channel]) -> dict[str, dict[str, Any]]:
        """The grounds of some channels for reports and the ledger, without defaults."""
        return {
            channel: self.of(channel).model_dump(exclude_defaults=True) or {"ground": "unknown"}
            for channel in channels
        }

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the file that the grounds name, each once."""
        named = [self.of(channel).column for channel in _CHANNELS]
        return tuple(dict.fromkeys(filter(None, named)))
