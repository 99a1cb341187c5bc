"""Names of remote files: the one place where names from outside are checked, joined and encoded.

Legal: anything a person would write, spaces, umlauts and quotes included. Not legal: control
characters (a line break in a name is a second command on an FTP connection), path steps, and
more than 255 bytes.
"""

import hashlib
import logging
import re

from blocks.errors import PathRefused

MAX_NAME_BYTES = 255  # of one name, in UTF-8: the limit of the usual file systems
MAX_PATH_BYTES = 4096
CONTROL_CHARACTERS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
UNFINISHED = re.compile(r"\.(part|partial|filepart|tmp|temp|crdownload|swp)(-[0-9a-f]+)?$", re.I)


def is_legal_name(name: str) -> bool:
    """Whether a name found on a server, without folder, may be used at all."""
    return (
        name not in ("", ".", "..")
        and not any(mark in name for mark in "/\\")
        and not CONTROL_CHARACTERS.search(name)
        and len(name.encode()) <= MAX_NAME_BYTES
    )


def is_unfinished(name: str) -> bool:
    """Whether a name says that its file is still being written: hidden, or ending like `.part`."""
    return name.startswith(".") or UNFINISHED.search(name) is not None


def check_new_name(name: str) -> str:
    """The name itself, if we may create a file of that name. PathRefused otherwise."""
    if not is_legal_name(name) or name.startswith("."):
        raise PathRefused(
            f"the file name {name!r} is not accepted: use 1 to {MAX_NAME_BYTES} bytes without "
            "control characters, slashes or a leading dot."
        )
    return name


def check_path(path: str) -> str:
    """The path itself, if every step of it is a legal name; `.` is the folder of the login."""
    steps = [step for step in path.split("/") if step not in ("", ".")]
    if not all(map(is_legal_name, steps)) or len(path.encode(errors="replace")) > MAX_PATH_BYTES:
        raise PathRefused(
            f"the path {path!r} is not accepted: use names without control characters, "
            'backslashes or ".." between single slashes.'
        )
    return path


def join_checked(folder: str, name: str) -> str:
    """The path of a name in a folder; `""` and `"."` stand for the folder of the login."""
    if not is_legal_name(name):
        raise PathRefused(f"the file name {name!r} is not accepted; rename the file on the server.")
    check_path(folder)
    if folder in ("", "."):
        return name
    return f"{folder.rstrip('/')}/{name}"


def split(path: str) -> tuple[str, str]:
    """Folder and name of a path, so that `join_checked` of both gives the path again."""
    folder, slash, name = path.rpartition("/")
    return (folder or slash), name


def steps_to(folder: str) -> list[str]:
    """The folders from the top down to `folder` itself: `a/b` gives `a` and `a/b`."""
    start = "/" if check_path(folder).startswith("/") else ""
    steps = [step for step in folder.split("/") if step not in ("", ".")]
    return [start + "/".join(steps[: count + 1]) for count in range(len(steps))]


def temporary_name(name: str) -> str:
    """The hidden name under which a file grows before it gets `name`; the same one every time.

    It neither begins nor ends like the final name, so that no usual pattern picks it up.
    """
    mark = f".part-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    room = MAX_NAME_BYTES - len(mark) - 1
    return f".{name.encode()[:room].decode(errors='ignore')}{mark}"


class NameCodec:
    """Names as bytes on the wire and as text here, without losing one that is not well encoded.

    A name that is not valid in the agreed encoding is read as Latin-1, and its bytes are kept for
    the way back.
    """

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._bytes_of: dict[str, bytes] = {}

    def decode(self, raw: bytes) -> str:
        """The text of one name."""
        try:
            return raw.decode(self._encoding)
        except UnicodeDecodeError:
            name = raw.decode("latin-1")
            self._bytes_of[name] = raw
            return name

    def encode(self, path: str) -> bytes:
        """The bytes of a path, step by step. PathRefused if the encoding lacks a character."""
        return b"/".join(self._encode_step(step) for step in check_path(path).split("/"))

    def _encode_step(self, step: str) -> bytes:
        if step in self._bytes_of:
            return self._bytes_of[step]
        try:
            return step.encode(self._encoding)
        except UnicodeEncodeError:
            raise PathRefused(
                f"the name {step!r} cannot be written in {self._encoding}; "
                "set another encoding on the server block or another file name."
            ) from None


def warn_of_skipped(logger: logging.Logger, address: str, count: int) -> None:
    """Log how many files were passed over; their names stay out, as they carry control codes."""
    logger.warning(
        "%s: %d files passed over, as their names hold control characters or path steps; "
        "rename them on the server",
        address,
        count,
    )
