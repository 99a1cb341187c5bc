"""Proposes an agreement from a client's sample file; nothing is guessed silently.

Each part of the proposal has a confidence and its evidence. What is below `CONFIDENT` is not used;
where it matters it becomes a question. Who agreed to be written to is never read from a sample: it
is one question for each channel, and nobody is sent until it is answered.
"""

from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Table
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import phonenumbers
import polars as pl

from blocks.errors import ConfigurationError
from blocks.mailup.resources.imports import Channel
from tasks.records.mapping.settings import KEYS, Mapping
from tasks.records.onboarding import consent_columns
from tasks.records.onboarding.blank_texts import blank_texts, without_blank_texts
from tasks.records.onboarding.column_names import hint
from tasks.records.onboarding.columns import (
    ColumnProposal,
    essential,
    one_per_target,
    percent,
    propose_column,
)
from tasks.records.onboarding.consent_columns import ConsentAnswer, ConsentColumn
from tasks.records.onboarding.contents import REGIONS, Contents, contents
from tasks.records.onboarding.file_format import Form, Given, propose_form

NO_KEY = (
    "No column of the sample is certainly an e-mail address or a mobile number, which identify "
    "people. Choose one with --column NAME=email or --column NAME=mobile."
)
NO_ANSWER = ConsentAnswer()
_CLEARLY = 0.3


class Choice(NamedTuple):
    """A possible answer: in words, and as an option of the command with its value."""

    label: str
    option: str
    value: Any

    def __str__(self) -> str:
        name = self.option.replace("_", "-")
        if isinstance(self.value, bool):
            return f"--{name}" if self.value else f"--no-{name}"
        return f"--{name} '{self.value}'"


@dataclass(frozen=True)
class OpenQuestion:
    """Something that has to be decided, and the answers to choose from.

    `column`, `channel` or `setting` says what it is about. For a channel the answers need more than
    a choice: `ways` are options of the command, as texts for people.
    """

    text: str
    choices: tuple[Choice, ...] = ()
    ways: tuple[str, ...] = ()
    column: str = ""
    channel: Channel | None = None
    setting: str = ""

    def __str__(self) -> str:
        about = f"{self.column}: " if self.column else ""
        ways = [*self.ways, *(f"{choice} ({choice.label})" for choice in self.choices)]
        return f"{about}{self.text}. {' | '.join(ways)}"


@dataclass(frozen=True)
class Answers:
    """What the operator decided.

    `columns`: per column name the settings of the mapping's column, without its name; empty to
    leave the column out. `consent`: the ground of a channel. `region`: country of numbers without
    prefix, empty to detect it. `create_groups`: None if not decided.
    """

    form: Given = field(default_factory=Given)
    columns: Table[str, dict[str, Any]] = field(default_factory=dict)
    consent: Table[Channel, ConsentAnswer] = field(default_factory=dict)
    region: str = ""
    list_id: int = 0
    create_groups: bool | None = None


@dataclass(frozen=True)
class Proposal:
    """A proposed agreement, with all open questions.

    `lists`: the ids in the list column of the sample; empty if the list is fixed. `consent`: the
    ground of each channel that is answered. `candidates`: columns that may say who agreed.
    """

    form: Form
    columns: tuple[ColumnProposal, ...]
    region: str
    region_why: str
    lists: tuple[int, ...]
    key: str
    without_address: int
    blanks: dict[str, int]
    candidates: tuple[ConsentColumn, ...]
    consent: dict[Channel, ConsentAnswer]
    questions: tuple[OpenQuestion, ...]

    @property
    def mapping(self) -> Mapping:
        """The mapping made of the confident proposals."""
        return Mapping.model_validate(self.settings())

    @property
    def left_out(self) -> tuple[ColumnProposal, ...]:
        """The columns that are not used, and about which there is no question."""
        return tuple(each for each in self.columns if not each.used and not each.ask)

    def settings(self) -> dict[str, Any]:
        """The mapping as settings, without defaults."""
        used = [column for column in self.columns if column.used]
        targets = {column.target for column in used}
        settings: dict[str, Any] = {"key": self.key}
        if "mobile" in targets:
            settings["default_region"] = self.region
        if "list" in targets:
            settings["lists"] = list(self.lists)
        if self.blanks:
            settings["blank_texts"] = list(self.blanks)
        settings["columns"] = [{"column": each.column, **each.settings} for each in used]
        return settings


def propose(path: Path, answers: Answers) -> Proposal:
    """Propose an agreement for files like the sample.

    FileHeld if its format cannot be determined; ConfigurationError if an answer is about an unknown
    column, no column identifies people, or the list is missing.
    """
    form = propose_form(path, answers.form)
    _check_answers(answers, form)
    names = list(form.file.columns)
    frame = without_blank_texts(form.frame)
    prefix = next((name for name in names if _is_prefix(name, frame, answers)), None)
    regions = (answers.region,) if answers.region else REGIONS
    held = {name: _contents(frame, name, prefix, regions) for name in names}
    answers = replace(answers, consent=consent_columns.with_columns(answers.consent, held))
    region, region_why, alike = _region(list(held.values()), answers.region)
    columns = [_answered(propose_column(name, held[name], region), answers) for name in names]
    columns = [_with_list(_with_region(each, alike), answers) for each in columns]
    columns = [_for_consent(each, answers) for each in essential(one_per_target(columns))]
    columns = _prefix_with_mobile(columns)
    key, without = _key(columns, frame)
    columns = [_optional(each, key, held[each.column], region) for each in columns]
    lists = next(
        (held[each.column] for each in columns if each.used and each.target == "list"), None
    )
    _check_list(lists, answers)
    candidates = _candidates(held, columns, answers)
    used = {each.column: each.target for each in columns if each.used}
    return Proposal(
        form, tuple(columns), region, region_why,
        tuple(sorted(int(value) for value in lists.values)) if lists else (), key, without,
        blank_texts(form.frame, [*used]), candidates, dict(answers.consent),
        tuple(_questions(form, columns, candidates, answers)),
    )  # fmt: skip


def _questions(
    form: Form,
    columns: Sequence[ColumnProposal],
    candidates: Sequence[ConsentColumn],
    answers: Answers,
) -> Iterator[OpenQuestion]:
    """Everything that has to be decided: one question for a column, one for a channel."""
    if form.ends_openly and answers.form.final_newline == "required":
        yield OpenQuestion(
            "the last line of the sample has no line break: do the client's own files end so? A "
            "file that was cut there cannot be told from a whole one then",
            (Choice("they do", "final_newline", "any"),),
            setting="final_newline",
        )
    for column in columns:
        if column.ask:
            yield OpenQuestion(column.ask, tuple(_column_choices(column)), column=column.column)
    targets = {column.target for column in columns if column.used}
    if "group" in targets and answers.create_groups is None:
        yield OpenQuestion(
            "are groups created that the list does not have yet? Else their rows are rejected",
            (Choice("yes", "create_groups", True), Choice("no", "create_groups", False)),
            setting="create_groups",
        )
    for channel, target in KEYS.items():
        answer = answers.consent.get(channel, NO_ANSWER)
        text = consent_columns.open_question(channel, candidates, answer)
        if target in targets and text:
            ways = tuple(consent_columns.ways_to_answer(channel, candidates))
            yield OpenQuestion(text, ways=ways, channel=channel)


def _column_choices(column: ColumnProposal) -> Iterator[Choice]:
    settings = column.settings
    yield from (Choice(region, "region", region) for region in column.regions)
    for sign in column.signs:
        label = f"groups with '{sign}' between them"
        yield Choice(label, "column", f"{column.column}=group:{sign}")
    written = () if column.regions else column.alike or (str(settings.get("date_in", "")),)
    for date_in in written:
        parts = (str(settings["target"]), str(settings.get("field", "")), date_in)
        meant = ":".join(parts).rstrip(":")
        yield Choice(
            f"use it as {' '.join(filter(None, parts))}", "column", f"{column.column}={meant}"
        )
    yield Choice("leave it out", "column", f"{column.column}=")


def _candidates(
    held: Table[str, Contents], columns: Sequence[ColumnProposal], answers: Answers
) -> tuple[ConsentColumn, ...]:
    """The columns that may say who agreed, the chosen ones among them."""
    used = {each.column for each in columns if each.used}
    chosen = {each.column for each in answers.consent.values() if each.column}
    found = consent_columns.consent_columns(
        {name: each for name, each in held.items() if name not in used or name in chosen}
    )
    there = {each.column for each in found}
    more = [
        ConsentColumn(name, held[name].values, held[name].blank, named=True)
        for name in chosen - there
    ]
    decided = [replace(each, named=True) if each.column in chosen else each for each in found]
    return (*decided, *more)


def _for_consent(column: ColumnProposal, answers: Answers) -> ColumnProposal:
    """Leave numbers out where nobody agreed to SMS, or addresses where nobody did to e-mail."""
    channel: Channel = "sms" if column.target in ("mobile", "prefix") else "email"
    answer = answers.consent.get(channel, NO_ANSWER)
    if answer.ground == "none" and column.target in ("email", "mobile", "prefix"):
        return ColumnProposal(column.column, why=f"nobody agreed to {channel}")
    return column


def _optional(column: ColumnProposal, key: str, held: Contents, region: str) -> ColumnProposal:
    """A number beside an address may be unreadable: that costs the cell, not the person."""
    if column.target != "mobile" or key != "email" or held.mobiles.get(region, 0.0) == 1:
        return column
    return replace(column, settings={**column.settings, "unreadable": "blank"})


def _contents(
    frame: pl.DataFrame, name: str, prefix: str | None, regions: Sequence[str]
) -> Contents:
    beside = frame[prefix] if prefix is not None and prefix != name else None
    return contents(frame[name], beside, regions)


def _is_prefix(name: str, frame: pl.DataFrame, answers: Answers) -> bool:
    if name in answers.columns:
        return answers.columns[name].get("target") == "prefix"
    known = hint(name)
    return bool(known and known.meaning == "prefix" and contents(frame[name]).prefixes > 0.5)


def _region(held: list[Contents], given: str) -> tuple[str, str, dict[str, float]]:
    """Region, evidence, and the share of each country if it is open."""
    if given:
        return given, "as given", {}
    phones = [each for each in held if max(each.mobiles.values(), default=0.0) >= 0.5]
    if not phones:
        return "IT", "no column of mobile numbers", {}
    likely = max(phones, key=lambda each: max(each.mobiles.values()))
    if not likely.local:
        return "IT", "every number has its international prefix", {}
    ranked = sorted(likely.mobiles.items(), key=lambda pair: -pair[1])
    (best, share), (_, second) = ranked[0], (*ranked, ("", 0.0))[1]
    why = f"{percent(share)} of the numbers are mobile numbers there"
    if (share - second) >= _CLEARLY * likely.local:
        return best, why, {}
    return best, why, dict(ranked[:4])


def _answered(column: ColumnProposal, answers: Answers) -> ColumnProposal:
    if column.column not in answers.columns:
        return column
    settings = answers.columns[column.column]
    return ColumnProposal(column.column, settings, 1.0 if settings else 0.0, "as decided")


def _with_region(column: ColumnProposal, alike: Table[str, float]) -> ColumnProposal:
    """Ask to which country numbers belong that fit several."""
    if column.target != "mobile" or not alike or not column.used:
        return column
    fitting = ", ".join(f"{region} {percent(share)}" for region, share in alike.items())
    ask = f"to which country do numbers without prefix belong? They fit {fitting}"
    return replace(column, ask=ask, regions=tuple(alike))


def _with_list(column: ColumnProposal, answers: Answers) -> ColumnProposal:
    if column.target == "list" and answers.list_id and not column.ask:
        ask = f"all records go to list {answers.list_id}, as given; or does this column decide?"
        return replace(column, ask=ask)
    return column


def _prefix_with_mobile(columns: list[ColumnProposal]) -> list[ColumnProposal]:
    """Leave prefixes out that belong to no column of mobile numbers."""
    if any(column.used and column.target == "mobile" for column in columns):
        return columns
    why = "a prefix; no column of mobile numbers is used"
    return [
        ColumnProposal(each.column, each.settings, 0.5, why) if each.target == "prefix" else each
        for each in columns
    ]


def _key(columns: list[ColumnProposal], frame: pl.DataFrame) -> tuple[str, int]:
    """The key, and the number of records in the sample with a mobile number but no address."""
    used = {column.target: column.column for column in columns if column.used}
    if "email" not in used and "mobile" not in used:
        raise ConfigurationError(NO_KEY, reason="key")
    if "email" not in used:
        return "mobile", 0
    if "mobile" not in used:
        return "email", 0
    alone = frame.filter(
        (pl.col(used["email"]).str.strip_chars() == "")
        & (pl.col(used["mobile"]).str.strip_chars() != "")
    )
    return "email", alone.height


def _check_answers(answers: Answers, form: Form) -> None:
    named = [*answers.columns, *(each.column for each in answers.consent.values() if each.column)]
    unknown = [name for name in named if name not in form.file.columns]
    if unknown:
        accepted = ", ".join(form.file.columns)
        raise ConfigurationError(
            f"The sample has no column {unknown[0]!r}; accepted are {accepted}."
        )
    if answers.region and answers.region not in phonenumbers.SUPPORTED_REGIONS:
        raise ConfigurationError(
            f"--region {answers.region!r} is no country; accepted are two capital letters, such "
            "as IT."
        )


def _check_list(lists: Contents | None, answers: Answers) -> None:
    if not answers.list_id and (lists is None or not lists.values):
        raise ConfigurationError(
            "The MailUp list is missing: give --list with its id, or --column NAME=list for a "
            "column with it."
        )
