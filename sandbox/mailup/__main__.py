"""`python -m sandbox.mailup --port N`: run the MailUp emulator until a signal."""

import argparse
import signal
import sys
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path

from sandbox.mailup.options import add_options, markdown, settings_of
from sandbox.mailup.server import Emulator, start

SHOWN = (
    "base_url", "console_url", "statistics_url", "token_url", "username", "password", "client_id",
    "client_secret",
)  # fmt: skip


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox.mailup", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="on 127.0.0.1; 0 takes a free port")
    parser.add_argument(
        "--home", type=Path, help="folder of the account's state; by default it is not kept"
    )
    parser.add_argument("--table", action="store_true", help="print the list below as Markdown")
    add_options(parser)
    return parser


def readable(emulator: Emulator) -> str:
    """Addresses and credentials, one a line."""
    return "\n".join(f"{name:<15} {getattr(emulator, name)}" for name in SHOWN)


def main() -> int:
    """Run until SIGTERM or SIGINT; 0 after a clean stop, 1 if it cannot start."""
    arguments = _arguments().parse_args()
    if arguments.table:
        print(markdown(), end="")
        return 0
    leave = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: leave.set())
    with ExitStack() as stack:
        home = arguments.home or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        try:
            emulator = start(home, port=arguments.port, **settings_of(arguments))
        except (OSError, RuntimeError) as error:
            print(f"The emulator cannot start: {error}. Is its port in use?", file=sys.stderr)
            return 1
        stack.enter_context(emulator)
        print(readable(emulator), flush=True)
        print(f"{'page':<15} {emulator.base_url} (press Ctrl-C to stop)", flush=True)
        leave.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
