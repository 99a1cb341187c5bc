"""The access token: log-in, renewal, rotation of the refresh token."""

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from oauthlib.oauth2 import LegacyApplicationClient

from blocks.errors import LoginRefused, MailUpUnavailable
from blocks.mailup.http.answers import Answer, contract_not_signed, lowered, whole_number
from blocks.mailup.http.retries import RetryBudget
from blocks.mailup.http.settings import MailUpSettings
from blocks.mailup.http.wire import FORM_HEADERS, Call, Wire

RENEW_EARLY_SECONDS = 60.0
# Lifetime of a token whose answer does not state it: MailUp's shortest documented one.
DEFAULT_LIFE_SECONDS = 900.0
LONGEST_LIFE_SECONDS = 86_400
# Characters that are valid in a header.
_TOKEN = re.compile(r"[!-~]{1,16384}")
# Another run may be storing the rotated token.
REREAD_ATTEMPTS = 3
REREAD_SECONDS = 1.0

DOING = "Log-in to MailUp"


@dataclass(frozen=True)
class Token:
    """An access token and the time (on our clock) from which it is renewed."""

    access: str = field(repr=False)
    renew_at: float


class Tokens:
    """Provides a valid access token; thread-safe, one request at a time.

    *on_rotate* is called with each new refresh token before the access token is used; *reread*
    returns the currently stored refresh token, which another run may have rotated. `life_seconds`
    is the latest token's lifetime, None if MailUp did not state it.
    """

    def __init__(
        self,
        wire: Wire,
        settings: MailUpSettings,
        *,
        on_rotate: Callable[[str], None] | None = None,
        reread: Callable[[], str | None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._wire = wire
        self._settings = settings
        self._on_rotate = on_rotate
        self._reread = reread
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._oauth = LegacyApplicationClient(settings.client_id)
        self._refresh_token = settings.refresh_token
        self._token: Token | None = None
        self._refused: LoginRefused | None = None
        self.life_seconds: float | None = None

    def current(self) -> str:
        """A valid access token, renewed if necessary."""
        with self._lock:
            token = self._token
            if token is None or self._clock() >= token.renew_at:
                token = self._renewed()
            return token.access

    def renew(self, stale: str) -> None:
        """Replace the token *stale*, which MailUp refused, unless it was already replaced."""
        with self._lock:
            if self._token is None or self._token.access == stale:
                self._renewed()

    def is_good(self, access: str) -> bool:
        """Whether MailUp accepts an access token, checked by a call that every user may make; True
        if that is unknown."""
        path = "/Console/Authentication/Info"
        call = Call("GET", self._settings.console_url + path, path)
        try:
            answer = self._wire.ask(call, token=access)
            if answer.ok:
                answer.json()
                return True
        except MailUpUnavailable as failure:
            if not failure.context.get("error_in_body"):
                return True
        return not (answer.token_refused or answer.unexplained)

    def _renewed(self) -> Token:
        # A refused log-in is never retried: MailUp locks accounts.
        if self._refused is not None:
            raise self._refused
        try:
            self._token = self._by_refresh() or self._by_password()
        except LoginRefused as refusal:
            self._refused = refusal
            raise
        return self._token

    def _by_refresh(self) -> Token | None:
        """A token by the refresh grant; None if the password has to be used instead."""
        if self._refresh_token is None:
            return None
        try:
            return self._refresh(self._refresh_token)
        except LoginRefused:
            token = self._by_stored_token(self._refresh_token)
            if token is None and not self._settings.password:
                raise
            return token
        except MailUpUnavailable:
            # The answer with the rotated token may be lost; then only the password works.
            if not self._settings.password:
                raise
            return None

    def _by_stored_token(self, refused: str) -> Token | None:
        """Try the token that another run stored meanwhile, if there is one."""
        for attempt in range(REREAD_ATTEMPTS if self._reread else 0):
            if attempt:
                self._sleep(REREAD_SECONDS)
            stored = self._reread() if self._reread else None
            if stored and stored != refused:
                self._refresh_token = refused = stored
                try:
                    return self._refresh(stored)
                except LoginRefused:
                    continue
        self._refresh_token = None
        return None

    def _refresh(self, refresh_token: str) -> Token:
        form = self._oauth.prepare_refresh_body(
            refresh_token=refresh_token,
            client_id=self._settings.client_id,
            client_secret=self._settings.client_secret,
        )
        return self._accept(self._ask(form, "refresh token"))

    def _by_password(self) -> Token:
        form = self._oauth.prepare_request_body(
            self._settings.username,
            self._settings.password or "",
            include_client_id=True,
            client_secret=self._settings.client_secret,
        )
        return self._accept(self._ask(form, "password"))

    def _ask(self, form: str, grant: str) -> Answer:
        """Post *form* to the token address; retries only errors that cannot lock the account."""
        call = Call(
            "POST", self._settings.token_url, "/OAuth/Token", {}, form.encode(), FORM_HEADERS
        )
        budget = self._retry_budget()
        while True:
            try:
                answer = self._wire.ask(call)
            except MailUpUnavailable as failure:
                budget.after_failure(failure)
                continue
            if answer.ok:
                return answer
            error = _login_error(answer, grant)
            if not isinstance(error, MailUpUnavailable):
                raise error
            (budget.after_throttle if answer.throttled else budget.after_failure)(error)

    def _retry_budget(self) -> RetryBudget:
        return RetryBudget(
            retry_seconds=self._settings.retry_seconds,
            throttled_seconds=self._settings.throttled_seconds,
            clock=self._clock,
            sleep=self._sleep,
        )

    def _accept(self, answer: Answer) -> Token:
        """Read the token answer, and store a rotated refresh token before anything else."""
        value = answer.json()
        keys = lowered(value) if isinstance(value, dict) else {}
        self._rotate(keys.get("refresh_token"))
        access = keys.get("access_token")
        if not isinstance(access, str) or not _TOKEN.fullmatch(access):
            raise MailUpUnavailable(f"{DOING}: the answer has no usable field access_token.")
        self.life_seconds = _life(keys.get("expires_in"))
        life = self.life_seconds or DEFAULT_LIFE_SECONDS
        early = min(RENEW_EARLY_SECONDS, life / 10)
        return Token(access, self._clock() + life - early)

    def _rotate(self, rotated: Any) -> None:
        if isinstance(rotated, str) and rotated and rotated != self._refresh_token:
            self._refresh_token = rotated
            if self._on_rotate is not None:
                self._on_rotate(rotated)


def _life(value: Any) -> float | None:
    """The lifetime of a token in seconds; None if it is missing or invalid."""
    try:
        seconds = whole_number(value, DOING)
    except MailUpUnavailable:
        return None
    return float(min(seconds, LONGEST_LIFE_SECONDS)) or None


def _login_error(answer: Answer, grant: str) -> Exception:
    """The error for a token answer that is not a success."""
    if answer.contract_missing:
        return contract_not_signed(DOING)
    if answer.status in {400, 401, 403} and not answer.throttled:
        reason = f", {answer.description}" if answer.description else ""
        return LoginRefused(
            f"{DOING}: the {grant} is refused ({answer.status}{reason}). It is not retried, "
            "because MailUp locks accounts: check client id, client secret, user and password in "
            "the account's block.",
            status=answer.status,
        )
    return answer.error()
