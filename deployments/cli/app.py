"""`mailup-exchange`: one command for everything that an operator does beside Prefect's own."""

import platform
import tomllib
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import typer

from deployments.cli import clients, connecting, project, records
from deployments.client_files import ROOT

APP = typer.Typer(
    name="mailup-exchange",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"mailup-exchange {_version()}, Prefect {version('prefect')}, "
              f"Python {platform.python_version()}")  # fmt: skip
        raise typer.Exit


def _version() -> str:
    try:
        return version("mailup-file-exchange")
    except PackageNotFoundError:  # the folder is used without `make setup`
        project_file = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
        return str(tomllib.loads(project_file)["project"]["version"])


@APP.callback()
def commands(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print versions and exit."
        ),
    ] = False,
) -> None:
    """Exchange files between companies and MailUp: set clients up, deploy and operate them.

    PREFECT_API_URL is the API of your Prefect server, PREFECT_API_AUTH_STRING its user:password.
    Exit codes: 0 done, 1 something to fix was found, 2 usage, 3 a setting, file or block is wrong,
    4 Prefect's API cannot be used, 5 a server, MailUp or the ledger does not answer now,
    70 unexpected error, 130 interrupted.
    """


for add_commands in (
    clients.add_client_commands,
    connecting.add_connection_commands,
    records.add_ledger_commands,
    project.add_project_commands,
):
    add_commands(APP)


def main() -> None:
    """The console script."""
    APP()
