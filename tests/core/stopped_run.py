"""A run that stops itself at one point of sending, as SIGSTOP from outside would; loads little."""

import json
import os
import signal
import sys
from dataclasses import asdict

from blocks.errors import RunStopped
from blocks.ledger import batches, leases
from blocks.ledger.store import Store
from blocks.mailup.client import MailUpClient
from blocks.mailup.http.settings import MailUpSettings
from blocks.mailup.resources.imports import ImportTarget

TARGET = ImportTarget(list_id=2)


def main(url: str, settings: dict[str, str], file_id: int, at: str) -> int:
    """0 where the run was stopped for good, 1 where it sent its batch."""
    store, passed, ready = Store(url, run="child"), {"pace": 0, "guard": 0}, False
    lease = leases.take(store, "client/a")
    assert lease is not None
    guard = leases.Guard(store, lease)

    def reach(point: str) -> None:
        passed[point] += ready
        if at == f"{point} {passed[point]}":
            os.kill(os.getpid(), signal.SIGSTOP)

    def guarded() -> None:
        reach("guard")
        guard()

    with MailUpClient(
        MailUpSettings(**settings), pace=lambda: reach("pace"), guard=guarded
    ) as client:
        client.account_info()
        batches.write_ahead(
            store, file_id, 1, 1, target=asdict(TARGET), rows=1, sha256="", after_import=0,
            lease=lease,
        )  # fmt: skip
        ready = True
        try:
            client.start_import(TARGET, b'[{"Email": "stopped@example.it", "Fields": []}]')
        except RunStopped:
            return 0
    return 1


if __name__ == "__main__":
    sys.exit(main(**json.loads(sys.argv[1])))
