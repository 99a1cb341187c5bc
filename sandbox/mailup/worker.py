"""Carries out imports in its own threads; unfinished ones are restarted."""

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
from sandbox.mailup.store import ImportKey, Store
from sandbox.mailup.timeline import present

NOT_STARTED, RUNNING, COMPLETED, FAILED = 1, 2, 3, 4
STOP_SECONDS = 30.0
LOOK_SECONDS = 1.0
STEP_SECONDS = 0.05
# Parsed bodies are ten times larger than bodies; those of a long queue are read from disk.
KEPT_BODIES = 4

log = logging.getLogger(__name__)


class Worker:
    """One import at a time, unless the variant of concurrent ones allows more.

    Each takes at least `import_seconds`.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._news = threading.Event()
        self._leave = threading.Event()
        self._parsed: dict[ImportKey, list[Any]] = {}
        self._round = 0
        self._failing: set[ImportKey] = set()
        self._ended: dict[int, float] = {}
        self._parallel: dict[int, threading.Thread] = {}
        self._thread = threading.Thread(target=self._work, name="sandbox-imports", daemon=True)

    def start(self) -> None:
        """Start with the imports waiting in the store."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the current transaction."""
        self._leave.set()
        self._news.set()
        for thread in (self._thread, *self._parallel.values()):
            thread.join(STOP_SECONDS)

    def forget(self) -> None:
        """Drop all imports; the caller empties the store after this."""
        self._round += 1
        self._parsed.clear()
        self._failing.clear()
        self._ended.clear()
        self._news.set()

    def set_failing(self, key: ImportKey) -> None:
        """Let an import fail; called before it is committed."""
        self._failing.add(key)

    def ended_before(self, import_id: int, seconds: float) -> bool:
        """Whether an import ended at least `seconds` ago; true for earlier processes."""
        return time.monotonic() - self._ended.get(import_id, 0.0) >= seconds

    def prepare(self, key: ImportKey, items: list[Any]) -> None:
        """Keep the parsed body of an import, to avoid parsing it again."""
        if len(self._parsed) < KEPT_BODIES:
            self._parsed[key] = items

    def wake(self) -> None:
        """Signal that an import was committed."""
        self._news.set()

    def _work(self) -> None:
        while not self._leave.is_set():
            row = self._next()
            if row is None:
                self._news.wait(LOOK_SECONDS)
                self._news.clear()
            elif self._settings.concurrent_imports == "allowed":
                thread = threading.Thread(target=self._one, args=(row,), daemon=True)
                self._parallel[row["id"]] = thread
                thread.start()
            else:
                self._one(row)

    def _next(self) -> Any:
        """The next import to carry out."""
        self._parallel = {key: one for key, one in self._parallel.items() if one.is_alive()}
        running = ", ".join(map(str, self._parallel))
        return self._store.row(
            f"SELECT * FROM import WHERE status IN (?, ?) AND id NOT IN ({running}) "  # noqa: S608 - numbers
            "ORDER BY id LIMIT 1",
            (NOT_STARTED, RUNNING),
        )

    def _one(self, row: Any) -> None:
        begun = self._round
        self._store.write(
            "UPDATE import SET status = ?, started = ? WHERE id = ? AND accepted = ?",
            (RUNNING, utc_form(now()), row["id"], row["accepted"]),
        )
        self._take_time(begun)
        if not self._leave.is_set() and begun == self._round:
            self._carry_out(row)

    def _take_time(self, begun: int) -> None:
        """Wait for the duration of an import, which may be changed meanwhile."""
        start = time.monotonic()
        while (left := start + self._settings.import_seconds - time.monotonic()) > 0:
            if self._leave.wait(min(left, STEP_SECONDS)) or begun != self._round:
                return

    def _carry_out(self, row: Any) -> None:
        key = (row["id"], row["accepted"])
        try:
            if key in self._failing:
                self._failing.discard(key)
                self._fail(row)
            else:
                parsed = self._parsed.pop(key, None)
                self._absorb(row, parsed or orjson.loads(self._store.body(key)))
        except FileNotFoundError:
            return  # the store was emptied meanwhile
        except Exception:
            # Only this import fails; the trace shows the fault of the sandbox.
            log.exception("import %s failed", row["id"])
            self._fail(row)
        self._ended[row["id"]] = time.monotonic()
        self._store.drop_body(key)

    def _fail(self, row: Any) -> None:
        self._store.write(
            "UPDATE import SET status = ?, ended = ? WHERE id = ? AND accepted = ?",
            (FAILED, utc_form(now()), row["id"], row["accepted"]),
        )

    def _absorb(self, row: Any, items: list[Any]) -> None:
        """Write recipients, counters and the end of the import in one transaction."""
        flags = Flags(**json.loads(row["flags"]))
        list_row = self._store.row("SELECT * FROM list WHERE id = ?", (row["list_id"],))
        prefix = list_row["default_prefix"] if list_row else ""
        moment = local_form(present(self._store), self._settings.zone)
        target = Target(row["list_id"], row["group_id"], prefix, moment, self._settings)
        with self._store.writing() as connection:
            there = "SELECT 1 FROM import WHERE id = ? AND accepted = ?"
            if connection.execute(there, (row["id"], row["accepted"])).fetchone() is None:
                return  # the store was emptied meanwhile
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
