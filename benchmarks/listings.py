"""A listing of a very large folder over SFTP and FTP, compared with lftp."""

import json

from benchmarks.clients import LFTP, lftp_of
from benchmarks.measuring import PRODUCT, Contender
from benchmarks.places import Place
from benchmarks.transfers import OURS

FILES = 100_000
FOLDER = "many"


def fill(place: Place) -> None:
    """Create the folder with `FILES` empty files."""
    folder = place.files / FOLDER
    folder.mkdir()
    for number in range(FILES):
        (folder / f"contacts-{number:06}.csv").touch()
    place.put_there(folder)


def contenders(place: Place, *, beside: bool) -> list[Contender]:
    """Ours, and with `beside` also lftp."""
    job = place.job | {"list": FOLDER, "files": FILES}
    own = Contender(OURS, [*PRODUCT, "benchmarks.moving", json.dumps(job)])
    lftp = Contender(LFTP, lftp_of(place, f"cls -1 --size {FOLDER} > /dev/null"))
    return [own, lftp] if beside else [own]
