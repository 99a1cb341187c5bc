"""Clients whose imports are killed repeatedly, and all that can be observed afterwards."""

import json
import re
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from tests.grounds import with_basis
from tests.journeys.harness.child_run import STOPPED_LEASE_SECONDS
from tests.journeys.harness.kill_points import Stop
from tests.journeys.harness.run_process import Death, Ending, Runner
from tests.journeys.harness.sandboxes import Place, Protocol, place
from tests.servers.databases import Database

SOONER_OR_LATER = re.compile(r"\d{8}T\d{6}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
"""Times in names and contents of the client's files."""

Facts = Counter[tuple[str, ...]]
COLUMNS = [
    {"column": "email", "target": "email"},
    {"column": "nome", "target": "field", "field": "nome"},
    {"column": "cellulare", "target": "mobile"},
    {"column": "stato", "target": "status"},
]
HEADER = "email;nome;cellulare;stato\r\n"
GOOD = [f"p{number}@example.it;P{number};33312345{number:02};1" for number in range(32)]
ROWS = [
    *GOOD[:16], "carla@@example.it;C;;1", "p3@example.it;P3 once more;;1", *GOOD[16:],
    "dario;D;;1", "p5@example.it;P5;;0", "off@example.it;O;;0", "refused@example.it;R;;1",
    "p7@example.it;P7 once more;;1",
]  # fmt: skip


@dataclass(frozen=True)
class Story:
    """What is imported: the rows of each file, by client, and what was agreed.

    Files of `before` are imported by a run that nobody disturbs; those of `files` are due.
    """

    name: str
    files: Mapping[str, Sequence[str]]
    before: Mapping[str, Sequence[str]] = field(default_factory=dict)
    agreed: Mapping[str, Any] = field(default_factory=dict)

    @property
    def slug(self) -> str:
        """Its name, in characters that are allowed in block names."""
        return "".join(filter(str.isalpha, self.name))


def _people(letter: str, first: int = 0) -> list[str]:
    return [f"{letter}{n}@example.it;{letter.upper()}{n};;1" for n in range(first, 30)]


ONE_FILE = Story("one file", {"acme": ROWS})
PEOPLE_MISSING = Story(
    "delta, people missing",
    before={"acme": _people("m")},
    files={"acme": [*_people("m", 3)[:-1], "m29@example.it;New name;;1", "n@example.it;New;;1"]},
    agreed={
        "mode": "full",
        "delta": {"on": True, "missing": "unsubscribe", "max_missing_percent": 50},
    },
)
TWO_CLIENTS = Story("two clients of one list", {"acme": _people("a"), "bree": _people("b")})
OLD_VALUES = Story("old values, then new ones", {"acme": _people("o")})
NEW_VALUES = {"acme": [f"o{n}@example.it;New name {n};;1" for n in range(30)]}
STORIES = (ONE_FILE, PEOPLE_MISSING, TWO_CLIENTS)


@dataclass
class Scene:
    """Clients with server, MailUp and ledger, and the files to import."""

    place: Place
    runner: Runner
    story: Story
    died: list[str] = field(default_factory=list)
    shown: set[tuple[str, ...]] = field(default_factory=set)
    """What the client could read when a run was killed."""

    def prepare(self) -> None:
        """Import the earlier files, then add the files to import."""
        if self.story.before:
            self._drop("before.csv", self.story.before)
            self.run()
        self._drop("a.csv", self.story.files)

    def _drop(self, name: str, files: Mapping[str, Sequence[str]]) -> None:
        for client, rows in files.items():
            folder = self.place.home / "files" / client
            folder.mkdir(parents=True, exist_ok=True)
            content = HEADER + "".join(f"{row}\r\n" for row in rows)
            (folder / name).write_text(content, encoding="utf-8", newline="")

    def run(self) -> None:
        """Run the import of every client to its end."""
        for client in self.story.files:
            self.runner.run("import_recipients", self._parameters(client))

    def die(self, death: Death) -> None:
        """Run the import of every client until it is killed or completes."""
        for client in self.story.files:
            if where := self.runner.kill("import_recipients", self._parameters(client), death):
                self.died.append(where)
                self.shown |= set(self.at_the_client())
                self.let_leases_expire()

    def stop(self, number: int) -> BaseProcess:
        """Run the import until it is stopped at an instant and its leases have expired."""
        (client,) = self.story.files
        process = self.runner.stop("import_recipients", self._parameters(client), Stop(number))
        time.sleep(STOPPED_LEASE_SECONDS)
        return process

    def drop_newer(self, files: Mapping[str, Sequence[str]]) -> None:
        """Add a file that comes after the one to import."""
        self._drop("b.csv", files)

    def disturb(self, instant: str, begin: Callable[[], None]) -> Ending | None:
        """Run the import; an outage begins at the first instant with this label."""
        (client,) = self.story.files
        return self.runner.disturb("import_recipients", self._parameters(client), instant, begin)

    def let_leases_expire(self) -> None:
        """Release what a killed run still holds."""
        self.place.database.let_leases_expire()

    def _parameters(self, client: str) -> dict[str, Any]:
        agreement = {
            "client": client, "server": self.place.server, "account": self.place.name,
            "ledger": self.place.name,
            "list_id": 1, "group": "Nuovi clienti", "create_groups": True,
            "source": {"folder": client, "settle_seconds": 0}, "dialect": {"separator": ";"},
            "mapping": {"columns": COLUMNS}, **self.story.agreed,
        }  # fmt: skip
        return {"agreement": with_basis(agreement)}

    def steps(self) -> list[str]:
        """The instants of the last run, in their order."""
        return self.runner.steps()

    def facts(self) -> Facts:
        """The final state at MailUp, on the client's server and in the ledger."""
        return Counter(
            [
                *self._at_mailup(AT_MAILUP), *self.at_the_client(hidden=True),
                *self._in_the_ledger(),
            ]
        )  # fmt: skip

    def imports(self) -> int:
        """The number of imports at MailUp."""
        return len(list(self._at_mailup({"import": "SELECT id FROM import"})))

    def _at_mailup(self, queries: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
        with closing(
            sqlite3.connect(self.place.home / "mailup" / "mailup.sqlite", timeout=60)
        ) as mailup:
            for kind, query in queries.items():
                for row in mailup.execute(query):
                    yield (kind, *map(str, row))

    def at_the_client(self, *, hidden: bool = False) -> Iterator[tuple[str, ...]]:
        """Name and content of each file on the client's server; of hidden ones on request."""
        files = self.place.home / "files"
        for path in files.rglob("*"):
            moving = path.name.endswith(".being-put-away")
            if path.is_file() and (hidden or not (moving or path.name.startswith("."))):
                name = SOONER_OR_LATER.sub("TIME", str(path.relative_to(files)))
                content = _without_imports(name, path.read_text(encoding="utf-8"))
                yield ("client's file", name, SOONER_OR_LATER.sub("TIME", content))

    def _in_the_ledger(self) -> Iterator[tuple[str, ...]]:
        for kind, query in IN_THE_LEDGER.items():
            for row in self.place.database.rows(query):
                yield (kind, *map(str, row))


AT_MAILUP = {
    "person": """
        SELECT r.email, r.prefix, r.number, r.name, r.fields, s.list_id, s.channel, s.status,
            s.optout_type, (
                SELECT group_concat(m.group_id) FROM membership m WHERE m.recipient_id = r.id
            ) FROM recipient r JOIN subscription s ON s.recipient_id = r.id
    """,
    "group": "SELECT list_id, name FROM grp",
}
IN_THE_LEDGER = {
    "file": "SELECT name, size, sha256, state, reason, attempt, counts, waiting_run FROM files",
}


def _without_imports(name: str, content: str) -> str:
    """A file as the client got it; of a result without MailUp's imports, among which there may be
    one more."""
    if not name.endswith(".result.json"):
        return content
    result = json.loads(content)
    for key in ("imports", "extra_imports"):
        result.get("mailup", {}).pop(key, None)
    return json.dumps(result)


@contextmanager
def scene(
    home: Path, name: str, api_url: str, database: Database, protocol: Protocol,
    story: Story = ONE_FILE, *, disturbed: bool = False,
) -> Iterator[Scene]:  # fmt: skip
    """Servers and blocks for the clients of a story, all called `name`, and their files."""
    with place(home, name, protocol, database, disturbed=disturbed) as there:
        there.save_blocks()
        there.control("settings", {"refused": ["refused@example.it"]})
        made = Scene(there, Runner(api_url, home), story)
        made.prepare()
        yield made
