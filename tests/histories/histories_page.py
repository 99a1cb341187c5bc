"""docs/histories.md: how often random histories of people and files met each situation."""

import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "histories.md"
_ABOUT = """# Random histories of people and files

Written by `make histories`. Four people subscribe, unsubscribe, bounce, complain and are asked to
confirm, and files of random rows are imported under random agreements, with and without a status
column, with and without a grant, also again and with every batch sent twice. They are read and sent
by the product's own code, to the sandbox's MailUp. After each file the status of each person is
compared with the rules: nobody is subscribed again without a grant that covers and lists them, a
row that unsubscribes takes precedence unless the mapping lets the last row decide, and people who
are not in the file keep their status (`tests/histories/test_consent_histories.py` is a sample).
"""


def write_page(met: Mapping[str, int]) -> None:
    """Write the page, with the counts and the commit."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=10"]
    commit = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    rows = [f"| {what} | {times:,} |" for what, times in met.items()]
    result = f"No history broke a rule ({datetime.now(UTC):%Y-%m-%d}, commit {commit})."
    table = "\n".join(["| situation | times |", "| --- | ---: |", *rows])
    PAGE.write_text(f"{_ABOUT}\n{result}\n\n{table}\n", encoding="utf-8")
