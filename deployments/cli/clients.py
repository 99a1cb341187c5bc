"""Commands about a client's file: onboard, check, deploy, status, remove.

What they call is loaded when they run: Prefect takes seconds, and help and completion need none.
"""

import inspect
from dataclasses import asdict
from typing import Annotated, Any

import typer

from deployments.cli.shell import ExitCode, Outcome, command
from deployments.client_files import client_names, file_of, prefect_files, shown
from deployments.onboarding.request import OnboardRequest
from deployments.server import require_server

Client = Annotated[
    str, typer.Argument(metavar="CLIENT", help="Short name.", autocompletion=client_names)
]
CLIENTS = "Clients"


def add_client_commands(app: typer.Typer) -> None:
    """Register the commands of this group."""
    command(app, "onboard", CLIENTS, undone="Nothing was written.")(_onboard)
    command(app, "check", CLIENTS)(_check)
    command(app, "deploy", CLIENTS, undone="Nothing was deployed.")(_deploy)
    command(app, "status", CLIENTS)(_status)
    command(app, "remove", CLIENTS, undone="Nothing was deleted.")(_remove)


def _onboard(**given: Any) -> Outcome:
    """Propose a client's file from a sample.

    Writes deployments/CLIENT.yaml, with a confidence beside each line. What is not sure is not
    used; where it matters it is a question, asked at the terminal, or answered with an option or in
    the file. Who agreed to be written to is always one: nobody is sent until it is answered. The
    sample is then imported with the agreement of the file that was written, into no account, and
    what would be rejected is counted. Names of columns, numbers of lines and the values of columns
    about consent are printed, no other cell (but with --show-words). No server is asked.
    """
    from deployments.onboard import onboard
    from deployments.onboarding.questions import telling_words

    if given["show_words"]:
        words = telling_words(OnboardRequest(**given))
        return Outcome({"words": words}, words)
    made = onboard(OnboardRequest(**given))
    client = given["client"]
    next_step = f"Written: {made.file}. Read it, then: mailup-exchange check {client}"
    return Outcome(asdict(made), (*made.lines, "", next_step))


_onboard.__signature__ = inspect.signature(OnboardRequest)  # type: ignore[attr-defined]


def _check(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[CLIENT|FILE]...", help="All files without it.", autocompletion=client_names
        ),
    ] = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema of these files, for editors.")
    ] = False,
) -> Outcome:
    """Check clients' files before they are deployed.

    Prints every fault with file, line, place and what to do. No server is asked.
    """
    from deployments.check import check_files
    from deployments.checking.schema import client_file_schema, schema_text

    if schema:
        return Outcome(client_file_schema(), [schema_text().rstrip("\n")])

    paths = [file_of(name) for name in names] if names else prefect_files()
    found = check_files(paths)
    files = f"{len(paths)} file{'s' if len(paths) > 1 else ''}"
    return Outcome(
        [asdict(each) for each in found],
        [str(each) for each in found] or [f"{files}, no faults."],
        ExitCode.TO_FIX if found else ExitCode.DONE,
    )


def _deploy(
    client: Client,
    start: Annotated[
        bool, typer.Option("--start", help="Start what is paused: schedules run from now on.")
    ] = False,
    untried: Annotated[
        bool, typer.Option("--untried", help="Start imports that have never run, too.")
    ] = False,
) -> Outcome:
    """Deploy a client's file with Prefect's own `prefect deploy`.

    The file is checked first. What is new to Prefect begins paused: make a dry run, look at its
    result, then start it with --start, which leaves imports paused of which no run has completed.
    What was deployed before stays paused or not, as it is.
    """
    from deployments.deploy import deploy, start_deployments

    address, path = require_server(), file_of(client)
    done = deploy(path)
    started, untried_imports = start_deployments(path, untried=untried) if start else ([], [])
    lines = [f"deployed {name}{' (paused)' if state else ''}" for name, state in done.items()]
    lines += [f"started {name}" for name in started]
    lines += [
        f"not started: {name}. No run of it has completed: make a dry run first, or add --untried"
        for name in untried_imports
    ]
    lines.append(f"Prefect: {address}")
    waiting = [name for name, paused in done.items() if paused and name not in started]
    if waiting:
        lines += _next_steps(client, waiting)
    data = {"api": address, "file": shown(path), "paused": waiting, "started": started}
    code = ExitCode.TO_FIX if untried_imports else ExitCode.DONE
    return Outcome({**data, "deployed": list(done)}, lines, code)


def _next_steps(client: str, waiting: list[str]) -> list[str]:
    """What an operator does with deployments that are paused."""
    first = next((name for name in waiting if name.startswith("import-recipients/")), "")
    dry_run = f"prefect deployment run '{first}' -p dry_run=true"
    return [
        "",
        "Paused deployments run by hand only.",
        *([f"See what would be sent:  {dry_run}"] if first else []),
        f"Then start schedules:    mailup-exchange deploy {client} --start",
    ]


def _status(
    client: Annotated[
        str | None, typer.Argument(help="Only this client.", autocompletion=client_names)
    ] = None,
) -> Outcome:
    """Show what is deployed for each client, and how it stands.

    One line per client and function: paused or not, the last run, the last file or delivery, and
    what is due next. Times are of this machine's time zone.
    """
    from deployments.status import overview, status_lines

    require_server()
    known = overview(client)
    return Outcome(asdict(known), status_lines(known))


def _remove(
    client: Client,
    blocks: Annotated[
        bool, typer.Option("--blocks", help="Also blocks that nothing else uses; never the ledger.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Delete what is shown.")] = False,
) -> Outcome:
    """Delete from Prefect what has left a client's file.

    Prefect keeps deployments and schedules that are no longer in the file, and continues to run
    them; all of them where the file is gone. Shows them; nothing is deleted without --yes.
    """
    from prefect.client.orchestration import get_client

    from deployments.remove import delete, surplus

    address = require_server()
    with get_client(sync_client=True) as api:
        found = surplus(client, api, prefect_files(), blocks=blocks)
        if yes:
            delete(found, api)
    lines = [f"{'deleted' if yes else 'left'}: {each.shown}" for each in found]
    if not found:
        lines.append(f"Prefect has nothing of {client} that is not in its file.")
    elif not yes:
        lines.append("Nothing was deleted; --yes deletes all of this.")
    shown_names = [each.shown for each in found]
    return Outcome(
        {"api": address, "found": shown_names, "deleted": yes}, [*lines, f"Prefect: {address}"]
    )
