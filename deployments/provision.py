"""Create or change the blocks of a client, with no secret on a command line or in a file."""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TextIO

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


def saved_blocks(names: Sequence[str], stream: TextIO) -> Iterator[str]:
    """Save the blocks that are named, asking for them, or those that a pipe brings; one by one.

    ConfigurationError where there is neither a terminal nor JSON.
    """
    # What paramiko reports is in our own errors.
    logging.getLogger("paramiko").addHandler(logging.NullHandler())
    if names:
        yield from _asked_blocks(names, stream)
        return
    if stream.isatty():
        raise ConfigurationError(
            "Nothing comes from a pipe. Name a client or blocks to be asked for, such as "
            "sftp-server/acme, or let a secret manager write JSON to standard input."
        )
    yield from provision(_from_pipe(stream))


def _asked_blocks(names: Sequence[str], stream: TextIO) -> Iterator[str]:
    if not stream.isatty():
        raise ConfigurationError(
            "To ask for a block, standard input has to be a terminal; in a pipe, name no block and "
            "write JSON to it."
        )
    for reference in names:
        _kind(reference)
    for reference in names:
        yield from ask_for(reference)


def _from_pipe(stream: TextIO) -> Mapping[str, Mapping[str, Any]]:
    """The object that standard input holds: fields by reference."""
    try:
        wanted = json.load(stream)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"Standard input is no JSON ({error.__class__.__name__}); accepted is one object: "
            '{"sftp-server/acme": {"host": "...", ...}, ...}.'
        ) from None
    if not isinstance(wanted, dict) or not all(isinstance(each, dict) for each in wanted.values()):
        raise ConfigurationError(
            "Standard input is no JSON object of objects; accepted are the fields of each block "
            'under its reference: {"sftp-server/acme": {"host": "...", ...}, ...}.'
        )
    return wanted
