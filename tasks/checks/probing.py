"""Write test on a file server: writes, renames and deletes a probe file."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from blocks.errors import FileGone, PathRefused, SyncError
from blocks.transport import names
from blocks.transport.base import Transport
from tasks.checks.findings import Finding, Subject, finding_text
from tasks.checks.needs import Outlet

_CONTENT = (
    b"Written by MailUp file exchange to check this connection; may be deleted at any time.\n"
)
PROBE_PREFIX = "mailup-connection-check-"


@dataclass
class Probe:
    """A file that is written, renamed and deleted; `left`: its paths that may still exist.

    `ahead_seconds`: by how much the server's clock is ahead; None if it gives no time.
    """

    subject: Subject
    source: Path
    left: list[str] = field(default_factory=list)
    deleted: bool = False
    ahead_seconds: float | None = None

    @classmethod
    def new(cls, subject: Subject, scratch: Path) -> "Probe":
        """A probe with its content in the scratch folder."""
        source = scratch / "probe"
        source.write_bytes(_CONTENT)
        return cls(subject, source)

    def try_out(self, outlet: Outlet, server: Transport) -> Iterator[Finding]:
        """Handle the probe as a run would handle a file."""
        check = f"write {outlet.purpose}"
        if not outlet.tries:
            yield self.subject.note(
                check,
                f"no probe was written to {_shown(outlet.end)}: as agreed, files are neither "
                "renamed nor replaced there, so it might not be deleted",
                "The first delivery shows whether it works.",
            )
            return
        start, end = _nearest(server, outlet.start), _nearest(server, outlet.end)
        if outlet.start != outlet.end and start != outlet.start:
            return  # the folder of the files is missing, which its own check reports
        if end != outlet.end:
            yield self.subject.note(
                check,
                f"{_shown(outlet.end)} does not exist or cannot be listed; a run creates it. The "
                f"probe was written to {_shown(end)}",
                "If the folder exists, ask the server's administrator for permission to list it.",
            )
        yield from self._written(server, outlet, check, start, end)

    def _written(
        self, server: Transport, outlet: Outlet, check: str, start: str, end: str
    ) -> Iterator[Finding]:
        first, final = self._paths(start, end, hidden=outlet.renames)
        try:
            self._write(server, first)
        except PathRefused as error:
            yield self.subject.fix(
                check,
                finding_text(error),
                f"Ask the server's administrator for permission to write in {_shown(start)}.",
            )
            return
        if not outlet.renames:
            yield from self._replaced_directly(server, outlet, check, first)
            return
        try:
            self._rename(server, first, final, replace=False)
        except PathRefused as error:
            yield self.subject.fix(
                check,
                f"a file can be written, but not renamed to {_shown(end)}: {finding_text(error)}",
                _without_rename(outlet),
            )
            return
        if outlet.replaces:
            yield from self._replaced(server, check, first, final)
        yield self.subject.ok(check, f"{_shown(end)}: written, renamed")

    def _replaced(self, server: Transport, check: str, first: str, final: str) -> Iterator[Finding]:
        try:
            self._write(server, first)
            self._rename(server, first, final, replace=True)
        except PathRefused as error:
            yield self.subject.fix(
                check,
                f"a file can be written, but an older one of the same name is not replaced: "
                f"{finding_text(error)}",
                "Set publishing.existing to 'keep' for exports, results.names to 'unique' for "
                "imports; or ask the server's administrator for permission to replace files.",
            )
            return
        if not server.abilities.rename_over:
            yield self.subject.note(
                check,
                "the server cannot replace a file atomically: the old one is deleted first",
            )

    def _replaced_directly(
        self, server: Transport, outlet: Outlet, check: str, path: str
    ) -> Iterator[Finding]:
        if outlet.replaces:
            try:
                self._write(server, path)
            except PathRefused as error:
                yield self.subject.fix(
                    check,
                    f"a file can be written, but not replaced: {finding_text(error)}",
                    "Set publishing.existing to 'keep', or ask the server's administrator for "
                    "permission to replace files.",
                )
                return
        yield self.subject.ok(check, f"{_shown(outlet.end)}: written")

    def clean(self, server: Transport) -> Iterator[Finding]:
        """Delete the remaining files of the probe; report those that cannot be deleted."""
        for path in [*self.left]:
            try:
                server.remove(path)
            except FileGone:
                self.left.remove(path)
            except PathRefused as error:
                self.left.remove(path)
                if not _exists(server, path):
                    continue
                yield self.subject.fix(
                    "delete",
                    f"the probe could not be deleted: {finding_text(error)}",
                    f"Delete {path!r} on the server, and ask its administrator for permission to "
                    "delete own files, or set publishing to 'direct' and 'keep' for exports.",
                )
            else:
                self.left.remove(path)
                self.deleted = True

    def _write(self, server: Transport, path: str) -> None:
        self.left.append(path)
        began = datetime.now(UTC)
        server.write(self.source, path)
        with suppress(SyncError):
            changed = server.stat(path).modified_at
            if changed is not None:
                # The file was written between these two times; servers give whole seconds, so half
                # of one is added.
                middle = began + (datetime.now(UTC) - began) / 2
                self.ahead_seconds = (changed - middle).total_seconds() + 0.5

    def _rename(self, server: Transport, old: str, new: str, *, replace: bool) -> None:
        self.left.append(new)
        server.rename(old, new, replace=replace)

    def _paths(self, start: str, end: str, *, hidden: bool) -> tuple[str, str]:
        """Paths to which the probe is written and renamed. A file to be renamed always has a hidden
        name, like temporary files, so that it matches no pattern."""
        name = f"{PROBE_PREFIX}{uuid4().hex[:8]}.tmp"
        if not hidden:
            return names.join_checked(start, name), ""
        return names.join_checked(start, f".{name}"), names.join_checked(end, f".{name}-renamed")


def _nearest(server: Transport, folder: str) -> str:
    """The folder itself if it can be listed, or its nearest parent that can."""
    parents = (
        [".", *names.steps_to(folder)] if not folder.startswith("/") else names.steps_to(folder)
    )
    for candidate in [folder, *reversed(parents[:-1])]:
        try:
            list(server.list(candidate))
        except PathRefused:
            continue
        return candidate
    return folder


def _exists(server: Transport, path: str) -> bool:
    try:
        server.stat(path)
    except (FileGone, PathRefused):
        return False
    return True


def _without_rename(outlet: Outlet) -> str:
    if outlet.purpose == "exports":
        return (
            "Set publishing.publish to 'direct' with a done_marker, or ask the server's "
            "administrator for permission to rename files."
        )
    if outlet.start != outlet.end:
        return (
            "Ask the server's administrator for permission to rename files between these folders, "
            "or set source.afterwards to 'leave'."
        )
    return "Ask the server's administrator for permission to rename files there."


def _shown(folder: str) -> str:
    return "the folder of the login" if folder in ("", ".") else repr(folder)
