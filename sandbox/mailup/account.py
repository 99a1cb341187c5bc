"""The account of the caller: Authentication/Info and /Details."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from sandbox.mailup.settings import CONSOLE
from sandbox.mailup.store import Store
from sandbox.mailup.wire import WcfJson

router = APIRouter(prefix=CONSOLE + "/Console/Authentication")


def _info(request: Request) -> dict[str, Any]:
    return {
        "AccountName": "Esempio",
        "Company": "Esempio S.p.A.",
        "ExpiryDate": "2099-12-31 00:00:00.000",
        "IsTrial": False,
        "UID": "1234",
        "Url": str(request.base_url),
        "Username": request.app.state.settings.username,
        "Version": "9.2.7",
    }


@router.get("/Info")
def info(request: Request) -> Response:
    """The account of the token."""
    return WcfJson(_info(request))


@router.get("/Details")
def details(request: Request) -> Response:
    """The same with credits per list."""
    store: Store = request.app.state.store
    credits = [
        {"Credit": 1000, "ListId": row["id"]}
        for row in store.rows("SELECT id FROM list ORDER BY id")
    ]
    more = {
        "AutoRenewal": False,
        "CreditsByList": credits,
        "Email": "account@example.it",
        "Lang": "it",
        "Plan": 1,
        "TotalCredits": 1000 * len(credits),
    }
    return WcfJson(_info(request) | more)
