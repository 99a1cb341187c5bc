"""ASGI middleware of all calls: log, faults, bearer token, rate limit."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, Response

from sandbox.mailup.faults import Fault, Faults
from sandbox.mailup.limits import RateLimit, too_many
from sandbox.mailup.oauth import check_bearer, contract_not_signed, expire
from sandbox.mailup.settings import CONSOLE, STATISTICS, TOKEN, Settings
from sandbox.mailup.shapes import shape_of
from sandbox.mailup.store import Store
from sandbox.mailup.wire import ERRORS, HTML_ERROR, SHAPE, ApiError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

HANG_UP_LOOKS = 1000
GUARDED = (CONSOLE, STATISTICS, TOKEN)


class Gate:
    """ASGI middleware of the application; ignores pages and the control API."""

    def __init__(self, app: App, store: Store, settings: Settings, paths: frozenset[str]) -> None:
        self._app = app
        guarded = (path for path in paths if path.startswith(GUARDED))
        self._words = {word.lower(): word for path in guarded for word in path.split("/")}
        self.state: Any = None
        self._store = store
        self._settings = settings
        self._limit = RateLimit(settings)
        self.faults = Faults()
        self.log: deque[dict[str, Any]] = deque(maxlen=settings.log_size)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(GUARDED):
            await self._app(scope, receive, send)
            return
        query = scope["query_string"].decode()
        target = f"{scope['path']}?{query}" if query else scope["path"]
        entry = {
            "time": time.time(),
            "method": scope["method"],
            "path": scope["path"],
            "query": query,
            "status": None,
            "fault": None,
            "rows": None,
        }
        scope["log_entry"] = entry
        # WCF ignores the letter case of a path.
        words = scope["path"].split("/")
        scope["path"] = "/".join(self._words.get(word.lower(), word) for word in words)
        self.log.append(entry)
        fault = self.faults.take(scope["method"], target)
        entry["fault"] = fault.kind if fault else None
        await self._guarded(scope, receive, _noting(entry, send), fault)
        entry["seconds"] = time.time() - entry["time"]

    async def _guarded(
        self, scope: Scope, receive: Receive, send: Send, fault: Fault | None
    ) -> None:
        try:
            if fault:
                await self._before(scope, fault)
            if not scope["path"].startswith(TOKEN):
                self._admit(scope)
        except _Instead as instead:
            await _read_all(receive)
            await instead.response(scope, receive, send)
        except ApiError as error:
            await _read_all(receive)
            await error.answer()(scope, receive, send)
        except _Drop:
            await _hang_up(send)
        except _Echo:
            body = await _read_all(receive)
            refusal = ApiError(400, f"Not accepted: {body.decode(errors='replace')}")
            await refusal.answer()(scope, receive, send)
        else:
            await self._run(scope, receive, send, fault)

    def _admit(self, scope: Scope) -> None:
        """Check the token and the rate limit; set the variants of the answer's format."""
        SHAPE.set(shape_of(self._settings))
        ERRORS.set(self._settings.errors)
        header = Headers(scope=scope).get("authorization", "")
        token = check_bearer(self._store, self._settings, header)
        self._limit.admit(f"{scope['method']} {scope['path']}", token)

    def start_over(self) -> None:
        """Remove faults, clear the log and the rate limit."""
        self.faults.clear()
        self.log.clear()
        self._limit.clear()

    async def _before(self, scope: Scope, fault: Fault) -> None:
        """Faults that happen before the call is processed."""
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        elif fault.kind == "expire_token":
            header = Headers(scope=scope).get("authorization", "")
            expire(self._store, header.partition(" ")[2] or None)
        elif fault.kind == "403_contract":
            raise contract_not_signed()
        elif fault.kind == "429":
            raise too_many(self._settings, self._settings.calls_per_second + 1)
        elif fault.kind == "500":
            raise ApiError(500, "Internal error")
        elif fault.kind == "503":
            raise ApiError(503, "The server is temporarily unable to handle the request")
        elif fault.kind == "html":
            raise _Instead(HTMLResponse(HTML_ERROR, status_code=502))
        elif fault.kind == "empty":
            raise _Instead(Response(status_code=200))
        elif fault.kind == "drop":
            raise _Drop
        elif fault.kind == "400_echo":
            raise _Echo

    async def _run(self, scope: Scope, receive: Receive, send: Send, fault: Fault | None) -> None:
        if fault and fault.kind == "drop_after_accept":
            await self._app(scope, receive, _silent)
            await _hang_up(send)
        elif fault and fault.kind == "cut":
            await self._app(scope, receive, _cutting(send))
        else:
            await self._app(scope, receive, send)


class _Instead(Exception):
    """An answer instead of the application's."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


class _Drop(Exception):
    """Close the connection without an answer."""


class _Echo(Exception):
    """Refuse the call and quote its body."""


def _noting(entry: dict[str, Any], send: Send) -> Send:
    async def noting(message: Message) -> None:
        if message["type"] == "http.response.start":
            entry["status"] = message["status"]
        await send(message)

    noting.raw = send  # type: ignore[attr-defined]  # to find uvicorn's connection
    return noting


async def _silent(message: Message) -> None:
    """Discard the answer of a call that was carried out."""


def _cutting(send: Send) -> Send:
    """Send only the first half of the body."""

    async def cutting(message: Message) -> None:
        if message["type"] == "http.response.body":
            half = message["body"][: len(message["body"]) // 2]
            await send({**message, "body": half, "more_body": True})
            await _hang_up(send)
        else:
            await send(message)

    return cutting


async def _hang_up(send: Send) -> None:
    """Close the TCP connection; ASGI has no call for it, so uvicorn's transport is used."""
    cycle = getattr(getattr(send, "raw", send), "__self__", None)
    if cycle is None:
        raise RuntimeError("connections can only be dropped under uvicorn")
    cycle.transport.close()
    for _ in range(HANG_UP_LOOKS):
        if cycle.disconnected:
            break
        await asyncio.sleep(0.001)


async def _read_all(receive: Receive) -> bytes:
    """Read the body: an earlier answer would break the client's upload."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message["type"] == "http.request" and message.get("more_body", False)
    return body
