"""Checks that a file server has what a client's agreements need."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from blocks.errors import FileGone, PathRefused, RetryableError, SyncError
from blocks.transport.base import Transport
from tasks.checks.encodings import EncodingCheck
from tasks.checks.findings import Finding, Subject, finding_text, to_fix
from tasks.checks.needs import ServerNeeds
from tasks.checks.probing import Probe
from tasks.checks.reaching import Endpoint, check_reachable, identified, login_failure
from tasks.records.source import Source, in_order

_CLOCKS_DIFFER_SECONDS = 60.0

Look = Callable[[Transport], Iterable[Finding]]


def check_server(endpoint: Endpoint, needs: ServerNeeds, scratch: Path) -> list[Finding]:
    """All checks of one server; a failed check does not stop the others."""
    subject = Subject(needs.reference)
    findings = [*check_reachable(subject, endpoint)]
    if to_fix(findings):
        return findings
    connection, probe = _Connection(subject, endpoint), Probe.new(subject, scratch)
    try:
        findings += connection.look("login", lambda server: _logged_in(subject, endpoint, server))
        if connection.is_open:
            findings += _used(subject, connection, needs, probe)
    finally:
        connection.close()
    return findings


def _used(
    subject: Subject, connection: "_Connection", needs: ServerNeeds, probe: Probe
) -> Iterator[Finding]:
    """What a run would do: list folders and write files, which are deleted again."""
    for inbox in needs.inboxes:
        yield from connection.look(f"list {inbox.folder}", _listing(subject, inbox))
    for auto in needs.auto_encodings:
        look = EncodingCheck(subject, auto, probe.source.parent)
        yield from connection.look(f"encoding {auto.source.folder}", look)
    for outlet in needs.outlets:
        yield from connection.look(f"write {outlet.purpose}", partial(probe.try_out, outlet))
    yield from connection.look("delete", probe.clean)
    yield from _left(subject, probe)
    yield from _clocks(subject, probe, needs)


class _Connection:
    """A connection for several checks, reopened after an error that ends it."""

    def __init__(self, subject: Subject, endpoint: Endpoint) -> None:
        self._subject = subject
        self._endpoint = endpoint
        self._server: Transport | None = None

    @property
    def is_open(self) -> bool:
        """Whether the log-in succeeded."""
        return self._server is not None

    def look(self, check: str, look: Look) -> Iterator[Finding]:
        """The findings of one check; its error is one more."""
        try:
            if self._server is None:
                self._server = self._endpoint.connect()
        except SyncError as error:
            yield login_failure(self._subject, error)
            return
        try:
            yield from look(self._server)
        except SyncError as error:
            if isinstance(error, RetryableError):
                self.close()
            if check.startswith("list ") and isinstance(error, FileGone | PathRefused):
                yield _no_folder(self._subject, check, error)
                return
            yield self._subject.fix(
                check,
                finding_text(error),
                "Check the folder on the server, and ask its administrator what its log says about "
                "this time.",
            )

    def close(self) -> None:
        """Close the connection; the next check opens another one."""
        if self._server is not None:
            self._server.close()
        self._server = None


def _no_folder(subject: Subject, check: str, error: SyncError) -> Finding:
    return subject.fix(
        check,
        f"the folder does not exist, or this user cannot see it ({finding_text(error)})",
        "Create it, or correct source.folder in the client's file; the client must be able to "
        "write there.",
    )


def _logged_in(subject: Subject, endpoint: Endpoint, server: Transport) -> Iterator[Finding]:
    if endpoint.address is None:
        yield subject.ok("login", "the folder exists")
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
                check,
                facts,
                "If one of them should be imported, compare its name with source.pattern.",
            )
        else:
            yield subject.ok(check, facts)
        if server.skipped:
            yield subject.note(
                check,
                f"{server.skipped} files are skipped: their names contain control characters",
                "Ask the client to rename them.",
            )

    return look


def _left(subject: Subject, probe: Probe) -> Iterator[Finding]:
    if probe.left:
        yield subject.fix(
            "delete",
            f"the probe may not have been deleted: {', '.join(map(repr, probe.left))}",
            "Delete it on the server if it exists.",
        )
    elif probe.deleted:
        yield subject.ok("delete", "the probe was deleted")


def _clocks(subject: Subject, probe: Probe, needs: ServerNeeds) -> Iterator[Finding]:
    ahead = probe.ahead_seconds
    if ahead is None:
        if probe.deleted:
            yield subject.note(
                "clock", "the server gives no exact time of a file, so clocks were not compared"
            )
        return
    facts = f"the server's clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} ours"
    if abs(ahead) <= _CLOCKS_DIFFER_SECONDS:
        yield subject.ok("clock", "the server's clock and ours agree within a minute")
    elif needs.reads_ages:
        yield subject.fix(
            "clock",
            facts,
            "Ask the server's administrator to correct its clock, or set "
            "source.minimum_age_seconds to 0: otherwise files are imported too early or too late.",
        )
    else:
        yield subject.note(
            "clock", facts, "Nothing depends on it; tell the server's administrator."
        )
