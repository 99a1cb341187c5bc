"""docs/histories.md: what the random histories of people and files have met."""

import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "histories.md"
_ABOUT = """# Random histories of people and files

Written by `make histories`. Four people subscribe, unsubscribe, bounce, complain and are asked to
confirm, and files of random rows are imported under random agreements, with and without a status
column, with and without a grant, also again and with every batch sent twice; through the real
reading, the real client and the sandbox's MailUp. After each file everybody's status is compared
with what the rules say: nobody is subscribed again without a grant that concerns them and lists
them, a row that unsubscribes wins unless the mapping lets the last row decide, and whoever is not
in the file stays as they were (`tests/core/records/test_consent_histories.py`, which plays fewer of
them).
"""


def write_page(met: Mapping[str, int]) -> None:
    """Write the page anew, with what was met and on which commit."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=10"]
    commit = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    rows = [f"| {what} | {times:,} |" for what, times in met.items()]
    told = f"No history broke a rule ({datetime.now(UTC):%Y-%m-%d}, commit {commit})."
    table = "\n".join(["| met | times |", "| --- | ---: |", *rows])
    PAGE.write_text(f"{_ABOUT}\n{told}\n\n{table}\n", encoding="utf-8")
