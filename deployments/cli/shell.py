"""The shell around every command: what it prints, with which exit code it ends, and errors.

Commands return an Outcome. Errors become one message on standard error: what was not done, where,
what is accepted, what to do next.
"""

import functools
import inspect
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from blocks.errors import Defect, RetryableError, SyncError, is_full
from blocks.errors.shown import visible
from deployments.server import PrefectUnusable, api_trouble

TRACEBACK = "MAILUP_EXCHANGE_TRACEBACK"
"""Set to anything, it shows the traceback of an unexpected error; it may quote a client's data."""

_ROOT = Path(__file__).resolve().parents[2]


class ExitCode(IntEnum):
    """How a command ends, by kind of trouble; docs/commands.md lists them."""

    DONE = 0
    TO_FIX = 1
    USAGE = 2
    SETTING = 3
    PREFECT = 4
    UNAVAILABLE = 5
    DEFECT = 70
    INTERRUPTED = 130
    PIPE = 141


@dataclass(frozen=True)
class Outcome:
    """What a command found or did: data for --json, lines for people, and whether it is well.

    `data` may be a function that makes them, where lines come one by one.
    """

    data: Any = None
    lines: Iterable[str] = ()
    code: ExitCode = ExitCode.DONE


Json = Annotated[bool, typer.Option("--json", help="Print JSON.", rich_help_panel="Output")]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print errors only.", rich_help_panel="Output")
]


def command(
    app: typer.Typer, name: str, panel: str, *, undone: str = ""
) -> Callable[[Callable[..., Outcome]], Callable[..., None]]:
    """Register a function as a subcommand with --json and --quiet and the handling of errors.

    `panel` is its place in the help; `undone` begins the message of an error.
    """

    def register(function: Callable[..., Outcome]) -> Callable[..., None]:
        @functools.wraps(function)
        def shelled(as_json: bool = False, quiet: bool = False, **given: Any) -> None:
            # What is said on the way is for people; standard output then has the JSON alone.
            code = run(lambda: _made(function, given, as_json), undone, as_json, quiet)
            raise typer.Exit(code)

        shelled.__signature__ = _with_output(function)  # type: ignore[attr-defined]
        return app.command(name, rich_help_panel=panel)(shelled)

    return register


def run(
    function: Callable[[], Outcome], undone: str, as_json: bool = False, quiet: bool = False
) -> int:
    """Run a command and print its outcome, or what is wrong; its exit code."""
    try:
        outcome = function()
        _print(outcome, as_json, quiet)
        return outcome.code
    except BrokenPipeError:
        # Whoever reads has had enough, such as `head`; the rest goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.PIPE
    except (KeyboardInterrupt, EOFError, typer.Abort):
        print(f"\nStopped. {undone}", file=sys.stderr)
        return ExitCode.INTERRUPTED
    except typer.Exit:
        raise
    except Exception as error:
        if os.environ.get(TRACEBACK):
            traceback.print_exc()
        code, sentence = explained(error)
        print(visible(f"{undone} {sentence}".strip(), lines=True), file=sys.stderr)
        return code


def explained(error: Exception) -> tuple[ExitCode, str]:
    """The exit code of an error, and its message."""
    if isinstance(error, typer.BadParameter):
        return ExitCode.USAGE, error.message
    if isinstance(error, SyncError):
        return _kind(error), str(error)
    if is_full(error):
        return ExitCode.SETTING, "There is no room on the disk for what is written."
    if sentence := api_trouble(error):
        return ExitCode.PREFECT, sentence
    return ExitCode.DEFECT, (
        f"An unexpected error ({type(error).__name__}, {_place(error)}). Report it as a defect; "
        f"{TRACEBACK}=1 shows all of it, and may quote what is in a file."
    )


def _kind(error: SyncError) -> ExitCode:
    if isinstance(error, PrefectUnusable):
        return ExitCode.PREFECT
    if isinstance(error, RetryableError):
        return ExitCode.UNAVAILABLE
    return ExitCode.DEFECT if isinstance(error, Defect) else ExitCode.SETTING


def _place(error: Exception) -> str:
    """Where in this project an error came up."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [each for each in frames if Path(each.filename).is_relative_to(_ROOT)]
    last = (ours or frames)[-1]
    return f"{Path(last.filename).name}:{last.lineno}"


def _made(function: Callable[..., Outcome], given: Mapping[str, Any], as_json: bool) -> Outcome:
    if not as_json:
        return function(**given)
    with redirect_stdout(sys.stderr):
        return function(**given)


def _print(outcome: Outcome, as_json: bool, quiet: bool) -> None:
    if as_json:
        data = outcome.data() if callable(outcome.data) else outcome.data
        print(json.dumps(data, indent=2, ensure_ascii=False, default=str))
    elif not quiet:
        for line in outcome.lines:
            print(visible(line, lines=True))
    sys.stdout.flush()


def _with_output(function: Callable[..., Outcome]) -> inspect.Signature:
    """The signature of a command with the two options that every command has."""
    signature = inspect.signature(function)
    keyword = inspect.Parameter.KEYWORD_ONLY
    added = [
        inspect.Parameter("as_json", keyword, default=False, annotation=Json),
        inspect.Parameter("quiet", keyword, default=False, annotation=Quiet),
    ]
    own = [each.replace(kind=keyword) for each in signature.parameters.values()]
    return signature.replace(parameters=[*own, *added], return_annotation=None)
