"""What agreements of all kinds share: whose files are exchanged, and settings that are fixed."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from blocks.transport.kinds import SERVER_KINDS


class Settings(BaseModel):
    """A part of an agreement: fixed once it is read, and without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


ClientName = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9][a-z0-9-]{0,60}$",
        description="Short name of the client: lower-case letters, digits and dashes.",
    ),
]
ServerReference = Annotated[str, Field(pattern=rf"^({'|'.join(SERVER_KINDS)})/[a-z0-9-]+$")]
"""A block of a kind of server and its name, such as sftp-server/acme."""

BlockName = Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]


class Agreement(Settings):
    """Whose files are exchanged, by which blocks; each kind of agreement says what they are for."""

    client: ClientName
    server: ServerReference
    account: BlockName
    ledger: BlockName = "default"
