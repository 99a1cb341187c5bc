"""Create or change the blocks of a client, with no secret on a command line or in a file.

At a terminal, `python -m deployments.provision sftp-server/acme` asks for each field with its
description; secrets are not shown, and Enter keeps what is there. The SFTP server's host key is
fetched and shown for comparison with what its owner says.

In a pipe, `python -m deployments.provision < blocks.json` reads one JSON object from standard
input: let a secret manager write to it. Keys are references as they appear in deployments, values
are the block's fields:

    {"sftp-server/acme": {"host": "...", "username": "...", "password": "...", "host_key": "..."},
     "mailup-account/acme": {"client_id": "...", ...}, "ledger/default": {"url": "..."}}

Prints the names of what was saved, never a value.
"""

import argparse
import json
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from prefect.blocks.core import Block
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from blocks.accounts import MailUpAccount
from blocks.errors import ConfigurationError
from blocks.keys import GpgKey, GpgRecipient
from blocks.ledgers import Ledger
from blocks.servers import SERVERS
from deployments.prompts import terminal
from deployments.prompts.form import ask_fields

BLOCK_TYPES: dict[str, type[Block]] = {
    kind.get_block_type_slug(): kind
    for kind in (*SERVERS.values(), MailUpAccount, Ledger, GpgKey, GpgRecipient)
}


def provision(wanted: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Save every block of `wanted` and return their references; all are checked before any is."""
    blocks = {reference: _build(reference, values) for reference, values in wanted.items()}
    for reference, block in blocks.items():
        block.save(reference.partition("/")[2], overwrite=True)
        if isinstance(block, MailUpAccount):
            block.ensure_rate_limit()
    return sorted(blocks)


def ask_for(reference: str) -> list[str]:
    """Ask for the fields of one block at the terminal until they go together, and save it."""
    kind, name = _kind(reference), reference.partition("/")[2]
    values = _stored(kind, name)
    there = "is there; Enter keeps what it has" if values else "is new; Enter takes what is shown"
    terminal.say(f"{reference} {there}, and a - alone empties a field.")
    while True:
        values = ask_fields(kind, values)
        try:
            return provision({reference: values})
        except ConfigurationError as error:
            terminal.say(f"\nNot saved yet. {error} Once more, Enter keeps your answers:")


def _stored(kind: type[Block], name: str) -> dict[str, Any]:
    """The fields of a block that is there; nothing where there is none."""
    try:
        block = kind.load(name)
    except ValueError:  # missing, or of an older version: pydantic's error is one, too
        return {}
    return {field: getattr(block, field) for field in kind.model_fields}


def _build(reference: str, values: Mapping[str, Any]) -> Block:
    kind = _kind(reference)
    try:
        return kind(**values)
    except ValidationError as error:
        # The error's own text shows the values, secrets included: tell only where and what.
        wrong = "; ".join(_told(fault) for fault in error.errors(include_input=False))
        raise ConfigurationError(f"{reference} cannot be saved: {wrong}.") from None


def _told(fault: ErrorDetails) -> str:
    where = ".".join(map(str, fault["loc"])) or "block"
    return f"{where}: {fault['msg'].removeprefix('Value error, ').rstrip('.')}"


def _kind(reference: str) -> type[Block]:
    kind, _, name = reference.partition("/")
    if kind not in BLOCK_TYPES or not name:
        raise ConfigurationError(
            f"{reference!r} names no kind of block. Accepted are NAME after one of: "
            f"{', '.join(f'{known}/' for known in BLOCK_TYPES)}."
        )
    return BLOCK_TYPES[kind]


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask for the blocks that are named, or read standard input; 1 where something is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m deployments.provision",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("blocks", nargs="*", metavar="KIND/NAME", help="blocks to ask for")
    wanted = parser.parse_args(arguments).blocks
    # What it reports is told by our own errors.
    logging.getLogger("paramiko").addHandler(logging.NullHandler())
    try:
        for reference in _saved(wanted):
            print(f"saved {reference}")
    except (ConfigurationError, json.JSONDecodeError) as error:
        print(f"Nothing was saved. {error}", file=sys.stderr)
        return 1
    except (EOFError, KeyboardInterrupt):
        print("\nStopped; what was not said to be saved was not saved.", file=sys.stderr)
        return 130
    return 0


def _saved(wanted: Sequence[str]) -> Iterator[str]:
    """References of what was saved, one by one."""
    if not wanted:
        if sys.stdin.isatty():
            raise ConfigurationError(
                "Nothing comes from a pipe. Name the blocks to be asked for, such as "
                "sftp-server/acme, or let a secret manager write JSON to standard input."
            )
        yield from provision(json.load(sys.stdin))
        return
    if not sys.stdin.isatty():
        raise ConfigurationError(
            "To ask for a block, standard input has to be a terminal; in a pipe, name no block and "
            "write JSON to it."
        )
    for reference in wanted:
        _kind(reference)
    for reference in wanted:
        yield from ask_for(reference)


if __name__ == "__main__":
    sys.exit(main())
