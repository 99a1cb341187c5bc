"""SFTP servers: the block and its fields."""

from typing import Literal, Self

from prefect.blocks.core import Block
from pydantic import Field, HttpUrl, SecretStr, model_validator

from blocks.server_fields import LOGO, ConnectionFields, LimitFields, as_value_error, secret_text
from blocks.transport.base import Transport
from blocks.transport.sftp.adapter import SftpTransport
from blocks.transport.sftp.host_keys import parse_host_keys
from blocks.transport.sftp.session import SftpSettings

SFTP_PORT = 22


class SftpFields(ConnectionFields):
    """Fields of SFTP servers."""

    port: int = Field(
        default=SFTP_PORT,
        ge=1,
        le=65535,
        title="Port",
        description="Port of the server.",
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
            "(SHA256:...); one per line while a server changes its key."
        ),
    )
    verify_host_key: bool = Field(
        default=True,
        title="Verify host key",
        description="Reject a server with another key; off is for tests only.",
    )
    allow_weak_algorithms: bool = Field(
        default=False,
        title="Allow weak algorithms",
        description=(
            "Also offer 3DES, AES in CBC mode, HMAC-SHA1 and HMAC-MD5, for old servers; each "
            "connection then logs a warning."
        ),
    )

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if not secret_text(self.password) and not secret_text(self.private_key):
            raise ValueError("neither password nor private_key is set: set one of them, or both")
        if secret_text(self.passphrase) and not secret_text(self.private_key):
            raise ValueError("passphrase is set without private_key: set the key or clear it")
        if self.host_key and not self.verify_host_key:
            raise ValueError(
                "host_key is set but verify_host_key is off: clear the one or turn on the other"
            )
        if self.verify_host_key:
            as_value_error(lambda: parse_host_keys(self.host_key))
        return self


class SftpServer(LimitFields, SftpFields, Block):
    """
    An SFTP server, identified by its host key.

    Log in with a password, with a private key, or with both if the server requires both.

    Attributes:
        host: Name or address of the server.
        port: Port of the server.
        username: User name on the server.
        password: Password of that user.
        private_key: Private key in OpenSSH or PEM form.
        passphrase: Passphrase of the private key.
        host_key: The server's public key or its fingerprint.
        verify_host_key: Whether the server must show that key.
        allow_weak_algorithms: Whether weak ciphers and checksums are offered to old servers.
        connect_timeout_seconds: Longest wait for each step of connecting.
        read_timeout_seconds: Longest wait for data from the server.
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
                secret_text(self.password),
                secret_text(self.private_key),
                secret_text(self.passphrase),
                host_key=self.host_key or None,
                verify_host_key=self.verify_host_key,
                allow_weak_algorithms=self.allow_weak_algorithms,
                encoding=self.encoding,
                timeouts=self.timeouts(),
            )
        )
