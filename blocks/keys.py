"""The key with which a client's encrypted files are opened."""

from prefect.blocks.core import Block
from pydantic import Field, SecretStr


class GpgKey(Block):
    """Opens files that a client encrypts with OpenPGP.

    Attributes:
        private_key: The private key for which the client encrypts, in ASCII armor.
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
        description="Private key for which the client encrypts, in ASCII armor."
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
