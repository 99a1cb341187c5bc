"""The minimum cost of an import: read the file, encode the bodies, post them.

`python -m benchmarks.floor FILE SINK` reads a local file with polars, makes the same bodies as the
product (with the product's encoder) and posts them over one connection, without transfer,
validation, ledger or result, and with the whole file in memory.
"""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import requests

from benchmarks.contacts import BATCH_ROWS, FIELDS
from tasks.records.batching.payloads import array, recipient_objects

ROWS_AT_ONCE = 50_000


def main() -> None:
    start = time.monotonic()
    path, sink = Path(sys.argv[1]), sys.argv[2]
    with requests.Session() as session:
        for body in bodies(path):
            _post(session, sink, body)
    print(f"seconds={time.monotonic() - start:.3f}")


def bodies(path: Path) -> Iterator[bytes]:
    """The bodies of the whole file, including invalid rows."""
    contacts = pl.read_csv(path, separator=";", infer_schema=False)
    for part in contacts.iter_slices(ROWS_AT_ONCE):
        texts = recipient_objects(_records(part))
        for first in range(0, len(texts), BATCH_ROWS):
            yield array(texts.slice(first, BATCH_ROWS))


def _records(part: pl.DataFrame) -> pl.DataFrame:
    birth = pl.col("nascita")
    day = [birth.str.slice(6, 4), birth.str.slice(3, 2), birth.str.slice(0, 2)]
    return part.select(
        "email",
        pl.lit("email").alias("channel"),
        pl.lit("0039").alias("prefix"),
        pl.col("cellulare").alias("number"),
        *(
            (pl.concat_str(day, separator="-") if name == "nascita" else pl.col(name)).alias(
                f"field_{number}"
            )
            for name, number in FIELDS.items()
        ),
    )


def _post(session: requests.Session, sink: str, body: bytes) -> None:
    answer = session.post(f"{sink}/Console/List/1/Recipients", data=body, timeout=60)
    answer.raise_for_status()
    int(answer.text)


if __name__ == "__main__":
    main()
