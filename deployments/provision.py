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
from deployments.checking.messages import unknown
from deployments.client_files import file_of
from deployments.prompts import terminal
from deployments.prompts.form import ask_fields
from deployments.trials import try_block
from tasks.checks.findings import findings_lines, to_fix
from tasks.checks.needs import account_needs, decryption_keys, encryptions, ledgers, server_needs
from tasks.connections.deployed_agreements import agreed, client_of_file

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
    """Ask for the fields of one block at the terminal until it works, or is wanted as it is."""
    kind, name = _kind(reference), reference.partition("/")[2]
    values = _stored(kind, name)
    there = "is there; Enter keeps what it has" if values else "is new; Enter takes what is shown"
    terminal.say(f"\n{reference} {there}, and a - alone empties a field.")
    while True:
        values = ask_fields(kind, values)
        try:
            if _is_wanted(reference, _build(reference, values)):
                return provision({reference: values})
        except ConfigurationError as error:
            terminal.say(f"\nNot saved yet. {error}")
        terminal.say("\nOnce more; Enter keeps your answers.")


def _is_wanted(reference: str, block: Block) -> bool:
    """Whether a block works, or is to be saved although it does not."""
    terminal.say(f"\nTrying {reference} ...")
    findings = try_block(reference, block)
    for line in findings_lines(findings):
        terminal.say(line)
    return not to_fix(findings) or terminal.confirm("\nSave it all the same?")


def _stored(kind: type[Block], name: str) -> dict[str, Any]:
    """The fields of a block that is there; nothing where there is none."""
    try:
        block = kind.load(name)
    except ValueError:  # missing, or of an older version: pydantic's error is one, too
        return {}
    return {field: getattr(block, field) for field in kind.model_fields}


def _build(reference: str, values: Mapping[str, Any]) -> Block:
    kind = _kind(reference)
    _require_known(reference, kind, values)
    try:
        return kind(**values)
    except ValidationError as error:
        # The error's own text shows the values, secrets included: show only where and what.
        wrong = "; ".join(_fault_sentence(fault) for fault in error.errors(include_input=False))
        raise ConfigurationError(f"{reference} cannot be saved: {wrong}.") from None


def _require_known(reference: str, kind: type[Block], values: Mapping[str, Any]) -> None:
    """Prefect drops fields that a block does not have, so that a slip would go unnoticed."""
    accepted = list(kind.model_fields)
    wrong = [f"{name}: {unknown(name, accepted)}" for name in values if name not in accepted]
    if wrong:
        raise ConfigurationError(f"{reference} cannot be saved: {' '.join(wrong)}")


def _fault_sentence(fault: ErrorDetails) -> str:
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
    try:
        yield from provision(_from_pipe(stream))
    except ConfigurationError as error:
        raise ConfigurationError(f"Nothing was saved. {error}") from None


def _asked_blocks(names: Sequence[str], stream: TextIO) -> Iterator[str]:
    if not stream.isatty():
        raise ConfigurationError(
            "To ask for a block, standard input has to be a terminal; in a pipe, name no block and "
            "write JSON to it."
        )
    wanted = [reference for name in names for reference in _references(name)]
    for reference in wanted:
        _kind(reference)
    for reference in dict.fromkeys(wanted):
        yield from ask_for(reference)


def _references(name: str) -> list[str]:
    """A block as it is named, or those of a client that are not there yet."""
    if "/" in name and not name.endswith((".yaml", ".yml")):
        return [name]
    needed = blocks_of(name)
    missing = [each for each in needed if not _stored(_kind(each), each.partition("/")[2])]
    for each in needed:
        if each not in missing:
            terminal.say(f"{each} is there; to change it: mailup-exchange provision {each}")
    return missing


def blocks_of(client: str) -> list[str]:
    """References of the blocks that a client's file names; ConfigurationError if it has faults."""
    file = str(file_of(client))
    known = agreed.fn(client_of_file(file), file)
    for finding in known.findings:
        raise ConfigurationError(f"{file}: {finding.text}. See `mailup-exchange check {client}`.")
    packings = encryptions(known.agreements)
    keys = [*decryption_keys(known.agreements), *(each.sign_with for each in packings)]
    named = [
        *(each.reference for each in server_needs(known.agreements)),
        *(f"mailup-account/{each.name}" for each in account_needs(known.agreements)),
        *(f"ledger/{name}" for name in ledgers(known.agreements)),
        *(f"gpg-key/{name}" for name in keys if name),
        *(f"gpg-recipient/{each.encrypt_for}" for each in packings),
    ]
    return list(dict.fromkeys(named))


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
