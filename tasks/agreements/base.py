"""Base classes of all agreements."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from blocks.transport.kinds import SERVER_KINDS


class Settings(BaseModel):
    """A part of an agreement: immutable, unknown keys forbidden."""

    model_config = ConfigDict(frozen=True, extra="forbid")


ClientName = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9][a-z0-9-]{0,60}$",
        description="Short name of the client: lower-case letters, digits and dashes.",
    ),
]
ServerReference = Annotated[str, Field(pattern=rf"^({'|'.join(SERVER_KINDS)})/[a-z0-9-]+$")]
"""Type and name of a server block, such as sftp-server/acme."""

BlockName = Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]


class Agreement(Settings):
    """Client and blocks, common to all kinds of agreements."""

    client: ClientName
    server: ServerReference
    account: BlockName
    ledger: BlockName = "default"
