"""`mailup-exchange sandbox`: start everything, print the addresses, stop on a signal."""

import argparse
import gc
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from sandbox.mailup.options import add_options, settings_of
from sandbox.service import BLOCKS, PORTS, Ports, Sandbox, start

# Large request bodies become millions of small objects, which slow down garbage collection.
GC_THRESHOLD = 200_000


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mailup-exchange sandbox", description=__doc__)
    add = parser.add_argument
    add("--home", type=Path, default=Path(".sandbox"), help="folder of files and state")
    for name in ("sftp", "ftp", "ftps", "mailup"):
        add(
            f"--{name}-port",
            type=int,
            default=0,
            help="0: as at the last start, at first a free one",
        )
    add("--implicit-ftps", action="store_true", help="FTPS speaks TLS from the first byte")
    add_options(parser)
    return parser


def _readable(addresses: dict[str, Any]) -> str:
    lines = []
    for part, facts in addresses.items():
        if isinstance(facts, dict):
            lines.append(part.upper())
            lines.extend(f"  {name:<15} {value}" for name, value in facts.items())
        else:
            lines.append(f"{part.upper():<17} {facts}")
    return "\n".join(lines)


def _run(arguments: argparse.Namespace) -> Sandbox:
    ports = Ports(
        arguments.sftp_port, arguments.ftp_port, arguments.ftps_port, arguments.mailup_port
    )
    return start(
        arguments.home,
        ports,
        implicit_ftps=arguments.implicit_ftps,
        **settings_of(arguments),
    )


def main() -> int:
    """Run until SIGTERM or SIGINT; 0 after a clean stop, 1 if a server cannot start."""
    arguments = _arguments().parse_args()
    leave = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: leave.set())
    gc.set_threshold(GC_THRESHOLD, 20, 20)
    try:
        sandbox = _run(arguments)
    except (OSError, RuntimeError) as error:
        print(
            f"The sandbox cannot start: {error}. If a port is in use, give another one, such as "
            f"--sftp-port 2222; those of the last start are in {arguments.home / PORTS}.",
            file=sys.stderr,
        )
        return 1
    with sandbox:
        print(_readable(sandbox.addresses), flush=True)
        print(f"Described in {sandbox.description}; Ctrl-C stops everything.", flush=True)
        print(f"Its blocks: mailup-exchange provision < {sandbox.home / BLOCKS}", flush=True)
        leave.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
