"""The block of one MailUp account: credentials, addresses, rate limit."""

import hashlib
from collections.abc import Callable
from datetime import date, datetime
from typing import Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from prefect.blocks.core import Block
from prefect.client.orchestration import get_client
from prefect.context import FlowRunContext, TaskRunContext
from prefect.exceptions import ObjectAlreadyExists
from pydantic import Field, HttpUrl, SecretStr, field_validator, model_validator

from blocks.ledger.calls import Calls
from blocks.ledger.store import Store
from blocks.mailup.client import MailUpClient
from blocks.mailup.http.pacing import Pacer
from blocks.mailup.http.settings import (
    CONSOLE_URL,
    MAX_CALLS_PER_SECOND,
    STATISTICS_URL,
    TOKEN_URL,
    MailUpSettings,
)
from blocks.pace import SharedPace

# With one slot, released after 1 / calls_per_second, no rolling second holds more than
# calls_per_second + 1 calls. More slots would allow a burst at the start.
RATE_LIMIT_SLOTS = 1


class MailUpAccount(Block):
    """
    One MailUp account: how to log in, and the rate limit of its calls.

    All runs that use the account share its rate limit, on all machines that talk to the same
    Prefect server. Log in with user and password, or with a refresh token; a refresh token that
    MailUp renews is stored back into the block.

    Attributes:
        client_id: Client id of the REST API keys.
        client_secret: Client secret of the REST API keys.
        username: User name in the MailUp console.
        password: Password of that user.
        refresh_token: Refresh token, instead of or in addition to the password.
        console_url: Address of the console service.
        statistics_url: Address of the e-mail statistics service.
        token_url: Address of the token service.
        calls_per_second: Calls per second of all runs together.
        page_size: Items per page when reading.
        import_batch_size: Recipients per import call.
        imports_at_once: Imports that may run in MailUp at the same time.
        connect_timeout_seconds: Longest wait for a connection.
        read_timeout_seconds: Longest wait for data of an answer.
        import_timeout_seconds: Longest wait for the completion of one import.
        zone: Time zone of the account in MailUp.
        allow_plain_http: Whether http:// to another machine is accepted.

    Example:
        Load an account and list what it may see:
        ```python
        from blocks.accounts import MailUpAccount

        account = MailUpAccount.load("BLOCK_NAME")
        with account.connect() as mailup:
            print(mailup.lists())
        ```
    """

    _block_type_name = "MailUp Account"
    _block_type_slug = "mailup-account"
    _logo_url = HttpUrl("https://github.com/mailup.png")
    _documentation_url = HttpUrl(
        "https://helpmailup.atlassian.net/wiki/spaces/mailupapi/pages/36341777"
    )

    client_id: str = Field(
        title="Client id",
        description="Client id of the REST API keys (MailUp console, developer's corner).",
    )
    client_secret: SecretStr = Field(
        title="Client secret", description="Client secret that belongs to the client id."
    )
    username: str = Field(
        title="User", description="User name in the MailUp console, for example m1234."
    )
    password: SecretStr | None = Field(
        default=None,
        title="Password",
        description="Password of the user; may be left out when a refresh token is set.",
    )
    refresh_token: SecretStr | None = Field(
        default=None,
        title="Refresh token",
        description=(
            "Refresh token of the application, used before the password; "
            "each new one that MailUp issues is stored in the block."
        ),
    )
    console_url: str = Field(
        default=CONSOLE_URL,
        title="Console address",
        description="Address of MailUp's console service; change it only for the sandbox.",
    )
    statistics_url: str = Field(
        default=STATISTICS_URL,
        title="Statistics address",
        description="Address of MailUp's e-mail statistics; change it only for the sandbox.",
    )
    token_url: str = Field(
        default=TOKEN_URL,
        title="Token address",
        description="Address of MailUp's token service; change it only for the sandbox.",
    )
    calls_per_second: float = Field(
        default=4.0,
        gt=0,
        title="Calls per second",
        description=(
            "Calls per second of all runs of this account together, 5 at most. MailUp rejects the "
            "sixth call within a second; 4 leaves a margin for network delays."
        ),
    )
    page_size: int = Field(
        default=500,
        ge=1,
        le=5000,
        title="Page size",
        description="Items per page when reading; reduced automatically when a page times out.",
    )
    import_batch_size: int = Field(
        default=2000,
        ge=1,
        le=10_000,
        title="Import batch size",
        description="Recipients per import call.",
    )
    imports_at_once: int = Field(
        default=1,
        ge=1,
        le=10,
        title="Imports at once",
        description=(
            "Imports that may run in MailUp at the same time; MailUp does not document whether it "
            "accepts more than one per account."
        ),
    )
    connect_timeout_seconds: float = Field(
        default=10.0,
        gt=0,
        le=120,
        title="Connect time-out",
        description="Longest wait for a connection, in seconds.",
    )
    read_timeout_seconds: float = Field(
        default=60.0,
        gt=0,
        le=600,
        title="Read time-out",
        description="Longest wait for data of an answer, in seconds.",
    )
    import_timeout_seconds: float = Field(
        default=3600.0,
        gt=0,
        le=86_400,
        title="Import time-out",
        description="Longest wait for the completion of one import, in seconds.",
    )
    zone: str = Field(
        default="Europe/Rome",
        title="Time zone",
        description=(
            "Time zone of the account in MailUp: the zone of the times that MailUp returns, and "
            "of the days of a grant."
        ),
    )
    allow_plain_http: bool = Field(
        default=False,
        title="Allow plain HTTP",
        description=(
            "Accept http:// addresses on other machines. The password is then sent unencrypted; "
            "for test systems only."
        ),
    )

    @field_validator("zone")
    @classmethod
    def _known(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError):
            raise ValueError(
                f"The time zone {zone!r} is unknown. Use a name such as Europe/Rome."
            ) from None
        return zone

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        settings = self.settings()
        if self._is_unpaced and not settings.on_this_machine:
            raise ValueError(
                f"calls_per_second is {MAX_CALLS_PER_SECOND:g} at most: MailUp rejects more. Only "
                "an account whose addresses are all on this machine may be called faster."
            )
        return self

    @property
    def _is_unpaced(self) -> bool:
        return self.calls_per_second > MAX_CALLS_PER_SECOND

    def today(self) -> date:
        """Today's date in the account's time zone."""
        return datetime.now(ZoneInfo(self.zone)).date()

    def settings(self, *, patient: bool = True) -> MailUpSettings:
        """Settings of the client; `ConfigurationError` when something is missing."""
        waits = {} if patient else {"retry_seconds": 0.0, "throttled_seconds": 0.0}
        return MailUpSettings(
            client_id=self.client_id,
            client_secret=self.client_secret.get_secret_value(),
            username=self.username,
            password=_secret_value(self.password),
            refresh_token=_secret_value(self.refresh_token),
            console_url=self.console_url.rstrip("/"),
            statistics_url=self.statistics_url.rstrip("/"),
            token_url=self.token_url,
            page_size=self.page_size,
            connect_seconds=self.connect_timeout_seconds,
            read_seconds=self.read_timeout_seconds,
            allow_plain_http=self.allow_plain_http,
            **waits,
        )

    @property
    def rate_limit_name(self) -> str:
        """Name of Prefect's concurrency limit: the same for all blocks with the same user."""
        # MailUp does not document whether it counts per user or per application; per user is the
        # safe assumption. Hashed, since a user name may be an e-mail address.
        key = f"{urlsplit(self.console_url).netloc}\n{self.username.strip().lower()}"
        return f"mailup-{hashlib.sha256(key.encode()).hexdigest()[:12]}"

    def ensure_rate_limit(self) -> None:
        """Create or update the account's concurrency limit in Prefect."""
        with get_client(sync_client=True) as client:
            for _ in range(2):
                try:
                    client.upsert_global_concurrency_limit_by_name(
                        self.rate_limit_name,
                        RATE_LIMIT_SLOTS,
                        slot_decay_per_second=self.calls_per_second,
                    )
                    return
                except ObjectAlreadyExists:
                    # Another run created it at the same moment: update that one.
                    continue

    def connect(
        self,
        store: Store | None = None,
        *,
        patient: bool = True,
        guard: Callable[[], None] | None = None,
    ) -> MailUpClient:
        """A client, to be used as a context manager; it logs in with its first call.

        Inside a Prefect run the rate limit is shared with all other runs of the account; with
        *store*, they take turns in the ledger's order. Without *patient*, failed calls are not
        retried. *guard* runs before each call that changes something.
        """
        pace: Callable[[], None] = Pacer(self.calls_per_second)
        if not self._is_unpaced and (FlowRunContext.get() or TaskRunContext.get()):
            self.ensure_rate_limit()
            calls = Calls(store, self.rate_limit_name) if store is not None else None
            pace = SharedPace(self.rate_limit_name, self.calls_per_second, calls)
        name = self._block_document_name
        stored = self.refresh_token is not None and name is not None
        return MailUpClient(
            self.settings(patient=patient),
            pace=pace,
            guard=guard,
            on_rotate=self._store_refresh_token if stored else None,
            reread=self._stored_refresh_token if stored else None,
        )

    def _stored_refresh_token(self) -> str | None:
        """The refresh token currently stored in the block document."""
        return _secret_value(self._stored().refresh_token)

    def _store_refresh_token(self, token: str) -> None:
        """Save a new refresh token; keep other changes made to the document meanwhile."""
        stored = self._stored()
        stored.refresh_token = SecretStr(token)
        stored.save(name=self._block_document_name, overwrite=True)

    def _stored(self) -> "MailUpAccount":
        block = type(self).load(str(self._block_document_name))
        if not isinstance(block, MailUpAccount):
            raise TypeError("Load the account in a synchronous flow or task.")
        return block


def _secret_value(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret is not None else None
