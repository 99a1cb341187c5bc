"""Prefect's own standards for blocks, on every block of this project."""

import importlib
from types import ModuleType

import pytest
from prefect.blocks.core import Block
from prefect.testing.standard_test_suites import BlockStandardTestSuite
from pydantic import SecretStr

from deployments.provision import BLOCK_TYPES

pytestmark = pytest.mark.core

MODULES = [
    "blocks.ftp_servers",
    "blocks.sftp_servers",
    "blocks.local_folders",
    "blocks.accounts",
    "blocks.ledgers",
    "blocks.keys",
]


def blocks_of(module: ModuleType) -> list[type[Block]]:
    """The blocks that a module defines itself."""
    return [
        kind
        for kind in vars(module).values()
        if Block.is_block_class(kind) and kind.__module__ == module.__name__
    ]


BLOCKS = [kind for name in MODULES for kind in blocks_of(importlib.import_module(name))]


@pytest.mark.parametrize("block", BLOCKS, ids=lambda kind: kind.__name__)
class TestBlocks(BlockStandardTestSuite):
    """Described, documented, with an example."""

    @pytest.fixture
    def block(self, block: type[Block]) -> type[Block]:
        """The block under test."""
        return block

    def test_has_a_valid_image(self, block: type[Block]) -> None:
        """A block shows a picture served over https; it is not fetched: tests stay here."""
        assert str(block._logo_url).startswith("https://")

    def test_has_a_slug_and_a_name(self, block: type[Block]) -> None:
        """References in deployments use the slug, so that it is written down and never derived."""
        assert vars(block)["_block_type_slug"]
        assert vars(block)["_block_type_name"]

    def test_documents_every_field(self, block: type[Block]) -> None:
        """The docstring names every field under Attributes."""
        attributes = (block.__doc__ or "").partition("Attributes:")[2].partition("Example:")[0]
        for field in block.model_fields:
            assert f"\n        {field}: " in attributes, field

    def test_secrets_are_secret(self, block: type[Block]) -> None:
        """Whatever is called a password, a secret, a token or a private key is a SecretStr."""
        for name, field in block.model_fields.items():
            if name.endswith(("password", "secret", "token", "private_key", "passphrase")):
                assert field.annotation in (SecretStr, SecretStr | None), name


def test_every_block_can_be_provisioned() -> None:
    """What is not saved by hand in the UI is piped in: the two ways know the same blocks."""
    assert set(BLOCK_TYPES.values()) == set(BLOCKS)
    assert set(BLOCK_TYPES) >= {
        "ftp-server",
        "ftps-server",
        "sftp-server",
        "local-folder",
        "mailup-account",
        "ledger",
    }
