"""From a local file to the bodies of its imports, without Prefect, servers and ledger.

`python -m benchmarks.pipeline FILE` prints CPU seconds and peak memory in MB as JSON; with
--beside-floor also their ratio to those of reading and encoding alone (`benchmarks.floor`), taken
alternately. A test checks it, because CPU seconds depend little on the machine's other load.
"""

import json
import re
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path

from benchmarks.contacts import BATCH_ROWS, FIELDS
from benchmarks.floor import bodies
from benchmarks.imports import agreement
from tasks.files.prefetch import prefetched
from tasks.imports.submit import batch_requests
from tasks.records.agreement import ImportAgreement
from tasks.records.consent.second_key import both_keys, contradicting
from tasks.records.read_file import read_file
from tasks.records.stages import AccountFacts

TURNS = 3


def ours(path: Path, folder: Path) -> int:
    """Bytes of all bodies, with all checks on."""
    agreed = ImportAgreement.model_validate(agreement(path.name))
    facts = AccountFacts({number: name for name, number in FIELDS.items()})
    prepared = read_file(
        path, agreed, facts, folder, batch_size=BATCH_ROWS, today=datetime.now(UTC).date()
    )
    contradicting(both_keys(prepared.batches))
    return sum(
        len(request.content) for request in prefetched(batch_requests(agreed, prepared.batches, {}))
    )


def main() -> None:
    path, beside = Path(sys.argv[1]), "--beside-floor" in sys.argv
    with tempfile.TemporaryDirectory() as folder:
        small = Path(folder) / path.name
        with path.open("rb") as file:
            small.write_bytes(b"".join(islice(file, 50)))
        ours(small, Path(folder) / "first")  # exclude modules that are loaded at first use
        spent = _cpu(lambda: ours(path, Path(folder) / "all"))
        found: dict[str, object] = {"cpu": spent, "memory": _peak()}
        if beside:
            found["ratios"] = [
                _cpu(partial(ours, path, Path(folder) / str(turn)))
                / _cpu(lambda: sum(map(len, bodies(path))))
                for turn in range(TURNS)
            ]
        print(json.dumps(found))


def _cpu(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _peak() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.findall(r"VmHWM:\s+([0-9]+)", status)[0]) // 1024


if __name__ == "__main__":
    main()
