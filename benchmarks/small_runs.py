"""Prefect's overhead of a small import: whole processes, from start to end.

`python -m benchmarks.small_runs cheapest` runs an empty flow, the minimum of a flow run. It is
compared with `benchmarks.ours` on an empty folder, and on a file of a hundred contacts.
"""

import json
from collections.abc import Callable
from pathlib import Path

from prefect import flow

from benchmarks.contacts import write_contacts
from benchmarks.imports import agreement
from benchmarks.measuring import PRODUCT, Contender
from benchmarks.servers import Sshd

CHEAPEST, NOTHING, SMALL = "a flow that does nothing", "nothing to import", "100 contacts"
SMALL_ROWS = 100


@flow(name="cheapest")
def cheapest() -> None:
    """Do nothing."""


def contenders(
    folder: Path, sshd: Sshd, environment: dict[str, str], fresh: Callable[[], None]
) -> list[Contender]:
    """The cheapest flow run and two imports, on the same server."""
    name = "small.csv"
    write_contacts(sshd.files / name, SMALL_ROWS)
    configs = {}
    for kind, pattern in ((NOTHING, "no-*.csv"), (SMALL, name)):
        configs[kind] = folder / f"agreement-{pattern[:5]}.json"
        configs[kind].write_text(json.dumps(agreement(pattern)), encoding="utf-8")
    return [
        Contender(CHEAPEST, [*PRODUCT, "benchmarks.small_runs", "cheapest"], environment),
        *(
            Contender(kind, [*PRODUCT, "benchmarks.ours", str(path), "whole"], environment, fresh)
            for kind, path in configs.items()
        ),
    ]


if __name__ == "__main__":
    cheapest()
