"""One FTP control connection, on ftplib.

Adds to ftplib: TLS session reuse (some servers refuse data connections without it), implicit TLS,
EPSV on IPv4, and tolerance of TLS data connections that servers close without close_notify.
"""

import contextlib
import ftplib
import logging
import re
import socket
import ssl
from dataclasses import dataclass, field
from ftplib import parse229
from typing import Literal

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import load_der_x509_certificate

from blocks.errors import ConfigurationError
from blocks.transport.base import Identity
from blocks.transport.failures import Operation
from blocks.transport.ftp.errors import ftp_errors
from blocks.transport.timeouts import CLOSE_SECONDS, Timeouts, ended_after

logger = logging.getLogger(__name__)

_KEEPALIVE_SECONDS = 30
MOST_REPLY_BYTES = 64 * 1024
WIRE_ENCODING = "latin-1"  # one byte per character: NameCodec does the real encoding


@dataclass(frozen=True)
class FtpSettings:
    """Settings of a login. `ca_certificate` is PEM text; it replaces the system's list."""

    host: str
    port: int
    username: str
    password: str = field(repr=False)
    tls: Literal["none", "explicit", "implicit"] = "none"
    verify_certificate: bool = True
    ca_certificate: str | None = None
    trust_passive_address: bool = False
    encoding: str = "utf-8"
    timeouts: Timeouts = field(default_factory=Timeouts)

    @property
    def address(self) -> str:
        """The server, for messages."""
        return f"{'ftp' if self.tls == 'none' else 'ftps'}://{self.host}:{self.port}"


def tls_context(ca_certificate: str | None, *, verify: bool) -> ssl.SSLContext:
    """TLS 1.2 or newer, verified against the system's authorities or the given ones."""
    authority = rewrapped(ca_certificate) if ca_certificate else None
    try:
        context = ssl.create_default_context(cadata=authority)
    except ssl.SSLError:
        raise ConfigurationError(
            "ca_certificate on the server block is not a certificate in PEM form; "
            "paste all of it, from BEGIN CERTIFICATE to END CERTIFICATE."
        ) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class FtpSession(ftplib.FTP_TLS):
    """A control connection, logged in once `open` returns; unencrypted if `tls` is "none"."""

    def __init__(self, settings: FtpSettings) -> None:
        # Loading the system's authorities is slow: only where TLS is used.
        secure = settings.tls != "none"
        super().__init__(
            context=tls_context(settings.ca_certificate, verify=settings.verify_certificate)
            if secure
            else None,
            timeout=settings.timeouts.connect,
            encoding=WIRE_ENCODING,
        )
        self._settings = settings
        self._extended_passive = True
        self._utf8_pending = False
        self._peer: tuple[str, int] = ("", 0)
        self._data: socket.socket | None = None
        self._is_cut = False
        self._reply_bytes_left = MOST_REPLY_BYTES
        self._limit = "connect_timeout_seconds"
        self._seconds = settings.timeouts.connect
        self.trust_server_pasv_ipv4_address = settings.trust_passive_address

    def open(self) -> frozenset[str]:
        """Connect, start TLS and log in; returns the server's features in upper case (RFC 2389)."""
        self._connect()
        self._log_in()
        features = self._features()
        self._utf8_pending = "UTF8" in features
        self.voidcmd("TYPE I")
        return features

    def enable_utf8(self) -> None:
        """Switch to UTF-8 names, once; call this before the first name that is not ASCII."""
        if self._utf8_pending:
            self._utf8_pending = False
            with contextlib.suppress(ftplib.error_perm):  # some servers need it, some lack it
                self.sendcmd("OPTS UTF8 ON")

    def _connect(self) -> None:
        self.host, self.port = self._settings.host, self._settings.port
        sock = socket.create_connection((self.host, self.port), self.timeout)
        self.sock = sock
        self.af = sock.family
        self._peer = sock.getpeername()
        # Firewalls drop idle connections, and this one is idle during a transfer.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if hasattr(socket, "TCP_KEEPIDLE"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _KEEPALIVE_SECONDS)
        if self._settings.tls == "implicit":
            self.sock = self.context.wrap_socket(sock, server_hostname=self.host)
        self.file = self.sock.makefile("r", encoding=self.encoding)
        self.welcome = self.getresp()

    def _log_in(self) -> None:
        if self._settings.tls == "explicit":
            self._start_tls()
        user, password = (
            text.encode("utf-8").decode(WIRE_ENCODING)
            for text in (self._settings.username, self._settings.password)
        )
        self.login(user, password, secure=False)
        if self._settings.tls != "none":
            self.prot_p()

    def _start_tls(self) -> None:
        try:
            self.auth()
        except ftplib.error_perm:
            raise ConfigurationError(
                f"{self._settings.address}: the server refuses AUTH TLS, so no password was sent; "
                "ask its owner for the FTPS port, or whether it uses implicit TLS."
            ) from None

    def _features(self) -> frozenset[str]:
        try:
            answer = self.sendcmd("FEAT")
        except ftplib.error_perm:
            return frozenset()
        return frozenset(
            line.split()[0].upper() for line in answer.splitlines()[1:] if line.split()
        )

    def wait_up_to(self, seconds: float) -> None:
        """Set the time-out for each following answer and each block of data."""
        self.timeout = self._seconds = seconds
        self._limit = "read_timeout_seconds"
        if self.sock is not None:
            self.sock.settimeout(seconds)

    def getmultiline(self) -> str:
        """A complete reply, limited in total time and bytes."""
        self._reply_bytes_left = MOST_REPLY_BYTES
        with ended_after(self._seconds, self.cut, self._limit):
            return super().getmultiline()

    def getline(self) -> str:
        """A line of a reply; ValueError if the reply is too long."""
        line = super().getline()
        self._reply_bytes_left -= len(line) + 1
        if self._reply_bytes_left < 0:
            raise ValueError(f"a reply of more than {MOST_REPLY_BYTES:,} bytes")
        return line

    def cut(self) -> None:
        """Shut down both connections from any thread; waiting threads get an error."""
        self._is_cut = True
        for sock in (self.sock, self._data):
            if sock is not None:
                with contextlib.suppress(OSError):
                    # The method of TLS sockets would drop the TLS session of a reading thread.
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def makepasv(self) -> tuple[str, int]:
        """Address of the next data connection, from EPSV, which names no host that could be wrong.

        Without EPSV, the host of PASV is replaced by the one we are connected to, unless trusted.
        """
        if self._extended_passive:
            try:
                return parse229(self.sendcmd("EPSV"), self._peer)  # noqa: S321 - as in adapter.py
            except ftplib.error_perm:
                self._extended_passive = False
        return super().makepasv()

    def ntransfercmd(
        self, cmd: str, rest: int | str | None = None
    ) -> tuple[socket.socket, int | None]:
        """A data connection; with TLS, it reuses the session of the control connection.

        Returns no size: ftplib would parse it from the reply's text.
        """
        conn = self._data = socket.create_connection(self.makepasv(), self.timeout)
        try:
            if rest is not None:
                self.sendcmd(f"REST {rest}")
            answer = self.sendcmd(cmd)
            if answer[0] == "2":  # some servers send a positive reply first
                answer = self.getresp()
            if answer[0] != "1":
                raise ftplib.error_reply(answer)  # noqa: S321 - as in adapter.py
            if isinstance(self.sock, ssl.SSLSocket):
                # Known to `cut` before its handshake: wrapping makes the first socket useless.
                conn = self._data = secured = self.context.wrap_socket(
                    conn,
                    do_handshake_on_connect=False,
                    server_hostname=self.host,
                    session=self.sock.session,
                )
                if self._is_cut:
                    self.cut()
                secured.do_handshake()
        except BaseException:
            conn.close()
            raise
        return conn, None

    @property
    def identity(self) -> Identity | None:
        """The server's certificate; None without TLS, or when the connection is closed."""
        if not isinstance(self.sock, ssl.SSLSocket):
            return None
        shown = self.sock.getpeercert(binary_form=True)
        if shown is None:
            return None
        certificate = load_der_x509_certificate(shown)
        return Identity(
            "certificate",
            "SHA256:" + certificate.fingerprint(SHA256()).hex(),
            certificate.not_valid_after_utc,
            self._settings.verify_certificate,
        )

    def log_out(self) -> None:
        """Log out if the server still answers, and close."""
        if self.sock is None:
            return
        with contextlib.suppress(OSError, EOFError, ftplib.Error):
            self.wait_up_to(CLOSE_SECONDS)
            self.quit()
        self.close()


def end_data_connection(conn: socket.socket) -> None:
    """Close a data connection, with close_notify in TLS.

    Servers that close without it are accepted, because sizes are compared afterwards.
    """
    if isinstance(conn, ssl.SSLSocket):
        with contextlib.suppress(OSError, ValueError):
            conn.settimeout(CLOSE_SECONDS)
            conn.unwrap()
    conn.close()


def open_session(settings: FtpSettings) -> tuple[FtpSession, frozenset[str]]:
    """Log in; the session and the server's features. ServerUnavailable, LoginRefused, ..."""
    if settings.tls != "none" and not settings.verify_certificate:
        logger.warning(
            "%s: the server's certificate is NOT verified, as verify_certificate is off: "
            "others on the network can read and change files",
            settings.address,
        )
    session = FtpSession(settings)
    with ftp_errors(Operation(settings.address, "connect", missing=ConfigurationError)):
        try:
            features = session.open()
            session.wait_up_to(settings.timeouts.read)
        except BaseException:
            session.close()
            raise
    return session, features


BLOCK = re.compile(r"(-----BEGIN [A-Z0-9 ]+-----)([A-Za-z0-9+/=\s]+)(-----END [A-Z0-9 ]+-----)")

LINE_CHARACTERS = 64  # RFC 7468


def rewrapped(text: str) -> str:
    """The text with every PEM block wrapped into lines; blocks with headers are left unchanged."""
    return BLOCK.sub(_wrapped, text.strip()) + "\n"


def _wrapped(block: re.Match[str]) -> str:
    body = "".join(block[2].split())
    lines = [body[at : at + LINE_CHARACTERS] for at in range(0, len(body), LINE_CHARACTERS)]
    return "\n".join([block[1], *lines, block[3], ""])
