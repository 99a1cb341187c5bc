"""The ledger's storage: snapshots, staged exports and archives, in a folder given as path or URL.

Files are immutable: each name is written once, so that a row of the ledger always refers to the
same bytes. A local folder by default; object stores through fsspec.
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
    """A folder of immutable files. `url` is a path, or a URL of fsspec (s3://, gs://)."""

    def __init__(self, url: str) -> None:
        place = url if "://" in url else str(Path(url).expanduser().absolute())
        try:
            self._files, root = fsspec.core.url_to_fs(place)
        except (ImportError, ValueError) as error:
            raise ConfigurationError(
                "The ledger's storage cannot be used. Accepted are a folder, and URLs of file "
                f"systems whose fsspec package is installed ({type(error).__name__})."
            ) from None
        self._root = root.rstrip("/")
        self._here = isinstance(self._files, LocalFileSystem)

    def put(self, source: Path, kind: str, owner: str) -> str:
        """Store a file under a new name, and return the name: KIND/OWNER-RANDOM.ENDING.

        Existing files of the same owner are removed: an interrupted run has left them before the
        ledger referred to them.
        """
        name = self.new_name(kind, owner, source.suffix)
        with _mapped_errors("write"):
            self._make_folder(kind)
            self._remove_all(kind, f"{owner}-")
        self.put_as(source, name)
        return name

    def new_name(self, kind: str, owner: str, ending: str) -> str:
        """A unique new name: KIND/OWNER-RANDOM.ENDING."""
        return f"{kind}/{owner}-{uuid4().hex}{ending}"

    def put_as(self, source: Path, name: str) -> None:
        """Store a file under a name from `new_name` that is already in the ledger."""
        with _mapped_errors("write"), self._atomic(name) as part:
            self._files.put_file(str(source), part)

    def write(self, content: bytes, name: str) -> None:
        """Store bytes under a name that is already in the ledger."""
        with _mapped_errors("write"), self._atomic(name) as part:
            self._files.pipe_file(part, content)

    def read(self, name: str) -> bytes:
        """The content stored under a name."""
        with _mapped_errors("read"):
            content: bytes = self._files.cat_file(f"{self._root}/{name}")
        return content

    @contextmanager
    def _atomic(self, name: str) -> Iterator[str]:
        """A temporary path to write to, which is renamed at the end."""
        part = f"{self._root}/{name}.part"
        self._make_folder(name.rpartition("/")[0])
        if self._here:
            modes.make_file(Path(part))
        yield part
        self._files.mv(part, f"{self._root}/{name}")

    def get(self, name: str, target: Path) -> Path:
        """Copy a stored file to a local path."""
        with _mapped_errors("read"):
            self._files.get_file(f"{self._root}/{name}", str(target))
        return target

    def check(self) -> None:
        """Write, read and delete a small file; LedgerUnavailable if that fails."""
        place, content = f"{self._root}/.check-{uuid4().hex}", b"mailup-file-exchange"
        with _mapped_errors("write"):
            self._make_folder("")
            self._files.pipe_file(place, content)
        with _mapped_errors("read"):
            read = self._files.cat_file(place)
        with _mapped_errors("delete"):
            self._files.rm_file(place)
        if read != content:
            raise LedgerUnavailable("The ledger's storage returns other bytes than were written.")

    def remove(self, name: str) -> None:
        """Delete a stored file, or an incomplete one; no error if there is none."""
        with _mapped_errors("delete"):
            for place in (f"{self._root}/{name}", f"{self._root}/{name}.part"):
                if self._files.exists(place):
                    self._files.rm_file(place)

    def open_to_others(self) -> list[Path]:
        """Folders and files of a local storage that other users can access."""
        if not self._here:
            return []
        root = Path(self._root)
        return [*modes.open_to_others([root, *root.rglob("*")])]

    def _make_folder(self, kind: str) -> None:
        """Create a folder; a local one for this user only, including its existing files."""
        place = f"{self._root}/{kind}".rstrip("/")
        if not self._here:
            self._files.makedirs(place, exist_ok=True)
            return
        folder = Path(place)
        modes.make_folder(folder)
        # The storage's root may be a folder of the operator: it is left as it is and reported.
        if kind and any(modes.open_to_others([folder])):
            modes.restrict([*folder.iterdir(), folder])

    def _remove_all(self, kind: str, prefix: str) -> None:
        # Some object stores list a folder as one of its own entries.
        for path in self._files.ls(f"{self._root}/{kind}", detail=False):
            if path.rstrip("/").rpartition("/")[2].startswith(prefix):
                self._files.rm_file(path)


@contextmanager
def _mapped_errors(what: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise RunStopped(
            f"Cannot {what} a file of the ledger's storage: it is missing, but the ledger refers "
            "to it. Restore the storage from its backup, together with the ledger's database."
        ) from None
    except OSError as error:
        raise LedgerUnavailable(
            f"The ledger's storage could not {what} a file ({type(error).__name__}). Check that it "
            "exists and is not full; the step is retried."
        ) from None
