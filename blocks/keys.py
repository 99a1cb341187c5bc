"""Keys: our own one, which opens a client's files and signs ours, and those of the clients."""

from typing import Annotated

from prefect.blocks.core import Block
from pydantic import AfterValidator, ConfigDict, Field, SecretStr


class GpgKey(Block):
    """Our own key: opens files that a client encrypts with OpenPGP, and signs ours.

    Attributes:
        private_key: Our private key, for which the client encrypts, in ASCII armor.
        passphrase: The passphrase of the private key; empty where it has none.
        signers: Public keys in ASCII armor; a file must be signed by one of them.

    Example:
        Load a stored key:
        ```python
        from blocks.keys import GpgKey

        key = GpgKey.load("BLOCK_NAME")
        ```
    """

    _block_type_name = "GPG Key"
    _block_type_slug = "gpg-key"
    _logo_url = "https://upload.wikimedia.org/wikipedia/commons/6/61/Gnupg_logo.svg"  # type: ignore[assignment]
    _documentation_url = "https://www.gnupg.org/documentation/"  # type: ignore[assignment]

    private_key: SecretStr = Field(
        description=(
            "Our private key, for which clients encrypt and with which exports can be signed, in "
            "ASCII armor."
        )
    )
    passphrase: SecretStr | None = Field(
        default=None, description="Passphrase of the private key; leave empty where it has none."
    )
    signers: list[str] = Field(
        default_factory=list,
        description=(
            "Public keys in ASCII armor; when there are any, a file must carry a valid signature "
            "of one of them."
        ),
    )


def _public(armor: str) -> str:
    if "PRIVATE KEY" in armor:
        raise ValueError("this is a private key; ask its owner for the public one alone")
    return armor


class GpgRecipient(Block):
    """Who can open the exports that are encrypted with OpenPGP: public keys of a client.

    Attributes:
        public_keys: Public keys in ASCII armor; the owner of any one can open the files.

    Example:
        Load a stored recipient:
        ```python
        from blocks.keys import GpgRecipient

        recipient = GpgRecipient.load("BLOCK_NAME")
        ```
    """

    _block_type_name = "GPG Recipient"
    _block_type_slug = "gpg-recipient"
    _logo_url = "https://upload.wikimedia.org/wikipedia/commons/6/61/Gnupg_logo.svg"  # type: ignore[assignment]
    _documentation_url = "https://www.gnupg.org/documentation/"  # type: ignore[assignment]

    model_config = ConfigDict(hide_input_in_errors=True)

    public_keys: list[Annotated[str, AfterValidator(_public)]] = Field(
        min_length=1,
        description=(
            "Public keys in ASCII armor, as the client gave them; the owner of any one of them can "
            "open the files, nobody else can."
        ),
    )
