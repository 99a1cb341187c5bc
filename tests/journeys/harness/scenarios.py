"""Clients whose runs are killed or disturbed, and the random seed."""

import os
import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from prefect.settings import get_current_settings

from tests.journeys.harness.killed_import import ONE_FILE, Scene, Story, scene
from tests.journeys.harness.kills_records import version
from tests.journeys.harness.sandboxes import Protocol
from tests.servers.databases import Database

ALL = os.environ.get("KILLS") == "all"
# All parts of one commit have to make the same choices.
SEED = os.environ.get("KILLS_SEED") or (version() if ALL else str(random.randrange(10**6)))
WAYS: dict[str, Protocol] = {"sqlite": "sftp", "postgresql": "ftps"}


@dataclass(frozen=True)
class Stage:
    """Creates clients, by name, with ledgers in one kind of database."""

    kind: str
    home: Path
    databases: Callable[[str, str], Database]

    def folder(self, name: str, story: Story = ONE_FILE) -> Path:
        """Where a client is; its last part is what the client's blocks are called."""
        return self.home / f"{self.kind}-{story.slug}-{name}"

    def client(
        self, name: str, story: Story = ONE_FILE, *, disturbed: bool = False
    ) -> AbstractContextManager[Scene]:
        """A client with its servers, within the context."""
        home, api_url = self.folder(name, story), str(get_current_settings().api.url)
        database, protocol = self.databases(self.kind, home.name), WAYS[self.kind]
        return scene(home, home.name, api_url, database, protocol, story, disturbed=disturbed)
