"""Commands about what a client needs: provision, connections, first-contact."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.cli.clients import Client
from deployments.cli.shell import ExitCode, Outcome, command
from deployments.client_files import client_names
from deployments.server import require_server

if TYPE_CHECKING:
    from deployments.first_contact import Contact

CONNECTIONS = "Blocks and connections"


def add_connection_commands(app: typer.Typer) -> None:
    """Register the commands of this group."""
    command(app, "provision", CONNECTIONS)(_provision)
    command(app, "connections", CONNECTIONS)(_connections)
    command(app, "first-contact", CONNECTIONS, undone="Nothing was asked.")(_first_contact)


def _provision(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[CLIENT|KIND/NAME]...",
            help="A client, whose missing blocks are asked for, or blocks such as "
            "sftp-server/acme; nothing where JSON comes from a pipe.",
            autocompletion=client_names,
        ),
    ] = None,
) -> Outcome:
    """Create or change blocks: servers, MailUp account, ledger, keys.

    At a terminal each field is asked for; secrets are not shown, and Enter keeps what is there. An
    SFTP server's host key is fetched, to be compared with what its owner says.

    In a pipe one JSON object is read from standard input, so that a secret manager can write to
    it. Keys are references, values the fields of the block:
    {"sftp-server/acme": {"host": "...", "username": "...", "password": "...", "host_key": "..."},
    "mailup-account/acme": {"client_id": "...", "client_secret": "...", "username": "...",
    "password": "..."}, "ledger/default": {"url": "..."}}. Names are printed, never a value.
    """
    from deployments.provision import saved_blocks

    address = require_server()
    saved = []
    for reference in saved_blocks(names or [], sys.stdin):
        # At once, so that it is known what was saved when the rest is not.
        print(f"saved {reference}", flush=True)
        saved.append(reference)
    return Outcome({"api": address, "saved": saved}, [f"Prefect: {address}"])


def _connections(
    client: Client,
    deployed: Annotated[
        bool, typer.Option("--deployed", help="What is deployed, instead of the client's file.")
    ] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Also how MailUp's API answers where it is undocumented.")
    ] = False,
) -> Outcome:
    """Check everything that a client needs, and say what to fix.

    Opens the servers, MailUp, the ledger and the keys that the client's file names, from this
    machine. Nothing is changed but a probe file, which is removed. Ends with 1 where something is
    to fix.
    """
    from deployments.connections import check_client, client_lines, finding_data

    require_server()
    checked = check_client(client, deployed=deployed)
    return Outcome(
        finding_data(checked),
        client_lines(checked, everything=everything),
        ExitCode.DONE if checked.is_well else ExitCode.TO_FIX,
    )


def _first_contact(
    account: Annotated[
        str,
        typer.Argument(
            metavar="CLIENT|mailup-account/NAME",
            help="A client with a file, or the block of an account.",
            autocompletion=client_names,
        ),
    ],
    list_id: Annotated[int, typer.Option("--list", help="An empty list made for this.")] = 0,
    domain: Annotated[str, typer.Option(help="Your own domain, of which all addresses are.")] = "",
    addresses: Annotated[
        Path | None, typer.Option(help="File with up to ten addresses, one on each line.")
    ] = None,
    zone: Annotated[
        str, typer.Option(help="Time zone in which MailUp writes dates.")
    ] = "Europe/Rome",
    folder: Annotated[Path, typer.Option(help="Where the report is written.")] = Path(),
) -> Outcome:
    """Try a MailUp account that is new.

    Without options MailUp is asked whatever reading can tell, and nothing is changed. With --list,
    --domain and --addresses, up to ten addresses of your own domain are then imported into an
    empty list made for it, once its name is typed, and exported again. Writes a report without
    personal data that can be sent on. See docs/first-contact.md.
    """
    from deployments.first_contact import contact_with, trial_of

    require_server()
    return tried(contact_with(account, folder, zone, trial_of(list_id, domain, addresses)))


def tried(contact: "Contact") -> Outcome:
    """Make a first contact, and write its report."""
    well = contact.make_or_stop()
    paths = [str(path) for path in contact.report()]
    return Outcome(
        {"well": well, "reports": paths},
        [f"Report without personal data: {path}" for path in paths],
        ExitCode.DONE if well else ExitCode.TO_FIX,
    )
