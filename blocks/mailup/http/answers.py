"""Read MailUp's answers: status, error text, JSON, bare numbers, keys in any letter case.

Whether an answer is valid is decided here only: all bodies are read by `Answer.json`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from blocks.errors import (
    ConfigurationError,
    LoginRefused,
    MailUpRefused,
    MailUpUnavailable,
    SyncError,
)
from blocks.mailup.http.error_bodies import is_error
from blocks.mailup.http.parsing import parsed
from blocks.mailup.http.redaction import shown_error

JsonObject = dict[str, Any]

LARGEST = 2**63 - 1
_DIGITS = re.compile(r"([0-9]{1,19})(?:\.0*)?")
TOO_LATE = {408, 504}
TRANSIENT = {408, 425}  # and every 5xx
PASSING = TRANSIENT | {429}
_HINTS = {
    403: " Check that this user may see the list; a new list needs a minute.",
    404: " Check the list and group ids.",
    413: " Reduce the account's import batch size.",
}
_THROTTLED = re.compile("too[ _]many[ _]requests", re.IGNORECASE)
_BUSY = ("-601", "-602", "already running", "import in progress", "another import")


@dataclass(frozen=True)
class Answer:
    """One HTTP answer. The body is not in the repr: it may contain personal data."""

    doing: str
    status: int
    body: bytes = field(repr=False)

    @property
    def ok(self) -> bool:
        """Whether the status is a success."""
        return 200 <= self.status < 300

    @property
    def raw_description(self) -> str:
        """MailUp's own error text; "" if there is none. Not to be logged."""
        value = _error_object(self.body)
        keys = lowered(value)
        text = keys.get("errordescription") or keys.get("error_description") or keys.get("error")
        return text if isinstance(text, str) else ""

    @property
    def description(self) -> str:
        """MailUp's error as codes and known phrases, without its own text."""
        return shown_error(lowered(_error_object(self.body)))

    @property
    def refusal_in_body(self) -> int:
        """The status with which an error body says that the request is wrong; 0 if it does not, or
        if the error may be temporary."""
        code = _whole(lowered(_error_object(self.body)).get("errorcode")) or 0
        return code if 400 <= code < 500 and code not in PASSING else 0

    @property
    def throttled(self) -> bool:
        """Whether the rate limit refused the call; before 2018 MailUp used 403 for that."""
        return self.status == 429 or (
            (self.status == 403 or self.ok) and _THROTTLED.search(self.raw_description) is not None
        )

    @property
    def may_be_throttled(self) -> bool:
        """Whether a 403 has no readable text: it may also mean the rate limit."""
        return self.status == 403 and not self.raw_description

    @property
    def token_refused(self) -> bool:
        """Whether a new access token may help: 401, or 400 for an unknown token; with a success
        status, only an error that names the token."""
        words = self.raw_description.lower()
        return self.status == 401 or (
            "authorization error" in words
            and (self.status == 400 or (self.ok and "access token" in words))
        )

    @property
    def unexplained(self) -> bool:
        """Whether it is an error without an error text, which may also mean an expired token."""
        return (self.status == 400 or self.ok) and not self.raw_description

    @property
    def contract_missing(self) -> bool:
        """Whether the user has not yet accepted MailUp's terms of service."""
        return self.status == 403 and "contract not signed" in self.raw_description.lower()

    def error(self) -> SyncError:
        """The error of this answer; call it if not `ok`."""
        where = self._summary
        if self.contract_missing:
            return contract_not_signed(self.doing)
        if 300 <= self.status < 400:
            return ConfigurationError(
                f"{self.doing}: MailUp answered with a redirection ({self.status}): "
                "check the account's addresses.",
                status=self.status,
            )
        if self.throttled:
            return self.throttle_error()
        if self._busy:
            return MailUpUnavailable(where, status=self.status, busy=True, sent=False)
        if self.status >= 500 or self.status in TRANSIENT:
            # A gateway reports a time-out by its status.
            late = {"timed_out": True} if self.status in TOO_LATE else {}
            return MailUpUnavailable(where, status=self.status, **late)
        return self._refusal(where)

    def throttle_error(self) -> MailUpUnavailable:
        """The error for a call that the rate limit refused."""
        return MailUpUnavailable(self._summary, status=self.status, throttled=True, sent=False)

    @property
    def _summary(self) -> str:
        """The call, its status and MailUp's error."""
        return f"{self.doing}: MailUp answered {self.status}{self._detail}."

    @property
    def _detail(self) -> str:
        return f" ({self.description})" if self.description else ""

    @property
    def _busy(self) -> bool:
        """Whether MailUp refused the import because another one of this account is running."""
        text = self.raw_description.lower()
        return any(mark in text for mark in _BUSY)

    def _refusal(self, where: str) -> SyncError:
        if self.token_refused:
            return LoginRefused(
                f"{where} A new access token is also refused: check in the MailUp console that "
                "the application is still authorised.",
                status=self.status,
            )
        hint = _HINTS.get(self.status, "")
        return MailUpRefused(where + hint, status=self.status)

    def json(self, read: Callable[[bytes], Any] = parsed) -> Any:
        """The JSON value of the body; `MailUpUnavailable` if it is invalid or reports an error."""
        try:
            value = read(self.body)
        except ValueError:
            kind = "something that is not JSON" if self.body.strip() else "an empty body"
            raise MailUpUnavailable(
                f"{self.doing}: MailUp answered {kind}.", status=self.status
            ) from None
        if is_error(value, items_too=b"error" in self.body.lower()):
            raise self._error_in_body()
        return value

    def check(self) -> None:
        """Raise if the body reports an error; for answers whose body is otherwise ignored."""
        if self.body.strip():
            try:
                self.json()
            except MailUpUnavailable as failure:
                if failure.context.get("error_in_body"):
                    raise

    def _error_in_body(self) -> MailUpUnavailable:
        """An error with a success status: it is unknown what was done."""
        # An import that is refused because of another one was not started.
        busy = {"busy": True, "sent": False} if self._busy else {}
        return MailUpUnavailable(
            f"{self.doing}: MailUp answered {self.status}, but the body is an error{self._detail}.",
            status=self.status,
            error_in_body=True,
            refused_with=self.refusal_in_body,
            **busy,
        )

    def number(self) -> int:
        """The body as a bare number, such as an id or a count."""
        return whole_number(self.json(), self.doing)


def contract_not_signed(doing: str) -> ConfigurationError:
    """The error if the user has not accepted MailUp's terms in the console."""
    return ConfigurationError(
        f"{doing}: MailUp's terms of service are not accepted yet: log in to the MailUp console "
        "as this user once and accept them.",
        status=403,
    )


def lowered(item: Mapping[str, Any]) -> JsonObject:
    """The same object with lower-case keys: MailUp's spelling differs between resources."""
    return {key.lower(): value for key, value in item.items()}


def whole_number(value: object, what: str) -> int:
    """*value* as a whole number of 0 or more, from a JSON number or text such as 5 or 5.0."""
    number = _whole(value)
    if number is None or not 0 <= number <= LARGEST:
        raise MailUpUnavailable(f"{what}: MailUp's answer has no number where one is expected.")
    return number


def _whole(value: object) -> int | None:
    if isinstance(value, str):
        found = _DIGITS.fullmatch(value.strip())
        return int(found[1]) if found else None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def whole_or_zero(value: object, what: str) -> int:
    """*value* as a whole number; 0 when absent."""
    return 0 if value is None else whole_number(value, what)


def text(value: object) -> str:
    """*value* as text; "" when absent."""
    return "" if value is None else str(value)


def _error_object(body: bytes) -> JsonObject:
    """The object of an error body, also as JSON in a JSON string, or as first item of a list."""
    value: Any = body
    for _ in range(3):
        if isinstance(value, str | bytes):
            try:
                value = parsed(value.encode() if isinstance(value, str) else value)
            except (ValueError, UnicodeEncodeError):
                return {}
        if isinstance(value, list):
            value = value[0] if value else None
    return value if isinstance(value, dict) else {}
