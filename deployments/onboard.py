"""Propose a client's file from a sample: `python -m deployments.onboard CLIENT SAMPLE`.

Writes `deployments/CLIENT.yaml`, never over an existing one without --force, with a confidence
beside each line. What is not sure is not used: it is listed as a question, to be answered in the
file, or here by --column, --status, --region and so on. Reads the sample as an import would and
says how many records would be refused, and why. Prints names of columns and numbers of lines,
never what is in a cell; asks no server anything.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from blocks.errors import ConfigurationError, FileHeld
from deployments.check import ROOT, check_files
from deployments.checking.messages import refusals
from deployments.checking.rules import UNDECIDED_STATUS
from deployments.onboarding.client_file import (
    Wishes,
    agreement,
    open_questions,
    pattern_for,
    render,
)
from deployments.onboarding.trial_read import rehearse
from deployments.prompts.terminal import say
from tasks.records.agreement import ImportAgreement
from tasks.records.onboarding.columns import percent
from tasks.records.onboarding.file_format import Given
from tasks.records.onboarding.propose import Answers, Proposal, propose
from tasks.records.reading.unpack import Unpacking, unpack
from tasks.reports.kinds import EXPORT_KINDS
from tasks.runs.owned_folders import owned_folder
from tasks.runs.scratch import scratch_parent

_FOLDER = ROOT / "deployments"
EXPORTS = tuple(kind.name.replace("_", "-") for kind in EXPORT_KINDS.values())

_ENCRYPTED = (".gpg", ".pgp", ".asc")
_REMEDIES = {
    "encoding": " Here: --encoding NAME.",
    "separator": " Here: --separator SIGN.",
}


def _arguments() -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        description=__doc__, prog="python -m deployments.onboard", formatter_class=form
    )
    add = parser.add_argument
    add("client", help="short name: lower-case letters, digits and dashes")
    add("sample", type=Path, help="a file as the client will send it; zip and gz are opened")
    add("--list", type=int, default=0, dest="list_id", help="id of the MailUp list of all records")
    add("--server", default="", help="server block; sftp-server/CLIENT unless given")
    add("--account", default="", help="MailUp account block; CLIENT unless given")
    add("--folder", default=".", help="folder on the server in which the files arrive")
    add("--pattern", default="", help="glob of the files' names; the sample's, digits aside")
    add("--zone", default="Europe/Rome", help="time zone of the client")
    add("--language", choices=("en", "it"), default="en", help="language of the reject files")
    add(
        "--exports",
        default="unsubscribed,email-statistics",
        metavar="KINDS",
        help=f"exports to deploy, of {', '.join(EXPORTS)}; empty for none",
    )
    add("--column", action="append", default=[], metavar="NAME=TARGET", help=(
        "decide a column: email, mobile, prefix, list, group, status, field:NAME, "
        "field:NAME:%%d/%%m/%%Y for a date, or nothing to leave it out"))  # fmt: skip
    add("--status", action="append", default=[], metavar="VALUE=MEANING",
        help="what a cell of the status column means: subscribed or unsubscribed")  # fmt: skip
    add("--region", default="", help="country of numbers without prefix, such as IT")
    add("--encoding", default="auto", help="encoding of the files")
    add("--separator", default="auto", help="; , | or tab")
    add("--header", action=argparse.BooleanOptionalAction, help="whether line 1 names columns")
    add("--force", action="store_true", help="replace the client's file")
    return parser


def main(arguments: Sequence[str] | None = None, folder: Path = _FOLDER) -> int:
    """Write the file and say what is in it; 1 where there is none to write."""
    chosen = _arguments().parse_args(arguments)
    try:
        for line in _onboard(chosen, folder):
            say(line)
    except (ConfigurationError, FileHeld) as error:
        remedy = _REMEDIES.get(error.context.get("reason", ""), "")
        print(f"Nothing was written. {error}{remedy}", file=sys.stderr)
        return 1
    return 0


def _onboard(chosen: argparse.Namespace, folder: Path) -> Iterator[str]:
    target = folder / f"{chosen.client}.yaml"
    if target.exists() and not chosen.force:
        raise ConfigurationError(f"{target.name} is there already; replace it with --force.")
    if not chosen.sample.is_file():
        raise ConfigurationError(f"{chosen.sample} is no file; give a sample of the client's.")
    if chosen.sample.suffix.lower() in _ENCRYPTED:
        raise ConfigurationError(
            "The sample is encrypted. Decrypt it, give --pattern for the names of the encrypted "
            "files, and then set decryption_key in the file to the name of a gpg-key block."
        )
    with owned_folder(scratch_parent()) as scratch:
        sample = unpack(chosen.sample, scratch, Unpacking())
        proposal = propose(sample, _answers(chosen))
        wishes = _wishes(chosen)
        agreed = _agreed(agreement(wishes, proposal))
        _write(target, render(wishes, proposal, chosen.sample))
        yield from _told(proposal)
        yield from rehearse(
            sample, agreed, proposal, scratch / "rehearsal", datetime.now(UTC).date()
        )
    yield ""
    shown = target.relative_to(ROOT) if target.is_relative_to(ROOT) else target
    yield f"Written: {shown}. Look through it, then python -m deployments.check {shown}"


def _answers(chosen: argparse.Namespace) -> Answers:
    status = dict(_pair(text, "--status 1=subscribed") for text in chosen.status)
    for meaning in status.values():
        if meaning not in ("subscribed", "unsubscribed"):
            raise ConfigurationError(
                f"--status: {meaning!r} is no meaning; accepted are subscribed and unsubscribed."
            )
    return Answers(
        form=Given(chosen.encoding, chosen.separator, chosen.header),
        columns=dict(_decided(text) for text in chosen.column),
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


def _wishes(chosen: argparse.Namespace) -> Wishes:
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
        told = "; ".join(
            f"{'.'.join(map(str, steps))}: {sentence}"
            for steps, sentence in refusals(ImportAgreement, values)
        )
        raise ConfigurationError(told) from None


def _write(target: Path, text: str) -> None:
    """Write the file whole or not at all, and only one that has open questions at most."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".onboard-") as name:
        draft = Path(name) / target.name
        draft.write_text(text, encoding="utf-8")
        found = [each for each in check_files([draft]) if each.sentence != UNDECIDED_STATUS]
        if found:
            told = "; ".join(f"{each.where}: {each.sentence}" for each in found)
            raise ConfigurationError(told)
        draft.replace(target)


def _told(proposal: Proposal) -> Iterator[str]:
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


if __name__ == "__main__":
    sys.exit(main())
