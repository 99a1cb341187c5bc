"""The container image, as far as it can be held without building it."""

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
COPIED = ("flows", "tasks", "blocks", "deployments")
ELSEWHERE = {Path("deployments/pools/generate.py")}
"""Programs of a maintainer, with packages of their own."""
LOCKS = [ROOT / f"requirements-{name}.lock" for name in ("run", "build")]
EXTRAS = sorted((ROOT / "deployments" / "extras").glob("*.lock"))


def pins(lock: Path) -> dict[str, list[str]]:
    """Version and hashes by package; environment markers are left aside."""
    found: dict[str, list[str]] = {}
    for entry in re.split(r"\n(?=\S)", lock.read_text(encoding="utf-8")):
        name, _, rest = entry.partition("==")
        version = re.split(r"[ ;\\]", rest, maxsplit=1)[0]
        found[name] = [version, *sorted(re.findall(r"--hash=\S+", rest))]
    return found


def imported(path: Path) -> set[str]:
    """Top-level names that a file imports anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found - set(COPIED) - set(sys.stdlib_module_names)


@pytest.mark.parametrize("lock", [*LOCKS, *EXTRAS], ids=lambda p: p.name)
def test_an_image_has_the_versions_that_were_tested(lock: Path) -> None:
    """What is in both locks is the same there, hash by hash, and every package has a hash."""
    tested, installed = pins(ROOT / "requirements.lock"), pins(lock)
    assert {name: tested.get(name, pin) for name, pin in installed.items()} == installed
    assert [name for name, pin in installed.items() if len(pin) < 2] == []
    assert "index-url" not in lock.read_text(encoding="utf-8")


def test_nothing_that_runs_needs_a_package_that_the_image_lacks() -> None:
    """Test tools and the sandbox's packages stay outside, and nothing that runs misses them."""
    owners = packages_distributions()
    installed = pins(ROOT / "requirements-run.lock")
    for folder in COPIED:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if path.relative_to(ROOT) in ELSEWHERE:
                continue
            for name in imported(path):
                packages = {re.sub(r"[-_.]+", "-", owner).lower() for owner in owners[name]}
                assert packages & set(installed), f"{path} imports {name}"


def test_the_image_is_built_from_an_allow_list_and_runs_as_nobody_special() -> None:
    """No file that happens to lie in the folder gets in, and no run is root."""
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in ignored if line and not line.startswith("#")]
    assert rules[0] == "*"
    kept = {line[1:] for line in rules if line.startswith("!")}
    locks = {"requirements-run.lock", "requirements-build.lock"}
    assert kept == {*COPIED, *locks, "prefect.yaml", "pyproject.toml", "README.md"}
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert "\nUSER 10001:10001\n" in dockerfile
    assert "--require-hashes" in dockerfile
    assert "ENTRYPOINT" not in dockerfile
    worker = r'^CMD \["sh", "-c", "mailup-exchange sweep --every 30 & exec prefect worker start '
    assert re.search(worker, dockerfile, re.MULTILINE)
