"""Trying a block before it is saved; findings are those of a check of connections."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from prefect.blocks.core import Block

from blocks.accounts import MailUpAccount
from blocks.keys import GpgKey
from blocks.ledgers import Ledger
from blocks.servers import Server
from tasks.checks.accounts import check_account
from tasks.checks.findings import Finding, Subject
from tasks.checks.ledgers import check_ledger
from tasks.checks.needs import AccountNeeds, ServerNeeds
from tasks.checks.reaching import Endpoint
from tasks.checks.servers import check_server
from tasks.connections.check_keys import check_decrypting
from tasks.runs.scratch import scratch_folder


def try_block(reference: str, block: Block) -> list[Finding]:
    """What is found when a block is used once; nothing for a kind that cannot be tried."""
    subject = Subject(reference)
    with scratch_folder() as scratch:
        looks = partial(_looks, subject, block, scratch)
        return list(subject.tried("use", "Correct the settings of the block.", looks))


def _looks(subject: Subject, block: Block, scratch: Path) -> Iterator[Finding]:
    if isinstance(block, Server):
        seconds, protocol = block.connect_timeout_seconds, block.protocol
        way = Endpoint(block.address, seconds, block.connect, protocol=protocol)
        yield from check_server(way, ServerNeeds(subject.name, (), ()), scratch)
    elif isinstance(block, MailUpAccount):
        needs = AccountNeeds(subject.name.partition("/")[2], (), (), ())
        with block.connect(patient=False) as client:
            yield from check_account(subject, client, needs, datetime.now(UTC))
    elif isinstance(block, GpgKey):
        yield from check_decrypting(subject, block, scratch)
    elif isinstance(block, Ledger):
        reading = partial(block.open, read_only=True)
        yield from check_ledger(subject, reading, block.open, block.open_storage)
