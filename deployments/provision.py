"""Create or change the blocks of a client: `python -m deployments.provision < blocks.json`.

Reads one JSON object from standard input, so that no secret is ever on a command line, in the
shell's history or in a file that has to be kept: let a secret manager write to the pipe. Keys are
references as they appear in deployments, values are the block's fields:

    {"sftp-server/acme": {"host": "...", "username": "...", "password": "...", "host_key": "..."},
     "mailup-account/acme": {"client_id": "...", ...}, "ledger/default": {"url": "..."}}

Prints the names of what was saved, never a value.
"""

import json
import sys
from collections.abc import Mapping
from typing import Any

from prefect.blocks.core import Block
from pydantic import ValidationError

from blocks.accounts import MailUpAccount
from blocks.errors import ConfigurationError
from blocks.keys import GpgKey, GpgRecipient
from blocks.ledgers import Ledger
from blocks.servers import FtpServer, FtpsServer, SftpServer

KINDS: dict[str, type[Block]] = {
    kind.get_block_type_slug(): kind
    for kind in (SftpServer, FtpsServer, FtpServer, MailUpAccount, Ledger, GpgKey, GpgRecipient)
}


def provision(wanted: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Save every block of `wanted` and return their references; all are checked before any is."""
    blocks = {reference: _build(reference, values) for reference, values in wanted.items()}
    for reference, block in blocks.items():
        block.save(reference.partition("/")[2], overwrite=True)
        if isinstance(block, MailUpAccount):
            block.ensure_rate_limit()
    return sorted(blocks)


def _build(reference: str, values: Mapping[str, Any]) -> Block:
    kind, _, name = reference.partition("/")
    if kind not in KINDS or not name:
        raise ConfigurationError(
            f"{reference!r} names no kind of block. Accepted are NAME after one of: "
            f"{', '.join(f'{known}/' for known in KINDS)}."
        )
    try:
        return KINDS[kind](**values)
    except ValidationError as error:
        # The error's own text shows the values, secrets included: tell only where and what.
        wrong = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'block'}: {fault['msg']}"
            for fault in error.errors(include_input=False, include_url=False)
        )
        raise ConfigurationError(f"{reference} cannot be saved: {wrong}.") from None


def main() -> int:
    """Read standard input, save the blocks, and say what was done; 1 where something is wrong."""
    try:
        saved = provision(json.load(sys.stdin))
    except (ConfigurationError, json.JSONDecodeError) as error:
        print(f"Nothing was saved. {error}", file=sys.stderr)
        return 1
    print("\n".join(f"saved {reference}" for reference in saved))
    return 0


if __name__ == "__main__":
    sys.exit(main())
