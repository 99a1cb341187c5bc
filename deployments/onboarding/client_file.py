"""A proposal as the text of `deployments/<client>.yaml`, with how sure each part is beside it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tasks.records.onboarding.columns import EMPTY, ColumnProposal, percent
from tasks.records.onboarding.file_format import Setting
from tasks.records.onboarding.propose import Proposal


@dataclass(frozen=True)
class Wishes:
    """What a sample cannot say. `exports` are kinds such as "unsubscribed"; `list_id` may be 0.

    `member`: the file to take from a zip; empty for the only one. `table`: what files are if they
    are no CSV.
    """

    client: str
    server: str
    account: str
    list_id: int
    folder: str
    pattern: str
    zone: str
    language: str
    exports: tuple[str, ...]
    member: str = ""
    create_groups: bool = False
    table: dict[str, str] | None = None

    @property
    def source(self) -> dict[str, str]:
        """The source of the agreement."""
        return {"folder": self.folder, "pattern": self.pattern}


def pattern_for(name: str) -> str:
    """A glob for files called like the sample: what are digits there may be others."""
    return re.sub(r"[0-9]+(?:[-_.T]?[0-9]+)*", "*", re.sub(r"([\[\]?*])", "[\\1]", name))


def agreement(wishes: Wishes, proposal: Proposal) -> dict[str, Any]:
    """The import's agreement as plain values, defaults left out."""
    more: dict[str, Any] = {"unpacking": {"member": wishes.member}} if wishes.member else {}
    if wishes.create_groups:
        more["create_groups"] = True
    if wishes.table:
        more["table"] = wishes.table
    settings = _dialect_settings(wishes, proposal)
    dialect = {each.name: each.value for each in settings if each.name != "header"}
    if not proposal.form.dialect.header:
        dialect["header"] = False
    return {
        "client": wishes.client,
        "server": wishes.server,
        "account": wishes.account,
        "list_id": 0 if proposal.lists else wishes.list_id,
        "source": wishes.source,
        **more,
        "dialect": dialect,
        "mapping": proposal.settings(),
        **_consent(proposal),
        "results": {"folder": "results", "language": wishes.language},
    }


def _dialect_settings(wishes: Wishes, proposal: Proposal) -> list[Setting]:
    """The settings of the dialect; a workbook has no encoding, separator and quote."""
    unused = ("encoding", "separator", "quote") if wishes.table else ()
    return [each for each in proposal.form.settings if each.name not in unused]


def _consent(proposal: Proposal) -> dict[str, Any]:
    """The grounds for consent that are completely answered."""
    asked = {question.channel for question in proposal.questions}
    basis = {
        channel: answer.settings
        for channel, answer in proposal.consent.items()
        if channel not in asked and answer.ground != "none"
    }
    return {"consent": {"basis": basis}} if basis else {}


def render(wishes: Wishes, proposal: Proposal, sample: Path) -> str:
    """The whole file."""
    lines = [
        *_HEAD.format(client=wishes.client, sample=sample.name).splitlines(),
        *_export_anchor(wishes, proposal),
        "deployments:",
        *_entry(wishes, "check-connections", "Whether all that it needs is there.", "30 3 * * *"),
        f"      client: {_flow(wishes.client)}",
        "",
        *_entry(wishes, "import-recipients", "Contacts from the client's files.", "30 4 * * *"),
        "      agreement:",
        *_agreement_lines(wishes, proposal),
    ]
    for kind in wishes.exports:
        said = f"What MailUp has to tell: {kind.replace('-', ' ')}."
        lines += ["", *_entry(wishes, f"export-{kind}", said, "0 5 * * *")]
        lines += ["      agreement:", "        <<: *export"]
    return "\n".join(lines) + "\n"


_HEAD = """\
# yaml-language-server: $schema=client-file.schema.json
# {client}: proposed by `mailup-exchange onboard` from a sample, {sample}.
# A percentage says how sure a line is, and what that rests on. Columns behind a # are not used:
# each says what has to be decided first; to use one, take out the # before it. Schedules and
# exports are the usual ones: agree them.
name: mailup-file-exchange

pull:
  - prefect.deployments.steps.set_working_directory:
      directory: .

definitions:
  work_pool: &work_pool
    job_variables:
      working_dir: .

  once_at_a_time: &once_at_a_time
    limit: 1
    collision_strategy: ENQUEUE
"""


def _export_anchor(wishes: Wishes, proposal: Proposal) -> Iterator[str]:
    yield ""
    if not wishes.exports:
        return
    shared = {
        "client": wishes.client,
        "server": wishes.server,
        "account": wishes.account,
        "lists": list(proposal.lists) or [wishes.list_id],
        "folder": "exports" if wishes.folder in (".", "") else f"{wishes.folder}/exports",
        "format": {"zone": wishes.zone},
    }
    yield "  export: &export"
    yield from (f"    {name}: {_flow(value)}" for name, value in shared.items())
    yield ""


def _entry(wishes: Wishes, function: str, said: str, cron: str) -> Iterator[str]:
    module = function.replace("-", "_")
    what = function.removeprefix("export-").removesuffix("-recipients").removesuffix("-connections")
    tags = [f"client:{wishes.client}", f"function:{function}"]
    yield f"  - name: {_flow(wishes.client)}"
    yield f"    description: {_flow(said)}"
    yield f"    entrypoint: flows.{module}.{module}"
    yield "    work_pool: *work_pool"
    yield f"    tags: {_flow(tags)}"
    yield "    concurrency_limit: *once_at_a_time"
    yield "    schedules:"
    yield f"      - slug: {wishes.client}-{what}-daily"
    yield f"        cron: {_flow(cron)}"
    yield f"        timezone: {_flow(wishes.zone)}"
    yield "    parameters:"


def _agreement_lines(wishes: Wishes, proposal: Proposal) -> Iterator[str]:
    values = agreement(wishes, proposal)
    for name in ("client", "server", "account", "list_id"):
        if values[name]:
            yield f"        {name}: {_flow(values[name])}"
    yield f"        source: {_flow(values['source'])}"
    for name in ("unpacking", "create_groups", "table"):
        if name in values:
            yield f"        {name}: {_flow(values[name])}"
    yield "        dialect:"
    for setting in _dialect_settings(wishes, proposal):
        said = f"{percent(setting.confidence)}: {setting.why}"
        yield f"          {setting.name}: {_flow(setting.value)}  # {said}"
    yield "        mapping:"
    yield from _mapping_lines(proposal)
    yield from _consent_lines(values.get("consent", {}).get("basis", {}), proposal)
    yield f"        results: {_flow(values['results'])}"


def _mapping_lines(proposal: Proposal) -> Iterator[str]:
    settings = proposal.settings()
    alone = (
        f"  # {proposal.without_address} records have a number and no address: 'both' takes them"
    )
    yield f"          key: {settings['key']}{alone if proposal.without_address else ''}"
    if any(column.target == "mobile" for column in proposal.columns):
        mark = "" if "default_region" in settings else "# "
        yield f"          {mark}default_region: {_flow(proposal.region)}  # {proposal.region_why}"
    if "lists" in settings:
        lists = _flow(list(proposal.lists))
        yield f"          lists: {lists}  # those of the sample: are there more?"
    if proposal.blanks:
        found = ", ".join(f"{times} x {text}" for text, times in proposal.blanks.items())
        yield f"          blank_texts: {_flow(settings['blank_texts'])}  # in the sample: {found}"
    yield "          columns:"
    for column in proposal.columns:
        yield _column_line(column)


def _consent_lines(basis: dict[str, Any], proposal: Proposal) -> Iterator[str]:
    """The grounds for consent, and what is open about them."""
    if basis:
        yield "        consent:"
        yield "          basis:"
        yield from (f"            {channel}: {_flow(ground)}" for channel, ground in basis.items())
    for question in proposal.questions:
        if question.channel:
            text = " ".join(question.text.split())
            yield f"        # TO DECIDE, consent.basis.{question.channel}: {text}"


def _column_line(column: ColumnProposal) -> str:
    settings = {"column": column.column, **column.settings}
    if not column.settings:
        return f"            # left out: {_flow(column.column)}, {column.why}"
    said = f"{percent(column.confidence)}: {column.why}"
    if column.ask:
        said += f"; TO DECIDE: {column.ask}"
    elif not column.used:
        said += "; left out"
    return f"            {'' if column.used else '# '}- {_flow(settings)}  # {said}"


def _flow(value: Any) -> str:
    """A value on one line of YAML, quoted where it has to be."""
    text = yaml.safe_dump(
        value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10**6
    )
    return text.removesuffix("...\n").strip()


def left_out_line(proposal: Proposal) -> str:
    """One line about the columns that are not used; empty if there are none."""
    columns = proposal.left_out
    named = [each.column for each in columns if each.why != EMPTY]
    empty = len(columns) - len(named)
    parts = ([f"{empty} of them empty"] if empty else []) + ([", ".join(named)] if named else [])
    number = f"{len(columns)} column{'s' if len(columns) != 1 else ''} left out"
    return f"{number}: {'; '.join(parts)}" if columns else ""
