"""Commands about the project as a whole: automations, sweep, sandbox, demo."""

import importlib.util
import os
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from blocks.errors import ConfigurationError
from deployments.cli.shell import Outcome, command, run
from deployments.client_files import FOLDER
from deployments.server import require_server

PROJECT = "Project"
_MINUTE = 60
_PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def add_project_commands(app: typer.Typer) -> None:
    """Register the commands of this group."""
    command(app, "automations", PROJECT, undone="Nothing was changed.")(_automations)
    command(app, "sweep", PROJECT)(_sweep)
    for name, function in (("sandbox", _sandbox), ("demo", _demo)):
        app.command(name, context_settings=_PASSED_ON, rich_help_panel=PROJECT)(function)


def _automations(
    file: Annotated[
        Path, typer.Argument(help="File of automations.", show_default="the project's own")
    ] = FOLDER / "project" / "automations.yaml",
) -> Outcome:
    """Create or change the project's automations in Prefect: alerts, and the end of dead exports.

    The name is their identity: applying them again changes nothing, what left the file is removed,
    and all other automations stay as they are.
    """
    from deployments.automations import apply

    address = require_server()
    done = apply(file)
    return Outcome({"api": address, "done": done}, [*done, f"Prefect: {address}"])


def _sweep(
    every: Annotated[
        int | None,
        typer.Option(
            min=1, max=_MINUTE, metavar="MINUTES", help="Again and again, beside a worker."
        ),
    ] = None,
) -> Outcome:
    """Remove what killed runs have left on this machine: scratch folders, gpg's key rings.

    Each run and the watcher do the same; this is for a worker's start, and for a machine without
    runs.
    """
    from tasks.runs.scratch import sweep_machine

    number = sweep_machine()
    while every is not None:
        print(_swept(number), flush=True)
        time.sleep(every * _MINUTE)
        number = sweep_machine()
    return Outcome({"removed": number}, [_swept(number)])


def _swept(number: int) -> str:
    return f"Folders of killed runs removed: {number}"


def _sandbox(context: typer.Context) -> None:
    """Start the MailUp emulator and file servers, to try a client's set-up against.

    Files and ports stay the same from start to start. `mailup-exchange sandbox --help` lists the
    options.
    """
    _become("sandbox", context)


def _demo(context: typer.Context) -> None:
    """Play a client's day on the sandbox: an import, a campaign, exports. --keep leaves it running.

    It starts a Prefect server and a worker of its own, in the folder .demo.
    """
    _become("sandbox.demo", context)


def _become(module: str, context: typer.Context) -> None:
    """Replace this process by a module of the sandbox, which the product itself never loads."""
    raise typer.Exit(run(lambda: _replaced(module, context.args), "Nothing was started."))


def _replaced(module: str, arguments: list[str]) -> Outcome:
    if importlib.util.find_spec("sandbox") is None:
        raise ConfigurationError(
            "The sandbox is not installed here: it is part of the project's folder, and not of the "
            "image. Run this in a clone of the repository."
        )
    command_line = [sys.executable, "-m", module, *arguments]
    os.execv(sys.executable, command_line)  # noqa: S606  # no shell is wanted
