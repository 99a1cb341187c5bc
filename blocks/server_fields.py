"""The fields of the server blocks, and what may not be combined in them."""

import re
from collections.abc import Callable
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from blocks.errors import ConfigurationError
from blocks.transport.ftp.session import tls_context
from blocks.transport.names import CONTROL_CHARACTERS
from blocks.transport.sftp.host_keys import parse_host_keys
from blocks.transport.timeouts import CONNECT_SECONDS, READ_SECONDS, TRANSFER_SECONDS, Timeouts

FTP_PORT = 21
IMPLICIT_FTPS_PORT = 990
SFTP_PORT = 22

NOT_IN_HOSTS = re.compile(r"[\s/@]")
Encoding = Literal["utf-8", "cp1252", "iso-8859-1", "iso-8859-15"]


class ConnectionFields(BaseModel):
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

    @property
    def listens_on(self) -> int:
        """The port that is connected to."""
        return self.port

    @field_validator("host")
    @classmethod
    def _is_bare(cls, host: str) -> str:
        if NOT_IN_HOSTS.search(host):
            raise ValueError(
                "is to be a name or address alone: without ftp://, user, folder or spaces"
            )
        try:
            host.encode("idna")  # as the name service does, with an error of its own kind
        except UnicodeError:
            raise ValueError(
                "is to be a name whose parts, between single dots, have 1 to 63 characters, or an "
                "address"
            ) from None
        return host


class LimitFields(BaseModel):
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

    def timeouts(self) -> Timeouts:
        return Timeouts(
            self.connect_timeout_seconds, self.read_timeout_seconds, self.transfer_timeout_seconds
        )


class FtpFields(ConnectionFields):
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


class FtpsFields(FtpFields):
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

    @property
    def listens_on(self) -> int:
        """The port that is connected to: the usual one where none is set."""
        usual = IMPLICIT_FTPS_PORT if self.tls == "implicit" else FTP_PORT
        return self.port or usual

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.ca_certificate and not self.verify_certificate:
            raise ValueError(
                "ca_certificate is set but verify_certificate is off: clear one or set the other"
            )
        if self.ca_certificate:
            _as_value_error(lambda: tls_context(self.ca_certificate, verify=True))
        return self


class SftpFields(ConnectionFields):
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
    allow_weak_algorithms: bool = Field(
        default=False,
        title="Allow weak algorithms",
        description=(
            "Also offer 3DES, AES in CBC mode, HMAC-SHA1 and HMAC-MD5, for servers that have "
            "nothing better; each connection then logs a warning."
        ),
    )

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if not opened(self.password) and not opened(self.private_key):
            raise ValueError("neither password nor private_key is set: set one of them, or both")
        if opened(self.passphrase) and not opened(self.private_key):
            raise ValueError("passphrase is set without private_key: set the key or clear it")
        if self.host_key and not self.verify_host_key:
            raise ValueError(
                "host_key is set but verify_host_key is off: clear the one or set the other"
            )
        if self.verify_host_key:
            _as_value_error(lambda: parse_host_keys(self.host_key))
        return self


def opened(secret: SecretStr | None) -> str | None:
    """The text of a secret; None where there is none, or an empty one."""
    return (secret.get_secret_value() or None) if secret is not None else None


def _as_value_error(check: Callable[[], object]) -> None:
    """Run a check of the core inside a validator: pydantic collects only ValueErrors."""
    try:
        check()
    except ConfigurationError as error:
        raise ValueError(str(error)) from None
