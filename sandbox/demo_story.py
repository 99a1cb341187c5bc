"""Steps of the demo: the client's file, its blocks, and the printed results."""

import asyncio
import csv
import json
from pathlib import Path
from typing import Any

import asyncssh
import requests

from sandbox.demo_parts import say
from sandbox.examples import write_contacts

FILE = "contacts-2026-11-23.csv"
SHOWN_REJECTS = 12
SHOWN_LINES = 4
EXPORTS = 2


def demo_blocks(sandbox: dict[str, Any], home: Path) -> dict[str, dict[str, Any]]:
    """The blocks of the demo client, as `mailup-exchange provision` reads them."""
    sftp, mailup = sandbox["sftp"], sandbox["mailup"]
    return {
        "sftp-server/demo": {
            name: sftp[name] for name in ("host", "port", "username", "password", "host_key")
        },
        "mailup-account/demo": {
            name: mailup[name]
            for name in (
                "client_id", "client_secret", "username", "password",
                "console_url", "statistics_url", "token_url",
            )
        },
        "ledger/default": {
            "url": f"sqlite:///{(home / 'ledger.db').resolve()}",
            "storage": str((home / "storage").resolve()),
        },
    }  # fmt: skip


def drop_file(sandbox: dict[str, Any], home: Path, *, rows: int) -> str:
    """Write the example file and upload it under a temporary name, then rename it."""
    local = home / FILE
    write_contacts(local, rows=rows)
    asyncio.run(_upload(sandbox["sftp"], local))
    return FILE


async def _upload(sftp: dict[str, Any], local: Path) -> None:
    host = f"[{sftp['host']}]:{sftp['port']} {sftp['host_key']}"
    async with (
        asyncssh.connect(
            sftp["host"],
            sftp["port"],
            username=sftp["username"],
            password=sftp["password"],
            known_hosts=asyncssh.import_known_hosts(host),
            config=None,
            client_keys=None,
        ) as connection,
        connection.start_sftp_client() as client,
    ):
        await client.put(str(local), f"outgoing/{local.name}.uploading")
        await client.posix_rename(f"outgoing/{local.name}.uploading", f"outgoing/{local.name}")


def print_result(sandbox: dict[str, Any], name: str, run_page: str) -> bool:
    """Print the import's result; returns whether the counts add up and equal the emulator's."""
    results = Path(sandbox["files"]) / "outgoing" / "results"
    document = results / f"{name}.result.json"
    if not document.exists():
        say(f"There is no result. See the run: {run_page}")
        return False
    result = json.loads(document.read_text(encoding="utf-8"))
    counts = result["counts"]
    _print_counts(name, counts, result["reasons"])
    _print_rejects(results / f"{name}.rejects.csv")
    return _print_check(sandbox, result)


def play_campaign(sandbox: dict[str, Any]) -> None:
    """Generate a day of traffic: one message, opens, clicks, bounces and unsubscriptions."""
    day = {"lists": [1], "sms_list": None, "recipients": 500, "late": 0.0, "seed": 7}
    answer = requests.post(f"{sandbox['page']}/_sandbox/play", json=day, timeout=120)
    answer.raise_for_status()
    events = ", ".join(f"{number} {kind}" for kind, number in answer.json()["events"].items())
    say(f"    {events}")


def print_exports(sandbox: dict[str, Any]) -> bool:
    """Print the first lines of each exported file; returns whether both exist and have rows."""
    files = sorted((Path(sandbox["files"]) / "outgoing" / "exports").glob("*.csv"))
    filled = 0
    for path in files:
        lines = path.read_text(encoding="utf-8").splitlines()
        filled += len(lines) > 1
        say(f"\n{path.name}: {len(lines) - 1} rows")
        for line in lines[:SHOWN_LINES]:
            say(f"  {line[:140]}")
    return filled == EXPORTS


def print_places(sandbox: dict[str, Any], runs: str, *, keep: bool) -> None:
    """Print where files and pages are."""
    say(f"\nOn the SFTP server: {sandbox['files']}/outgoing (imported/, results/, exports/)")
    say(f"MailUp emulator:    {sandbox['page']}")
    say(f"Prefect UI:         {runs}")
    if not keep:
        say("These pages end with the demo; `make demo KEEP=1` keeps them running.")


def _print_counts(name: str, counts: dict[str, int], reasons: list[dict[str, Any]]) -> None:
    say(f"\n{name}: {counts['records']} records")
    for outcome in ("submitted", "unchanged", "duplicate", "rejected", "blocked"):
        say(f"  {counts[outcome]:>6}  {outcome}")
    say("Why:")
    for reason in reasons:
        say(f"  {reason['records']:>6}  {reason['meaning']}")


def _print_rejects(path: Path) -> None:
    if not path.exists():
        return
    with path.open(encoding="cp1252", newline="") as handle:
        rows = list(csv.DictReader(handle, delimiter=";"))
    say(f"\nThe first of {len(rows)} rows in the reject file that the client gets back:")
    for row in rows[:SHOWN_REJECTS]:
        what = row["reject_column"] or "the line"
        say(f"  line {row['reject_line']:>5}  {what:<14} {row['reject_reason']}")


def _print_check(sandbox: dict[str, Any], result: dict[str, Any]) -> bool:
    """Print whether the counts add up, and whether they equal the emulator's log."""
    counts = result["counts"]
    outcomes = sum(number for outcome, number in counts.items() if outcome != "records")
    calls: list[dict[str, Any]] = requests.get(f"{sandbox['page']}/_sandbox/log", timeout=30).json()
    rows = sum(
        int(call.get("rows") or 0)
        for call in calls
        if call["method"] == "POST" and call["path"].endswith("/Recipients")
    )
    adds_up, arrived = bool(outcomes == counts["records"]), bool(rows == counts["submitted"])
    say(f"\n{'OK ' if adds_up else 'BAD'} {counts['records']} records = {outcomes} with an outcome")
    say(f"{'OK ' if arrived else 'BAD'} {counts['submitted']} submitted = {rows} in MailUp's log")
    return adds_up and arrived
