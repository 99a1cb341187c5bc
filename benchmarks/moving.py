"""One file up or down by the product's own transport: `python -m benchmarks.moving JOB`.

JOB is JSON with `server` (fields of an SFTP server block), `get` or `put` (path there) and `local`.
"""

import json
import sys
import time
from pathlib import Path

from blocks.servers import SftpServer


def main() -> None:
    job = json.loads(sys.argv[1])
    server = SftpServer(**job["server"])
    start = time.monotonic()
    with server.connect() as there:
        if "get" in job:
            there.read(job["get"], Path(job["local"]))
        else:
            there.write(Path(job["local"]), job["put"])
    print(f"seconds={time.monotonic() - start:.3f}")


if __name__ == "__main__":
    main()
