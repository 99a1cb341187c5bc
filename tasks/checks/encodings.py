"""Checks, with encoding auto, that the encoding of a client's files can be detected."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from blocks.errors import FileGone, FileHeld, PathRefused
from blocks.transport.base import RemoteFile, Transport
from tasks.checks.findings import Finding, Subject
from tasks.checks.needs import AutoEncoding
from tasks.files.remote_paths import join
from tasks.records.reading.encoding import detect
from tasks.records.reading.unpack import unpack

MOST_BYTES = 20_000_000
"""Size of the largest file that is downloaded for a check."""
_REMEDY = (
    "Ask the client for the encoding of its files, and set dialect.encoding in the agreement: a "
    "file in an encoding with one byte per character, such as cp1252, is held until then."
)


@dataclass(frozen=True)
class EncodingCheck:
    """Checks the newest file, pending or imported; none of its content is shown."""

    subject: Subject
    inbox: AutoEncoding
    scratch: Path

    def __call__(self, server: Transport) -> Iterator[Finding]:
        """The finding about one inbox."""
        check = f"encoding {self.inbox.source.folder}"
        found = self._newest(server)
        if found is None:
            text = "dialect.encoding is auto, and there is no file to check"
            yield self.subject.note(check, text, _REMEDY)
            return
        folder, file = found
        path = self.scratch / "encoding"
        try:
            server.read(join(folder, file.name), path, size=file.size)
            encoding, _ = detect(unpack(path, self.scratch, self.inbox.unpacking), "auto")
            yield self.subject.ok(check, f"auto; the newest file is in {encoding}")
        except FileGone:
            yield self.subject.note(check, "the newest file was moved meanwhile")
        except FileHeld as held:
            if held.context.get("reason") == "encoding":
                yield self.subject.fix(check, f"auto, for {file.name!r}: {held}", _REMEDY)
            else:
                yield self.subject.note(check, f"{file.name!r} would be held: {held}")
        finally:
            path.unlink(missing_ok=True)

    def _newest(self, server: Transport) -> tuple[str, RemoteFile] | None:
        """The newest file of the inbox, else of those imported, with its folder."""
        source = self.inbox.source
        for folder in (source.folder, join(source.folder, source.move_to)):
            files = [each for each in _listed(server, folder) if 0 < each.size <= MOST_BYTES]
            if folder == source.folder:
                files = [each for each in files if source.takes(each.name)]
            if files:
                return folder, max(files, key=lambda each: (str(each.modified_at), each.name))
        return None


def _listed(server: Transport, folder: str) -> Iterable[RemoteFile]:
    try:
        return list(server.list(folder))
    except PathRefused:  # the folder is missing, which another check reports
        return ()
