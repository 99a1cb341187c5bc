"""Proposes an agreement from a client's sample file; nothing is guessed silently.

Each part of the proposal has a confidence and its evidence. Below `CONFIDENT` it becomes a question
instead. A status column with unexplained values rejects every row: a row that says no must never
subscribe somebody.
"""

from collections.abc import Mapping as Table
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import phonenumbers
import polars as pl

from blocks.errors import ConfigurationError
from tasks.records.mapping.settings import Mapping, Status
from tasks.records.onboarding.column_names import hint
from tasks.records.onboarding.columns import ColumnProposal, one_per_target, percent, propose_column
from tasks.records.onboarding.contents import REGIONS, STATUS_WORDS, Contents, contents
from tasks.records.onboarding.file_format import Form, Given, propose_form

UNDECIDED: dict[str, Status] = {"to be decided": "subscribed"}
"""Placeholder for the values of a status column until they are given; matches no cell."""

_CLEARLY = 0.3


@dataclass(frozen=True)
class Answers:
    """What the operator decided.

    `columns`: per column name the settings of the mapping's column, without its name; empty to
    leave the column out. `status`: meaning of the values of the status column. `region`: country of
    numbers without prefix, empty to detect it.
    """

    form: Given = field(default_factory=Given)
    columns: Table[str, dict[str, Any]] = field(default_factory=dict)
    status: Table[str, Status] = field(default_factory=dict)
    region: str = ""
    list_id: int = 0


@dataclass(frozen=True)
class Proposal:
    """A proposed agreement, with all open questions.

    `lists`: the ids in the list column of the sample; empty if the list is fixed.
    """

    form: Form
    columns: tuple[ColumnProposal, ...]
    region: str
    region_why: str
    status: dict[str, Status]
    lists: tuple[int, ...]
    key: str
    without_address: int

    @property
    def mapping(self) -> Mapping:
        """The mapping made of the confident proposals."""
        return Mapping.model_validate(self.settings())

    def settings(self) -> dict[str, Any]:
        """The mapping as settings, without defaults."""
        used = [column for column in self.columns if column.used]
        if self.undecided_status:
            used.append(next(each for each in self.columns if each.target == "status"))
        targets = {column.target for column in used}
        settings: dict[str, Any] = {"key": self.key}
        if "mobile" in targets:
            settings["default_region"] = self.region
        if "list" in targets:
            settings["lists"] = list(self.lists)
        if "status" in targets:
            settings["status_values"] = self.status
        settings["columns"] = [{"column": each.column, **each.settings} for each in used]
        return settings

    @property
    def undecided_status(self) -> bool:
        """Whether the meaning of the status column's values is still open."""
        return self.status == UNDECIDED


def propose(path: Path, answers: Answers) -> Proposal:
    """Propose an agreement for files like the sample.

    FileHeld if its format cannot be determined; ConfigurationError if an answer is about an unknown
    column, no column identifies people, or the list is missing.
    """
    form = propose_form(path, answers.form)
    _check_answers(answers, form)
    names = list(form.file.columns)
    prefix = next((name for name in names if _is_prefix(name, form, answers)), None)
    regions = (answers.region,) if answers.region else REGIONS
    held = {name: _contents(form.frame, name, prefix, regions) for name in names}
    region, region_why, question = _region(list(held.values()), answers.region)
    columns = [propose_column(name, held[name], region) for name in names]
    columns = _with_status([_answered(column, answers) for column in columns], answers)
    columns = [_with_list(_with_region(each, question), answers) for each in columns]
    columns = _prefix_with_mobile(one_per_target(columns))
    status = _status(columns, held, answers)
    key, without = _key(columns, form.frame)
    lists = next(
        (held[each.column] for each in columns if each.used and each.target == "list"), None
    )
    _check_list(lists, answers)
    return Proposal(
        form, tuple(columns), region, region_why, status,
        tuple(sorted(int(value) for value in lists.values)) if lists else (), key, without,
    )  # fmt: skip


def _contents(
    frame: pl.DataFrame, name: str, prefix: str | None, regions: Sequence[str]
) -> Contents:
    beside = frame[prefix] if prefix is not None and prefix != name else None
    return contents(frame[name], beside, regions)


def _is_prefix(name: str, form: Form, answers: Answers) -> bool:
    if name in answers.columns:
        return answers.columns[name].get("target") == "prefix"
    known = hint(name)
    return bool(known and known.meaning == "prefix" and contents(form.frame[name]).prefixes > 0.5)


def _region(held: list[Contents], given: str) -> tuple[str, str, str]:
    """Region, evidence, and the question if it is open."""
    if given:
        return given, "as given", ""
    phones = [each for each in held if max(each.mobiles.values(), default=0.0) >= 0.5]
    if not phones:
        return "IT", "no column of mobile numbers", ""
    likely = max(phones, key=lambda each: max(each.mobiles.values()))
    if not likely.local:
        return "IT", "every number has its international prefix", ""
    ranked = sorted(likely.mobiles.items(), key=lambda pair: -pair[1])
    (best, share), (_, second) = ranked[0], (*ranked, ("", 0.0))[1]
    why = f"{percent(share)} of the numbers are mobile numbers there"
    if (share - second) >= _CLEARLY * likely.local:
        return best, why, ""
    alike = ", ".join(f"{region} {percent(part)}" for region, part in ranked[:4])
    return best, why, f"to which country do numbers without prefix belong? They fit {alike}"


def _answered(column: ColumnProposal, answers: Answers) -> ColumnProposal:
    if column.column not in answers.columns:
        return column
    settings = answers.columns[column.column]
    return ColumnProposal(column.column, settings, 1.0 if settings else 0.0, "as decided")


def _with_region(column: ColumnProposal, question: str) -> ColumnProposal:
    if column.target == "mobile" and question and not column.ask:
        return replace(column, ask=question)
    return column


def _with_list(column: ColumnProposal, answers: Answers) -> ColumnProposal:
    if column.target == "list" and answers.list_id and not column.ask:
        ask = f"all records go to list {answers.list_id}, as given; or does this column decide?"
        return replace(column, ask=ask)
    return column


def _with_status(columns: list[ColumnProposal], answers: Answers) -> list[ColumnProposal]:
    """Use the status column if its values are given and it is the only one."""
    found = [column for column in columns if column.target == "status"]
    if not answers.status:
        return columns
    if len(found) != 1:
        named = ", ".join(column.column for column in found) or "none"
        raise ConfigurationError(
            f"--status explains the values of one column; candidates: {named}. Choose one with "
            "--column NAME=status, and leave the others out with --column NAME=."
        )
    decided = replace(found[0], confidence=1.0, why="as decided", ask="")
    return [decided if column is found[0] else column for column in columns]


def _prefix_with_mobile(columns: list[ColumnProposal]) -> list[ColumnProposal]:
    """Ask for the mobile column before the prefix column is used."""
    if any(column.used and column.target == "mobile" for column in columns):
        return columns
    return [
        replace(each, ask="first decide which column has the mobile numbers that it belongs to")
        if each.target == "prefix" and not each.ask
        else each
        for each in columns
    ]


def _status(
    columns: list[ColumnProposal], held: dict[str, Contents], answers: Answers
) -> dict[str, Status]:
    """Meaning of the status column's values; UNDECIDED if unknown."""
    found = [column for column in columns if column.target == "status"]
    if not found:
        return {}
    if answers.status:
        return dict(answers.status)
    words = next((held[each.column] for each in found if held[each.column].has_status_words), None)
    return {value: STATUS_WORDS[value] for value in words.values} if words else UNDECIDED


def _key(columns: list[ColumnProposal], frame: pl.DataFrame) -> tuple[str, int]:
    """The key, and the number of records in the sample with a mobile number but no address."""
    used = {column.target: column.column for column in columns if column.used}
    if "email" not in used and "mobile" not in used:
        raise ConfigurationError(
            "No column of the sample is certainly an e-mail address or a mobile number, which "
            "identify people. Choose one with --column NAME=email or --column NAME=mobile."
        )
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
    unknown = [name for name in answers.columns if name not in form.file.columns]
    if unknown:
        named = ", ".join(form.file.columns)
        raise ConfigurationError(f"The sample has no column {unknown[0]!r}; accepted are {named}.")
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
