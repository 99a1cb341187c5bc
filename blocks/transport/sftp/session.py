"""One SSH connection with an SFTP channel: paramiko with pinned keys and bounded waits.

Needs: a host key that matches the pinned one whichever algorithm the server prefers, names as
bytes, the server's extensions, and TCP_NODELAY, without which small packets wait for each other.
"""

import errno
import logging
import re
import socket
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import Self

import paramiko
from paramiko.message import Message
from paramiko.sftp import (
    CMD_ATTRS,
    CMD_CLOSE,
    CMD_HANDLE,
    CMD_NAME,
    CMD_OPENDIR,
    CMD_READDIR,
    CMD_STAT,
    CMD_STATUS,
    SFTP_EOF,
    SFTP_NO_SUCH_FILE,
    SFTP_OK,
    SFTP_PERMISSION_DENIED,
)

from blocks.errors import ConfigurationError, HostNotTrusted, SyncError
from blocks.transport.base import Identity
from blocks.transport.failures import Operation
from blocks.transport.sftp.answers import (
    Attributes,
    attributes,
    count,
    name_entries,
    names_of_pairs,
)
from blocks.transport.sftp.errors import SFTP_ERRORS, sftp_errors
from blocks.transport.sftp.host_keys import FAMILIES, HostKeys, fingerprint, parse_host_keys
from blocks.transport.sftp.private_keys import load_private_key
from blocks.transport.spool import EntrySpool
from blocks.transport.timeouts import Timeouts, ended_after

logger = logging.getLogger(__name__)
# What paramiko logs quotes the server, which may name people and hold control characters.
logging.getLogger("paramiko").propagate = False
logging.getLogger("paramiko").addHandler(logging.NullHandler())

_KEEPALIVE_SECONDS = 30
SFTP_VERSION = 3  # the one that servers speak; the drafts after it were given up
READ_AHEAD = 8  # requests for parts of a listing under way at once
MOST_PACKET_BYTES = 1024 * 1024  # four times the largest that servers send
STRONG_CIPHER = re.compile("aes(128|192|256)-(ctr|gcm@)")
STRONG_EXCHANGE = re.compile("curve25519|x25519|nistp|(group1[4-8]|exchange)-sha(256|512)")
_REFUSALS = {SFTP_NO_SUCH_FILE: errno.ENOENT, SFTP_PERMISSION_DENIED: errno.EACCES}


@dataclass(frozen=True)
class SftpSettings:
    """All that is needed to log in; `host_key` may only be None when it is not verified."""

    host: str
    port: int
    username: str
    password: str | None = field(default=None, repr=False)
    private_key: str | None = field(default=None, repr=False)
    passphrase: str | None = field(default=None, repr=False)
    host_key: str | None = None
    verify_host_key: bool = True
    allow_weak_algorithms: bool = False
    encoding: str = "utf-8"
    timeouts: Timeouts = field(default_factory=Timeouts)

    @property
    def address(self) -> str:
        """Where, for messages."""
        return f"sftp://{self.host}:{self.port}"


class SftpClient(paramiko.SFTPClient):
    """paramiko's client, with names as bytes in listings and the server's extensions kept."""

    extensions: frozenset[bytes] = frozenset()
    identity: Identity | None = None

    # What paramiko has but does not publish, with the types used here.
    _send_packet: Callable[[int, Message], None]
    _request: Callable[..., tuple[int, Message]]
    _read_response: Callable[[int], tuple[int, Message]]
    _async_request: Callable[..., int]
    _expecting: MutableMapping[int, object]

    def _send_version(self) -> int:
        message = Message()
        message.add_int(SFTP_VERSION)
        self._send_packet(paramiko.sftp.CMD_INIT, message)
        kind, data = self._read_packet()
        if kind != paramiko.sftp.CMD_VERSION:
            raise paramiko.SFTPError("Incompatible sftp protocol")
        answer = Message(data)
        version = answer.get_int()
        self.extensions = frozenset(names_of_pairs(answer))
        return version

    def _read_packet(self) -> tuple[int, bytes]:
        kind, data = super()._read_packet()  # type: ignore[misc]
        if len(data) > MOST_PACKET_BYTES:
            raise paramiko.SFTPError("Garbage packet received")
        return kind, data

    def _convert_status(self, answer: Message) -> None:
        """By its code alone: the text behind it may be in any encoding."""
        code = answer.get_int()
        if code == SFTP_EOF:
            raise EOFError
        if code in _REFUSALS:
            raise OSError(_REFUSALS[code], "refused")
        if code != SFTP_OK:
            raise OSError("refused")

    def look(self, path: bytes) -> Attributes:
        """Size, mode and time of what a path leads to."""
        kind, answer = self._request(CMD_STAT, path)
        if kind != CMD_ATTRS:
            raise paramiko.SFTPError("Expected attributes")
        return attributes(answer)

    def scan(self, folder: bytes) -> Iterator[tuple[bytes, Attributes]]:
        """Raw names and attributes of a folder, a few requests ahead of the answers.

        All answers have come when this returns, so that other requests may follow at once. What
        does not fit into a little memory waits in a nameless file.
        """
        kind, answer = self._request(CMD_OPENDIR, folder)
        if kind != CMD_HANDLE:
            raise paramiko.SFTPError("Expected handle")
        handle = answer.get_string()
        listing = EntrySpool()
        waiting, at_end = 0, False
        while waiting or not at_end:
            while not at_end and waiting < READ_AHEAD:
                self._async_request(type(None), CMD_READDIR, handle)
                waiting += 1
            part = self._next_part()
            waiting -= 1
            at_end = at_end or part is None
            if part is not None:
                listing.add(part, max(count(part), 1))
        self._request(CMD_CLOSE, handle)
        return chain.from_iterable(map(name_entries, listing.blocks()))

    def next_answer(self) -> tuple[int, int, Message]:
        """The number, the kind and the rest of the next answer, whichever request it is to."""
        kind, data = self._read_packet()
        answer = Message(data)
        number = answer.get_int()
        self._expecting.pop(number, None)
        return number, kind, answer

    def is_end(self, kind: int, answer: Message) -> bool:
        """Whether an answer says that a file or folder has no more; raises what else it refuses."""
        if kind == CMD_STATUS:
            try:
                self._convert_status(answer)
            except EOFError:
                return True
        return False

    def _next_part(self) -> bytes | None:
        """The next answer to a READDIR; None at the end of the folder."""
        _, kind, answer = self.next_answer()
        if self.is_end(kind, answer):
            return None
        if kind != CMD_NAME:
            raise paramiko.SFTPError("Expected name response")
        return answer.get_remainder()


class _PromptSocket(socket.socket):
    """A connection that acknowledges at once what has been read from it, while `prompt` is set.

    OpenSSH tells its host keys after the login, and keeps its next answer back until that was
    acknowledged: Linux, with nothing to send, likes to do so 40 ms later.
    """

    prompt = hasattr(socket, "TCP_QUICKACK")

    @classmethod
    def of(cls, sock: socket.socket) -> Self:
        """The same connection; `sock` is not to be used any more."""
        seconds = sock.gettimeout()
        prompt = cls(sock.family, sock.type, sock.proto, fileno=sock.detach())
        prompt.settimeout(seconds)
        return prompt

    def recv(self, bufsize: int, flags: int = 0) -> bytes:
        if bufsize > MOST_PACKET_BYTES:  # paramiko waits for as much as the server announces
            raise ConnectionAbortedError("Garbage packet received")
        data = super().recv(bufsize, flags)
        if self.prompt:
            self.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        return data


def open_client(settings: SftpSettings) -> SftpClient:
    """Connect, check the host key, log in, open the channel; every step is bounded."""
    step = Operation(settings.address, "connect", missing=ConfigurationError)
    key = None
    if settings.private_key is not None:
        key = load_private_key(settings.private_key, settings.passphrase)
    if settings.allow_weak_algorithms:
        logger.warning(
            "%s: WEAK algorithms are offered, as allow_weak_algorithms is on: who is in between "
            "may be able to read and change files; ask the server's owner for a newer server",
            settings.address,
        )
    with sftp_errors(step):
        transport = _trusted_transport(settings)
        with _closed_after(transport, settings.timeouts.connect):
            _log_in(transport, settings, key)
            client = _open_channel(transport, settings)
    shown = transport.get_remote_server_key()
    client.identity = Identity(
        shown.get_name(), fingerprint(shown.asbytes()), None, settings.verify_host_key
    )
    return client


def offered_host_keys(settings: SftpSettings) -> list[str]:
    """The server's host keys as OpenSSH lines, one of each kind that it has.

    Nobody is logged in and nothing is verified: whoever asks has to compare them with what the
    server's owner says.
    """
    found: list[str] = []
    with sftp_errors(Operation(settings.address, "connect", missing=ConfigurationError)):
        for family in FAMILIES:
            try:
                transport, _ = _negotiate(settings, family)
            except paramiko.ssh_exception.IncompatiblePeer:
                continue
            key = transport.get_remote_server_key()
            transport.close()
            found.append(f"{key.get_name()} {key.get_base64()}")
    return found


@contextmanager
def _closed_after(transport: paramiko.Transport, seconds: float) -> Iterator[None]:
    """Close on any error, and after some seconds: paramiko waits for some answers without end.

    What the other side sends before its key is checked is anything: whatever paramiko trips over
    is an error of the server.
    """
    try:
        with ended_after(seconds, transport.close, "connect_timeout_seconds"):
            yield
    except BaseException as error:
        transport.close()
        if isinstance(error, Exception) and not isinstance(error, (SyncError, *SFTP_ERRORS)):
            raise paramiko.SSHException("not understood") from None
        raise


def _trusted_transport(settings: SftpSettings) -> paramiko.Transport:
    if not settings.verify_host_key:
        logger.warning(
            "%s: the server's host key is NOT verified, as verify_host_key is off: "
            "anybody in between can read and change files",
            settings.address,
        )
        return _negotiate(settings, None)[0]
    pinned = parse_host_keys(settings.host_key or "")
    return _pinned_transport(settings, pinned)


def _pinned_transport(settings: SftpSettings, pinned: HostKeys) -> paramiko.Transport:
    shown: list[str] = []
    for family in pinned.families:
        try:
            transport, key = _negotiate(settings, family)
        except paramiko.ssh_exception.IncompatiblePeer as error:
            if "host key" not in str(error):
                raise
            continue
        if key in pinned.fingerprints:
            return transport
        transport.close()
        shown.append(key)
    found = " and ".join(shown) or "no key of the pinned kind"
    raise HostNotTrusted(
        f"{settings.address}: the server shows {found}, which is not the pinned host_key; "
        "ask the server's owner whether the key was changed before you renew host_key.",
        address=settings.address,
    )


def _negotiate(
    settings: SftpSettings, key_types: tuple[str, ...] | None
) -> tuple[paramiko.Transport, str]:
    """An encrypted connection, not yet logged in, and the fingerprint of the key it showed."""
    seconds = settings.timeouts.connect
    sock = _PromptSocket.of(socket.create_connection((settings.host, settings.port), seconds))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    transport = paramiko.Transport(sock)
    transport.banner_timeout = transport.handshake_timeout = seconds
    transport.auth_timeout = transport.channel_timeout = seconds
    options = transport.get_security_options()
    if not settings.allow_weak_algorithms:
        _only_strong(options)
    # Measured a fifth faster than paramiko's first choice, and as safe.
    options.ciphers = tuple(sorted(options.ciphers, key=lambda cipher: "gcm" not in cipher))
    if key_types is not None:
        options.key_types = key_types
    with _closed_after(transport, seconds):
        transport.start_client(timeout=seconds)
        return transport, fingerprint(transport.get_remote_server_key().asbytes())


def _only_strong(options: paramiko.SecurityOptions) -> None:
    """Offer what is known to be strong: no SHA-1, MD5, CBC or triple DES, nor what comes new."""
    options.ciphers = tuple(each for each in options.ciphers if STRONG_CIPHER.match(each))
    options.digests = tuple(each for each in options.digests if each.startswith("hmac-sha2-"))
    options.kex = tuple(each for each in options.kex if STRONG_EXCHANGE.search(each))
    options.key_types = tuple(each for each in options.key_types if each in chain(*FAMILIES))


def _log_in(
    transport: paramiko.Transport, settings: SftpSettings, key: paramiko.PKey | None
) -> None:
    still_wanted = ["password"]
    if key is not None:
        still_wanted = transport.auth_publickey(settings.username, key)
    if settings.password is not None and still_wanted:
        transport.auth_password(settings.username, settings.password)
    transport.set_keepalive(_KEEPALIVE_SECONDS)


def _open_channel(transport: paramiko.Transport, settings: SftpSettings) -> SftpClient:
    channel = transport.open_session(timeout=settings.timeouts.connect)
    channel.settimeout(settings.timeouts.read)
    channel.invoke_subsystem("sftp")
    if isinstance(transport.sock, _PromptSocket):
        transport.sock.prompt = False  # it would cost a transfer some of its time
    return SftpClient(channel)
