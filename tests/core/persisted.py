"""Names that outlive a run: what is stored, what deployments and automations refer to.

`python -m tests.core.persisted` writes them into the file that the test compares with; names that
are new may be added like that, and none may go.
"""

import ast
import importlib
import inspect
import json
import pkgutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from prefect import Flow, Task
from pydantic import BaseModel

import flows
import tasks
from blocks.accounts import MailUpAccount
from blocks.keys import GpgKey
from blocks.ledger.tables import metadata
from blocks.ledgers import Ledger
from blocks.servers import SERVERS
from tasks.monitoring import notifications
from tasks.records.agreement import ImportAgreement
from tasks.records.results.reasons import REASONS
from tasks.reports.agreement import ExportAgreement

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "tests/cases/persisted.json"
Names = dict[str, list[str]]


@cache
def persisted() -> Names:
    """Every name that is persisted, by where it is."""
    blocks = [*SERVERS.values(), MailUpAccount, Ledger, GpgKey]
    return {
        "block slugs and fields": sorted(
            f"{kind.get_block_type_slug()}: {field}"
            for kind in blocks
            for field in kind.model_fields
        ),
        "tables and columns": sorted(
            f"{table.name}: {column.name}" for table in metadata.sorted_tables for column in table.c
        ),
        "flows and their parameters": sorted(_flows()),
        "tasks in the UI": sorted({each.name for each in _found(tasks, Task)}),
        "reason codes": sorted(REASONS),
        "events": sorted(
            value
            for name, value in vars(notifications).items()
            if name.isupper() and isinstance(value, str) and value.startswith("mailup.")
        ),
        "artifact keys": sorted(_artifact_keys()),
        "agreement of imports": sorted(set(_keys(ImportAgreement))),
        "agreement of exports": sorted(set(_keys(ExportAgreement))),
    }


def _flows() -> Iterator[str]:
    for each in _found(flows, Flow):
        for parameter in inspect.signature(each.fn).parameters:
            yield f"{each.name}: {parameter}"


def _found(package: ModuleType, kind: type[Any]) -> list[Any]:
    walked = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    modules = [importlib.import_module(info.name) for info in walked]
    values = (value for module in modules for value in vars(module).values())
    return [value for value in values if isinstance(value, kind)]


def _artifact_keys() -> Iterator[str]:
    """The keys as they are written in the code, with what is filled in."""
    for path in sorted((ROOT / "tasks").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("_artifact"):
                yield from (ast.unparse(each.value) for each in node.keywords if each.arg == "key")


def _keys(model: type[BaseModel]) -> Iterator[str]:
    """Each key of an agreement, down to the last, with its default."""
    schema = model.model_json_schema()

    def walk(part: dict[str, Any], path: str) -> Iterator[str]:
        if "$ref" in part:
            part = schema["$defs"][part["$ref"].rpartition("/")[2]]
        for name, each in part.get("properties", {}).items():
            default = json.dumps(each["default"], sort_keys=True) if "default" in each else "needed"
            yield f"{path}{name}: {default}"
            yield from walk(each, f"{path}{name}.")
        inner = [part["items"]] if "items" in part else []
        several = [each for key in ("anyOf", "allOf", "oneOf") for each in part.get(key, ())]
        for each in [*several, *inner]:
            yield from walk(each, path)

    return walk(schema, "")


if __name__ == "__main__":
    FILE.write_text(json.dumps(persisted(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
