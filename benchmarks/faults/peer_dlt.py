"""dlt's result for each file, as JSON lines; runs in its own environment: `peer_dlt.py FILE ...`.

dlt's filesystem source and CSV reader write to a custom destination that collects rows, with what
was agreed: the separator, and that all columns are text. Everything else is dlt's default.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import dlt
from dlt.sources.filesystem import filesystem, read_csv


def delivered(path: Path, state: str) -> dict[str, Any]:
    """The rows that reach the destination, as [email, nome], and the error if there is one."""
    rows: list[list[str | None]] = []

    @dlt.destination(batch_size=1000)
    def collect(items: Any, _: Any) -> None:
        rows.extend([item.get("email"), item.get("nome")] for item in items)

    pipeline = dlt.pipeline(path.stem[:40], destination=collect, pipelines_dir=state)
    source = filesystem(bucket_url=str(path.parent), file_glob=path.name)
    failure = ""
    try:
        pipeline.run((source | read_csv(sep=";", dtype=str)).with_name("people"))
    except Exception as error:  # any error is part of the result
        failure = type(error.__cause__ or error).__name__
    return {"file": path.name, "rows": rows, "error": failure, "version": dlt.__version__}


if __name__ == "__main__":
    for name in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(delivered(Path(name), folder)), flush=True)
