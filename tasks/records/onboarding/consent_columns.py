"""The one question about consent that each channel has, and the ground that an answer makes."""

from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Table
from dataclasses import dataclass, replace
from typing import Any

from blocks.errors import ConfigurationError
from blocks.mailup.resources.imports import Channel
from tasks.records.mapping.basis import ConsentMeaning
from tasks.records.mapping.marks import compared, unwrapped
from tasks.records.onboarding.column_names import about_consent, hint, simplified
from tasks.records.onboarding.contents import Contents

_MOST_SHOWN = 12
"""Maximum number of candidates that a question names."""

_CHOICES = range(2, 5)
"""How many values, a blank among them, a column may have whose name says nothing."""

_PEOPLE = {"email": "e-mail", "sms": "SMS"}


@dataclass(frozen=True)
class ConsentColumn:
    """A column that may say who agreed: its values in lower case with their number, and blanks.

    `named`: whether its name or all of its values are about consent.
    """

    column: str
    values: dict[str, int]
    blank: int
    named: bool

    def __str__(self) -> str:
        counted = [f"{times} x '{value}'" for value, times in sorted(self.values.items())]
        # The values of other columns may be personal data.
        texts = f"{len(self.values)} different texts" if self.values else "many different texts"
        shown = counted if self.named else [texts]
        return f"{self.column} ({', '.join([*shown, f'{self.blank} blank'])})"


@dataclass(frozen=True)
class ConsentAnswer:
    """What the operator decided about a channel; `ground` is empty if nothing is decided.

    `values`: meaning of each value of `column`; `blank`: meaning of an empty cell.
    """

    ground: str = ""
    column: str = ""
    values: Table[str, ConsentMeaning] | None = None
    blank: str = ""
    stated_on: str = ""
    stated_by: str = ""

    @property
    def settings(self) -> dict[str, Any]:
        """The ground as settings, without defaults."""
        given = {
            "ground": self.ground, "column": self.column, "values": dict(self.values or {}),
            "blank": self.blank, "stated_on": self.stated_on, "stated_by": self.stated_by,
        }  # fmt: skip
        return {name: value for name, value in given.items() if value}


def consent_columns(held: Table[str, Contents]) -> list[ConsentColumn]:
    """The columns that may say who agreed."""
    return [
        ConsentColumn(name, each.values, each.blank, _is_named(name, each))
        for name, each in held.items()
        if _may_say_who_agreed(name, each)
    ]


def is_consent_column(name: str, held: Contents) -> bool:
    """Whether a column is about consent by its name and cells, so that it is mapped to nothing."""
    return about_consent(name) and _may_say_who_agreed(name, held)


def _may_say_who_agreed(name: str, held: Contents) -> bool:
    if held.addresses or held.formats or not held.filled:
        return False
    if about_consent(name):
        return True
    known = hint(name)
    expected = known is None or known.meaning in ("email", "mobile")
    meanings = len(held.values) + (held.blank > 0)
    return expected and held.repeated and meanings in _CHOICES


def _is_named(name: str, held: Contents) -> bool:
    return bool(held.values) and (about_consent(name) or held.about_consent)


def with_columns(
    answers: Table[Channel, ConsentAnswer], held: Table[str, Contents]
) -> dict[Channel, ConsentAnswer]:
    """The answers; meanings without a column are about the only one that is about consent."""
    return {channel: _with_column(answer, held) for channel, answer in answers.items()}


def _with_column(answer: ConsentAnswer, held: Table[str, Contents]) -> ConsentAnswer:
    if answer.ground != "column" or answer.column:
        return answer
    named = [each.column for each in consent_columns(held) if each.named]
    if len(named) != 1:
        raise ConfigurationError(
            "--status explains the values of one column; candidates: "
            f"{', '.join(named) or 'none'}. Choose one with --column NAME=status."
        )
    return replace(answer, column=named[0])


def for_channel(channel: Channel, columns: Sequence[ConsentColumn]) -> list[ConsentColumn]:
    """The candidates, those that are called like the channel first and the other's last."""

    def rank(column: ConsentColumn) -> int:
        about_sms = bool({"sms", "mobile"} & {*simplified(column.column).split()})
        return 2 * (not column.named) + (about_sms != (channel == "sms"))

    return sorted(columns, key=rank)


def open_question(channel: Channel, columns: Sequence[ConsentColumn], answer: ConsentAnswer) -> str:
    """What has to be decided about a channel; empty if everything is."""
    if answer.ground in ("all", "none") and not answer.column:
        return ""
    chosen = next((each for each in columns if each.column == answer.column), None)
    if chosen is not None:
        open_values = unexplained(chosen, answer)
        if not open_values:
            return ""
        listed = ", ".join(f"'{value}' ({chosen.values[value]} x)" for value in open_values)
        return (
            f"what does each value of {chosen.column} mean for {_PEOPLE[channel]}: subscribed, "
            f"unsubscribed or leave_out? Open: {listed}"
        )
    if answer.column:
        return ""
    shown = [str(each) for each in for_channel(channel, columns)[:_MOST_SHOWN]]
    more = f" and {len(columns) - _MOST_SHOWN} more" if len(columns) > _MOST_SHOWN else ""
    candidates = f"Columns that may say it: {'; '.join(shown)}{more}" if shown else "No column says"
    return (
        f"who agreed to {_PEOPLE[channel]}? Until that is answered nobody is sent. {candidates}. "
        "Ask the client: in MailUp's own manual a column called optout has 1 for subscribed"
    )


def unexplained(column: ConsentColumn, answer: ConsentAnswer) -> list[str]:
    """The values of a column that have no meaning yet."""
    known = {compared(value) for value in answer.values or {}}
    return [
        value
        for value in sorted(column.values)
        if not {compared(value), compared(unwrapped(value))} & known
    ]


def ways_to_answer(channel: Channel, columns: Sequence[ConsentColumn]) -> Iterator[str]:
    """The options of the command that answer the question about a channel."""
    example = next((each.column for each in for_channel(channel, columns)), "NAME")
    yield f"--consent '{channel}=column:{example}' --status '{channel}:VALUE=subscribed' ..."
    yield f"--consent '{channel}=all:YYYY-MM-DD:NAME' where the client states it in writing"
    if channel == "sms":
        yield "--consent sms=none to leave the numbers out"
