"""The application: all routes behind the gate."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from sandbox.mailup import (
    account,
    changes,
    composing,
    control,
    history,
    imports,
    lists,
    messages,
    oauth,
    page,
    recipients,
    sending,
    sendings,
    statistics,
)
from sandbox.mailup.gate import Gate
from sandbox.mailup.settings import Settings
from sandbox.mailup.store import Store
from sandbox.mailup.walks import Walks
from sandbox.mailup.wire import ApiError
from sandbox.mailup.worker import Worker


async def _api_error(_: Request, error: Exception) -> Response:
    if isinstance(error, ApiError):
        return error.answer()
    if isinstance(error, HTTPException):
        return ApiError(error.status_code, "Endpoint not found or method not allowed").answer()
    return ApiError(400, "A part of the address or a parameter is missing or malformed").answer()


def build(store: Store, settings: Settings, worker: Worker) -> Gate:
    """The ASGI application, for a store with its initial data."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    parts = (
        oauth,
        account,
        lists,
        imports,
        recipients,
        changes,
        messages,
        sending,
        sendings,
        composing,
        statistics,
        control,
        history,
        page,
    )
    for part in parts:
        app.include_router(part.router)
    app.add_exception_handler(ApiError, _api_error)
    app.add_exception_handler(HTTPException, _api_error)
    app.add_exception_handler(RequestValidationError, _api_error)
    paths = [getattr(route, "path", "") for part in parts for route in part.router.routes]
    gate = Gate(app, store, settings, frozenset(paths))
    gate.state = app.state
    app.state.store, app.state.settings = store, settings
    app.state.worker, app.state.gate = worker, gate
    app.state.counts, app.state.event_counts = page.Counts(page.people), page.Counts(page.events)
    app.state.walks = Walks()
    return gate
