"""Propose a client's file from a sample, with a confidence beside each line.

What is not sure is not used; where it matters it is a question, to be answered at the terminal,
with an option, or in the file. The sample is read as an import would read it. What is printed and
written holds no cell's content, but for the values of columns about consent. No server is asked.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from blocks.errors import ConfigurationError, FileHeld
from deployments.check import check_files
from deployments.checking.yaml_lines import read
from deployments.client_files import shown
from deployments.onboarding.answers import answers_of
from deployments.onboarding.client_file import Wishes, left_out_line, pattern_for, render
from deployments.onboarding.questions import Asker
from deployments.onboarding.request import OnboardRequest
from deployments.onboarding.trial_read import rehearse
from tasks.records.agreement import ImportAgreement
from tasks.records.onboarding.columns import percent
from tasks.records.onboarding.file_format import Given
from tasks.records.onboarding.propose import Answers, Proposal, propose
from tasks.records.reading.unpack import Unpacking, unpack
from tasks.records.reading.workbook import SEPARATOR, ExcelWorkbook, is_workbook, workbook_to_csv
from tasks.reports.kinds import EXPORT_KINDS
from tasks.runs.owned_folders import owned_folder
from tasks.runs.scratch import scratch_parent

EXPORTS = tuple(kind.name.replace("_", "-") for kind in EXPORT_KINDS.values())

_TOLD = ("target", "field", "separator")
_ENCRYPTED = (".gpg", ".pgp", ".asc")
_REMEDIES = {
    "encoding": " Here: --encoding NAME; --show-words prints the words that decide.",
    "separator": " Here: --separator SIGN.",
    "archive": " Here, if a zip has several files: --member NAME.",
    "sheet": " Here: --sheet NAME.",
}


@dataclass(frozen=True)
class Onboarded:
    """The file that was written, what has to be decided, and all that there is to say."""

    file: str
    questions: tuple[str, ...]
    lines: tuple[str, ...]


def onboard(chosen: OnboardRequest) -> Onboarded:
    """Write the file of a client; ConfigurationError where there is none to write.

    Open questions are asked at the terminal, if there is one.
    """
    _require_readable(chosen, chosen.into / f"{chosen.client}.yaml")
    asker = Asker()
    with owned_folder(scratch_parent()) as scratch:
        while True:
            try:
                proposal = propose(_sample(chosen, scratch), _answers(chosen))
            except (ConfigurationError, FileHeld) as error:
                answered = asker.about_sample(chosen, error)
                if answered is None:
                    raise _remedied(error) from None
                chosen = answered
                continue
            answered = asker.about_proposal(chosen, proposal)
            if answered == chosen:
                asker.say_options(chosen)
                return _written(chosen, proposal, scratch)
            chosen = answered


def _remedied(error: ConfigurationError | FileHeld) -> ConfigurationError:
    """The error with the option that helps."""
    return ConfigurationError(f"{error}{_REMEDIES.get(error.context.get('reason', ''), '')}")


def _sample(chosen: OnboardRequest, folder: Path) -> Path:
    """The sample as CSV, in `folder` where it is packed or of another form."""
    table = _table(chosen)
    if table is not None:
        return workbook_to_csv(chosen.sample, folder, table, ())
    return unpack(chosen.sample, folder, Unpacking(member=chosen.member or "*"))


def _table(chosen: OnboardRequest) -> ExcelWorkbook | None:
    """What the sample is if it is no CSV."""
    if is_workbook(chosen.sample):
        return ExcelWorkbook(kind="xlsx", sheet=chosen.sheet)
    return None


def _answers(chosen: OnboardRequest) -> Answers:
    """The answers; a workbook becomes CSV of a known form."""
    answers = answers_of(chosen)
    if _table(chosen) is None:
        return answers
    known = Given("utf-8", SEPARATOR, chosen.header, chosen.final_newline)
    return replace(answers, form=known)


def _written(chosen: OnboardRequest, proposal: Proposal, scratch: Path) -> Onboarded:
    """Write the file, and run an import of the sample with the agreement that is in it."""
    target = chosen.into / f"{chosen.client}.yaml"
    _write(target, render(_wishes(chosen), proposal, chosen.sample))
    today = datetime.now(UTC).date()
    lines = [
        *_proposal_lines(proposal),
        *rehearse(chosen.sample, _agreement_in(target), scratch / "trial", today),
    ]
    return Onboarded(shown(target), tuple(map(str, proposal.questions)), tuple(lines))


def _agreement_in(target: Path) -> ImportAgreement:
    """The agreement of the import, as it stands in the file."""
    entries = read(target).value["deployments"]
    (given,) = (
        each["parameters"]["agreement"]
        for each in entries
        if each["entrypoint"].endswith(".import_recipients")
    )
    return ImportAgreement.model_validate(given)


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
        member=chosen.member,
        create_groups=bool(chosen.create_groups),
        table=table.model_dump(exclude_defaults=True) if (table := _table(chosen)) else None,
    )


def _write(target: Path, text: str) -> None:
    """Write the file whole or not at all, and only one that has open questions at most."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".onboard-") as name:
        draft = Path(name) / target.name
        draft.write_text(text, encoding="utf-8")
        found = [each for each in check_files([draft]) if not each.lacks_ground]
        if found:
            faults = "; ".join(f"{each.where}: {each.sentence}" for each in found)
            raise ConfigurationError(faults)
        draft.replace(target)


def _proposal_lines(proposal: Proposal) -> Iterator[str]:
    """The proposal for people: settings, columns, and what has to be decided."""
    for setting in proposal.form.settings:
        yield f"{percent(setting.confidence):>6}  {setting.name}: {setting.value} ({setting.why})"
    yield ""
    for column in proposal.columns:
        if column.used:
            target = ": ".join(str(v) for k, v in column.settings.items() if k in _TOLD)
            yield f"{percent(column.confidence):>6}  {column.column} -> {target} ({column.why})"
    if unused := left_out_line(proposal):
        yield f"        {unused}"
    if proposal.questions:
        yield ""
        yield "To decide, in the file or with the options behind each question:"
        yield from (f"  - {question}" for question in proposal.questions)
