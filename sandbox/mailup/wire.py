"""Answers in WCF's format: escaped slashes, bare scalars, empty bodies, one error format."""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

import orjson
from starlette.responses import HTMLResponse, Response

# The format of the current call's answer; the gate sets both for each call.
SHAPE: ContextVar[Callable[[Any], Any] | None] = ContextVar("shape", default=None)
ERRORS: ContextVar[str] = ContextVar("errors", default="status")

HTML_ERROR = "<html><head><title>Error</title></head><body><h1>Bad Gateway</h1></body>"
ERROR_NAMES = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    500: "InternalServerError",
    503: "ServiceUnavailable",
}


class WcfJson(Response):
    """A JSON answer with `/` written as `\\/`, as .NET's serializer does."""

    media_type = "application/json; charset=utf-8"

    def render(self, content: Any) -> bytes:
        shape = SHAPE.get()
        content = shape(content) if shape else content
        # A slash can only stand inside a JSON string, so replacing bytes is safe.
        return orjson.dumps(content).replace(b"/", b"\\/")


class ApiError(Exception):
    """An error answer of the API: HTTP status and description."""

    def __init__(
        self,
        status: int,
        description: str,
        *,
        name: str | None = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(description)
        self.status = status
        self.description = description
        self.name = ERROR_NAMES.get(status) if name == "" else name
        self.headers = headers

    @property
    def body(self) -> dict[str, Any]:
        """The documented body; `ErrorCode` is a string."""
        return {
            "ErrorCode": str(self.status),
            "ErrorDescription": self.description,
            "ErrorName": self.name,
            "ErrorStack": None,
        }

    def answer(self) -> Response:
        """The answer, by the variant of errors."""
        manner = "status" if self.status in (401, 429) else ERRORS.get()
        if manner == "without_body":
            return Response(status_code=self.status)
        if manner == "html":
            return HTMLResponse(HTML_ERROR, status_code=self.status)
        status = 200 if manner == "status_200" else self.status
        return WcfJson(self.body, status_code=status, headers=self.headers)


def empty() -> Response:
    """200 without a body, the answer of successful DELETE and Subscribe calls."""
    return Response(status_code=200)
