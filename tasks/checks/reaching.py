"""Checks of the connection to a file server: name, port, identity and log-in."""

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
    """The endpoint of a server: address, timeout, and a function that connects.

    `address` is host and port; None for a folder, which is on this machine. `protocol` is sftp, ftp
    or ftps; where it is given, a server that greets in another one is found before the log-in.
    """

    address: tuple[str, int] | None
    seconds: float
    connect: Callable[[], Transport]
    protocol: str = ""


def check_reachable(subject: Subject, endpoint: Endpoint) -> Iterator[Finding]:
    """Whether the name resolves and the port answers; stops at the first failure."""
    if endpoint.address is None:
        return
    host, port = endpoint.address
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # the latter for an invalid name
        yield subject.fix(
            "name",
            f"the name {host} cannot be resolved on this machine",
            "Correct host on the block; if it is correct, fix the name resolution (DNS) of the "
            "worker's machine.",
        )
        return
    yield subject.ok("name", f"{host} is {found[0][4][0]}")
    try:
        with socket.create_connection(endpoint.address, endpoint.seconds) as connection:
            speaks = _greeting(connection) if endpoint.protocol else ""
    except OSError as error:
        yield _unreachable(subject, port, error)
        return
    if speaks and (speaks == "SFTP") != (endpoint.protocol == "sftp"):
        yield subject.fix(
            "connect",
            f"port {port} is an {speaks} server, but the block is for {endpoint.protocol.upper()}",
            f"Correct port on the block, or create and use a block of the kind {speaks}.",
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
        return subject.fix(
            "connect",
            f"nothing listens on port {port}",
            "Correct port on the block, or ask the server's administrator whether it runs and "
            "whether its firewall allows the address of this worker.",
        )
    return subject.fix(
        "connect",
        f"port {port} does not answer ({type(error).__name__})",
        "Ask the server's administrator to allow the address of this worker in its firewall, and "
        "check that outgoing connections are allowed here.",
    )


def login_failure(subject: Subject, error: SyncError) -> Finding:
    """Why a log-in failed, as a finding."""
    if isinstance(error, HostNotTrusted) and any(text in str(error) for text in _SIGNED_BY):
        return subject.fix(
            "identity",
            f"the certificate is not signed by an authority that is known here "
            f"({finding_text(error)})",
            "Ask the server's owner for the certificate of the authority, or for the server's own "
            "if it is self-signed, and put it into ca_certificate on the block.",
        )
    if isinstance(error, HostNotTrusted):
        return subject.fix(
            "identity",
            finding_text(error),
            "Ask the server's administrator, through another channel, whether its key or "
            "certificate was changed; then update host_key or ca_certificate on the block.",
        )
    if isinstance(error, LoginRefused):
        return subject.fix(
            "login",
            f"the server refuses this user name, password or key ({finding_text(error)})",
            "Correct user name, password or private key on the block. There was one attempt.",
        )
    if isinstance(error, ConfigurationError):
        return subject.fix("login", finding_text(error), "Correct the settings of the block.")
    return subject.fix(
        "login",
        finding_text(error),
        "Compare protocol, port and TLS on the block with what the server offers, and ask its "
        "administrator whether it is overloaded.",
    )


def identified(subject: Subject, identity: Identity | None, now: datetime) -> Finding:
    """The verified identity of the server, and its expiry."""
    if identity is None:
        return subject.note(
            "identity",
            "plain FTP: the server's identity cannot be verified, and everything, including the "
            "password, is transferred unencrypted",
            "Ask the server's administrator for SFTP or FTPS.",
        )
    shown = f"{identity.kind} {identity.fingerprint}"
    if not identity.verified:
        return subject.note(
            "identity",
            f"the server presents {shown}, which is not verified",
            "Ask the server's administrator whether that is correct, enter it as host_key or "
            "ca_certificate on the block, and enable verification.",
        )
    if identity.expires_at is None:
        return subject.ok("identity", f"{shown} is the pinned host key")
    return subject.dated(
        "identity",
        "the certificate is valid",
        identity.expires_at,
        now,
        "Ask the server's administrator to renew the certificate before that day.",
    )
