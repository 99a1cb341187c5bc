"""The blocks of OpenPGP keys: our own key, and the public keys of clients."""

from typing import Annotated

from prefect.blocks.core import Block
from pydantic import AfterValidator, ConfigDict, Field, SecretStr


class GpgKey(Block):
    """Our own OpenPGP key: decrypts files of clients and signs exports.

    Attributes:
        private_key: Our private key in ASCII armor; clients encrypt to its public key.
        passphrase: Passphrase of the private key; empty if it has none.
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
            "Our private key in ASCII armor. Clients encrypt to its public key; exports can be "
            "signed with it."
        )
    )
    passphrase: SecretStr | None = Field(
        default=None, description="Passphrase of the private key; empty if it has none."
    )
    signers: list[str] = Field(
        default_factory=list,
        description=(
            "Public keys in ASCII armor; if any is set, a file must have a valid signature by one "
            "of them."
        ),
    )


def _public(armor: str) -> str:
    if "PRIVATE KEY" in armor:
        raise ValueError("this is a private key; ask its owner for the public key only")
    return armor


class GpgRecipient(Block):
    """Public keys of a client, to which exports are encrypted with OpenPGP.

    Attributes:
        public_keys: Public keys in ASCII armor; the owner of any one can decrypt the files.

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
            "Public keys in ASCII armor, as given by the client. Only the owners of these keys can "
            "decrypt the files."
        ),
    )
