"""Asks the open questions of a proposal at the terminal; an answer is an option of the command."""

import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from blocks.errors import ConfigurationError, FileHeld
from deployments.onboarding.answers import MEANINGS, options_of
from deployments.onboarding.request import OnboardRequest
from deployments.prompts import terminal
from tasks.records.mapping.basis import is_day
from tasks.records.onboarding.consent_columns import ConsentColumn, for_channel
from tasks.records.onboarding.propose import OpenQuestion, Proposal
from tasks.records.reading.candidates import SINGLE_BYTE, candidates
from tasks.records.reading.encoding import survey
from tasks.records.reading.unpack import Unpacking, unpack
from tasks.runs.owned_folders import owned_folder
from tasks.runs.scratch import scratch_parent

LATER = "leave it open"
_BLANK = ("leave_out", "unsubscribed")
"""What an empty cell may mean without a statement of the client."""


def telling_words(chosen: OnboardRequest) -> tuple[str, ...]:
    """How each encoding in which the sample can be read shows its telling words: personal data."""
    with owned_folder(scratch_parent()) as scratch:
        sample = unpack(chosen.sample, scratch, Unpacking(member=chosen.member or "*"))
        read = candidates(bytes(survey(sample).sample))
    lines = [f"{' or '.join(each.encodings)}: {', '.join(each.words)}" for each in read]
    return (*lines, "Give the encoding whose words are right: --encoding NAME.")


@dataclass
class Asker:
    """Asks each question once; `asked` are the texts of those that were asked."""

    asked: set[str] = field(default_factory=set)

    def about_sample(self, chosen: OnboardRequest, error: FileHeld | ConfigurationError) -> Any:
        """The request with what is missing to read the sample; None if that cannot be asked."""
        reason = error.context.get("reason", "")
        if not _is_possible(chosen) or reason in self.asked:
            return None
        self.asked.add(reason)
        if reason == "encoding" and chosen.encoding == "auto":
            return self._encoding(chosen, error)
        if reason == "header":
            terminal.say(f"\n{error}")
            return replace(chosen, header=terminal.confirm("Does the first line name the columns?"))
        if reason == "archive" and not chosen.member and zipfile.is_zipfile(chosen.sample):
            with zipfile.ZipFile(chosen.sample) as archive:
                names = [each.filename for each in archive.infolist() if not each.is_dir()]
            terminal.say("\nThe zip has several files. Which one is imported?")
            return replace(chosen, member=names[_choice(names)])
        if reason == "sheet":
            sheet = terminal.line(f"\n{error}\n  Sheet: ")
            return replace(chosen, sheet=sheet) if sheet else None
        if reason == "key":
            column = terminal.line(f"\n{error}\n  Column with the e-mail addresses: ")
            return _added(chosen, "column", f"{column}=email") if column else None
        return None

    def about_proposal(self, chosen: OnboardRequest, proposal: Proposal) -> OnboardRequest:
        """The request with the answers to the questions that were not asked yet."""
        for question in proposal.questions:
            about = f"{question.column} {question.channel} {question.setting}"
            if _is_possible(chosen) and about not in self.asked:
                self.asked.add(about)
                chosen = _answered(chosen, question, proposal.candidates)
        return chosen

    def say_options(self, chosen: OnboardRequest) -> None:
        """Print the options that stand for the answers."""
        if self.asked:
            terminal.say(f"\nThe answers as options: {' '.join(options_of(chosen))}\n")

    def _encoding(self, chosen: OnboardRequest, error: FileHeld | ConfigurationError) -> Any:
        terminal.say(f"\n{error}")
        if terminal.confirm("Show the words that decide? They are names of people."):
            terminal.say("\n".join(telling_words(chosen)))
        names = [*SINGLE_BYTE, LATER]
        number = _choice(names)
        return replace(chosen, encoding=names[number]) if names[number] != LATER else None


def _is_possible(chosen: OnboardRequest) -> bool:
    return chosen.ask and sys.stdin.isatty() and sys.stdout.isatty()


def _answered(
    chosen: OnboardRequest, question: OpenQuestion, candidates: Sequence[ConsentColumn]
) -> OnboardRequest:
    """Ask one question of a proposal."""
    terminal.say(f"\n{question.column + ': ' if question.column else ''}{question.text}.")
    if question.channel:
        return _about_consent(chosen, question, candidates)
    labels = [choice.label for choice in question.choices]
    number = _choice([*labels, LATER])
    if number == len(labels):
        return chosen
    choice = question.choices[number]
    if choice.option in ("column", "consent", "status"):
        return _added(chosen, choice.option, str(choice.value))
    return replace(chosen, **{choice.option: choice.value})


def _about_consent(
    chosen: OnboardRequest, question: OpenQuestion, candidates: Sequence[ConsentColumn]
) -> OnboardRequest:
    """Ask who agreed: a column, with the meaning of its values, everybody, or nobody."""
    channel = str(question.channel)
    candidates = for_channel(question.channel or "email", candidates)
    names = [each.column for each in candidates]
    labels = [f"the column {each}" for each in candidates]
    number = _choice([*labels, "everybody: the client states it in writing", "nobody", LATER])
    if number < len(names):
        return _meanings(chosen, channel, candidates[number])
    if number == len(names):
        day = _typed("  Day of the statement, such as 2026-01-31: ", is_day)
        who = _typed("  Who at the client made it: ", bool)
        chosen = _added(chosen, "consent", f"{channel}=all:{day}:{who}")
        if names and terminal.confirm("  Does a column take people out again?"):
            column = candidates[_choice(labels)]
            return _meanings(chosen, channel, column, blank=("subscribed", *_BLANK))
        return chosen
    if number == len(names) + 1:
        return _added(chosen, "consent", f"{channel}=none")
    return chosen


def _meanings(
    chosen: OnboardRequest, channel: str, column: ConsentColumn, blank: Sequence[str] = _BLANK
) -> OnboardRequest:
    chosen = _added(chosen, "consent", f"{channel}=column:{column.column}")
    for value, times in sorted(column.values.items()):
        terminal.say(f"  '{value}' ({times} x) means:")
        meaning = MEANINGS[_choice(MEANINGS)]
        chosen = _added(chosen, "status", f"{channel}:{value}={meaning}")
    if column.blank:
        terminal.say(f"  an empty cell ({column.blank} x) means:")
        chosen = _added(chosen, "status", f"{channel}:={blank[_choice(blank)]}")
    return chosen


def _added(chosen: OnboardRequest, option: str, text: str) -> OnboardRequest:
    values: dict[str, Any] = {option: [*(getattr(chosen, option) or ()), text]}
    return replace(chosen, **values)


def _choice(labels: Sequence[str]) -> int:
    """The place of the chosen one of numbered lines."""
    for number, label in enumerate(labels, start=1):
        terminal.say(f"  {number}. {label}")
    wanted = f"  Number (1 to {len(labels)}): "
    return int(_typed(wanted, lambda text: text.isdecimal() and 1 <= int(text) <= len(labels))) - 1


def _typed(prompt: str, accepted: Any) -> str:
    while not accepted(text := terminal.line(prompt)):
        terminal.say("  That is not accepted.")
    return text
