"""Upload or download a file with the product's transport: `python -m benchmarks.moving JOB`.

JOB is JSON with `kind` (type of a server block), `server` (its fields), `get` or `put` (remote
path) and `local`; or with `list` (remote folder) and `files` (the expected number).
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from blocks.servers import SERVERS
from blocks.transport.base import Transport


def main() -> None:
    job = json.loads(sys.argv[1])
    server = SERVERS[job["kind"]](**job["server"])
    start = time.monotonic()
    with server.connect() as there:
        do(there, job)
    print(f"seconds={time.monotonic() - start:.3f}")


def do(there: Transport, job: dict[str, Any]) -> None:
    """Carry out the job."""
    if "get" in job:
        there.read(job["get"], Path(job["local"]))
    elif "put" in job:
        there.write(Path(job["local"]), job["put"])
    else:
        files = sum(1 for _ in there.list(job["list"]))
        if files != job["files"]:
            raise SystemExit(f"{files} files were listed instead of {job['files']}")


if __name__ == "__main__":
    main()
