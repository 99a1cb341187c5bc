"""Asking at a terminal: lines, secrets, and secrets of many lines, which are never echoed."""

import getpass
import signal
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from blocks.errors.shown import visible

END = "-----END"
"""How the last line of a key or a certificate begins."""


def say(text: str = "") -> None:
    """Print a line at once."""
    print(visible(text, lines=True), flush=True)


def line(prompt: str) -> str:
    """What was typed, without blanks around it."""
    _let_interrupt()
    return input(prompt).strip()


def confirm(question: str) -> bool:
    """Whether y or yes was typed; Enter alone is no, and anything else is asked again."""
    _let_interrupt()
    return typer.confirm(question)


def secret(prompt: str) -> str:
    """What was typed, unseen; blanks may be part of a password."""
    _let_interrupt()
    return getpass.getpass(prompt)


def pasted(prompt: str) -> str:
    """Lines up to the END line of a key, or up to an empty one, unseen."""
    lines: list[str] = []
    _let_interrupt()
    # getpass throws away what is pasted behind its line, so the terminal is kept silent here; and
    # before it prompts, for a paste is there at once.
    with _silent():
        say(prompt)
        for text in iter(sys.stdin.readline, ""):
            if not text.strip():
                break
            lines.append(text.rstrip("\r\n"))
            if text.startswith(END):
                break
    return "\n".join(lines)


def _let_interrupt() -> None:
    """Let Ctrl-C end a question: polars, once loaded, has reading resumed behind the signal."""
    signal.siginterrupt(signal.SIGINT, True)


@contextmanager
def _silent() -> Iterator[None]:
    """A terminal that shows nothing of what is typed."""
    stream = sys.stdin.fileno()
    before = termios.tcgetattr(stream)
    unseen = [*before]
    unseen[3] = before[3] & ~termios.ECHO
    termios.tcsetattr(stream, termios.TCSADRAIN, unseen)
    try:
        yield
    finally:
        termios.tcsetattr(stream, termios.TCSADRAIN, before)
