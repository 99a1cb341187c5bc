"""Fields that all server blocks share."""

import re
from collections.abc import Callable
from typing import Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    SecretStr,
    field_validator,
)

from blocks.errors import ConfigurationError
from blocks.transport.timeouts import CONNECT_SECONDS, READ_SECONDS, TRANSFER_SECONDS, Timeouts

LOGO = HttpUrl(
    "https://raw.githubusercontent.com/PrefectHQ/prefect/"
    "420d0d6a78bb6df1fc18bcf188fdad43c1d22ea9/assets/block-logos/filesystem.png"
)


NOT_IN_HOSTS = re.compile(r"[\s/@]")
Encoding = Literal["utf-8", "cp1252", "iso-8859-1", "iso-8859-15"]


class ConnectionFields(BaseModel):
    """Address and user of a server."""

    # Pydantic's errors quote the rejected input, which could be the password.
    model_config = ConfigDict(hide_input_in_errors=True)

    host: str = Field(
        min_length=1,
        title="Host",
        description="Name or address of the server, without ftp:// or sftp://.",
    )
    port: int = Field(ge=1, le=65535, title="Port", description="Port of the server.")
    username: str = Field(min_length=1, title="User", description="User name on the server.")

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to connect to."""
        return self.host, self.port

    @field_validator("host")
    @classmethod
    def _is_bare(cls, host: str) -> str:
        if NOT_IN_HOSTS.search(host):
            raise ValueError(
                "must be a name or address only: without ftp://, user, folder or spaces"
            )
        try:
            host.encode("idna")  # as DNS does, which would raise UnicodeError
        except UnicodeError:
            raise ValueError(
                "must be an address, or a name whose parts between dots have 1 to 63 characters"
            ) from None
        return host


class LimitFields(BaseModel):
    """Time-outs and encoding: the last fields of every form."""

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
        description="Longest wait for data during a transfer or a command, in seconds.",
    )
    transfer_timeout_seconds: float = Field(
        default=TRANSFER_SECONDS,
        gt=0,
        le=86_400,
        title="Transfer time-out",
        description="Longest time for one file in total, in seconds.",
    )
    encoding: Encoding = Field(
        default="utf-8",
        title="Encoding of names",
        description="Encoding of file names on the server; does not affect the files' content.",
    )

    def timeouts(self) -> Timeouts:
        return Timeouts(
            self.connect_timeout_seconds, self.read_timeout_seconds, self.transfer_timeout_seconds
        )


def secret_text(secret: SecretStr | None) -> str | None:
    """The text of a secret; None if it is unset or empty."""
    return (secret.get_secret_value() or None) if secret is not None else None


def as_value_error(check: Callable[[], object]) -> None:
    """Run a check in a validator: raise its ConfigurationError as ValueError, for pydantic."""
    try:
        check()
    except ConfigurationError as error:
        raise ValueError(str(error)) from None
