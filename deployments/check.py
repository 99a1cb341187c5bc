"""Check deployment files before they are deployed. Nothing is asked of any server."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from blocks.errors.shown import visible
from deployments.checking.messages import unknown
from deployments.checking.rules import client_of, deployment_faults, flow_of
from deployments.checking.yaml_lines import Fault, Located, PathStep, read
from deployments.client_files import SHARED, shown

_KEYS = ("name", "prefect-version", "definitions", "deployments", "build", "push", "pull")

_PLACEHOLDER = re.compile(r"\{\{[^{}]*\}\}")


@dataclass(frozen=True, order=True)
class Mistake:
    """One fault of a file: where, what is accepted, and what to do."""

    file: str
    line: int
    where: str
    sentence: str

    @property
    def lacks_ground(self) -> bool:
        """Whether the file is right but for saying on what ground people are written to."""
        return ".consent.basis." in self.where

    def __str__(self) -> str:
        return visible(f"{self.file}:{self.line}: {self.where}: {self.sentence}")


def check_files(paths: Sequence[Path]) -> list[Mistake]:
    """Every finding of these files, by file and line; one per place, however often it is used."""
    found: set[Mistake] = set()
    owners: dict[tuple[str, str], str] = {}
    for path in paths:
        found |= set(_file_findings(path, owners))
    return sorted(found)


def _file_findings(path: Path, owners: dict[tuple[str, str], str]) -> Iterator[Mistake]:
    name = shown(path)
    try:
        document = read(path)
    except (OSError, UnicodeDecodeError) as error:
        yield Mistake(name, 1, "file", f"cannot be read ({type(error).__name__}); give a file.")
        return
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        line = mark.line + 1 if mark else 1
        yield Mistake(
            name, line, "file", f"is no YAML: {problem}; correct this line, or that above."
        )
        return
    for line, key in document.repeated:
        yield Mistake(name, line, key, "is given twice; YAML keeps the last; take one out.")
    for steps, sentence in _faults(path, document, owners):
        where = _dotted(steps[2:] if steps[:1] == ("deployments",) and len(steps) > 2 else steps)
        yield Mistake(name, document.line(steps), where, sentence)


def _faults(path: Path, document: Located, owners: dict[tuple[str, str], str]) -> Iterator[Fault]:
    """Faults of the file as a whole, and of each deployment in it."""
    value = document.value
    entries = value.get("deployments") if isinstance(value, dict) else None
    if not isinstance(entries, list) or not entries:
        yield ("deployments",), "is missing or no list; accepted is a list of deployments; add it."
        return
    for key in value:
        if key not in _KEYS:
            yield (key,), unknown(str(key), _KEYS)
        # What is defined and not used does no harm; where it is used it is found.
        if key != "definitions":
            yield from _template_faults((key,), value[key])
    pull = value.get("pull")
    if not isinstance(pull, list) or not pull or not all(isinstance(s, dict) and s for s in pull):
        yield (
            ("pull",),
            "is missing, so that the folder of whoever deploys would be written down; accepted is "
            "set_working_directory with directory '.'; copy it from prefect.yaml.",
        )
    slugs: set[str] = set()
    for place, entry in enumerate(entries):
        here = ("deployments", place)
        if not isinstance(entry, dict):
            yield here, "is no mapping; accepted are deployments with name and entrypoint."
            continue
        for faults in (
            deployment_faults(entry),
            _slug_faults(entry, slugs),
            _owner_faults(path, entry, owners),
        ):
            yield from (((*here, *steps), sentence) for steps, sentence in faults)


def _template_faults(steps: tuple[PathStep, ...], value: Any) -> Iterator[Fault]:
    """References that Prefect resolves when it deploys: what a block holds would be written out."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "$ref":
                yield (*steps, key), _reference_refused("a $ref")
            yield from _template_faults((*steps, key), inner)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _template_faults((*steps, place), inner)
    elif isinstance(value, str):
        for found in _PLACEHOLDER.findall(value):
            if "prefect.blocks." in found:
                yield steps, _reference_refused(found)
            elif "parameters" in steps and "$" not in found and "prefect.variables." not in found:
                yield (
                    steps,
                    f"{found} is a placeholder that nothing fills, so that Prefect leaves the "
                    "parameter out; accepted is the value itself; write it.",
                )


def _reference_refused(what: str) -> str:
    return (
        f"{what} would write the block's password into the deployment, for everybody to read; "
        "accepted is the block's name as text, such as sftp-server/acme; write that."
    )


def _slug_faults(entry: Mapping[str, Any], slugs: set[str]) -> Iterator[Fault]:
    schedules = entry.get("schedules")
    for place, schedule in enumerate(schedules if isinstance(schedules, list) else ()):
        slug = schedule.get("slug") if isinstance(schedule, dict) else None
        if isinstance(slug, str) and slug in slugs:
            yield (
                ("schedules", place, "slug"),
                f"{slug!r} is the slug of another schedule, too; accepted is each slug once in a "
                "file; choose another one.",
            )
        if isinstance(slug, str):
            slugs.add(slug)


def _owner_faults(
    path: Path, entry: Mapping[str, Any], owners: dict[tuple[str, str], str]
) -> Iterator[Fault]:
    """A client is one file, and a function is there once: the later one would replace the other."""
    flow = flow_of(entry.get("entrypoint"))
    if isinstance(flow, str):
        return
    client = client_of(flow, entry)
    if client and path.name not in SHARED and path.stem != client:
        yield (
            ("name",),
            f"client {client!r} is in {path.name}; accepted is one file per client, called after "
            f"it; move the deployment to {client}.yaml, or correct the client.",
        )
    key = (flow.name, str(entry.get("name")))
    if key in owners:
        yield (
            ("name",),
            f"{'/'.join(key)} is in {owners[key]}, too, and would be replaced; accepted is each "
            "function once per client; take one out.",
        )
    owners.setdefault(key, path.name)


def _dotted(steps: Sequence[PathStep]) -> str:
    """Steps as people write them: parameters.agreement.mapping.columns[2].target."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return text.lstrip(".") or "file"
