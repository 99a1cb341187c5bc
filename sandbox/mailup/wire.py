"""What WCF does to answers: escaped slashes, bare scalars, empty bodies, one error shape."""

from typing import Any

import orjson
from starlette.responses import Response

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
        # A slash can only stand inside a JSON string, so replacing bytes is safe.
        return orjson.dumps(content).replace(b"/", b"\\/")


class ApiError(Exception):
    """An error answer of the API: HTTP status and description."""

    def __init__(self, status: int, description: str, *, name: str | None = "") -> None:
        super().__init__(description)
        self.status = status
        self.description = description
        self.name = ERROR_NAMES.get(status) if name == "" else name

    def answer(self) -> Response:
        """The documented body; `ErrorCode` is a string."""
        body = {
            "ErrorCode": str(self.status),
            "ErrorDescription": self.description,
            "ErrorName": self.name,
            "ErrorStack": None,
        }
        return WcfJson(body, status_code=self.status)


def empty() -> Response:
    """200 without a body, as successful DELETE and Subscribe calls answer."""
    return Response(status_code=200)
