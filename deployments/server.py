"""The Prefect server that the commands work on: which one it is, and why it cannot be used."""

import re
from collections.abc import Iterator

from blocks.errors import SyncError

_REFUSED = (401, 403)
_ELSEWHERE = (404, 405)


class PrefectUnusable(SyncError):
    """Prefect's API is not set, does not answer, or refuses: nothing can be asked of it."""

    what_next = "Once the API can be reached, run this again."


def require_server() -> str:
    """The address of Prefect's API, once it has answered; PrefectUnusable otherwise.

    Without an address Prefect would start a temporary server: what is saved there is gone with the
    command, and what is asked there is not known to anybody.
    """
    from prefect.client.orchestration import get_client

    address = _address()
    try:
        with get_client(sync_client=True) as client:
            client.api_version()
    except Exception as error:
        raise PrefectUnusable(api_trouble(error) or _answer_of_others(address)) from None
    return shown_address(address)


def shown_address(address: str) -> str:
    """An address without the password that somebody may have written into it."""
    return re.sub(r"//[^/@]*@", "//", address)


def api_trouble(error: BaseException) -> str:
    """What is wrong with Prefect's API, where an error comes from it; empty otherwise."""
    import httpx

    address = shown_address(_setting("url"))
    for each in _chain(error):
        if isinstance(each, httpx.HTTPStatusError):  # Prefect's own is one, too
            return _status_sentence(address, each.response.status_code)
        if isinstance(each, httpx.TransportError | httpx.InvalidURL):
            return (
                f"Prefect's API at {address} does not answer ({type(each).__name__}). Start the "
                "server, or correct PREFECT_API_URL; `prefect config view` shows where it is set."
            )
    return ""


def _setting(name: str) -> str:
    """A setting of Prefect's API, from the environment or the profile; empty where it has none."""
    from prefect.settings import get_current_settings

    value = getattr(get_current_settings().api, name)
    return str(value) if value else ""


def _address() -> str:
    address = _setting("url")
    if not address:
        raise PrefectUnusable(
            "PREFECT_API_URL is not set, and Prefect would start a temporary server that nobody "
            "else sees. Set it to the API of your server, for example: "
            "export PREFECT_API_URL=http://127.0.0.1:4200/api"
        )
    return address


def _status_sentence(address: str, status: int) -> str:
    if status in _REFUSED:
        given = _setting("auth_string") or _setting("key")
        return (
            f"Prefect's API at {address} refuses the password. Set PREFECT_API_AUTH_STRING to the "
            f"server's user:password; it is {'set to something else' if given else 'not set'}."
        )
    if status in _ELSEWHERE:
        return _answer_of_others(address)
    return (
        f"Prefect's API at {address} answered with status {status}. Look at the log of the "
        "server, then run this again."
    )


def _answer_of_others(address: str) -> str:
    return (
        f"What answers at {shown_address(address)} is not Prefect's API. Correct PREFECT_API_URL: "
        "the address ends in /api, for example http://127.0.0.1:4200/api"
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and those that it came from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
