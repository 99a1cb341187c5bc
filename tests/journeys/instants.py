"""In a run's own process: every instant at which it could die is counted, and it dies at one, or
something that it needs goes away.

Instants are before and after every commit of the ledger, every call of MailUp and every verb of
the transport; nothing of the project is changed for it.
"""

import json
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import product
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Any

from prefect import Task
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_HOME,
    PREFECT_LOGGING_TO_API_ENABLED,
    temporary_settings,
)

from blocks import accounts
from blocks.ledger import bounds, store
from blocks.ledger.store import Store
from blocks.mailup import patience
from blocks.mailup.settings import MailUpSettings
from blocks.mailup.wire import Call, Wire
from blocks.transport.ftp import FtpTransport
from blocks.transport.sftp import SftpTransport
from flows.import_recipients import import_recipients
from tasks import sending

COLUMNS = [
    {"column": "email", "target": "email"},
    {"column": "nome", "target": "field", "field": "nome"},
    {"column": "cellulare", "target": "mobile"},
    {"column": "stato", "target": "status"},
]
VERBS = ("list", "stat", "read", "write", "rename", "remove", "make_folder")


@dataclass(frozen=True)
class Life:
    """One run of a client: of `name` are its blocks, in `home` is what it leaves.

    At the instant numbered `deadly` it dies. At the first one with the label `struck` it rings the
    `bell`, and goes on when it is answered.
    """

    home: Path
    name: str
    server: str
    api_url: str
    deadly: int = 0
    struck: str = ""
    bell: Connection | None = None


class Instants:
    """Writes down each instant of a life in the file `trace`, and does what is due at it."""

    def __init__(self, life: Life) -> None:
        self._trace = os.open(life.home / "trace", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._life, self._count, self._rung = life, 0, False

    def reach(self, label: str) -> None:
        """An instant. Leases are renewed in a thread of their own, at times that nobody chooses."""
        if threading.current_thread() is not threading.main_thread():
            return
        self._count += 1
        os.write(self._trace, f"{label}\n".encode())
        if self._count == self._life.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        if self._life.bell and label == self._life.struck and not self._rung:
            self._rung = True
            self._life.bell.send(label)
            self._life.bell.recv()

    def arm(self) -> None:
        """Put instants around everything that leaves a trace outside of this process."""
        Store.transaction = self._around_commit(Store.transaction)  # type: ignore[method-assign]
        Wire.ask = self._around(Wire.ask, _call)  # type: ignore[method-assign]
        for transport, verb in product((SftpTransport, FtpTransport), VERBS):
            named = self._around(getattr(transport, verb), lambda *_, verb=verb: f"server: {verb}")
            setattr(transport, verb, named)

    def _around(self, real: Callable[..., Any], name: Callable[..., str]) -> Callable[..., Any]:
        def around(*args: Any, **named: Any) -> Any:
            label = name(*args)
            self.reach(f"{label}, before")
            result = real(*args, **named)
            self.reach(f"{label}, after")
            return result

        return around

    def _around_commit(
        self, real: Callable[[Store], AbstractContextManager[Any]]
    ) -> Callable[[Store], AbstractContextManager[Any]]:
        @contextmanager
        def around(store: Store) -> Iterator[Any]:
            label = _asker(sys._getframe(2))
            with real(store) as connection:
                yield connection
                self.reach(f"{label}, before commit")
            self.reach(f"{label}, after commit")

        return around


def hurry() -> None:
    """Leave out waits that are for MailUp's sake; the emulator is alone and needs none."""
    accounts.SharedPace.__call__ = lambda _: None  # type: ignore[method-assign]
    sending.LOOK_UP_DELAY_SECONDS = 0.1
    sending.BUSY_WAIT_SECONDS = 0.1


def _call(_wire: Wire, call: Call, **_: Any) -> str:
    return f"{call.method} " + re.sub(r"\d+", "N", call.path)


def _asker(frame: FrameType | None) -> str:
    """Which function of the ledger a transaction is for."""
    while frame and frame.f_code.co_name.startswith("_") and frame.f_back:
        frame = frame.f_back
    assert frame
    return f"{frame.f_globals['__name__'].rpartition('.')[2]}.{frame.f_code.co_name}"


def lose_patience() -> None:
    """Let waits for what is away be shorter: what lasts a minute in earnest lasts some seconds."""
    for module in [found for name, found in sys.modules.items() if name.startswith("tasks.")]:
        for unit in vars(module).values():
            if isinstance(unit, Task) and unit.retries:
                unit.retry_delay_seconds = [0.4, 0.8, 1.6, 3.2]
    store.BUSY_SECONDS, store.CONNECT_SECONDS, bounds.ANSWER_SECONDS = 1, 2, 3.0
    patience.FIRST_WAIT_SECONDS = patience.THROTTLED_WAIT_SECONDS = 0.1
    patience.LONGEST_WAIT_SECONDS = 1.0
    MailUpSettings.__init__.__kwdefaults__["throttled_seconds"] = 3.0  # type: ignore[index]


def live(life: Life) -> None:
    """What the process does: one run."""
    with (life.home / "runs.log").open("ab") as output:
        for stream in (1, 2):
            os.dup2(output.fileno(), stream)
    settings = {
        PREFECT_API_URL: life.api_url,
        PREFECT_HOME: life.home / "prefect",
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
        PREFECT_LOGGING_TO_API_ENABLED: False,
    }
    os.environ["MAILUP_EXCHANGE_SCRATCH"] = str(life.home / "scratch")
    with temporary_settings(settings):
        hurry()
        if life.bell:
            lose_patience()
        Instants(life).arm()
        state = import_recipients(agreement=_agreement(life), return_state=True)
    error = state.result(raise_on_failure=False)
    told = [type(error).__name__, state.message, getattr(error, "what_next", None)]
    (life.home / "said").write_text(json.dumps([state.is_completed(), *told]))
    os._exit(0 if state.is_completed() else 1)


def _agreement(life: Life) -> dict[str, Any]:
    return {
        "client": "acme", "server": life.server, "account": life.name, "ledger": life.name,
        "list_id": 1, "group": "Nuovi clienti", "create_groups": True,
        "source": {"folder": "in", "settle_seconds": 0}, "dialect": {"separator": ";"},
        "mapping": {"columns": COLUMNS},
    }  # fmt: skip
