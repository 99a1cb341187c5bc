"""A listing of a very large folder over SFTP and FTP, beside lftp."""

import json

from benchmarks.clients import LFTP, lftp_of
from benchmarks.measuring import PRODUCT, Contender
from benchmarks.places import Place
from benchmarks.transfers import OURS

FILES = 100_000
FOLDER = "many"


def fill(place: Place) -> None:
    """Make the folder, with as many empty files as are to be listed."""
    folder = place.files / FOLDER
    folder.mkdir()
    for number in range(FILES):
        (folder / f"contacts-{number:06}.csv").touch()
    place.put_there(folder)


def contenders(place: Place, *, beside: bool) -> list[Contender]:
    """Ours, and lftp if it is to be `beside` it."""
    job = place.job | {"list": FOLDER, "files": FILES}
    own = Contender(OURS, [*PRODUCT, "benchmarks.moving", json.dumps(job)])
    lftp = Contender(LFTP, lftp_of(place, f"cls -1 --size {FOLDER} > /dev/null"))
    return [own, lftp] if beside else [own]
