"""Files that the ledger refers to: snapshots, staged exports, archives, in a folder given as a URL.

Files are immutable: a name is written once and never changed, so that a row of the ledger always
means the same bytes. A local folder by default; object stores through fsspec.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import fsspec
from fsspec.implementations.local import LocalFileSystem

from blocks.errors import ConfigurationError, LedgerUnavailable, RunStopped
from blocks.ledger import modes


class Storage:
    """A folder of immutable files. `url` is a path, or a URL that fsspec knows (s3://, gs://)."""

    def __init__(self, url: str) -> None:
        place = url if "://" in url else str(Path(url).expanduser().absolute())
        try:
            self._files, root = fsspec.core.url_to_fs(place)
        except (ImportError, ValueError) as error:
            raise ConfigurationError(
                "The ledger's storage cannot be used. Accepted are a folder and URLs of file "
                f"systems whose fsspec package is installed ({type(error).__name__})."
            ) from None
        self._root = root.rstrip("/")
        self._here = isinstance(self._files, LocalFileSystem)

    def put(self, source: Path, kind: str, owner: str) -> str:
        """Store a file under a new name and return the name: KIND/OWNER-RANDOM.ENDING.

        What is there of the same owner is removed: a run that was cut off has left it, before the
        ledger referred to it.
        """
        name = self.new_name(kind, owner, source.suffix)
        with _told("write"):
            self._make_folder(kind)
            self._remove_all(kind, f"{owner}-")
        self.put_as(source, name)
        return name

    def new_name(self, kind: str, owner: str, ending: str) -> str:
        """A name that no file has: KIND/OWNER-RANDOM.ENDING."""
        return f"{kind}/{owner}-{uuid4().hex}{ending}"

    def put_as(self, source: Path, name: str) -> None:
        """Store a file under a name from `new_name` that the ledger knows already."""
        with _told("write"), self._whole(name) as part:
            self._files.put_file(str(source), part)

    def write(self, content: bytes, name: str) -> None:
        """Store bytes under a name that the ledger knows already."""
        with _told("write"), self._whole(name) as part:
            self._files.pipe_file(part, content)

    def read(self, name: str) -> bytes:
        """What is stored under a name."""
        with _told("read"):
            content: bytes = self._files.cat_file(f"{self._root}/{name}")
        return content

    @contextmanager
    def _whole(self, name: str) -> Iterator[str]:
        """Where to write what gets its name at the end."""
        part = f"{self._root}/{name}.part"
        self._make_folder(name.rpartition("/")[0])
        if self._here:
            modes.make_file(Path(part))
        yield part
        self._files.mv(part, f"{self._root}/{name}")

    def get(self, name: str, target: Path) -> Path:
        """Copy a stored file to a local path."""
        with _told("read"):
            self._files.get_file(f"{self._root}/{name}", str(target))
        return target

    def try_out(self) -> None:
        """Write, read and delete a file of a few bytes; LedgerUnavailable where that fails."""
        place, content = f"{self._root}/.check-{uuid4().hex}", b"mailup-file-exchange"
        with _told("write"):
            self._make_folder("")
            self._files.pipe_file(place, content)
        with _told("read"):
            read = self._files.cat_file(place)
        with _told("delete"):
            self._files.rm_file(place)
        if read != content:
            raise LedgerUnavailable("The ledger's storage gives other bytes back than it got.")

    def remove(self, name: str) -> None:
        """Delete a stored file, or what is there of one that was cut off; no error without any."""
        with _told("delete"):
            for place in (f"{self._root}/{name}", f"{self._root}/{name}.part"):
                if self._files.exists(place):
                    self._files.rm_file(place)

    def open_to_others(self) -> list[Path]:
        """Folders and files of the storage on this machine that other users can look into."""
        if not self._here:
            return []
        root = Path(self._root)
        return [path for path in modes.opened([root, *root.rglob("*")])]

    def _make_folder(self, kind: str) -> None:
        """Make a folder; on this machine for this user alone, with all that it holds already."""
        place = f"{self._root}/{kind}".rstrip("/")
        if not self._here:
            self._files.makedirs(place, exist_ok=True)
            return
        folder = Path(place)
        modes.make_folder(folder)
        # The storage's root may be a folder of the operator's: it is told of and left as it is.
        if kind and any(modes.opened([folder])):
            modes.close([*folder.iterdir(), folder])

    def _remove_all(self, kind: str, prefix: str) -> None:
        # Some object stores list a folder as one of its own entries.
        for path in self._files.ls(f"{self._root}/{kind}", detail=False):
            if path.rstrip("/").rpartition("/")[2].startswith(prefix):
                self._files.rm_file(path)


@contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise RunStopped(
            f"The ledger's storage lacks a file that the ledger refers to, so it cannot {what} it. "
            "Restore the storage from its backup, together with the ledger's database."
        ) from None
    except OSError as error:
        raise LedgerUnavailable(
            f"The ledger's storage could not {what} a file ({type(error).__name__}). Check that it "
            "is there and not full; the step is tried again."
        ) from None
