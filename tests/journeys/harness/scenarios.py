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

    def client(
        self, name: str, story: Story = ONE_FILE, *, disturbed: bool = False
    ) -> AbstractContextManager[Scene]:
        """A client with its servers, within the context."""
        name, api_url = f"{self.kind}-{story.slug}-{name}", str(get_current_settings().api.url)
        database, protocol = self.databases(self.kind, name), WAYS[self.kind]
        home = self.home / name
        return scene(home, name, api_url, database, protocol, story, disturbed=disturbed)
