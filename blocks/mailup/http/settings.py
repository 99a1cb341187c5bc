"""Settings of the MailUp client: addresses, credentials, time-outs."""

from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from blocks.errors import ConfigurationError

CONSOLE_URL = "https://services.mailup.com/API/v1.1/Rest/ConsoleService.svc"
STATISTICS_URL = "https://services.mailup.com/API/v1.1/Rest/MailStatisticsService.svc"
TOKEN_URL = "https://services.mailup.com/Authorization/OAuth/Token"  # noqa: S105 - an address

# MailUp answers 429 to the sixth call within a rolling second (API terms, throttling limits).
MAX_CALLS_PER_SECOND = 5.0


@dataclass(frozen=True, kw_only=True)
class MailUpSettings:
    """Credentials and limits of one account; *password* or *refresh_token* is required.

    *answer_seconds* limits one exchange from connecting to the last byte, *retry_seconds* all
    attempts of one call together, *throttled_seconds* the waiting for the rate limit in one call.
    """

    client_id: str
    client_secret: str = field(repr=False)
    username: str = field(repr=False)
    password: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    console_url: str = CONSOLE_URL
    statistics_url: str = STATISTICS_URL
    token_url: str = TOKEN_URL
    page_size: int = 500
    connect_seconds: float = 10.0
    read_seconds: float = 60.0
    answer_seconds: float = 300.0
    retry_seconds: float = 180.0
    throttled_seconds: float = 60.0
    allow_plain_http: bool = False

    def __post_init__(self) -> None:
        if not self.password and not self.refresh_token:
            raise ConfigurationError(
                "The MailUp account has neither a password nor a refresh token: set one of them."
            )
        for name in ("console_url", "statistics_url", "token_url"):
            _check_url(name, getattr(self, name), allow_plain_http=self.allow_plain_http)

    @property
    def on_this_machine(self) -> bool:
        """Whether all addresses are on this machine, as in a sandbox or a benchmark."""
        urls = (self.console_url, self.statistics_url, self.token_url)
        return all(_is_loopback(urlsplit(url).hostname or "") for url in urls)


def _check_url(name: str, url: str, *, allow_plain_http: bool) -> None:
    """Reject an address that would send passwords and tokens unencrypted over a network."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError(f"{name} is not an address that starts with https://.", field=name)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigurationError(
            f"{name} may contain scheme, host, port and path only: remove everything else.",
            field=name,
        )
    if parts.scheme == "http" and not (allow_plain_http or _is_loopback(parts.hostname)):
        raise ConfigurationError(
            f"{name} uses http:// to another machine, which sends passwords unencrypted: use "
            "https://, or allow plain HTTP on the account for a test system.",
            field=name,
        )


def _is_loopback(host: str) -> bool:
    """Whether the host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
