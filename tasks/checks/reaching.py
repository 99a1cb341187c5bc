"""The way to a file server: its name, its port, who it proves to be, and whether it lets us in."""

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from blocks.errors import ConfigurationError, HostNotTrusted, LoginRefused, SyncError
from blocks.transport.base import Identity, Transport
from tasks.checks.findings import Finding, Subject, finding_text

GREETING_SECONDS = 2.0
_SIGNED_BY = ("issuer", "self-signed", "self signed")
"""What OpenSSL says where it does not know the authority that signed a certificate."""


@dataclass(frozen=True)
class Endpoint:
    """How a server is reached: its address, how long to wait, and how to log in.

    `address` is host and port; None for a folder, which is on this machine. `protocol` is sftp, ftp
    or ftps; where it is given, a server that greets in another one is found before the log-in.
    """

    address: tuple[str, int] | None
    seconds: float
    connect: Callable[[], Transport]
    protocol: str = ""


def check_reachable(subject: Subject, way: Endpoint) -> Iterator[Finding]:
    """Whether the name is known and somebody listens; the first failure is the last finding."""
    if way.address is None:
        return
    host, port = way.address
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # the latter for what cannot be a name at all
        yield subject.mend(
            "name",
            f"{host} is not known to this machine's name service",
            "Correct host on the block; if it is right, mend the name service of the machine on "
            "which the worker runs.",
        )
        return
    yield subject.ok("name", f"{host} is {found[0][4][0]}")
    try:
        with socket.create_connection(way.address, way.seconds) as connection:
            speaks = _greeting(connection) if way.protocol else ""
    except OSError as error:
        yield _unreachable(subject, port, error)
        return
    if speaks and (speaks == "SFTP") != (way.protocol == "sftp"):
        yield subject.mend(
            "connect",
            f"port {port} is an {speaks} server, and the block is one for {way.protocol.upper()}",
            f"Correct port on the block, or make a block of the kind {speaks} and name that one.",
        )
        return
    yield subject.ok("connect", f"port {port} answers")


def _greeting(connection: socket.socket) -> str:
    """What kind of server says so before it is asked; empty where none does within a moment."""
    connection.settimeout(GREETING_SECONDS)
    try:
        first = connection.recv(4)
    except OSError:
        return ""
    return {b"SSH-": "SFTP", b"220 ": "FTP", b"220-": "FTP"}.get(first, "")


def _unreachable(subject: Subject, port: int, error: OSError) -> Finding:
    if isinstance(error, ConnectionRefusedError):
        return subject.mend(
            "connect",
            f"nothing listens on port {port}",
            "Correct port on the block, or ask the server's owner whether it runs and whether its "
            "firewall knows the address of this worker.",
        )
    return subject.mend(
        "connect",
        f"port {port} does not answer ({type(error).__name__})",
        "Ask the server's owner to let the address of this worker through its firewall, and "
        "check that outgoing connections are allowed here.",
    )


def refused(subject: Subject, error: SyncError) -> Finding:
    """Why a log-in failed, as a finding."""
    if isinstance(error, HostNotTrusted) and any(text in str(error) for text in _SIGNED_BY):
        return subject.mend(
            "identity",
            f"the certificate is not signed by an authority that is known here "
            f"({finding_text(error)})",
            "Ask the server's owner for the certificate of the authority, or for the server's own "
            "if it is self-signed, and put it into ca_certificate on the block.",
        )
    if isinstance(error, HostNotTrusted):
        return subject.mend(
            "identity",
            finding_text(error),
            "Ask the server's owner, by another way than this server, whether its key or "
            "certificate was changed; then renew host_key or ca_certificate on the block.",
        )
    if isinstance(error, LoginRefused):
        return subject.mend(
            "login",
            f"the server refuses this user name, password or key ({finding_text(error)})",
            "Correct user name, password or private key on the block. It was tried once.",
        )
    if isinstance(error, ConfigurationError):
        return subject.mend("login", finding_text(error), "Correct the settings of the block.")
    return subject.mend(
        "login",
        finding_text(error),
        "Compare protocol, port and TLS on the block with what the server offers, and ask its "
        "owner whether it is overloaded.",
    )


def identified(subject: Subject, identity: Identity | None, now: datetime) -> Finding:
    """Who the server proved to be, and until when."""
    if identity is None:
        return subject.note(
            "identity",
            "plain FTP: nothing proves which server this is, and everything can be read on the "
            "way, the password included",
            "Ask the server's owner for SFTP or FTPS.",
        )
    shown = f"{identity.kind} {identity.fingerprint}"
    if not identity.verified:
        return subject.note(
            "identity",
            f"the server shows {shown}, which is not compared with anything",
            "Ask the server's owner whether that is right, enter it as host_key or ca_certificate "
            "on the block, and switch verification on.",
        )
    if identity.expires_at is None:
        return subject.ok("identity", f"{shown} is the pinned host key")
    return subject.dated(
        "identity",
        "the certificate is valid",
        identity.expires_at,
        now,
        "Ask the server's owner to renew the certificate before that day.",
    )
