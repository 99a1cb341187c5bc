"""Check the locked packages for known vulnerabilities: `.ci/audit.py .audit/bin/pip-audit`.

Exit code 1 if a vulnerability is fixed in another version and not accepted in
accepted-advisories.toml. Packages that could not be checked, as in an outage of the advisory
service, are reported as NOT CHECKED; that does not stop the build.
"""

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("requirements*.lock", "deployments/extras/*.lock")
ACCEPTED = ROOT / ".ci" / "accepted-advisories.toml"
SERVICES = ("pypi", "osv")
"""Asked in this order, until one of them has looked every package up."""
SECONDS, SOCKET_SECONDS = 600, 15
FIXED = {"--format": "json", "--progress-spinner": "off", "--timeout": str(SOCKET_SECONDS)}

Report = list[dict[str, Any]]


def ask(program: str, service: str) -> Report:
    """What a service says of each locked package; nothing where it cannot be reached."""
    locks = [path for pattern in LOCKS for path in sorted(ROOT.glob(pattern))]
    command = [program, "--vulnerability-service", service, "--no-deps", "--disable-pip"]
    command += [text for pair in FIXED.items() for text in pair]
    command += [text for path in locks for text in ("--requirement", str(path))]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        found: Report = json.loads(done.stdout)["dependencies"]
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError):
        return []
    return found


def unchecked(report: Report) -> list[str]:
    """Names of packages that the service did not look up."""
    return sorted({each["name"] for each in report if "vulns" not in each})


def fixable(
    report: Report, accepted: Sequence[Mapping[str, Any]], today: date
) -> Iterator[tuple[str, bool]]:
    """A line per vulnerability, and whether it has to be fixed now."""
    standing = {each["id"]: each for each in accepted if each["until"] >= today}
    for package in report:
        for found in package.get("vulns", ()):
            names = [found["id"], *found.get("aliases", ())]
            known = next((standing[name] for name in names if name in standing), None)
            fixes = ", ".join(found["fix_versions"]) or "no fixed version"
            line = f"{package['name']} {package['version']}: {found['id']} ({fixes})"
            if known:
                line += f", accepted until {known['until']}: {known['reason']}"
            yield line, known is None and bool(found["fix_versions"])


def main(arguments: Sequence[str]) -> int:
    """Print the findings, and prominently what was not checked; 1 if something can be fixed."""
    report: Report = []
    for service in SERVICES:
        answer = ask(arguments[0], service)
        if answer and (not report or len(unchecked(answer)) < len(unchecked(report))):
            report = answer
        if report and not unchecked(report):
            break
    accepted = tomllib.loads(ACCEPTED.read_text(encoding="utf-8")).get("accepted", [])
    lines = list(fixable(report, accepted, datetime.now(UTC).date()))
    for line, due in lines:
        print(f"{'TO FIX' if due else 'known'}: {line}")
    names = unchecked(report)
    if not report or names:
        what = f"{len(names)} of {len(report)} packages" if report else "The dependencies"
        print(f"""
********************************************************************************
  NOT CHECKED: {what} were not checked for known vulnerabilities,
  because the advisory services ({", ".join(SERVICES)}) could not be reached, or do
  not know them. Run `make audit` with access to one of them.
********************************************************************************""")
    else:
        print(f"{len(report)} packages checked, {len(lines)} advisories.")
    return 1 if any(due for _, due in lines) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
