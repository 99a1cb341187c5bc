"""The blocks that hold the way to a client's file server: FTP, FTPS or SFTP."""

from typing import Literal

from prefect.blocks.core import Block
from pydantic import Field, HttpUrl

from blocks.errors import ConfigurationError
from blocks.loading import load
from blocks.server_fields import (
    FTP_PORT,
    FtpFields,
    FtpsFields,
    LimitFields,
    SftpFields,
    opened,
)
from blocks.transport.base import Transport
from blocks.transport.ftp.adapter import FtpTransport
from blocks.transport.ftp.session import FtpSettings
from blocks.transport.sftp.adapter import SftpTransport
from blocks.transport.sftp.session import SftpSettings

LOGO = HttpUrl(
    "https://raw.githubusercontent.com/PrefectHQ/prefect/"
    "420d0d6a78bb6df1fc18bcf188fdad43c1d22ea9/assets/block-logos/filesystem.png"
)


class FtpServer(LimitFields, FtpFields, Block):
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
                timeouts=self.timeouts(),
            )
        )


class FtpsServer(LimitFields, FtpsFields, Block):
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
        return FtpSettings(
            self.host,
            self.listens_on,
            self.username,
            self.password.get_secret_value(),
            tls=self.tls,
            verify_certificate=self.verify_certificate,
            ca_certificate=self.ca_certificate or None,
            trust_passive_address=self.trust_passive_address,
            encoding=self.encoding,
            timeouts=self.timeouts(),
        )


class SftpServer(LimitFields, SftpFields, Block):
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
        allow_weak_algorithms: Whether weak ciphers and checksums are offered to old servers.
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
                opened(self.password),
                opened(self.private_key),
                opened(self.passphrase),
                host_key=self.host_key or None,
                verify_host_key=self.verify_host_key,
                allow_weak_algorithms=self.allow_weak_algorithms,
                encoding=self.encoding,
                timeouts=self.timeouts(),
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
