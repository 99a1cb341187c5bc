"""Names of remote files: checked, joined and encoded here only.

Legal: spaces, umlauts, quotes and the like. Illegal: control characters (a line break in a name
is a second command on an FTP connection), path separators, `..`, and more than 255 bytes.
"""

import hashlib
import logging
import re

from blocks.errors import PathRefused

MAX_NAME_BYTES = 255  # in UTF-8: the limit of common file systems
MAX_PATH_BYTES = 4096
CONTROL_CHARACTERS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
UNFINISHED = re.compile(r"\.(part|partial|filepart|tmp|temp|crdownload|swp)(-[0-9a-f]+)?$", re.I)


def is_legal_name(name: str) -> bool:
    """Whether a name found on a server, without folder, may be used."""
    return (
        name not in ("", ".", "..")
        and not any(mark in name for mark in "/\\")
        and not CONTROL_CHARACTERS.search(name)
        and len(name.encode()) <= MAX_NAME_BYTES
    )


def is_unfinished(name: str) -> bool:
    """Whether a name is that of an unfinished file: hidden, or with an ending such as `.part`."""
    return name.startswith(".") or UNFINISHED.search(name) is not None


def check_new_name(name: str) -> str:
    """The name itself if a file of that name may be created; PathRefused otherwise."""
    if not is_legal_name(name) or name.startswith("."):
        raise PathRefused(
            f"the file name {name!r} is not accepted: use 1 to {MAX_NAME_BYTES} bytes without "
            "control characters, slashes or a leading dot."
        )
    return name


def check_path(path: str) -> str:
    """The path itself if all its parts are legal names; `.` is the login folder."""
    steps = [step for step in path.split("/") if step not in ("", ".")]
    if not all(map(is_legal_name, steps)) or len(path.encode(errors="replace")) > MAX_PATH_BYTES:
        raise PathRefused(
            f"the path {path!r} is not accepted: use names without control characters, "
            'backslashes or ".." between single slashes.'
        )
    return path


def join_checked(folder: str, name: str) -> str:
    """The path of a name in a folder; `""` and `"."` mean the login folder."""
    if not is_legal_name(name):
        raise PathRefused(f"the file name {name!r} is not accepted; rename the file on the server.")
    check_path(folder)
    if folder in ("", "."):
        return name
    return f"{folder.rstrip('/')}/{name}"


def split(path: str) -> tuple[str, str]:
    """Folder and name of a path; the inverse of `join_checked`."""
    folder, slash, name = path.rpartition("/")
    return (folder or slash), name


def steps_to(folder: str) -> list[str]:
    """`folder` and its parents, from the top: `a/b` gives `a` and `a/b`."""
    start = "/" if check_path(folder).startswith("/") else ""
    steps = [step for step in folder.split("/") if step not in ("", ".")]
    return [start + "/".join(steps[: count + 1]) for count in range(len(steps))]


def temporary_name(name: str) -> str:
    """The hidden name of a file while it is written; always the same for the same `name`.

    It neither begins nor ends like the final name, so that common patterns do not match it.
    """
    mark = f".part-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    room = MAX_NAME_BYTES - len(mark) - 1
    return f".{name.encode()[:room].decode(errors='ignore')}{mark}"


class NameCodec:
    """Converts names between bytes and text, also if a name is not in the agreed encoding.

    Such a name is decoded as Latin-1, and its bytes are kept for encoding it again.
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
        """The bytes of a path. PathRefused if the encoding lacks a character."""
        return b"/".join(self._encode_step(step) for step in check_path(path).split("/"))

    def _encode_step(self, step: str) -> bytes:
        if step in self._bytes_of:
            return self._bytes_of[step]
        try:
            return step.encode(self._encoding)
        except UnicodeEncodeError:
            raise PathRefused(
                f"the name {step!r} cannot be encoded in {self._encoding}; "
                "set another encoding on the server block, or use another file name."
            ) from None


def warn_of_skipped(logger: logging.Logger, address: str, count: int) -> None:
    """Log how many files were skipped, without their names, which contain control characters."""
    logger.warning(
        "%s: %d files skipped: their names contain control characters or path separators; rename "
        "them on the server",
        address,
        count,
    )
