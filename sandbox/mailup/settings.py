"""Settings of the emulator; all may be changed while it runs."""

from dataclasses import dataclass, field, fields
from typing import Any

from sandbox.mailup import variants
from sandbox.mailup.variants import Variants

CONSOLE = "/API/v1.1/Rest/ConsoleService.svc"
STATISTICS = "/API/v1.1/Rest/MailStatisticsService.svc"
TOKEN = "/Authorization/OAuth/Token"
LOG_ON = "/Authorization/OAuth/LogOn"

# Fields that rows of a resource may have; MailUp documents them only in part.
KNOWN_FIELDS = {
    "view_fields": {"Count", "Email", "IdMessage", "IdRecipient", "Date"},
    "click_fields": {"Count", "Email", "IdMessage", "IdRecipient", "Date"},
    "click_detail_fields": {"Count", "Email", "IdMessage", "IdRecipient", "Url", "Date"},
    "bounce_fields": {"Count", "Email", "IdMessage", "IdRecipient", "Type", "Date"},
    "unsubscription_fields": {
        "Count", "Email", "IdMessage", "IdRecipient", "Type", "Subtype", "Date",
    },
    "report_fields": {"ErrorCode", "Receiver", "SentDate", "Status", "ResponseDate"},
}  # fmt: skip


COUNTED = ("Count", "Email", "IdMessage", "IdRecipient")


@dataclass(kw_only=True)
class Settings(Variants):
    """Settings of one emulator. Times are seconds; `None` and 0 turn a limit off.

    `event_dates` adds a `Date` (UTC, of the last event) to bounces and click details; click details
    whose fields lack `Count` have a row per click. Imports reject the addresses and numbers
    (without prefix) in `refused`, although they look valid, and omit `uncounted` new rows from
    their counters; the next `failing_imports` imports are accepted and fail. `late_seconds` is the
    delay of variants named late.
    """

    username: str = "m1234"
    password: str = "sandbox-password"
    client_id: str = "9f3c2f0e-5d0b-4a6c-8a51-0d6e1f2a7b10"
    client_secret: str = "5b8d7c1a-61f2-4e0d-9a3c-77c0de51a2f4"
    expires_in: int = 3600
    contract_signed: bool = True
    calls_per_second: int = 5
    page_size_cap: int | None = None
    slow_page_size: int | None = None
    slow_page_seconds: float = 0.0
    import_seconds: float = 0.5
    failing_imports: int = 0
    late_seconds: float = 1.0
    refused: tuple[str, ...] = ()
    uncounted: int = 0
    retention_days: int | None = None
    event_dates: bool = False
    view_fields: tuple[str, ...] = COUNTED
    click_fields: tuple[str, ...] = ("Count", "Email", "IdRecipient")
    click_detail_fields: tuple[str, ...] = (*COUNTED, "Url")
    bounce_fields: tuple[str, ...] = ("Email", "IdMessage", "IdRecipient", "Type")
    unsubscription_fields: tuple[str, ...] = COUNTED
    report_fields: tuple[str, ...] = ("ErrorCode", "Receiver", "SentDate", "Status")
    zone: str = "Europe/Rome"
    log_size: int = field(default=20_000)

    def __post_init__(self) -> None:
        self._start = self.as_json()
        self.change(self._start)

    def as_json(self) -> dict[str, Any]:
        """All settings by name, including variants."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def change(self, values: dict[str, Any]) -> None:
        """Set some fields; ValueError, and no change, for an unknown name or value."""
        for name, value in values.items():
            if name not in self.__dataclass_fields__:
                known = ", ".join(sorted(self.__dataclass_fields__))
                raise ValueError(f"unknown setting {name!r}; known: {known}")
            if name in variants.BY_NAME:
                variants.check(name, value)
            if name in KNOWN_FIELDS:
                _check_fields(name, value)
        for name, value in values.items():
            setattr(self, name, value)

    def reset(self) -> None:
        """Restore the settings with which the emulator was started."""
        self.change(self._start)


def _check_fields(name: str, value: object) -> None:
    known = KNOWN_FIELDS[name]
    if not isinstance(value, list | tuple) or not set(value) <= known:
        raise ValueError(f"{name} is a list of {', '.join(sorted(known))}")
