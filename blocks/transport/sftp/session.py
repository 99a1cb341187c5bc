"""One SSH connection with an SFTP channel, on paramiko.

Adds to paramiko: pinned host keys whichever algorithm the server prefers, limited waits, names as
bytes, the server's extensions, and TCP_NODELAY, without which small packets are delayed.
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
# paramiko's log lines quote the server, which may name people and send control characters.
logging.getLogger("paramiko").propagate = False
logging.getLogger("paramiko").addHandler(logging.NullHandler())

_KEEPALIVE_SECONDS = 30
SFTP_VERSION = 3  # the version in use; later drafts were abandoned
READ_AHEAD = 8  # concurrent requests for parts of a listing
MOST_PACKET_BYTES = 1024 * 1024  # four times the largest packet of common servers
STRONG_CIPHER = re.compile("aes(128|192|256)-(ctr|gcm@)")
STRONG_EXCHANGE = re.compile("curve25519|x25519|nistp|(group1[4-8]|exchange)-sha(256|512)")
_REFUSALS = {SFTP_NO_SUCH_FILE: errno.ENOENT, SFTP_PERMISSION_DENIED: errno.EACCES}


@dataclass(frozen=True)
class SftpSettings:
    """Settings of a login; `host_key` may only be None if it is not verified."""

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
        """The server, for messages."""
        return f"sftp://{self.host}:{self.port}"


class SftpClient(paramiko.SFTPClient):
    """paramiko's client, with names as bytes and the server's extensions."""

    extensions: frozenset[bytes] = frozenset()
    identity: Identity | None = None

    # Private methods of paramiko, with the types used here.
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
        """Raise by the status code only: the text after it may be in any encoding."""
        code = answer.get_int()
        if code == SFTP_EOF:
            raise EOFError
        if code in _REFUSALS:
            raise OSError(_REFUSALS[code], "refused")
        if code != SFTP_OK:
            raise OSError("refused")

    def attributes_of(self, path: bytes) -> Attributes:
        """Size, mode and time of a path; links are followed."""
        kind, answer = self._request(CMD_STAT, path)
        if kind != CMD_ATTRS:
            raise paramiko.SFTPError("Expected attributes")
        return attributes(answer)

    def scan(self, folder: bytes) -> Iterator[tuple[bytes, Attributes]]:
        """Raw names and attributes of a folder, read with concurrent requests.

        All answers have arrived when this returns, so that other requests may follow. A large
        listing is buffered in an unnamed file.
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
        """Request number, kind and content of the next answer to any request."""
        kind, data = self._read_packet()
        answer = Message(data)
        number = answer.get_int()
        self._expecting.pop(number, None)
        return number, kind, answer

    def is_end(self, kind: int, answer: Message) -> bool:
        """Whether an answer is the end of a file or folder; raises any other error status."""
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
    """A socket that acknowledges received data immediately while `prompt` is set.

    OpenSSH sends its host keys after the login, and its next answer only after they have been
    acknowledged, which Linux delays by 40 ms.
    """

    prompt = hasattr(socket, "TCP_QUICKACK")

    @classmethod
    def of(cls, sock: socket.socket) -> Self:
        """The same connection; `sock` must not be used any more."""
        seconds = sock.gettimeout()
        prompt = cls(sock.family, sock.type, sock.proto, fileno=sock.detach())
        prompt.settimeout(seconds)
        return prompt

    def recv(self, bufsize: int, flags: int = 0) -> bytes:
        if bufsize > MOST_PACKET_BYTES:  # paramiko waits for any size that the server announces
            raise ConnectionAbortedError("Garbage packet received")
        data = super().recv(bufsize, flags)
        if self.prompt:
            self.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        return data


def open_client(settings: SftpSettings) -> SftpClient:
    """Connect, check the host key, log in, open the channel; each step has a time limit."""
    step = Operation(settings.address, "connect", missing=ConfigurationError)
    key = None
    if settings.private_key is not None:
        key = load_private_key(settings.private_key, settings.passphrase)
    if settings.allow_weak_algorithms:
        logger.warning(
            "%s: WEAK algorithms are offered, as allow_weak_algorithms is on: others on the "
            "network may be able to read and change files; ask the server's owner to update it",
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
    """The server's host keys as OpenSSH lines, one of each type that it has.

    There is no login and no verification: compare them with what the server's owner says.
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
    """Close on any error, and after `seconds`: paramiko waits for some answers without a limit.

    Until its key is checked, the server may send anything: any exception of paramiko is then an
    error of the server.
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
            "others on the network can read and change files",
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
    found = " and ".join(shown) or "no key of the pinned type"
    raise HostNotTrusted(
        f"{settings.address}: the server presents {found}, which is not the pinned host_key; "
        "ask the server's owner whether the key was changed before you change host_key.",
        address=settings.address,
    )


def _negotiate(
    settings: SftpSettings, key_types: tuple[str, ...] | None
) -> tuple[paramiko.Transport, str]:
    """An encrypted connection, not yet logged in, and the fingerprint of its host key."""
    seconds = settings.timeouts.connect
    sock = _PromptSocket.of(socket.create_connection((settings.host, settings.port), seconds))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    transport = paramiko.Transport(sock)
    transport.banner_timeout = transport.handshake_timeout = seconds
    transport.auth_timeout = transport.channel_timeout = seconds
    options = transport.get_security_options()
    if not settings.allow_weak_algorithms:
        _only_strong(options)
    # 20 % faster than paramiko's first choice, and as secure.
    options.ciphers = tuple(sorted(options.ciphers, key=lambda cipher: "gcm" not in cipher))
    if key_types is not None:
        options.key_types = key_types
    with _closed_after(transport, seconds):
        transport.start_client(timeout=seconds)
        return transport, fingerprint(transport.get_remote_server_key().asbytes())


def _only_strong(options: paramiko.SecurityOptions) -> None:
    """Offer only known strong algorithms: no SHA-1, MD5, CBC or triple DES."""
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
        transport.sock.prompt = False  # it would slow down transfers
    return SftpClient(channel)
