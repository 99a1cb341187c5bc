"""FTP and FTPS servers: the blocks and their fields."""

from typing import Literal, Self

from prefect.blocks.core import Block
from pydantic import Field, HttpUrl, SecretStr, model_validator

from blocks.server_fields import LOGO, ConnectionFields, LimitFields, as_value_error
from blocks.transport.base import Transport
from blocks.transport.ftp.adapter import FtpTransport
from blocks.transport.ftp.session import FtpSettings, tls_context
from blocks.transport.names import CONTROL_CHARACTERS

FTP_PORT = 21

IMPLICIT_FTPS_PORT = 990


class FtpFields(ConnectionFields):
    """Fields that FTP and FTPS servers share."""

    password: SecretStr = Field(title="Password", description="Password of the user.")
    trust_passive_address: bool = Field(
        default=False,
        title="Trust passive address",
        description=(
            "Use the address in the server's PASV answers even if it differs from the host; "
            "on most such servers that address is wrong."
        ),
    )

    @model_validator(mode="after")
    def _is_one_line(self) -> Self:
        # ftplib would refuse these later, with a message that shows them.
        if CONTROL_CHARACTERS.search(self.username + self.password.get_secret_value()):
            raise ValueError("username or password contains a line break: remove it")
        return self


class FtpsFields(FtpFields):
    """Fields of FTPS servers in addition to those of FTP servers."""

    port: int = Field(
        default=0,
        ge=0,
        le=65535,
        title="Port",
        description="Port of the server; 0 means 21 with explicit and 990 with implicit TLS.",
    )
    tls: Literal["explicit", "implicit"] = Field(
        default="explicit",
        title="TLS",
        description="Explicit: started by AUTH TLS; implicit: TLS from the first byte.",
    )
    ca_certificate: str = Field(
        default="",
        title="CA certificate",
        description=(
            "Certificate of the authority that signed the server's certificate, or the server's "
            "self-signed certificate, as PEM text; empty for the system's list of authorities."
        ),
    )
    verify_certificate: bool = Field(
        default=True,
        title="Verify certificate",
        description="Reject a server without a valid certificate; off is for tests only.",
    )

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to connect to; the default port where none is set."""
        default = IMPLICIT_FTPS_PORT if self.tls == "implicit" else FTP_PORT
        return self.host, self.port or default

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.ca_certificate and not self.verify_certificate:
            raise ValueError(
                "ca_certificate is set but verify_certificate is off: clear the one or turn on the "
                "other"
            )
        if self.ca_certificate:
            as_value_error(lambda: tls_context(self.ca_certificate, verify=True))
        return self


class FtpServer(LimitFields, FtpFields, Block):
    """
    An FTP server. Everything is sent in clear text, including the password.

    Use FTPS or SFTP where the server offers them.

    Attributes:
        host: Name or address of the server.
        port: Port of the server.
        username: User name on the server.
        password: Password of that user.
        connect_timeout_seconds: Longest wait for each step of connecting.
        read_timeout_seconds: Longest wait for data from the server.
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
        description="Port of the server.",
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
                timeouts=self.timeouts(),
            )
        )


class FtpsServer(LimitFields, FtpsFields, Block):
    """
    An FTP server with TLS on control and data connections.

    The server's certificate is verified, against the system's authorities or against the one
    given here. TLS 1.2 or newer is required.

    Attributes:
        host: Name or address of the server, as in its certificate.
        port: Port; by default 21 for explicit and 990 for implicit TLS.
        username: User name on the server.
        password: Password of that user.
        connect_timeout_seconds: Longest wait for each step of connecting.
        read_timeout_seconds: Longest wait for data from the server.
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
        return FtpSettings(
            self.host,
            self.address[1],
            self.username,
            self.password.get_secret_value(),
            tls=self.tls,
            verify_certificate=self.verify_certificate,
            ca_certificate=self.ca_certificate or None,
            trust_passive_address=self.trust_passive_address,
            encoding=self.encoding,
            timeouts=self.timeouts(),
        )
