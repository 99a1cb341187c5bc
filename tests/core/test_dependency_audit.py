"""What the audit of dependencies says of what was looked up, and of what was not."""

import json
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
GOOD = {"name": "idna", "version": "3.10", "vulns": []}
SKIPPED = {"name": "polars", "skip_reason": "Dependency not found on PyPI"}


def vulnerable(*fixes: str) -> dict[str, Any]:
    found = {"id": "PYSEC-1", "aliases": ["GHSA-1"], "fix_versions": fixes}
    return {"name": "requests", "version": "2.19", "vulns": [found]}


@pytest.fixture
def audit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Exit code and text, where pip-audit says this of packages; nothing: it reaches nobody."""

    def run(*packages: dict[str, Any], accepted: str = "") -> tuple[int, str]:
        (tmp_path / "accepted.toml").write_text(accepted)
        (tmp_path / "answer").write_text(json.dumps({"dependencies": packages}))
        program = tmp_path / "pip-audit"
        ending = f"cat {tmp_path}/answer" if packages else "echo 'no connection' >&2; exit 1"
        program.write_text(f"#!/bin/sh\n{ending}\n")
        program.chmod(0o755)
        module = runpy.run_path(str(ROOT / ".ci/audit.py"))
        module["main"].__globals__["ACCEPTED"] = tmp_path / "accepted.toml"
        return module["main"]([str(program)]), capsys.readouterr().out

    return run


def test_what_was_not_looked_up_is_never_called_good(audit: Any) -> None:
    """An outage, or a package that the service does not know, stops no build and is reported."""
    for packages in ((), (GOOD, SKIPPED)):
        code, reported = audit(*packages)
        assert code == 0
        assert "NOT CHECKED" in reported
        assert "packages checked" not in reported
    assert "1 of 2 packages" in reported


def test_a_vulnerability_that_can_be_mended_fails(audit: Any) -> None:
    """Also beside packages that were not looked up; one without a fix is reported alone."""
    assert audit(GOOD, vulnerable("2.20")) == (
        1, "TO FIX: requests 2.19: PYSEC-1 (2.20)\n2 packages checked, 1 advisories.\n",
    )  # fmt: skip
    assert audit(SKIPPED, vulnerable("2.20"))[0] == 1
    code, reported = audit(vulnerable())
    assert (code, "no fixed version" in reported) == (0, True)
    assert audit(GOOD) == (0, "1 packages checked, 0 advisories.\n")


def test_an_accepted_one_passes_until_its_day(audit: Any) -> None:
    """By any of its names, with the reason; after its day it fails again."""
    line = '[[accepted]]\nid = "GHSA-1"\nreason = "never called"\nuntil = {}-01-31\n'
    code, reported = audit(vulnerable("2.20"), accepted=line.format(2999))
    assert code == 0
    assert "accepted until 2999-01-31: never called" in reported
    assert audit(vulnerable("2.20"), accepted=line.format(2020))[0] == 1


def test_every_lock_is_audited() -> None:
    """A new lock file of what we install is looked through as well."""
    module = runpy.run_path(str(ROOT / ".ci/audit.py"))
    audited = {path for pattern in module["LOCKS"] for path in ROOT.glob(pattern)}
    installed = {*ROOT.glob("*.lock"), *ROOT.glob("deployments/**/*.lock")}
    assert audited == installed
