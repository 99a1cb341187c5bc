"""One file server against what a client's agreements need of it."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from blocks.errors import FileGone, PathRefused, RetryableError, SyncError
from blocks.transport.base import Transport
from tasks.checks.encodings import EncodingCheck
from tasks.checks.findings import Finding, Subject, finding_text, to_mend
from tasks.checks.needs import ServerNeeds
from tasks.checks.probing import Probe
from tasks.checks.reaching import Endpoint, check_reachable, identified, refused
from tasks.records.source import Source, in_order

_CLOCKS_DIFFER_SECONDS = 60.0

Look = Callable[[Transport], Iterable[Finding]]


def check_server(way: Endpoint, needs: ServerNeeds, scratch: Path) -> list[Finding]:
    """Everything about one server; each look is taken even where another one failed."""
    subject = Subject(needs.reference)
    findings = [*check_reachable(subject, way)]
    if to_mend(findings):
        return findings
    line, probe = _Connection(subject, way), Probe.new(subject, scratch)
    try:
        findings += line.look("login", lambda server: _let_in(subject, way, server))
        if line.is_open:
            findings += _used(subject, line, needs, probe)
    finally:
        line.close()
    return findings


def _used(
    subject: Subject, line: "_Connection", needs: ServerNeeds, probe: Probe
) -> Iterator[Finding]:
    """What a run would do there: list folders, write files, and, here, take them away again."""
    for inbox in needs.inboxes:
        yield from line.look(f"list {inbox.folder}", _listing(subject, inbox))
    for auto in needs.auto_encodings:
        look = EncodingCheck(subject, auto, probe.source.parent)
        yield from line.look(f"encoding {auto.source.folder}", look)
    for outlet in needs.outlets:
        yield from line.look(f"write {outlet.purpose}", partial(probe.try_out, outlet))
    yield from line.look("delete", probe.clean)
    yield from _left(subject, probe)
    yield from _clocks(subject, probe, needs)


class _Connection:
    """A connection for several looks, made anew after an error that ends it."""

    def __init__(self, subject: Subject, way: Endpoint) -> None:
        self._subject = subject
        self._way = way
        self._server: Transport | None = None

    @property
    def is_open(self) -> bool:
        """Whether the server has let us in."""
        return self._server is not None

    def look(self, check: str, look: Look) -> Iterator[Finding]:
        """The findings of one look, and its error as one more."""
        try:
            if self._server is None:
                self._server = self._way.connect()
        except SyncError as error:
            yield refused(self._subject, error)
            return
        try:
            yield from look(self._server)
        except SyncError as error:
            if isinstance(error, RetryableError):
                self.close()
            if check.startswith("list ") and isinstance(error, FileGone | PathRefused):
                yield _no_folder(self._subject, check, error)
                return
            yield self._subject.mend(
                check,
                finding_text(error),
                "Check the folder on the server, and ask its owner what its log says about this "
                "moment.",
            )

    def close(self) -> None:
        """Close the connection; the next look makes another one."""
        if self._server is not None:
            self._server.close()
        self._server = None


def _no_folder(subject: Subject, check: str, error: SyncError) -> Finding:
    return subject.mend(
        check,
        f"there is no such folder, or this user may not see it ({finding_text(error)})",
        "Create it, or correct source.folder in the client's file; the client has to be able to "
        "write there.",
    )


def _let_in(subject: Subject, way: Endpoint, server: Transport) -> Iterator[Finding]:
    if way.address is None:
        yield subject.ok("login", "the folder is there")
        return
    yield identified(subject, server.identity, datetime.now(UTC))
    yield subject.ok("login", "accepted")


def _listing(subject: Subject, inbox: Source) -> Look:
    def look(server: Transport) -> Iterator[Finding]:
        check = f"list {inbox.folder}"
        files = list(server.list(inbox.folder))
        matching = len(in_order(files, inbox))
        facts = f"{len(files)} files, {matching} match {inbox.pattern!r}"
        if files and not matching:
            yield subject.note(
                check, facts, "If a file should be taken, compare its name with source.pattern."
            )
        else:
            yield subject.ok(check, facts)
        if server.skipped:
            yield subject.note(
                check,
                f"{server.skipped} files are passed over, for their names hold control characters",
                "Ask the client to rename them.",
            )

    return look


def _left(subject: Subject, probe: Probe) -> Iterator[Finding]:
    if probe.left:
        yield subject.mend(
            "delete",
            f"it is not known whether the probe is gone: {', '.join(map(repr, probe.left))}",
            "Look for it on the server, and delete it if it is there.",
        )
    elif probe.deleted:
        yield subject.ok("delete", "the probe is gone again")


def _clocks(subject: Subject, probe: Probe, needs: ServerNeeds) -> Iterator[Finding]:
    ahead = probe.ahead_seconds
    if ahead is None:
        if probe.deleted:
            yield subject.note(
                "clock", "the server tells no exact time of a file, so clocks were not compared"
            )
        return
    facts = f"the server's clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} ours"
    if abs(ahead) <= _CLOCKS_DIFFER_SECONDS:
        yield subject.ok("clock", "the server's clock and ours agree within a minute")
    elif needs.reads_ages:
        yield subject.mend(
            "clock",
            facts,
            "Ask the server's owner to set its clock, or set source.minimum_age_seconds to 0: with "
            "it, files are taken too early or too late.",
        )
    else:
        yield subject.note(
            "clock", facts, "Nothing depends on it here; its owner may want to know."
        )
