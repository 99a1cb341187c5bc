"""The token endpoint and the check of bearer tokens.

Client id and secret are taken from the Basic header, the form, or the query string.
"""

import base64
import binascii
import secrets
import time
from typing import Any
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from sandbox.mailup.settings import LOG_ON, TOKEN, Settings
from sandbox.mailup.store import Store
from sandbox.mailup.wire import ApiError, WcfJson

REFRESH_TOKEN_SECONDS = 365 * 24 * 3600
CODE_SECONDS = 60

router = APIRouter()


class Refused(Exception):
    """A failed token call, in OAuth's error format."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.body = {"error": error, "error_description": description}


def issue(store: Store, kind: str, seconds: float) -> str:
    """A new token of `kind` (access, refresh, code), valid for `seconds`."""
    value = secrets.token_urlsafe(48 if kind == "access" else 32)
    store.write(
        "INSERT INTO token VALUES (?, ?, ?, 0)", (value, kind, time.time() + max(seconds, 0))
    )
    return value


def check_bearer(store: Store, settings: Settings, authorization: str) -> str:
    """The access token of an `Authorization` header, or ApiError 400, 401 or 403."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise ApiError(400, "Authorization error: Access token is missing or malformed")
    row = store.row("SELECT * FROM token WHERE value = ? AND kind = 'access'", (token.strip(),))
    if row is None:
        raise ApiError(400, "Authorization error: Access token is not valid")
    if row["revoked"] or row["expires"] <= time.time():
        status = int(settings.expired_token)
        raise ApiError(status, "Authorization error: Access token is expired")
    if not settings.contract_signed:
        raise contract_not_signed()
    return token.strip()


def contract_not_signed() -> ApiError:
    """The 403 for a user who has not accepted the terms."""
    return ApiError(
        403,
        "Authorization error: Contract not signed, please login in console and accept terms of "
        "service.",
    )


def expire(store: Store, token: str | None = None) -> None:
    """Expire one access token, or all of them."""
    sql = "UPDATE token SET expires = 0 WHERE kind = 'access'"
    store.write(sql + " AND value = ?", (token,)) if token else store.write(sql)


def revoke(store: Store, kind: str | None = None) -> None:
    """Revoke all tokens (access, refresh and code), or those of one kind."""
    sql = "UPDATE token SET revoked = 1"
    store.write(f"{sql} WHERE kind = ?", (kind,)) if kind else store.write(sql)


async def _form(request: Request) -> dict[str, str]:
    form = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
    return dict(request.query_params) | form | _basic(request.headers.get("authorization", ""))


def _basic(header: str) -> dict[str, str]:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return {}
    try:
        name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise Refused("invalid_client", "The Authorization header is malformed") from None
    return {"client_id": name, "client_secret": secret}


def _same(given: str | None, wanted: str) -> bool:
    return secrets.compare_digest((given or "").encode(), wanted.encode())


def _check_client(form: dict[str, str], settings: Settings) -> None:
    if not _same(form.get("client_id"), settings.client_id) or not _same(
        form.get("client_secret"), settings.client_secret
    ):
        raise Refused("invalid_client", "Client authentication failed")


def _check_user(form: dict[str, str], settings: Settings) -> None:
    if not _same(form.get("username"), settings.username) or not _same(
        form.get("password"), settings.password
    ):
        raise Refused("invalid_grant", "The user name or the password is not correct")


def _spend(store: Store, kind: str, value: str, *, keep: bool) -> None:
    """Use a refresh token or code, once unless `keep`; Refused if it is not valid."""
    row = store.row("SELECT * FROM token WHERE value = ? AND kind = ?", (value, kind))
    if row is None or row["revoked"] or row["expires"] <= time.time():
        raise Refused("invalid_grant", f"The {kind} token is not valid, expired or revoked")
    if not keep:
        store.write("UPDATE token SET revoked = 1 WHERE value = ?", (value,))


def _grant(form: dict[str, str], store: Store, settings: Settings) -> dict[str, Any]:
    grant = form.get("grant_type")
    refresh: str | None = None
    if grant == "authorization_code":
        # The official samples exchange the code without any client authentication.
        _spend(store, "code", form.get("code", ""), keep=False)
    else:
        _check_client(form, settings)
    if grant == "password":
        _check_user(form, settings)
    elif grant == "refresh_token":
        given = form.get("refresh_token", "")
        if settings.refresh_token == "revoked":
            revoke(store, "refresh")
        _spend(store, "refresh", given, keep=settings.refresh_token != "rotated")
        refresh = given if settings.refresh_token == "kept" else None
    elif grant != "authorization_code":
        raise Refused("unsupported_grant_type", "grant_type is not supported")
    if settings.logins == "newest_only":
        expire(store)
    answer = {
        "access_token": issue(store, "access", settings.expires_in),
        "expires_in": settings.expires_in,
        "refresh_token": refresh or issue(store, "refresh", REFRESH_TOKEN_SECONDS),
    }
    if settings.token_life == "missing":
        del answer["expires_in"]
    return answer


@router.api_route(TOKEN, methods=["GET", "POST"])
async def token(request: Request) -> Response:
    """All grants; 400 in OAuth's format on failure, unless a variant says otherwise."""
    state = request.app.state
    try:
        form = await _form(request)
        return WcfJson(_grant(form, state.store, state.settings))
    except Refused as refused:
        return _refusal(refused, state.settings.token_errors)


def _refusal(refused: Refused, form: str) -> Response:
    """The answer to a failed token call, by variant."""
    if form == "form":
        media_type = "application/x-www-form-urlencoded"
        return Response(urlencode(refused.body), status_code=400, media_type=media_type)
    if form == "console":
        return ApiError(400, str(refused)).answer()
    if form == "empty":
        return Response(status_code=400)
    return WcfJson(refused.body, status_code=401 if form == "status_401" else 400)


@router.get(LOG_ON)
def log_on(request: Request, redirect_uri: str, client_id: str = "") -> Response:
    """The log-on page of the code flow; the sandbox's user always agrees."""
    state = request.app.state
    if not _same(client_id, state.settings.client_id):
        return WcfJson({"error": "invalid_client"}, status_code=400)
    joiner = "&" if "?" in redirect_uri else "?"
    code = issue(state.store, "code", CODE_SECONDS)
    return RedirectResponse(f"{redirect_uri}{joiner}code={code}", status_code=302)
