"""dlt as documented: filesystem source on SFTP, its CSV reader, a custom destination.

`python with_dlt.py SFTP SINK [arrow]`. With `arrow` the file is downloaded first and passed to dlt
as Arrow tables, dlt's fastest input. The destination maps and posts batches like the simple script;
invalid rows are omitted, because dlt has no step that lists them.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import dlt
import requests
from plain import BATCH_ROWS, fetch, post, recipient

os.environ.update(RUNTIME__DLTHUB_TELEMETRY="false", RUNTIME__LOG_LEVEL="CRITICAL")


def tables(path: Path) -> Any:
    import pyarrow as pa
    from pyarrow import csv

    with path.open("rb") as file:
        names = file.readline().decode().strip().split(";")
    options = csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
    )
    parse = csv.ParseOptions(delimiter=";")
    with csv.open_csv(path, parse_options=parse, convert_options=options) as reader:
        for batch in reader:
            yield pa.Table.from_batches([batch])


def source(sftp: dict[str, Any], folder: str, *, arrow: bool) -> Any:
    if arrow:
        path = Path(folder) / "contacts.csv"
        fetch(sftp, path)
        return dlt.resource(tables(path), name="people")
    from dlt.sources.filesystem import filesystem, read_csv

    dlt.secrets["sources.filesystem.credentials"] = {
        "sftp_username": sftp["username"],
        "sftp_port": sftp["port"],
        "sftp_key_filename": sftp["key"],
    }
    where, name = os.path.split(sftp["file"])
    files = filesystem(bucket_url=f"sftp://{sftp['host']}{where}", file_glob=name)
    return (files | read_csv(sep=";", dtype=str, keep_default_na=False)).with_name("people")


def main() -> None:
    start = time.monotonic()
    sftp, sink = json.loads(sys.argv[1]), sys.argv[2]
    session = requests.Session()

    @dlt.destination(
        batch_size=BATCH_ROWS,
        loader_file_format="parquet" if "arrow" in sys.argv else "typed-jsonl",
    )
    def collect(items: Any, _: Any) -> None:
        rows = items.to_pylist() if hasattr(items, "to_pylist") else items
        batch = [made for row in rows if (made := recipient(row)) is not None]
        if batch:
            post(session, sink, batch)

    with tempfile.TemporaryDirectory() as folder:
        pipeline = dlt.pipeline("measured", destination=collect, pipelines_dir=folder)
        pipeline.run(source(sftp, folder, arrow="arrow" in sys.argv))
    print(f"seconds={time.monotonic() - start:.3f}")


if __name__ == "__main__":
    main()
