"""Propose a client's file from a sample, with a confidence beside each line.

What is not sure is not used: it becomes a question. The sample is read as an import would read it.
What is printed and written holds no cell's content. No server is asked.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from blocks.errors import ConfigurationError, FileHeld
from deployments.check import Mistake, check_files
from deployments.checking.messages import refusals
from deployments.checking.rules import UNDECIDED_STATUS
from deployments.client_files import shown
from deployments.onboarding.client_file import (
    Wishes,
    agreement,
    open_questions,
    pattern_for,
    render,
)
from deployments.onboarding.request import OnboardRequest
from deployments.onboarding.trial_read import rehearse
from tasks.records.agreement import ImportAgreement
from tasks.records.onboarding.columns import percent
from tasks.records.onboarding.file_format import Given
from tasks.records.onboarding.propose import Answers, Proposal, propose
from tasks.records.reading.candidates import candidates
from tasks.records.reading.encoding import survey
from tasks.records.reading.unpack import Unpacking, unpack
from tasks.reports.kinds import EXPORT_KINDS
from tasks.runs.owned_folders import owned_folder
from tasks.runs.scratch import scratch_parent

EXPORTS = tuple(kind.name.replace("_", "-") for kind in EXPORT_KINDS.values())

_ENCRYPTED = (".gpg", ".pgp", ".asc")
_REMEDIES = {
    "encoding": " Here: --encoding NAME; --show-words prints the words that decide.",
    "separator": " Here: --separator SIGN.",
}


@dataclass(frozen=True)
class Onboarded:
    """The file that was written, what has to be decided, and all that there is to say."""

    file: str
    questions: tuple[str, ...]
    lines: tuple[str, ...]


def onboard(chosen: OnboardRequest) -> Onboarded:
    """Write the file of a client; ConfigurationError where there is none to write."""
    try:
        return _onboard(chosen)
    except (ConfigurationError, FileHeld) as error:
        remedy = _REMEDIES.get(error.context.get("reason", ""), "")
        raise ConfigurationError(f"{error}{remedy}") from None


def words_that_decide(chosen: OnboardRequest) -> tuple[str, ...]:
    """How each encoding in which the sample can be read shows its telling words: personal data."""
    with owned_folder(scratch_parent()) as scratch:
        read = candidates(bytes(survey(unpack(chosen.sample, scratch, Unpacking())).sample))
    lines = [f"{' or '.join(each.encodings)}: {', '.join(each.words)}" for each in read]
    return (*lines, "Give the encoding whose words are right: --encoding NAME.")


def _onboard(chosen: OnboardRequest) -> Onboarded:
    target = chosen.into / f"{chosen.client}.yaml"
    _require_readable(chosen, target)
    with owned_folder(scratch_parent()) as scratch:
        sample = unpack(chosen.sample, scratch, Unpacking())
        proposal = propose(sample, _answers(chosen))
        wishes = _wishes(chosen)
        agreed = _agreed(agreement(wishes, proposal))
        _write(target, render(wishes, proposal, chosen.sample))
        today = datetime.now(UTC).date()
        lines = [
            *_proposal_lines(proposal),
            *rehearse(sample, agreed, proposal, scratch / "trial", today),
        ]
    return Onboarded(shown(target), tuple(open_questions(proposal.columns)), tuple(lines))


def _require_readable(chosen: OnboardRequest, target: Path) -> None:
    if target.exists() and not chosen.force:
        raise ConfigurationError(f"{target.name} is there already; replace it with --force.")
    if not chosen.sample.is_file():
        raise ConfigurationError(f"{chosen.sample} is no file; give a sample of the client's.")
    if chosen.sample.suffix.lower() in _ENCRYPTED:
        raise ConfigurationError(
            "The sample is encrypted. Decrypt it, give --pattern for the names of the encrypted "
            "files, and then set decryption_key in the file to the name of a gpg-key block."
        )


def _answers(chosen: OnboardRequest) -> Answers:
    status = dict(_pair(text, "--status 1=subscribed") for text in chosen.status or ())
    for meaning in status.values():
        if meaning not in ("subscribed", "unsubscribed"):
            raise ConfigurationError(
                f"--status: {meaning!r} is no meaning; accepted are subscribed and unsubscribed."
            )
    return Answers(
        form=Given(chosen.encoding, chosen.separator, chosen.header),
        columns=dict(_decided(text) for text in chosen.column or ()),
        status=status,  # type: ignore[arg-type]
        region=chosen.region,
        list_id=chosen.list_id,
    )


def _decided(text: str) -> tuple[str, dict[str, Any]]:
    """A column's name and its settings, from NAME=field:NAME:FORMAT and the like."""
    name, wanted = _pair(text, "--column NAME=email")
    target, _, rest = wanted.partition(":")
    field, _, date_in = rest.partition(":")
    settings = {"target": target, "field": field, "date_in": date_in}
    if date_in:
        settings["date_out"] = "%Y-%m-%d"
    return name, {key: value for key, value in settings.items() if value}


def _pair(text: str, example: str) -> tuple[str, str]:
    name, sign, value = text.rpartition("=")
    if not sign or not name:
        raise ConfigurationError(f"{text!r} is no pair; accepted is, for example, {example}.")
    return name, value


def _wishes(chosen: OnboardRequest) -> Wishes:
    exports = tuple(filter(None, chosen.exports.split(",")))
    unknown = [kind for kind in exports if kind not in EXPORTS]
    if unknown:
        raise ConfigurationError(
            f"--exports: there is no {unknown[0]!r}; accepted are {', '.join(EXPORTS)}."
        )
    return Wishes(
        client=chosen.client,
        server=chosen.server or f"sftp-server/{chosen.client}",
        account=chosen.account or chosen.client,
        list_id=chosen.list_id,
        folder=chosen.folder,
        pattern=chosen.pattern or pattern_for(chosen.sample.name),
        zone=chosen.zone,
        language=chosen.language,
        exports=exports,
    )


def _agreed(values: dict[str, Any]) -> ImportAgreement:
    """The agreement; ConfigurationError where what was given is not accepted."""
    try:
        return ImportAgreement.model_validate(values)
    except ValidationError:
        faults = "; ".join(
            f"{'.'.join(map(str, steps))}: {sentence}"
            for steps, sentence in refusals(ImportAgreement, values)
        )
        raise ConfigurationError(faults) from None


def _write(target: Path, text: str) -> None:
    """Write the file whole or not at all, and only one that has open questions at most."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".onboard-") as name:
        draft = Path(name) / target.name
        draft.write_text(text, encoding="utf-8")
        found = [each for each in check_files([draft]) if not _is_open(each)]
        if found:
            faults = "; ".join(f"{each.where}: {each.sentence}" for each in found)
            raise ConfigurationError(faults)
        draft.replace(target)


def _is_open(found: Mistake) -> bool:
    """Whether a finding is a question that the file may be written with."""
    return found.sentence == UNDECIDED_STATUS or found.lacks_ground


def _proposal_lines(proposal: Proposal) -> Iterator[str]:
    """The proposal for people: settings, columns, and what has to be decided."""
    for setting in proposal.form.settings:
        yield f"{percent(setting.confidence):>6}  {setting.name}: {setting.value} ({setting.why})"
    yield ""
    for column in proposal.columns:
        target = ": ".join(str(v) for k, v in column.settings.items() if k in ("target", "field"))
        where = target if column.used else f"not used ({target or 'left out'})"
        yield f"{percent(column.confidence):>6}  {column.column} -> {where} ({column.why})"
    asked = open_questions(proposal.columns)
    if asked:
        yield ""
        yield "To decide, in the file or with --column, --status, --region:"
        yield from (f"  - {question}" for question in asked)
