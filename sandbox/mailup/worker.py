"""Carries out imports one after another, in a thread; what it left unfinished it begins anew."""

import json
import logging
import threading
import time
from typing import Any

import orjson

from sandbox.mailup.absorb import Target, absorb
from sandbox.mailup.clock import local_form, now, utc_form
from sandbox.mailup.rules import Flags
from sandbox.mailup.settings import Settings
from sandbox.mailup.staging import Counters
from sandbox.mailup.store import Store
from sandbox.mailup.timeline import present

NOT_STARTED, RUNNING, COMPLETED, FAILED = 1, 2, 3, 4
STOP_SECONDS = 30.0
LOOK_SECONDS = 1.0
# Parsed bodies are ten times larger than bodies; a long queue waits on disk.
KEPT_BODIES = 4

log = logging.getLogger(__name__)


class Worker:
    """One import at a time per account; each takes at least `import_seconds`."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._news = threading.Event()
        self._leave = threading.Event()
        self._parsed: dict[int, list[Any]] = {}
        self._thread = threading.Thread(target=self._work, name="sandbox-imports", daemon=True)

    def start(self) -> None:
        """Begin with what is waiting in the store."""
        self._thread.start()

    def stop(self) -> None:
        """End after the transaction at hand."""
        self._leave.set()
        self._news.set()
        self._thread.join(STOP_SECONDS)

    def hand_over(self, import_id: int, items: list[Any]) -> None:
        """Lend the parsed body of an import before it is committed: spares a second parsing."""
        if len(self._parsed) < KEPT_BODIES:
            self._parsed[import_id] = items

    def wake(self) -> None:
        """Say that an import was committed."""
        self._news.set()

    def _work(self) -> None:
        while not self._leave.is_set():
            row = self._store.row(
                "SELECT * FROM import WHERE status IN (?, ?) ORDER BY id LIMIT 1",
                (NOT_STARTED, RUNNING),
            )
            if row is None:
                self._news.wait(LOOK_SECONDS)
                self._news.clear()
                continue
            self._store.write(
                "UPDATE import SET status = ?, started = ? WHERE id = ?",
                (RUNNING, utc_form(now()), row["id"]),
            )
            self._take_time()
            if not self._leave.is_set():
                self._carry_out(row)

    def _take_time(self) -> None:
        """Let an import last as long as is set, which may change meanwhile."""
        begin = time.monotonic()
        while (left := begin + self._settings.import_seconds - time.monotonic()) > 0:
            if self._leave.wait(min(left, LOOK_SECONDS)):
                return

    def _carry_out(self, row: Any) -> None:
        items = self._parsed.pop(row["id"], None) or orjson.loads(self._store.body(row["id"]))
        try:
            self._absorb(row, items)
        except Exception:
            # The import fails, the account lives on; the trace is for whoever mends the sandbox.
            log.exception("import %s failed", row["id"])
            sql = "UPDATE import SET status = ?, ended = ? WHERE id = ?"
            self._store.write(sql, (FAILED, utc_form(now()), row["id"]))
        self._store.drop_body(row["id"])

    def _absorb(self, row: Any, items: list[Any]) -> None:
        """Recipients, counters and the end of the import in one transaction."""
        flags = Flags(**json.loads(row["flags"]))
        list_row = self._store.row("SELECT * FROM list WHERE id = ?", (row["list_id"],))
        prefix = list_row["default_prefix"] if list_row else ""
        moment = local_form(present(self._store), self._settings.zone)
        refused = frozenset(self._settings.refused)
        target = Target(row["list_id"], row["group_id"], prefix, moment, refused)
        with self._store.writing() as connection:
            counters = absorb(connection, items, target, flags)
            counters.New -= self._settings.uncounted
            counters.Total -= self._settings.uncounted
            connection.execute(
                "UPDATE import SET status = ?, ended = ?, counters = ? WHERE id = ?",
                (COMPLETED, utc_form(now()), json.dumps(vars(counters)), row["id"]),
            )
            if flags.confirm:
                connection.execute(
                    "INSERT INTO sending (import_id, list_id, state, date) VALUES (?, ?, ?, ?)",
                    (row["id"], row["list_id"], "prepared", utc_form(now())),
                )


def counters_of(row: Any) -> Counters:
    """The counters of an import's row; zeros until it is completed."""
    return Counters(**json.loads(row["counters"]))
