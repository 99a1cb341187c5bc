"""Remove what killed runs have left on this machine: `python -m deployments.sweep`.

    --every 30     again and again, after so many minutes; to be started beside a worker

Scratch folders whose run is no more, and gpg's key rings. Each run and the watcher do the same for
the machine on which they work; this is for a worker's start, and for a machine without runs.
"""

import argparse
import sys
import time
from collections.abc import Sequence

from tasks.runs.scratch import sweep_machine

MINUTE = 60


def main(arguments: Sequence[str] | None = None) -> int:
    """Sweep once, or until the process is ended; say what was removed."""
    parser = argparse.ArgumentParser(description="Remove what killed runs have left here.")
    parser.add_argument("--every", type=int, help="again after so many minutes, up to 60")
    every = parser.parse_args(arguments).every
    if every is not None and not 1 <= every <= MINUTE:
        parser.error("accepted are 1 to 60 minutes")
    while True:
        print(f"{sweep_machine()} folders of killed runs were removed.", flush=True)
        if every is None:
            return 0
        time.sleep(every * MINUTE)


if __name__ == "__main__":
    sys.exit(main())
