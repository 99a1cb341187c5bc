"""Calls with a valid token, and which of them are retried."""

import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from blocks.errors import MailUpRefused, MailUpUnavailable, SyncError
from blocks.mailup.http.answers import Answer
from blocks.mailup.http.oauth import Tokens
from blocks.mailup.http.retries import RetryBudget
from blocks.mailup.http.settings import MailUpSettings
from blocks.mailup.http.wire import Call, Wire

_T = TypeVar("_T")


class Session:
    """An authorised session of one account.

    A GET is retried after a failure, within limits. Other requests are retried only if MailUp says
    that it refused them before doing anything (429, expired token); for other failures
    `context["maybe_accepted"]` says whether MailUp may have carried them out.
    """

    def __init__(
        self,
        wire: Wire,
        tokens: Tokens,
        settings: MailUpSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._wire = wire
        self._tokens = tokens
        self._settings = settings
        self._clock = clock
        self._sleep = sleep
        # Resources that refuse to be sorted.
        self.unsorted: set[str] = set()

    @property
    def page_size(self) -> int:
        """Items per page."""
        return self._settings.page_size

    def get(
        self, path: str, params: Mapping[str, str] | None = None, *, repeat_timeouts: bool = True
    ) -> Any:
        """The JSON value of a console resource; *path* starts with `/Console/`."""
        return self.read(path, Answer.json, params, repeat_timeouts=repeat_timeouts)

    def read(
        self,
        path: str,
        understand: Callable[[Answer], _T],
        params: Mapping[str, str] | None = None,
        *,
        repeat_timeouts: bool = True,
    ) -> _T:
        """GET a console resource; *understand* may raise `MailUpUnavailable` for a retry."""
        call = Call("GET", self._settings.console_url + path, path, params or {})
        budget = self._retry_budget()
        while True:
            try:
                return self._understood(call, understand, budget)
            except MailUpUnavailable as failure:
                if refused := failure.context.get("refused_with"):
                    # Nothing was changed: the error in the body is as good as a status.
                    raise MailUpRefused(str(failure), status=refused, error_in_body=True) from None
                if failure.context.get("timed_out") and not repeat_timeouts:
                    raise
                # Both have their own retries.
                if failure.context.get("throttled") or failure.context.get("login"):
                    raise
                budget.after_failure(failure)

    def change(
        self,
        method: str,
        path: str,
        understand: Callable[[Answer], _T],
        *,
        params: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> _T:
        """Send a request that changes something; it is not retried."""
        url = self._settings.console_url + path
        call = Call(method, url, path, params or {}, body, changes=True)
        try:
            return self._understood(call, understand, self._retry_budget())
        except MailUpUnavailable as failure:
            failure.context["maybe_accepted"] = failure.context.get("sent", True)
            raise

    def _understood(
        self, call: Call, understand: Callable[[Answer], _T], budget: RetryBudget
    ) -> _T:
        """The content of a successful answer; waits for the rate limit, renews the token once.

        A change that was refused without an error text, with an expired token, is not retried: it
        is not certain what MailUp did.
        """
        renewed = False
        while True:
            token = self._token()
            answer = self._wire.ask(call, token=token)
            try:
                if answer.ok:
                    return understand(answer)
                failure: SyncError = answer.error()
            except MailUpUnavailable as error:
                if not error.context.get("error_in_body"):
                    raise
                failure = error
            if answer.throttled:
                budget.after_throttle(answer.throttle_error())
            elif not renewed and self._may_be_the_token(answer, token):
                if call.changes and answer.unexplained:
                    raise MailUpUnavailable(
                        f"{call.doing}: MailUp answered {answer.status} without a readable text, "
                        "and does not accept the access token any more.",
                        status=answer.status,
                    )
                self._token(stale=token)
                renewed = True
            elif answer.may_be_throttled and call.changes:
                raise MailUpUnavailable(str(failure), status=answer.status)
            elif answer.may_be_throttled:
                budget.after_throttle(failure)
            else:
                raise failure

    def _may_be_the_token(self, answer: Answer, token: str) -> bool:
        """Whether a call was refused because of its token: MailUp says so, or gives no error text
        and also refuses another call with the same token."""
        return answer.token_refused or (answer.unexplained and not self._tokens.is_good(token))

    def _token(self, *, stale: str | None = None) -> str:
        """A valid token. If this fails, the call itself was not sent."""
        try:
            if stale is not None:
                self._tokens.renew(stale)
            return self._tokens.current()
        except MailUpUnavailable as failure:
            failure.context.update(login=True, sent=False, timed_out=False)
            raise

    def _retry_budget(self) -> RetryBudget:
        return RetryBudget(
            retry_seconds=self._settings.retry_seconds,
            throttled_seconds=self._settings.throttled_seconds,
            clock=self._clock,
            sleep=self._sleep,
        )
