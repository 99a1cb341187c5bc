"""Commands about what the ledger keeps: audit, archives, forget."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer

from deployments.cli.clients import Client
from deployments.cli.shell import ExitCode, Outcome, command
from deployments.client_files import client_names
from deployments.server import require_server

LEDGER = "Ledger"

ClientOrAll = Annotated[
    str | None,
    typer.Argument(help="Only this client; all without it.", autocompletion=client_names),
]
LedgerName = Annotated[str, typer.Option("--ledger", help="Name of the Ledger block.")]


def add_ledger_commands(app: typer.Typer) -> None:
    """Register the commands of this group."""
    command(app, "audit", LEDGER)(_audit)
    command(app, "archives", LEDGER)(_archives)
    command(app, "forget", LEDGER, undone="Nothing was changed.")(_forget)


def moment_of(text: str) -> datetime:
    """A moment as operators write it; BadParameter where it is none."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no moment; accepted is 2026-11-30, or 2026-11-30T08:00+01:00."
        ) from None


def _audit(
    client: ClientOrAll = None,
    ledger: LedgerName = "default",
    since: Annotated[
        datetime | None,
        typer.Option(
            parser=moment_of, metavar="DATE", help="From this moment on; UTC without an offset."
        ),
    ] = None,
) -> Outcome:
    """Write the ledger's audit as CSV: one line per step of every file and every export.

    Columns: when (UTC), client, stream, the file's number in the ledger and its name, step, detail
    as JSON, who decided, and the run. It holds nothing of what is in the files.
    """
    from blocks.ledgers import Ledger
    from blocks.loading import load
    from deployments.audit import AUDIT_COLUMNS, audit_rows, csv_line

    require_server()
    rows = audit_rows(load(Ledger, ledger), client, since)
    return Outcome(
        lambda: [
            {**dict(zip(AUDIT_COLUMNS, row, strict=True)), "detail": json.loads(row[6])}
            for row in rows
            if row != AUDIT_COLUMNS
        ],
        _each_line(map(csv_line, rows)),
    )


def _each_line(lines: Iterator[str]) -> Iterator[str]:
    """Lines as they are read, so that a long audit needs no memory."""
    yield from lines


def _archives(
    client: ClientOrAll = None,
    ledger: LedgerName = "default",
    expired: Annotated[
        bool, typer.Option("--expired", help="Delete what has been kept long enough.")
    ] = False,
) -> Outcome:
    """List the files that are kept for a replay.

    One line per file: its number in the ledger (what the parameter `replay` of the import takes),
    client, name, when it was archived and until when it is kept (UTC), whether it is encrypted.
    A client's own runs delete what has expired; --expired is for clients that have no runs.
    """
    from blocks.ledgers import Ledger
    from blocks.loading import load
    from deployments.archives import archive_line, expire, kept_archives

    require_server()
    block = load(Ledger, ledger)
    if expired:
        number = expire(block, client)
        return Outcome({"deleted": number}, [f"Archived files deleted: {number}"])
    kept = kept_archives(block, client)
    lines = [archive_line(each) for each in kept] or ["Nothing is kept for a replay."]
    return Outcome([asdict(each) for each in kept], lines)


def _forget(
    client: Client,
    file: Annotated[
        str, typer.Option(help="A Prefect file, where the client is not deployed.")
    ] = "",
) -> Outcome:
    """Remove a person from what is kept of a client.

    The address or mobile number is asked for, not shown (or read from standard input; it is no
    argument, which others on this machine could read). Removed is every record in which it occurs
    from archived files and from the lists in the results folder; requests that are kept to
    be sent once more are deleted. Not changed are the client's own files, what was delivered to
    it, backups, and MailUp itself.
    """
    from deployments.forget import forget, import_agreements
    from deployments.prompts import terminal
    from tasks.records.archive.erase import Person

    require_server()
    agreements = import_agreements(client, file)
    asked = "E-mail address or mobile number (+39 ...), not shown: "
    typed = terminal.secret(asked) if sys.stdin.isatty() else sys.stdin.readline()
    report = forget(client, Person.of(typed), agreements)
    return Outcome(
        asdict(report), report.lines, ExitCode.TO_FIX if report.failed else ExitCode.DONE
    )
