"""What a run of the emulator can be told; every field may be changed while it runs."""

from dataclasses import dataclass, field
from typing import Literal, get_args

CONSOLE = "/API/v1.1/Rest/ConsoleService.svc"
STATISTICS = "/API/v1.1/Rest/MailStatisticsService.svc"
TOKEN = "/Authorization/OAuth/Token"
LOG_ON = "/Authorization/OAuth/LogOn"

Busy = Literal["queue", "refuse"]
Filters = Literal["known", "ignored", "refused"]
CHOICES: dict[str, tuple[str, ...]] = {"busy": get_args(Busy), "filters": get_args(Filters)}

# What the rows of a resource may carry; the documentation tells it in part only.
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


@dataclass
class Settings:
    """Settings of one emulator. Times are seconds; `None` and 0 switch a limit off.

    `event_dates` adds a `Date` (UTC, of the last occurrence) to bounces and click details; click
    details whose fields lack `Count` have a row per click. Imports count addresses and numbers
    (without prefix) of `refused` as not valid, however right they look, and leave as many new rows
    out of their counters as `uncounted` says.
    """

    username: str = "m1234"
    password: str = "sandbox-password"
    client_id: str = "9f3c2f0e-5d0b-4a6c-8a51-0d6e1f2a7b10"
    client_secret: str = "5b8d7c1a-61f2-4e0d-9a3c-77c0de51a2f4"
    expires_in: int = 3600
    rotate_refresh_token: bool = True
    contract_signed: bool = True
    calls_per_second: int = 5
    per_resource: bool = False
    count_refused_calls: bool = False
    page_size_cap: int | None = None
    slow_page_size: int | None = None
    slow_page_seconds: float = 0.0
    import_seconds: float = 0.5
    busy: Busy = "queue"
    filters: Filters = "known"
    refused: tuple[str, ...] = ()
    uncounted: int = 0
    total_at_once: bool = True
    retention_days: int | None = None
    event_dates: bool = False
    view_fields: tuple[str, ...] = COUNTED
    click_fields: tuple[str, ...] = COUNTED
    click_detail_fields: tuple[str, ...] = (*COUNTED, "Url")
    bounce_fields: tuple[str, ...] = (*COUNTED, "Type")
    unsubscription_fields: tuple[str, ...] = COUNTED
    report_fields: tuple[str, ...] = ("ErrorCode", "Receiver", "SentDate", "Status")
    zone: str = "Europe/Rome"
    log_size: int = field(default=20_000)

    def change(self, values: dict[str, object]) -> None:
        """Set some fields; an unknown name or a value of another type raises ValueError."""
        for name, value in values.items():
            if name not in self.__dataclass_fields__:
                known = ", ".join(sorted(self.__dataclass_fields__))
                raise ValueError(f"unknown setting {name!r}; known: {known}")
            if name in CHOICES and value not in CHOICES[name]:
                raise ValueError(f"{name} is one of {', '.join(CHOICES[name])}")
            if name in KNOWN_FIELDS:
                _check_fields(name, value)
            setattr(self, name, value)


def _check_fields(name: str, value: object) -> None:
    known = KNOWN_FIELDS[name]
    if not isinstance(value, list | tuple) or not set(value) <= known:
        raise ValueError(f"{name} is a list of {', '.join(sorted(known))}")
