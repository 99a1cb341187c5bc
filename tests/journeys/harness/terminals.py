"""A program at a terminal of its own, and somebody who reads what it asks before typing."""

import os
import pty
import select
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).resolve().parents[3]
SECONDS = 90


class Terminal:
    """Starts a program on a pseudo-terminal; `shown` is everything that appeared on it."""

    def __init__(self, *command: str, environment: dict[str, str]) -> None:
        self._master, slave = pty.openpty()
        self._program = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, cwd=ROOT,
            env={**os.environ, **environment}, start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        self.shown, self._read = "", 0

    def answer(self, question: str, text: str) -> None:
        """Type a line as soon as the question has appeared."""
        self._wait_for(question)
        os.write(self._master, text.encode() + b"\n")

    def interrupt(self, question: str) -> None:
        """Press Ctrl-C once the question has appeared, and again while the program goes on.

        Python notices a signal that comes after its prompt and before it reads only with the next
        one.
        """
        self._wait_for(question)
        deadline = time.monotonic() + SECONDS
        while self._program.poll() is None and time.monotonic() < deadline:
            os.kill(self._program.pid, signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                self._program.wait(1)

    def end(self) -> int:
        """Wait for the program's end; its exit code."""
        while self._more(time.monotonic() + SECONDS):
            pass
        return self._program.wait(SECONDS)

    def _wait_for(self, question: str) -> None:
        deadline = time.monotonic() + SECONDS
        while question not in self.shown[self._read :]:
            if not self._more(deadline):
                raise AssertionError(f"{question!r} was not asked:\n{self.shown}")
        self._read = self.shown.index(question, self._read) + len(question)

    def _more(self, deadline: float) -> bool:
        """Read what has appeared; whether there can be more."""
        ready, _, _ = select.select([self._master], [], [], max(0.0, deadline - time.monotonic()))
        try:
            data = os.read(self._master, 4096) if ready else b""
        except OSError:  # how Linux says that the program has closed its side
            data = b""
        self.shown += data.decode("utf-8", "replace")
        return bool(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._program.kill()
        self._program.wait()
        os.close(self._master)
