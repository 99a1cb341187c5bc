"""The house as its imports stand."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORES = ["tasks.records", "tasks.reports", "tasks.checks", "tasks.watching", "blocks.errors",
         "blocks.transport", "blocks.mailup", "blocks.ledger"]  # fmt: skip
MAY_IMPORT = {
    "flows": {"flows", "tasks", "blocks"},
    "tasks": {"tasks", "blocks"},
    "blocks": {"blocks"},
    "sandbox": {"sandbox"},
    "deployments": {"deployments", "blocks", "flows", "tasks"},
}


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_imports_run_one_way(folder: str) -> None:
    """flows use tasks, tasks use blocks, never back; the sandbox stands alone."""
    ours = set(MAY_IMPORT)
    for path in modules(folder):
        used = {name.partition(".")[0] for name in imported(path)} & ours
        assert used <= MAY_IMPORT[folder], path


def test_a_core_never_imports_its_surface() -> None:
    """What needs no Prefect knows nothing of what does."""
    for core in CORES:
        for path in modules(core.replace(".", "/")):
            for name in imported(path):
                if name.partition(".")[0] in ("tasks", "blocks"):
                    assert name.startswith(tuple(CORES)), f"{path} imports {name}"


def test_flows_know_no_formats_and_no_protocols() -> None:
    """A flow says in which order; polars, requests and paramiko are for others."""
    for path in modules("flows"):
        used = {name.partition(".")[0] for name in imported(path)}
        assert not used & {"polars", "requests", "paramiko", "ftplib", "sqlalchemy"}, path


@pytest.mark.parametrize("core", CORES)
def test_every_core_module_works_without_prefect(core: str) -> None:
    """Importing a core, all of its modules, does not load Prefect."""
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in modules(core.replace(".", "/"))
    ]
    code = f"import sys, importlib; [importlib.import_module(n) for n in {names!r}]; "
    code += "sys.exit(any(name.partition('.')[0] == 'prefect' for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_no_function_is_longer_than_a_screen_and_no_file_than_400_lines() -> None:
    """The budget: functions of at most 50 lines without docstring, files of at most 400."""
    for folder in MAY_IMPORT:
        for path in modules(folder):
            text = path.read_text(encoding="utf-8")
            assert text.count("\n") <= 400, path
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    doc = node.body[0].end_lineno - node.body[0].lineno + 1 if (
                        ast.get_docstring(node)
                    ) else 0  # fmt: skip
                    assert node.end_lineno - node.lineno + 1 - doc <= 50, f"{path}: {node.name}"


def test_importing_a_flow_computes_nothing() -> None:
    """Runs are forked from processes that have imported it, and a fork has no threads of polars."""
    code = (
        "import os, flows.import_recipients; tasks = '/proc/self/task'; "
        "names = [open(f'{tasks}/{each}/comm').read().strip() for each in os.listdir(tasks)]; "
        "print(*names)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "polars-0" not in run.stdout.split()
