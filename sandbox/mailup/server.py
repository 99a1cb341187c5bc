"""Runs the emulator in a thread: `with start(home) as mailup: requests.get(mailup.url(...))`."""

import socket
import threading
import time
from pathlib import Path
from typing import Any, Self

import uvicorn

from sandbox.mailup.app import build
from sandbox.mailup.fresh import start_over
from sandbox.mailup.seed import plant
from sandbox.mailup.settings import CONSOLE, STATISTICS, TOKEN, Settings
from sandbox.mailup.store import Store
from sandbox.mailup.worker import Worker

HOST = "127.0.0.1"
START_SECONDS = 20.0
STOP_SECONDS = 20.0
DATABASE = "mailup.sqlite"


class Emulator:
    """One running emulator; its state stays in `home`."""

    def __init__(self, home: Path, settings: Settings, port: int) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home = home
        self.settings = settings
        self._store = Store(home / DATABASE)
        plant(self._store)
        self._worker = Worker(self._store, settings)
        self._socket = socket.create_server((HOST, port), backlog=128)
        # asyncio sets it only for sockets with an explicit protocol; without it, each small answer
        # waits 40 ms for an acknowledgement.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port: int = self._socket.getsockname()[1]
        self._gate = build(self._store, settings, self._worker)
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._gate,
                log_config=None,
                log_level="error",
                access_log=False,
                lifespan="off",
                ws="none",
                proxy_headers=False,
                timeout_keep_alive=30,
                timeout_graceful_shutdown=1,
            )
        )
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name="sandbox-mailup", daemon=True
        )

    @property
    def base_url(self) -> str:
        """Root of the server; the page is there, the control API under `/_sandbox`."""
        return f"http://{HOST}:{self.port}"

    @property
    def console_url(self) -> str:
        """In place of https://services.mailup.com/API/v1.1/Rest/ConsoleService.svc."""
        return self.base_url + CONSOLE

    @property
    def statistics_url(self) -> str:
        """In place of .../MailStatisticsService.svc."""
        return self.base_url + STATISTICS

    @property
    def token_url(self) -> str:
        """In place of https://services.mailup.com/Authorization/OAuth/Token."""
        return self.base_url + TOKEN

    @property
    def username(self) -> str:
        """User of the account."""
        return self.settings.username

    @property
    def password(self) -> str:
        """Password of the user."""
        return self.settings.password

    @property
    def client_id(self) -> str:
        """Id of the API application."""
        return self.settings.client_id

    @property
    def client_secret(self) -> str:
        """Secret of the API application."""
        return self.settings.client_secret

    def start(self) -> None:
        """Start, and return when calls are answered; RuntimeError if that takes too long."""
        self._worker.start()
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._server.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise RuntimeError("the emulator did not start; is its port in use?")
            time.sleep(0.005)

    def reset(self) -> None:
        """Restore the initial account and settings, in milliseconds; tokens stay valid."""
        start_over(self._gate.state)

    def stop(self) -> None:
        """Stop server and imports; may be repeated."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS)
        self._worker.stop()
        self._socket.close()
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def start(home: Path, *, port: int = 0, **settings: Any) -> Emulator:
    """Start an emulator with its state in `home`; `settings` as in `Settings`."""
    emulator = Emulator(Path(home), Settings(**settings), port)
    emulator.start()
    return emulator
