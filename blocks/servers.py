"""The blocks that hold the way to a client's file server: FTP, FTPS or SFTP."""

import re
from collections.abc import Callable
from typing import Literal, Self

from prefect.blocks.core import Block
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    SecretStr,
    field_validator,
    model_validator,
)

from blocks.errors import ConfigurationError
from blocks.loading import load
from blocks.transport.base import Transport
from blocks.transport.ftp import FtpTransport
from blocks.transport.ftp_session import FtpSettings, tls_context
from blocks.transport.host_keys import parse_host_keys
from blocks.transport.names import CONTROL_CHARACTERS
from blocks.transport.sftp import SftpTransport
from blocks.transport.sftp_session import SftpSettings
from blocks.transport.timeouts import CONNECT_SECONDS, READ_SECONDS, TRANSFER_SECONDS, Timeouts

FTP_PORT = 21
IMPLICIT_FTPS_PORT = 990
SFTP_PORT = 22

LOGO = HttpUrl(
    "https://raw.githubusercontent.com/PrefectHQ/prefect/"
    "420d0d6a78bb6df1fc18bcf188fdad43c1d22ea9/assets/block-logos/filesystem.png"
)
NOT_IN_HOSTS = re.compile(r"[\s/@]")
Encoding = Literal["utf-8", "cp1252", "iso-8859-1", "iso-8859-15"]


class _Connection(BaseModel):
    """What all servers have in common."""

    # An error of pydantic shows the input it refused, and that would be the password.
    model_config = ConfigDict(hide_input_in_errors=True)

    host: str = Field(
        min_length=1,
        title="Host",
        description="Name or address of the server, without ftp:// or sftp://.",
    )
    port: int = Field(ge=1, le=65535, title="Port", description="Port that the server listens on.")
    username: str = Field(min_length=1, title="User", description="User name on the server.")

    @field_validator("host")
    @classmethod
    def _is_bare(cls, host: str) -> str:
        if NOT_IN_HOSTS.search(host):
            raise ValueError(
                "is to be a name or address alone: without ftp://, user, folder or spaces"
            )
        return host


class _Limits(BaseModel):
    """How long to wait, and how names are written: last in every form."""

    connect_timeout_seconds: float = Field(
        default=CONNECT_SECONDS,
        gt=0,
        le=300,
        title="Connect time-out",
        description="Longest wait for each step of connecting and logging in, in seconds.",
    )
    read_timeout_seconds: float = Field(
        default=READ_SECONDS,
        gt=0,
        le=3600,
        title="Read time-out",
        description="Longest silence of the server during a transfer or a command, in seconds.",
    )
    transfer_timeout_seconds: float = Field(
        default=TRANSFER_SECONDS,
        gt=0,
        le=86_400,
        title="Transfer time-out",
        description="Longest time for one file in all, however slowly it comes, in seconds.",
    )
    encoding: Encoding = Field(
        default="utf-8",
        title="Encoding of names",
        description="Encoding of file names on the server; the content of files is not touched.",
    )

    def _timeouts(self) -> Timeouts:
        return Timeouts(
            self.connect_timeout_seconds, self.read_timeout_seconds, self.transfer_timeout_seconds
        )


class _FtpConnection(_Connection):
    """What FTP and FTPS servers have in common."""

    password: SecretStr = Field(title="Password", description="Password of the user.")
    trust_passive_address: bool = Field(
        default=False,
        title="Trust passive address",
        description=(
            "Use the address in the server's PASV answers although it differs from the host; "
            "most servers that name another one name a wrong one."
        ),
    )

    @model_validator(mode="after")
    def _is_one_line(self) -> Self:
        # ftplib would refuse these later, with a message that shows them.
        if CONTROL_CHARACTERS.search(self.username + self.password.get_secret_value()):
            raise ValueError("username or password holds a line break: paste them without")
        return self


class _FtpsConnection(_FtpConnection):
    """What is asked of FTPS servers beyond FTP ones."""

    port: int = Field(
        default=0,
        ge=0,
        le=65535,
        title="Port",
        description="Port of the server; 0 stands for 21 with explicit and 990 with implicit TLS.",
    )
    tls: Literal["explicit", "implicit"] = Field(
        default="explicit",
        title="TLS",
        description="Explicit: asked for with AUTH TLS; implicit: TLS from the first byte.",
    )
    ca_certificate: str = Field(
        default="",
        title="Authority's certificate",
        description=(
            "Certificate of the authority that signed the server's one, or a self-signed "
            "certificate itself, as PEM text; empty for the system's list of authorities."
        ),
    )
    verify_certificate: bool = Field(
        default=True,
        title="Verify certificate",
        description="Refuse a server without the right certificate; off is for tests only.",
    )

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.ca_certificate and not self.verify_certificate:
            raise ValueError(
                "ca_certificate is set but verify_certificate is off: clear one or set the other"
            )
        if self.ca_certificate:
            _as_value_error(lambda: tls_context(self.ca_certificate, verify=True))
        return self


class FtpServer(_Limits, _FtpConnection, Block):
    """
    An FTP server. Everything passes in clear text, the password included.

    Use FTPS or SFTP where the server offers them.

    Attributes:
        host: Name or address of the server.
        port: Port that the server listens on.
        username: User name on the server.
        password: Password of that user.
        connect_timeout_seconds: Longest wait for each step of connecting.
        read_timeout_seconds: Longest silence of the server.
        transfer_timeout_seconds: Longest time for one file.
        encoding: Encoding of file names.
        trust_passive_address: Whether the address in the server's PASV answers is used.
        protocol: Always "ftp".

    Example:
        Load a server and list a folder:
        ```python
        from blocks.servers import FtpServer

        server = FtpServer.load("BLOCK_NAME")
        with server.connect() as transport:
            print([file.name for file in transport.list("in")])
        ```
    """

    _block_type_name = "FTP Server"
    _block_type_slug = "ftp-server"
    _logo_url = LOGO
    _documentation_url = HttpUrl("https://www.rfc-editor.org/rfc/rfc959")

    protocol: Literal["ftp"] = Field(
        default="ftp", title="Protocol", description="The protocol of this kind of server."
    )
    port: int = Field(
        default=FTP_PORT,
        ge=1,
        le=65535,
        title="Port",
        description="Port that the server listens on.",
    )

    def connect(self) -> Transport:
        """Log in; use the result as a context manager."""
        return FtpTransport(
            FtpSettings(
                self.host,
                self.port,
                self.username,
                self.password.get_secret_value(),
                trust_passive_address=self.trust_passive_address,
                encoding=self.encoding,
                timeouts=self._timeouts(),
            )
        )


class FtpsServer(_Limits, _FtpsConnection, Block):
    """
    An FTP server with TLS on control and data connections.

    The server's certificate is verified, against the system's authorities or against the one
    given here. TLS 1.2 is the least that is accepted.

    Attributes:
        host: Name or address of the server, as its certificate has it.
        port: Port; 21 for explicit TLS, 990 for implicit TLS unless set.
        username: User name on the server.
        password: Password of that user.
        connect_timeout_seconds: Longest wait for each step of connecting.
        read_timeout_seconds: Longest silence of the server.
        transfer_timeout_seconds: Longest time for one file.
        encoding: Encoding of file names.
        tls: "explicit" (AUTH TLS) or "implicit" (TLS from the first byte).
        ca_certificate: Certificate of the authority, in PEM form.
        verify_certificate: Whether the server's certificate is verified.
        trust_passive_address: Whether the address in the server's PASV answers is used.
        protocol: Always "ftps".

    Example:
        Load a server and list a folder:
        ```python
        from blocks.servers import FtpsServer

        server = FtpsServer.load("BLOCK_NAME")
        with server.connect() as transport:
            print([file.name for file in transport.list("in")])
        ```
    """

    _block_type_name = "FTPS Server"
    _block_type_slug = "ftps-server"
    _logo_url = LOGO
    _documentation_url = HttpUrl("https://www.rfc-editor.org/rfc/rfc4217")

    protocol: Literal["ftps"] = Field(
        default="ftps", title="Protocol", description="The protocol of this kind of server."
    )

    def connect(self) -> Transport:
        """Log in; use the result as a context manager."""
        return FtpTransport(self._settings())

    def _settings(self) -> FtpSettings:
        usual_port = IMPLICIT_FTPS_PORT if self.tls == "implicit" else FTP_PORT
        return FtpSettings(
            self.host,
            self.port or usual_port,
            self.username,
            self.password.get_secret_value(),
            tls=self.tls,
            verify_certificate=self.verify_certificate,
            ca_certificate=self.ca_certificate or None,
            trust_passive_address=self.trust_passive_address,
            encoding=self.encoding,
            timeouts=self._timeouts(),
        )


class _SftpConnection(_Connection):
    """What is asked of SFTP servers."""

    port: int = Field(
        default=SFTP_PORT,
        ge=1,
        le=65535,
        title="Port",
        description="Port that the server listens on.",
    )
    password: SecretStr | None = Field(
        default=None,
        title="Password",
        description="Password of the user; may be left out when a private key is set.",
    )
    private_key: SecretStr | None = Field(
        default=None,
        title="Private key",
        description="Private key as text in OpenSSH or PEM form, from its BEGIN to its END line.",
    )
    passphrase: SecretStr | None = Field(
        default=None,
        title="Passphrase",
        description="Passphrase of the private key, if it has one.",
    )
    host_key: str = Field(
        default="",
        title="Host key",
        description=(
            "The server's public key as an OpenSSH line (ssh-ed25519 AAAA...) or its fingerprint "
            "(SHA256:...); several lines while a server changes its key."
        ),
    )
    verify_host_key: bool = Field(
        default=True,
        title="Verify host key",
        description="Refuse a server that shows another key; off is for tests only.",
    )

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if not _opened(self.password) and not _opened(self.private_key):
            raise ValueError("neither password nor private_key is set: set one of them, or both")
        if _opened(self.passphrase) and not _opened(self.private_key):
            raise ValueError("passphrase is set without private_key: set the key or clear it")
        if self.host_key and not self.verify_host_key:
            raise ValueError(
                "host_key is set but verify_host_key is off: clear the one or set the other"
            )
        if self.verify_host_key:
            _as_value_error(lambda: parse_host_keys(self.host_key))
        return self


class SftpServer(_Limits, _SftpConnection, Block):
    """
    An SFTP server, known by its host key.

    Log in with a password, with a private key, or with both where the server wants both.

    Attributes:
        host: Name or address of the server.
        port: Port that the server listens on.
        username: User name on the server.
        password: Password of that user.
        private_key: Private key in OpenSSH or PEM form.
        passphrase: Passphrase of the private key.
        host_key: The server's public key or its fingerprint.
        verify_host_key: Whether the server must show that key.
        connect_timeout_seconds: Longest wait for each step of connecting.
        read_timeout_seconds: Longest silence of the server.
        transfer_timeout_seconds: Longest time for one file.
        encoding: Encoding of file names.
        protocol: Always "sftp".

    Example:
        Load a server and list a folder:
        ```python
        from blocks.servers import SftpServer

        server = SftpServer.load("BLOCK_NAME")
        with server.connect() as transport:
            print([file.name for file in transport.list("in")])
        ```
    """

    _block_type_name = "SFTP Server"
    _block_type_slug = "sftp-server"
    _logo_url = LOGO
    _documentation_url = HttpUrl("https://man.openbsd.org/sftp")

    protocol: Literal["sftp"] = Field(
        default="sftp", title="Protocol", description="The protocol of this kind of server."
    )

    def connect(self) -> Transport:
        """Log in; use the result as a context manager."""
        return SftpTransport(
            SftpSettings(
                self.host,
                self.port,
                self.username,
                _opened(self.password),
                _opened(self.private_key),
                _opened(self.passphrase),
                host_key=self.host_key or None,
                verify_host_key=self.verify_host_key,
                encoding=self.encoding,
                timeouts=self._timeouts(),
            )
        )


SERVERS: dict[str, type[FtpServer | FtpsServer | SftpServer]] = {
    kind.get_block_type_slug(): kind for kind in (SftpServer, FtpsServer, FtpServer)
}


def load_server(reference: str) -> FtpServer | FtpsServer | SftpServer:
    """The server block that a parameter like "sftp-server/acme" names.

    ConfigurationError for another form, a missing block, or one that is not valid any more.
    """
    slug, _, name = reference.partition("/")
    if slug not in SERVERS or not name or "/" in name:
        accepted = ", ".join(f'"{kind}/NAME"' for kind in SERVERS)
        raise ConfigurationError(
            f"{reference!r} names no server block: accepted are {accepted}, "
            "where NAME is the name of the block in Prefect."
        )
    return load(SERVERS[slug], name)


def _opened(secret: SecretStr | None) -> str | None:
    return (secret.get_secret_value() or None) if secret is not None else None


def _as_value_error(check: Callable[[], object]) -> None:
    """Run a check of the core inside a validator: pydantic collects only ValueErrors."""
    try:
        check()
    except ConfigurationError as error:
        raise ValueError(str(error)) from None
