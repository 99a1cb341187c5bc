"""Load a block by name; the error says what to do if it is missing."""

from typing import TypeVar

from prefect.blocks.core import Block
from pydantic import ValidationError

from blocks.errors import ConfigurationError

B = TypeVar("B", bound=Block)


def load(kind: type[B], name: str) -> B:
    """The block of this type and name; ConfigurationError if it is missing or unusable."""
    slug = kind.get_block_type_slug()
    try:
        block = kind.load(name)
    except ValidationError:  # its text would show the values
        raise ConfigurationError(
            f"The block {slug}/{name} does not have the fields of this version. Open it in the UI, "
            "fill in what is missing and save it."
        ) from None
    except ValueError:
        raise ConfigurationError(
            f"There is no block {slug}/{name}. Create it in the UI under that name, or with "
            f"`mailup-exchange provision {slug}/{name}`."
        ) from None
    if not isinstance(block, kind):
        raise TypeError(f"{slug}/{name} was loaded as {type(block).__name__}")
    return block
