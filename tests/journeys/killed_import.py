"""A client whose import is killed again and again, and all that is to be seen afterwards."""

import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mortal import Death, Ending, Runner
from places import Place, Protocol, place

from tests.servers.databases import Database

SOONER_OR_LATER = re.compile(r"\d{8}T\d{6}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
"""Times in names and contents of what the client gets."""

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


@dataclass
class Scene:
    """A client with its server, its MailUp and its ledger, and a file that is due."""

    place: Place
    runner: Runner
    died: list[str] = field(default_factory=list)
    shown: set[tuple[str, ...]] = field(default_factory=set)
    """What the client could read when a run died."""

    def run(self) -> None:
        """Run the import to its end."""
        self.runner.run("import_recipients", self._parameters)

    def die(self, death: Death) -> None:
        """Run the import to its death, unless its end comes first."""
        if where := self.runner.kill("import_recipients", self._parameters, death):
            self.died.append(where)
            self.shown |= set(self.at_the_client())
            self.let_leases_expire()

    def disturb(self, instant: str, begin: Callable[[], None]) -> Ending | None:
        """Run the import; at the first instant with this label something begins."""
        return self.runner.disturb("import_recipients", self._parameters, instant, begin)

    def let_leases_expire(self) -> None:
        """Do not wait for what a run could not give back."""
        self.place.database.let_leases_expire()

    @property
    def _parameters(self) -> dict[str, Any]:
        agreement = {
            "client": "acme", "server": self.place.server, "account": self.place.name,
            "ledger": self.place.name,
            "list_id": 1, "group": "Nuovi clienti", "create_groups": True,
            "source": {"folder": "in", "settle_seconds": 0}, "dialect": {"separator": ";"},
            "mapping": {"columns": COLUMNS},
        }  # fmt: skip
        return {"agreement": agreement}

    def steps(self) -> list[str]:
        """The instants of the last run, in their order."""
        return self.runner.steps()

    def facts(self) -> Facts:
        """Everything that is to be seen at MailUp, on the client's server and in the ledger."""
        return Counter(
            [*self._at_mailup(), *self.at_the_client(hidden=True), *self._in_the_ledger()]
        )

    def _at_mailup(self) -> Iterator[tuple[str, ...]]:
        with closing(
            sqlite3.connect(self.place.home / "mailup" / "mailup.sqlite", timeout=60)
        ) as mailup:
            for kind, query in AT_MAILUP.items():
                for row in mailup.execute(query):
                    yield (kind, *map(str, row))

    def at_the_client(self, *, hidden: bool = False) -> Iterator[tuple[str, ...]]:
        """Name and content of each file on the client's server; of hidden ones on request."""
        files = self.place.home / "files"
        for path in files.rglob("*"):
            if path.is_file() and (hidden or not path.name.startswith(".")):
                name = SOONER_OR_LATER.sub("TIME", str(path.relative_to(files)))
                yield ("client's file", name, SOONER_OR_LATER.sub("TIME", path.read_text()))

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
    "import": "SELECT id, list_id, group_id, channel, flags, status, counters FROM import",
}
IN_THE_LEDGER = {
    "file": "SELECT name, size, sha256, state, reason, attempt, counts, waiting_run FROM files",
    "batch": """
        SELECT number, attempt, target, rows, sha256, state, import_id, counters FROM batches
    """,
    "step": "SELECT DISTINCT step FROM journal WHERE step NOT IN ('file_put_away')",
    "batch's step": "SELECT step FROM journal WHERE step LIKE 'batch_%'",
}


@contextmanager
def scene(
    home: Path, name: str, api_url: str, database: Database, protocol: Protocol,
    *, disturbed: bool = False,
) -> Iterator[Scene]:  # fmt: skip
    """Servers and blocks of a client called `name`, and its file in the folder."""
    (home / "files" / "in").mkdir(parents=True)
    content = HEADER + "".join(f"{row}\r\n" for row in ROWS)
    (home / "files" / "in" / "a.csv").write_text(content, encoding="utf-8", newline="")
    with place(home, name, protocol, database, disturbed=disturbed) as there:
        there.save_blocks()
        there.control("settings", {"refused": ["refused@example.it"]})
        yield Scene(there, Runner(api_url, home))
