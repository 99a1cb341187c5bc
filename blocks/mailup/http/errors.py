"""Map errors of requests, urllib3 and oauthlib to ours.

Errors are raised without their cause: the texts of requests and urllib3 quote the whole address,
and its query may contain a recipient's e-mail address.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import urllib3.exceptions
from oauthlib.oauth2 import OAuth2Error
from requests import exceptions as foreign

from blocks.errors import ConfigurationError, HostNotTrusted, MailUpUnavailable, SyncError

# The most specific class wins.
HTTP_ERRORS: dict[type[Exception], type[SyncError]] = {
    foreign.RequestException: MailUpUnavailable,
    foreign.InvalidJSONError: MailUpUnavailable,
    foreign.JSONDecodeError: MailUpUnavailable,
    foreign.HTTPError: MailUpUnavailable,
    foreign.ConnectionError: MailUpUnavailable,
    foreign.ProxyError: MailUpUnavailable,
    foreign.SSLError: MailUpUnavailable,
    foreign.Timeout: MailUpUnavailable,
    foreign.ConnectTimeout: MailUpUnavailable,
    foreign.ReadTimeout: MailUpUnavailable,
    foreign.TooManyRedirects: MailUpUnavailable,
    foreign.ChunkedEncodingError: MailUpUnavailable,
    foreign.ContentDecodingError: MailUpUnavailable,
    foreign.StreamConsumedError: MailUpUnavailable,
    foreign.RetryError: MailUpUnavailable,
    foreign.UnrewindableBodyError: MailUpUnavailable,
    foreign.URLRequired: ConfigurationError,
    foreign.MissingSchema: ConfigurationError,
    foreign.InvalidSchema: ConfigurationError,
    foreign.InvalidURL: ConfigurationError,
    foreign.InvalidProxyURL: ConfigurationError,
    foreign.InvalidHeader: MailUpUnavailable,
    urllib3.exceptions.HTTPError: MailUpUnavailable,
    OAuth2Error: MailUpUnavailable,
    OSError: MailUpUnavailable,
}

_NEVER_SENT = (
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ProxyError,
)
_TIMED_OUT = (foreign.ReadTimeout, urllib3.exceptions.ReadTimeoutError, TimeoutError)


@contextmanager
def mapped(doing: str) -> Iterator[None]:
    """Raise our errors in place of the libraries'. *doing* names the call, without personal data.

    Context of a `MailUpUnavailable`: `timed_out` (while reading), and `sent` (false if no byte of
    the request can have reached MailUp).
    """
    try:
        yield
    except tuple(HTTP_ERRORS) as error:
        raise _ours(doing, error) from None


def _ours(doing: str, error: Exception) -> SyncError:
    kind = HTTP_ERRORS[next(cls for cls in type(error).__mro__ if cls in HTTP_ERRORS)]
    name = type(error).__name__
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return HostNotTrusted(
            f"{doing}: the certificate is not valid for this address: check the address, and "
            "whether there is a proxy in between."
        )
    if kind is ConfigurationError:
        return ConfigurationError(
            f"{doing}: MailUp's address or proxy cannot be used ({name}): check the account's "
            "addresses."
        )
    return MailUpUnavailable(
        f"{doing}: no usable answer from MailUp ({name}).",
        timed_out=_has(error, _TIMED_OUT),
        sent=not _has(error, _NEVER_SENT),
    )


def _has(error: object, kinds: tuple[type[Exception], ...]) -> bool:
    """Whether the error, or one that it wraps as argument or reason, has one of these types."""
    if isinstance(error, kinds):
        return True
    inner = [getattr(error, "reason", None), *getattr(error, "args", ())]
    return any(_has(each, kinds) for each in inner if isinstance(each, BaseException))
