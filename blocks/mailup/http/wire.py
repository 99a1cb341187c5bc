"""One HTTP exchange with MailUp: rate limit, counter, time limits, errors mapped to ours."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy

import requests
from urllib3.util import Retry

from blocks.errors import MailUpUnavailable
from blocks.mailup.http.answers import Answer
from blocks.mailup.http.connections import TimedAdapter, Watch
from blocks.mailup.http.errors import mapped
from blocks.mailup.http.settings import MailUpSettings

CONNECT_ATTEMPTS = 2
CHUNK_BYTES = 65_536
# A page of 5,000 people with 39 fields of 200 characters has 50 MB; an unpaged report of a million
# SMS has 120 MB.
MAX_ANSWER_BYTES = 256 * 2**20
JSON_HEADERS = {"Accept": "application/json", "Content-Type": "application/json"}
FORM_HEADERS = {
    "Accept": "application/json",
    "Content-Type": "application/x-www-form-urlencoded",
}


class NoCallsLeft(Exception):
    """The number of calls that somebody may make is used up; nothing was sent."""


@dataclass(frozen=True)
class Call:
    """One request. *path* is shown in messages: it contains ids, never personal data. *changes*:
    the request changes something in MailUp, so *guard* is called before it."""

    method: str
    url: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=lambda: JSON_HEADERS, repr=False)
    changes: bool = False

    @property
    def doing(self) -> str:
        """Method and path, for messages."""
        return f"{self.method} {self.path}"


class _Guarded:
    """A body that calls *guard* before its last byte, without which MailUp does nothing.

    So connecting and sending may take long before the check.
    """

    def __init__(self, body: bytes, guard: Callable[[], None]) -> None:
        self._body, self._guard = body, guard

    def __len__(self) -> int:
        return len(self._body)

    def __iter__(self) -> Iterator[bytes]:
        if len(self._body) > 1:
            yield self._body[:-1]
        self._guard()
        yield self._body[-1:]


class Wire:
    """The connection pool of one account. *pace* is called before every request, *guard* directly
    before the last byte of one that changes something: an error raised by it stops the request.

    `ahead_seconds`: by how much MailUp's clock was ahead of ours at the latest answer (to the
    second, from its Date header); None if it sent no time. `last`: after so many calls the next
    one raises `NoCallsLeft`.
    """

    def __init__(
        self,
        settings: MailUpSettings,
        *,
        pace: Callable[[], None],
        guard: Callable[[], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._pace = pace
        self._guard = guard
        self._lock = threading.Lock()
        self._watch = Watch(settings.answer_seconds, clock=clock)
        self._session = _new_session(self._watch, settings.read_seconds)
        self.calls = 0
        self.last: int | None = None
        self.ahead_seconds: float | None = None

    def ask(self, call: Call, *, token: str | None = None) -> Answer:
        """Send *call* once and read the whole answer.

        Raises `MailUpUnavailable` with the context keys `timed_out` and `sent`.
        """
        if self.last is not None and self.calls >= self.last:
            raise NoCallsLeft
        self._pace()
        with self._lock:
            self.calls += 1
        headers = dict(call.headers)
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        self._watch.begin(call.params)
        with mapped(call.doing), self._send(call, headers) as response:
            self.ahead_seconds = _ahead(response)
            body = self._read(response, call.doing)
        return Answer(call.doing, response.status_code, body)

    def _send(self, call: Call, headers: dict[str, str]) -> requests.Response:
        body: bytes | _Guarded = call.body
        if call.changes and self._guard is not None:
            if call.body:
                body = _Guarded(call.body, self._guard)
            else:
                self._guard()
        return self._session.request(
            call.method,
            call.url,
            # IIS answers 411 to a POST without Content-Length; an empty body sends 0.
            data=body,
            headers=headers,
            # Without this, requests would look for a password in ~/.netrc.
            auth=_no_auth,
            timeout=(self._settings.connect_seconds, self._settings.read_seconds),
            allow_redirects=False,
            stream=True,
        )

    def _read(self, response: requests.Response, doing: str) -> bytes:
        """The decompressed body, limited in size."""
        chunks: list[bytes] = []
        left = MAX_ANSWER_BYTES
        while chunk := response.raw.read1(CHUNK_BYTES, decode_content=True):
            self._watch.left()
            chunks.append(chunk)
            left -= len(chunk)
            if left < 0:
                # Handled like a time-out: a smaller page is requested.
                raise MailUpUnavailable(
                    f"{doing}: MailUp's answer is larger than {MAX_ANSWER_BYTES // 2**20} MiB.",
                    timed_out=True,
                    sent=True,
                )
        return b"".join(chunks)

    def close(self) -> None:
        """Close all connections."""
        self._session.close()


def _new_session(watch: Watch, silence: float) -> requests.Session:
    session = requests.Session()
    # A failed connect is safe to retry for every method. All other retries are made by Session,
    # where they are rate-limited, counted and depend on the method.
    retries = Retry(
        total=CONNECT_ATTEMPTS - 1,
        connect=CONNECT_ATTEMPTS - 1,
        read=False,
        redirect=False,
        status=0,
        other=0,
        allowed_methods=None,
        backoff_factor=0.5,
    )
    adapter = TimedAdapter(watch, silence, retries)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    # ASP.NET serialises the requests that share a session cookie.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return session


def _ahead(response: requests.Response) -> float | None:
    try:
        sent = parsedate_to_datetime(response.headers.get("Date", ""))
    except ValueError:
        return None
    return (sent - datetime.now(UTC)).total_seconds()


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """No authentication beyond the headers set."""
    return request
