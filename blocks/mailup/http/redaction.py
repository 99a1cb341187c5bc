"""Show an error of MailUp by its code, its name and known phrases.

MailUp's own text is never shown: it may quote people, passwords or rows.
"""

import re
from collections.abc import Mapping
from typing import Any

from blocks.errors.foreign_texts import known_phrases

# RFC 6749 and 6750: the codes of `error`.
OAUTH_ERRORS = (
    "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client",
    "unsupported_grant_type", "invalid_scope", "access_denied", "server_error",
    "temporarily_unavailable", "invalid_token", "insufficient_scope",
)  # fmt: skip
# From MailUp's documentation and public clients; the rest is .NET's.
ERROR_NAMES = (
    "BadRequest", "Unauthorized", "Forbidden", "NotFound", "MethodNotAllowed", "Conflict",
    "TooManyRequests", "InternalServerError", "ServiceUnavailable", "GatewayTimeout",
)  # fmt: skip
PHRASES = (
    "Authorization error", "access token is expired", "access token is missing",
    "access token is not valid", "contract not signed", "terms of service", "too many requests",
    "client credentials are invalid", "password expired", "account is locked", "locked out",
    "disabled", "suspended", "not authorized", "access denied", "permission", "outside the scope",
    "another import", "import in progress", "already running", "already exists", "already sent",
    "does not exist", "not found", "no property", "syntax error", "no applicable method",
    "not supported", "not allowed", "not valid", "missing", "malformed", "not valid JSON",
    "request length exceeded", "too large", "timeout expired", "timed out", "deadlock",
    "object reference not set", "internal error", "temporarily unable", "unavailable",
    "maintenance",
)  # fmt: skip
_CODE = re.compile(r"-?[0-9]{1,4}")
NOT_SHOWN = "a text that is not shown, because it may contain personal data"


def shown_error(error: Mapping[str, Any]) -> str:
    """What may be shown of an error body with lower-case keys; "" if there is nothing."""
    texts = [_text(error.get(name)) for name in ("errordescription", "error_description", "error")]
    found = [
        _code(error.get("errorcode")),
        known_phrases(_text(error.get("errorname")), ERROR_NAMES),
        known_phrases(_text(error.get("error")), OAUTH_ERRORS),
        known_phrases("\n".join(texts), PHRASES),
    ]
    # No known name or phrase: MailUp can be asked about the text.
    if any(texts) and not any(found[2:]):
        found.append(NOT_SHOWN)
    return ", ".join(each for each in found if each)


def _code(value: Any) -> str:
    """An error code, if it is too short to be a phone number."""
    text = str(value) if isinstance(value, int | str) else ""
    return f"error code {text}" if _CODE.fullmatch(text) else ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
