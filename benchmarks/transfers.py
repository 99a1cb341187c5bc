"""Uploads and downloads over SFTP, FTP and FTPS, compared with other clients."""

import json
import os
import shutil
from pathlib import Path

from benchmarks.clients import OVER_FTP, OVER_SFTP, installed
from benchmarks.measuring import PRODUCT, Contender
from benchmarks.places import Place

FILE_MEGABYTES = 200
OURS = "this project"


def write_file(place: Place, megabytes: int) -> None:
    """A file of random bytes on the server."""
    path = place.files / "bytes"
    with path.open("wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(1_000_000))
    place.put_there(path)


def contenders(folder: Path, place: Place, *, down: bool) -> list[Contender]:
    """Ours, and those of the others that are installed."""
    local = folder / "local"
    if not down:
        shutil.copyfile(place.files / "bytes", local)
    there = "bytes" if down else "arrived"
    job = place.job | {"local": str(local), "get" if down else "put": there}
    own = Contender(OURS, [*PRODUCT, "benchmarks.moving", json.dumps(job)])
    others = installed(OVER_SFTP if place.key else OVER_FTP)
    return [own, *(Contender(name, command(place, there, local, down))
                   for name, command in others.items())]  # fmt: skip
