"""The MailUp client: all resources of one account."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Self

import polars as pl

from blocks.mailup.http.oauth import Tokens
from blocks.mailup.http.session import Session
from blocks.mailup.http.settings import MailUpSettings
from blocks.mailup.http.wire import Wire
from blocks.mailup.resources import (
    clicks,
    confirmations,
    imports,
    lists,
    messages,
    profiles,
    recipients,
    sms,
    statistics,
)
from blocks.mailup.resources.clicks import ClickDetails
from blocks.mailup.resources.imports import IMPORT_POLL_SECONDS, Channel, ImportTarget
from blocks.mailup.resources.messages import Message, Sending
from blocks.mailup.resources.models import (
    AccountInfo,
    DynamicField,
    Group,
    ImportDetail,
    ImportStatus,
    MailUpList,
    Optin,
    Recipient,
)
from blocks.mailup.resources.statistics import Availability


class MailUpClient:
    """A client of MailUp's REST API v1.1; a context manager, usable by several threads.

    *pace* is called before every request, including log-ins and retries, and may wait; *guard*
    directly before each request that changes something, and may raise. *on_rotate* gets each new
    refresh token; *reread* returns the currently stored one.
    """

    def __init__(
        self,
        settings: MailUpSettings,
        *,
        pace: Callable[[], None],
        guard: Callable[[], None] | None = None,
        on_rotate: Callable[[str], None] | None = None,
        reread: Callable[[], str | None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._wire = Wire(settings, pace=pace, guard=guard, clock=clock)
        self._clock = clock
        self._sleep = sleep
        self._tokens = tokens = Tokens(
            self._wire, settings, on_rotate=on_rotate, reread=reread, clock=clock, sleep=sleep
        )
        self.session = Session(self._wire, tokens, settings, clock=clock, sleep=sleep)
        # Same log-in and connections, other address.
        self.statistics_session = Session(
            self._wire, tokens, statistics.at_statistics(settings), clock=clock, sleep=sleep
        )

    @property
    def calls(self) -> int:
        """Number of requests sent, including log-ins and retries."""
        return self._wire.calls

    @contextmanager
    def limited(self, last: int) -> Iterator[None]:
        """Raise `NoCallsLeft` instead of a request when *calls* has reached *last*.

        For one thread; log-ins, retries and further walks through the same pages count.
        """
        self._wire.last = last
        try:
            yield
        finally:
            self._wire.last = None

    @property
    def clock_ahead_seconds(self) -> float | None:
        """By how much MailUp's clock is ahead of ours; None if it sent no time."""
        return self._wire.ahead_seconds

    @property
    def token_life_seconds(self) -> float | None:
        """Lifetime of the latest access token; None if MailUp did not state it."""
        return self._tokens.life_seconds

    def account_info(self) -> AccountInfo:
        """See `lists.account_info`."""
        return lists.account_info(self.session)

    def lists(self) -> list[MailUpList]:
        """See `lists.lists`."""
        return lists.lists(self.session)

    def groups(self, list_id: int) -> list[Group]:
        """See `lists.groups`."""
        return lists.groups(self.session, list_id)

    def create_group(self, list_id: int, name: str) -> Group:
        """See `lists.create_group`."""
        return lists.create_group(self.session, list_id, name)

    def dynamic_fields(self) -> list[DynamicField]:
        """See `lists.dynamic_fields`."""
        return lists.dynamic_fields(self.session)

    def start_import(self, target: ImportTarget, body: bytes) -> int:
        """See `imports.start_import`."""
        return imports.start_import(self.session, target, body)

    def latest_import_id(self) -> int:
        """See `imports.latest_import_id`."""
        return imports.latest_import_id(self.session)

    def possible_imports(
        self, target: ImportTarget, rows: int, *, after_id: int, not_ids: Collection[int] = ()
    ) -> list[ImportDetail]:
        """See `imports.possible_imports`."""
        return imports.possible_imports(
            self.session, target, rows, after_id=after_id, not_ids=not_ids
        )

    def import_detail(self, import_id: int) -> ImportDetail:
        """See `imports.import_detail`."""
        return imports.import_detail(self.session, import_id)

    def wait_for_import(
        self,
        import_id: int,
        *,
        timeout_seconds: float,
        poll_seconds: float = IMPORT_POLL_SECONDS,
        meanwhile: Callable[[], None] = imports.nothing,
    ) -> ImportStatus:
        """See `imports.wait_for_import`."""
        return imports.wait_for_import(
            self.session,
            import_id,
            timeout_seconds=timeout_seconds,
            poll_seconds=poll_seconds,
            meanwhile=meanwhile,
            clock=self._clock,
            sleep=self._sleep,
        )

    def confirmation_sending(self, import_id: int) -> int | None:
        """See `confirmations.confirmation_sending`."""
        return confirmations.confirmation_sending(self.session, import_id)

    def send_confirmation(self, sending_id: int, *, repeated: bool = False) -> bool:
        """See `confirmations.send_confirmation`."""
        return confirmations.send_confirmation(self.session, sending_id, repeated=repeated)

    def optins(self, list_id: int, channel: Channel) -> Iterator[list[Optin]]:
        """See `recipients.optins`."""
        return recipients.optins(self.session, list_id, channel)

    def count_optins(self, list_id: int, channel: Channel) -> int:
        """See `recipients.count_optins`."""
        return recipients.count_optins(self.session, list_id, channel)

    def find_optins(self, list_id: int, channel: Channel, key: str) -> list[Optin]:
        """See `recipients.find_optins`."""
        return recipients.find_optins(self.session, list_id, channel, key)

    def unsubscribed(self, list_id: int, channel: Channel) -> Iterator[list[Optin]]:
        """See `recipients.unsubscribed`."""
        return recipients.unsubscribed(self.session, list_id, channel)

    def subscribed(self, list_id: int, channel: Channel) -> Iterator[list[Recipient]]:
        """See `recipients.subscribed`."""
        return recipients.subscribed(self.session, list_id, channel)

    def subscribed_with_fields(
        self, list_id: int, channel: Channel, field_ids: Collection[int] = ()
    ) -> Iterator[pl.DataFrame]:
        """All subscribed recipients, with personal data; see `profiles.profiles`."""
        return profiles.profiles(self.session, list_id, channel, "Subscribed", field_ids)

    def unsubscribed_with_fields(
        self, list_id: int, channel: Channel, field_ids: Collection[int] = ()
    ) -> Iterator[pl.DataFrame]:
        """All unsubscribed recipients, with personal data; see `profiles.profiles`."""
        return profiles.profiles(self.session, list_id, channel, "Unsubscribed", field_ids)

    def with_fields(
        self, list_id: int, channel: Channel, state: profiles.State
    ) -> Iterator[pl.DataFrame]:
        """All recipients in one state, with both keys; see `profiles.profiles`."""
        return profiles.profiles(self.session, list_id, channel, state)

    def search(self, *, email: str = "", mobile: str = "") -> list[Recipient]:
        """See `recipients.search`."""
        return recipients.search(self.session, email=email, mobile=mobile)

    def messages(self, list_id: int) -> Iterator[list[Message]]:
        """See `messages.messages`."""
        return messages.messages(self.session, list_id)

    def send_history(self, list_id: int, message_id: int) -> list[Sending]:
        """See `messages.send_history`."""
        return messages.send_history(self.session, list_id, message_id)

    def message_tags(self, list_id: int, message_id: int) -> tuple[str, ...]:
        """See `messages.message_tags`."""
        return messages.message_tags(self.session, list_id, message_id)

    def message_recipients(self, message_id: int) -> Iterator[pl.DataFrame]:
        """See `statistics.recipients`."""
        return statistics.recipients(self.statistics_session, message_id)

    def views(self, message_id: int) -> Iterator[pl.DataFrame]:
        """See `statistics.views`."""
        return statistics.views(self.statistics_session, message_id)

    def url_click_details(self, message_id: int, *, may_fall_back: bool = True) -> ClickDetails:
        """See `clicks.url_click_details`."""
        return clicks.url_click_details(
            self.statistics_session, message_id, may_fall_back=may_fall_back
        )

    def bounces(self, message_id: int) -> Iterator[pl.DataFrame]:
        """See `statistics.bounces`."""
        return statistics.bounces(self.statistics_session, message_id)

    def availability(self, message_id: int, sendings: Sequence[Sending]) -> Availability:
        """See `statistics.availability`."""
        return statistics.availability(self.statistics_session, message_id, sendings)

    def sms_messages(self, list_id: int) -> Iterator[list[Message]]:
        """See `sms.sms_messages`."""
        return sms.sms_messages(self.session, list_id)

    def sms_report_details(self, message_id: int) -> Iterator[pl.DataFrame]:
        """See `sms.sms_report_details`."""
        return sms.sms_report_details(self.session, message_id)

    def close(self) -> None:
        """Close all connections."""
        self._wire.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
