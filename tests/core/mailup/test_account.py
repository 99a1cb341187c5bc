"""The account block, without a Prefect server."""

from typing import Any

import pytest
from prefect.blocks.core import Block
from prefect.testing.standard_test_suites import BlockStandardTestSuite
from pydantic import ValidationError

from blocks.accounts import MailUpAccount
from blocks.errors import ConfigurationError, MailUpUnavailable

KEYS: dict[str, Any] = {
    "client_id": "id",
    "client_secret": "s3cret",
    "username": "m1234",
    "password": "p4ss",
}


class TestStandards(BlockStandardTestSuite):
    """Prefect's own suite."""

    @pytest.fixture
    def block(self) -> type[MailUpAccount]:
        """The block under test."""
        return MailUpAccount

    def test_has_a_valid_image(self, block: type[Block]) -> None:
        """The logo has an address; the picture itself is not fetched in a test."""
        assert block._logo_url is not None


def test_secrets_are_masked() -> None:
    """Neither text nor JSON of a block shows secrets."""
    account = MailUpAccount(**KEYS, refresh_token="r3fresh")
    for shown in (repr(account), str(account), account.model_dump_json()):
        assert not [secret for secret in ("s3cret", "p4ss", "r3fresh") if secret in shown]


@pytest.mark.parametrize(
    "wrong",
    [{"calls_per_second": 6}, {"calls_per_second": 0}, {"import_batch_size": 10_001}],
)
def test_numbers_outside_of_mailups_limits_are_refused(wrong: dict[str, Any]) -> None:
    """A pace or batch size that MailUp would refuse cannot be saved."""
    with pytest.raises(ValidationError):
        MailUpAccount(**KEYS, **wrong)


def test_only_an_account_of_this_machine_may_be_called_faster() -> None:
    """Other servers, such as that of a benchmark, need no limit; MailUp does."""
    here = dict.fromkeys(("console_url", "statistics_url", "token_url"), "http://127.0.0.1:1/x")
    assert MailUpAccount(**KEYS, **here, calls_per_second=1000)
    with pytest.raises(ValidationError, match="5 at most"):
        MailUpAccount(**KEYS | here | {"token_url": "https://services.mailup.com/t"},
                      calls_per_second=1000)  # fmt: skip


def test_an_account_without_credentials_is_refused() -> None:
    """A block that can never log in cannot be made."""
    with pytest.raises(ConfigurationError, match="neither a password nor a refresh token"):
        MailUpAccount(**KEYS | {"password": None})


def test_the_rate_limit_belongs_to_the_user_of_a_server() -> None:
    """Blocks with one user share a limit; the sandbox and other users do not, and no name shows."""
    account = MailUpAccount(**KEYS)
    same = MailUpAccount(**KEYS | {"username": "M1234 ", "client_id": "other"})
    other = MailUpAccount(**KEYS | {"username": "m5678"})
    sandbox = MailUpAccount(**KEYS, console_url="http://127.0.0.1:8000/API")
    assert account.rate_limit_name == same.rate_limit_name
    assert len({each.rate_limit_name for each in (account, other, sandbox)}) == 3
    assert account.rate_limit_name.startswith("mailup-")
    assert len(account.rate_limit_name) == len("mailup-") + 12


def test_outside_a_run_no_prefect_server_is_needed() -> None:
    """A client made in a script paces itself and asks nobody."""
    with MailUpAccount(**KEYS).connect() as client:
        assert client.calls == 0


def test_a_client_without_patience_tries_once() -> None:
    """A check says at once that MailUp cannot be reached; a run waits and asks again."""
    nowhere = {"token_url": "http://127.0.0.1:1/token", "console_url": "http://127.0.0.1:1"}
    with MailUpAccount(**KEYS, **nowhere).connect(patient=False) as client:
        with pytest.raises(MailUpUnavailable):
            client.account_info()
        assert client.calls == 1
