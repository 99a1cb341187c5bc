"""The import rules: which part may import which."""

import ast
import subprocess
import sys
from collections import defaultdict
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAY_IMPORT = {
    "flows": {"flows", "tasks", "blocks"},
    "tasks": {"tasks", "blocks"},
    "blocks": {"blocks"},
    "sandbox": {"sandbox"},
    "deployments": {"deployments", "blocks", "flows", "tasks"},
}
PRODUCT = ("flows", "tasks", "blocks", "deployments")
SURFACES = ["imports", "exports", "connections", "monitoring", "gpg", "runs"]
CORES = ["records", "reports", "texts", "checks", "health", "agreements", "files"]
WITHOUT_PREFECT = [
    *(f"tasks.{core}" for core in CORES),
    *(f"blocks.{core}" for core in ("errors", "transport", "mailup", "ledger")),
]
FUNCTIONS = {"imports", "exports", "connections", "monitoring"}
# From the ground up: a part imports what lies below it, and nothing of its own level.
LEVELS = {
    "tasks.records": [
        ["frames", "counts", "source"],
        ["reading", "mapping", "batching"],
        ["validation", "results", "onboarding"],
        ["consent", "stages"],
        ["delta"],
        ["agreement"],
        ["open_file", "read_file", "archive", "job"],
    ],
    "blocks.mailup": [["http"], ["pages"], ["resources"], ["client"]],
}


@cache
def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def imported(path: Path) -> set[str]:
    """Names of modules as they are written; `from package import module` gives both."""
    found: set[str] = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            folder = ROOT / node.module.replace(".", "/")
            found |= {
                f"{node.module}.{alias.name}"
                for alias in node.names
                if (folder / f"{alias.name}.py").exists() or (folder / alias.name).is_dir()
            }
    return found


def parts_used(folder: str, package: str) -> dict[Path, set[str]]:
    """For each module of a folder, the parts of a package that it imports."""
    prefix = f"{package}."
    return {
        path: {
            name.removeprefix(prefix).partition(".")[0]
            for name in imported(path)
            if name.startswith(prefix)
        }
        for path in modules(folder)
    }


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_imports_run_one_way(folder: str) -> None:
    """flows use tasks, tasks use blocks, never back; the sandbox stands alone."""
    ours = set(MAY_IMPORT)
    for path in modules(folder):
        used = {name.partition(".")[0] for name in imported(path)} & ours
        assert used <= MAY_IMPORT[folder], path


def test_every_folder_of_tasks_is_surface_or_core() -> None:
    """No file lies directly in tasks/, and each folder has its place in the rules below."""
    files = [path.name for path in (ROOT / "tasks").glob("*.py")]
    folders = {path.parent.name for path in (ROOT / "tasks").glob("*/__init__.py")}
    assert files == ["__init__.py"] and (ROOT / "tasks/__init__.py").read_text() == ""
    assert folders == {*SURFACES, *CORES}


def test_a_core_never_imports_its_surface() -> None:
    """Code without Prefect imports none that needs it."""
    for core in WITHOUT_PREFECT:
        for path in modules(core.replace(".", "/")):
            for name in imported(path):
                if name.partition(".")[0] in ("tasks", "blocks"):
                    known = (
                        name == core or name.startswith(f"{core}.") for core in WITHOUT_PREFECT
                    )
                    assert any(known) or name in ("tasks", "blocks"), f"{path} imports {name}"


def test_functions_of_the_mission_do_not_know_each_other() -> None:
    """What two of imports, exports, connections and monitoring need is in runs, gpg or a core."""
    for own in FUNCTIONS:
        for path, used in parts_used(f"tasks/{own}", "tasks").items():
            assert not used & (FUNCTIONS - {own}), path


def test_machinery_knows_no_function_of_the_mission() -> None:
    """`runs` and `gpg` import no code of a single function."""
    for own in ("runs", "gpg"):
        for path, used in parts_used(f"tasks/{own}", "tasks").items():
            assert not used & FUNCTIONS, path


def test_only_texts_and_checks_know_records_and_reports() -> None:
    """Only `texts` and `checks` import both `records` and `reports`."""
    for core in set(CORES) - {"texts", "checks"}:
        for path, used in parts_used(f"tasks/{core}", "tasks").items():
            assert (
                len({*(used & {"records", "reports"}), *({core} & {"records", "reports"})}) < 2
            ), path


def test_what_all_share_imports_no_other_folder() -> None:
    """`agreements` and `files` are the base of tasks."""
    for core in ("agreements", "files"):
        for path, used in parts_used(f"tasks/{core}", "tasks").items():
            assert used <= {core}, path


@pytest.mark.parametrize("package", LEVELS)
def test_stages_import_downwards(package: str) -> None:
    """A stage imports lower modules, not other stages."""
    level = {part: number for number, parts in enumerate(LEVELS[package]) for part in parts}
    folder = package.replace(".", "/")
    for path, used in parts_used(folder, package).items():
        own = path.relative_to(ROOT / folder).parts[0].removesuffix(".py")
        if own != "__init__":
            assert own in level, f"{path} has no place in the rules"
            assert all(level[part] < level[own] for part in used - {own}), f"{path}: {used - {own}}"


def test_protocols_do_not_know_each_other() -> None:
    """FTP works without SFTP, and SFTP without FTP."""
    for own, other in (("ftp", "sftp"), ("sftp", "ftp")):
        for path, used in parts_used(f"blocks/transport/{own}", "blocks.transport").items():
            assert other not in used, path


def test_imports_form_no_circle() -> None:
    """There are no import cycles."""
    paths = {dotted(path): path for folder in MAY_IMPORT for path in modules(folder)}
    graph = {name: imported(path) & paths.keys() - {name} for name, path in paths.items()}
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as circle:
        pytest.fail(" imports ".join(reversed(circle.args[1])))


def test_a_public_name_means_one_thing() -> None:
    """No class, function or constant of one name is defined in two files of the product."""
    places = defaultdict(set)
    for folder in PRODUCT:
        for path in modules(folder):
            for name in defined(parsed(path)):
                if not name.startswith("_") and not called_through_its_module(path, name):
                    places[name].add(str(path.relative_to(ROOT)))
    # A command's `main`, a module's logger, and what alembic asks of each of its files.
    for usual in ("main", "logger", "upgrade", "revision", "down_revision"):
        places.pop(usual, None)
    assert {name: sorted(found) for name, found in places.items() if len(found) > 1} == {}


def called_through_its_module(path: Path, name: str) -> bool:
    """Functions of the ledger are: `archives.keep`, `snapshots.keep`; labels of kills hold that."""
    return "blocks/ledger" in path.as_posix() and name.islower()


def defined(tree: ast.Module) -> set[str]:
    found = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


def test_flows_know_no_formats_and_no_protocols() -> None:
    """A flow defines the order of steps; it does not import polars, requests or paramiko."""
    for path in modules("flows"):
        used = {name.partition(".")[0] for name in imported(path)}
        assert not used & {"polars", "requests", "paramiko", "ftplib", "sqlalchemy"}, path


def test_every_core_module_works_without_prefect() -> None:
    """Importing all modules of the cores does not load Prefect; one that does is named."""
    names = [dotted(path) for core in WITHOUT_PREFECT for path in modules(core.replace(".", "/"))]
    code = f"""
import importlib, sys
for name in {names!r}:
    importlib.import_module(name)
    if "prefect" in sys.modules:
        sys.exit(name + " loads Prefect")
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_no_function_is_longer_than_a_screen_and_no_file_than_400_lines() -> None:
    """Functions have at most 50 lines without docstring, files at most 400."""
    for folder in MAY_IMPORT:
        for path in modules(folder):
            assert path.read_text(encoding="utf-8").count("\n") <= 400, path
            for node in ast.walk(parsed(path)):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    doc = node.body[0].end_lineno - node.body[0].lineno + 1 if (
                        ast.get_docstring(node)
                    ) else 0  # fmt: skip
                    assert node.end_lineno - node.lineno + 1 - doc <= 50, f"{path}: {node.name}"
