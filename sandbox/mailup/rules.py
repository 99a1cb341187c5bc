"""Effects of an import on existing subscriptions (table of the SOAP flags).

Chosen: `importType=asPending`, which no source mentions, and `ConfirmEmail` with `asOptout` are
refused.
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from sandbox.mailup.variants import Variants
from sandbox.mailup.wire import ApiError

Channel = Literal["email", "sms"]
BOUNCED, COMPLAINED, LINK, IMPORTED, BY_HAND = 8, 16, 2, 4, 0
NEVER_BACK = (BOUNCED, COMPLAINED)
IMPORT_TYPES = {"": "", "asoptin": "asOptin", "asoptout": "asOptout"}


@dataclass(frozen=True)
class Flags:
    """The query parameters of one import; `import_type` is "", "asOptin" or "asOptout"."""

    channel: Channel = "email"
    import_type: str = ""
    confirm: bool = False
    ignore_mobile: bool = False
    clear: bool = False
    replace_groups: bool = False

    def as_json(self) -> dict[str, Any]:
        """For the import's row in the store."""
        return asdict(self)

    @property
    def plain(self) -> bool:
        """Whether no flag changes the status."""
        return not self.import_type and not self.confirm


@dataclass(frozen=True)
class Transition:
    """Existing subscriptions with status `old` change to `new`."""

    old: str
    new: str


def known_import_type(value: str | None) -> str:
    """The import type in its usual spelling; ApiError 400 for an unknown one."""
    given = (value or "").strip('"')
    if given.lower() not in IMPORT_TYPES:
        raise ApiError(400, f"importType '{given}' is not valid: asOptin or asOptout expected")
    return IMPORT_TYPES[given.lower()]


def first_status(flags: Flags) -> str:
    """The status of a recipient who was not in the list."""
    if flags.import_type == "asOptout":
        return "unsubscribed"
    return "pending" if flags.confirm else "subscribed"


def transitions(flags: Flags, variants: Variants) -> list[Transition]:
    """Changes of those who were in the list; empty if all statuses are kept."""
    if flags.confirm:
        old = "unsubscribed" if flags.import_type == "asOptin" else "subscribed"
        return [Transition(old, "pending")]
    if flags.import_type == "asOptin":
        moved = [Transition("unsubscribed", "subscribed")]
        of_pending = variants.optin_of_pending
    elif flags.import_type == "asOptout":
        moved = [Transition("subscribed", "unsubscribed")]
        of_pending = variants.optout_of_pending
    else:
        return []
    return moved if of_pending == "stays" else [*moved, Transition("pending", of_pending)]
