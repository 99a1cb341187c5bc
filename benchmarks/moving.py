"""One file up or down by the product's own transport: `python -m benchmarks.moving JOB`.

JOB is JSON with `kind` (type of a server block), `server` (its fields), `get` or `put` (path
there) and `local`; or with `list` (folder there) and `files` (how many have to be in it).
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
    """What the job says."""
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
