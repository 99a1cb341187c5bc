"""From a local file to the bodies of its imports, without Prefect, servers and ledger.

`python -m benchmarks.pipeline FILE [--floor]` prints CPU seconds and peak memory in MB as JSON;
with --floor only reading and encoding, as in `benchmarks.floor`. A test compares the two, because
CPU seconds depend little on the machine's other load.
"""

import json
import re
import sys
import tempfile
import time
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from benchmarks.contacts import BATCH_ROWS, FIELDS
from benchmarks.floor import bodies
from benchmarks.imports import agreement
from tasks.files.prefetch import prefetched
from tasks.imports.submit import batch_requests
from tasks.records.agreement import ImportAgreement
from tasks.records.read_file import read_file
from tasks.records.stages import AccountFacts


def ours(path: Path, folder: Path) -> int:
    """Bytes of all bodies, with all checks on."""
    agreed = ImportAgreement.model_validate(agreement(path.name))
    facts = AccountFacts({number: name for name, number in FIELDS.items()})
    prepared = read_file(
        path, agreed, facts, folder, batch_size=BATCH_ROWS, today=datetime.now(UTC).date()
    )
    return sum(
        len(request.content) for request in prefetched(batch_requests(agreed, prepared.batches, {}))
    )


def main() -> None:
    path, floor = Path(sys.argv[1]), "--floor" in sys.argv
    with tempfile.TemporaryDirectory() as folder:
        if not floor:  # exclude modules that are loaded at first use
            small = Path(folder) / path.name
            with path.open("rb") as file:
                small.write_bytes(b"".join(islice(file, 50)))
            ours(small, Path(folder) / "first")
        start = time.process_time()
        if floor:
            sum(map(len, bodies(path)))
        else:
            ours(path, Path(folder) / "all")
        print(json.dumps({"cpu": time.process_time() - start, "memory": _peak()}))


def _peak() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.findall(r"VmHWM:\s+([0-9]+)", status)[0]) // 1024


if __name__ == "__main__":
    main()
