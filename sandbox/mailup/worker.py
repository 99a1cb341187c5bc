"""Carries out imports in threads of its own; what it left unfinished it begins anew."""

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
# Parsed bodies are ten times larger than bodies; a long queue waits on disk.
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
        self._doomed: set[ImportKey] = set()
        self._ended: dict[int, float] = {}
        self._beside: dict[int, threading.Thread] = {}
        self._thread = threading.Thread(target=self._work, name="sandbox-imports", daemon=True)

    def start(self) -> None:
        """Begin with what is waiting in the store."""
        self._thread.start()

    def stop(self) -> None:
        """End after the transaction at hand."""
        self._leave.set()
        self._news.set()
        for thread in (self._thread, *self._beside.values()):
            thread.join(STOP_SECONDS)

    def forget(self) -> None:
        """Abandon the imports at work; the caller empties the store behind this."""
        self._round += 1
        self._parsed.clear()
        self._doomed.clear()
        self._ended.clear()
        self._news.set()

    def doom(self, key: ImportKey) -> None:
        """Let an import fail that is not committed yet."""
        self._doomed.add(key)

    def ended_before(self, import_id: int, seconds: float) -> bool:
        """Whether an import has ended that long ago; one of an earlier process has."""
        return time.monotonic() - self._ended.get(import_id, 0.0) >= seconds

    def hand_over(self, key: ImportKey, items: list[Any]) -> None:
        """Lend the parsed body of an import before it is committed: spares a second parsing."""
        if len(self._parsed) < KEPT_BODIES:
            self._parsed[key] = items

    def wake(self) -> None:
        """Say that an import was committed."""
        self._news.set()

    def _work(self) -> None:
        while not self._leave.is_set():
            row = self._next()
            if row is None:
                self._news.wait(LOOK_SECONDS)
                self._news.clear()
            elif self._settings.concurrent_imports == "allowed":
                thread = threading.Thread(target=self._one, args=(row,), daemon=True)
                self._beside[row["id"]] = thread
                thread.start()
            else:
                self._one(row)

    def _next(self) -> Any:
        """The import whose turn it is."""
        self._beside = {key: one for key, one in self._beside.items() if one.is_alive()}
        taken = ", ".join(map(str, self._beside))
        return self._store.row(
            f"SELECT * FROM import WHERE status IN (?, ?) AND id NOT IN ({taken}) "  # noqa: S608 - numbers
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
        """Let an import last as long as is set, which may change meanwhile."""
        start = time.monotonic()
        while (left := start + self._settings.import_seconds - time.monotonic()) > 0:
            if self._leave.wait(min(left, STEP_SECONDS)) or begun != self._round:
                return

    def _carry_out(self, row: Any) -> None:
        key = (row["id"], row["accepted"])
        try:
            if key in self._doomed:
                self._doomed.discard(key)
                self._fail(row)
            else:
                parsed = self._parsed.pop(key, None)
                self._absorb(row, parsed or orjson.loads(self._store.body(key)))
        except FileNotFoundError:
            return  # the store was emptied meanwhile
        except Exception:
            # The import fails, the account lives on; the trace is for whoever mends the sandbox.
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
        """Recipients, counters and the end of the import in one transaction."""
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
