"""Which algorithms SSH servers are offered."""

import logging
from collections.abc import Iterator

import paramiko
import pytest
from paramiko.message import Message

from blocks.errors import ConfigurationError, RetryableError
from blocks.transport.sftp import session
from tests.core.scripted_sftp import sftp_to

pytestmark = pytest.mark.core

WEAK = [
    ("ciphers", "3des-cbc"),
    ("ciphers", "aes256-cbc"),
    ("digests", "hmac-md5"),
    ("digests", "hmac-sha1"),
    ("digests", "hmac-md5-96"),
    ("digests", "hmac-sha1-96"),
]


def silent(_kind: int, _request: Message) -> Iterator[tuple[int, bytes]]:
    """No answers are needed."""
    return iter(())


def offers(kind: str, name: str) -> dict[str, str]:
    """A checksum counts only beside a cipher that has none of its own."""
    return {"ciphers": "aes128-ctr", kind: name}


@pytest.mark.parametrize(("kind", "name"), WEAK)
def test_weak_algorithms_are_refused(kind: str, name: str) -> None:
    """A server that has nothing better is not logged in to; the error says what would let it in."""
    with (
        pytest.raises(ConfigurationError, match="allow_weak_algorithms"),
        sftp_to(silent, offers=offers(kind, name)),
    ):
        pass


@pytest.mark.parametrize(("kind", "name"), [WEAK[0], WEAK[2]])
def test_weak_algorithms_on_demand(kind: str, name: str, caplog: pytest.LogCaptureFixture) -> None:
    """Where the setting allows them, they are used, with a warning at each connection."""
    with (
        caplog.at_level(logging.WARNING),
        sftp_to(silent, offers=offers(kind, name), allow_weak_algorithms=True),
    ):
        assert "WEAK" in caplog.text


def test_only_what_is_known_to_be_strong_is_offered() -> None:
    """No name with SHA-1, MD5, CBC, DES, RC4 or DSA, whatever the library knows."""
    options = paramiko.Transport.__new__(paramiko.Transport)
    for name in ("_kex_info", "_cipher_info", "_mac_info", "_key_info"):
        assert getattr(options, name)
    shown = paramiko.SecurityOptions(options)
    known = options._preferred_kex  # type: ignore[attr-defined]
    options._preferred_kex = (*known, "diffie-hellman-group14-sha1")  # type: ignore[attr-defined]
    session._only_strong(shown)
    names = " ".join((*shown.ciphers, *shown.digests, *shown.kex, *shown.key_types))
    assert not any(weak in f"{names} " for weak in ("sha1", "md5", "cbc", "des", "arcfour", "dss"))
    assert "curve25519-sha256" in names
    assert "aes256-gcm@openssh.com" in names


def test_what_a_server_says_is_in_no_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library's own lines quote the server, so they reach no handler."""
    found: list[logging.LogRecord] = []
    handler = logging.Handler()
    monkeypatch.setattr(handler, "handle", found.append)
    logging.getLogger().addHandler(handler)
    monkeypatch.setattr(logging.getLogger("paramiko"), "level", logging.DEBUG)
    try:
        with pytest.raises(RetryableError), sftp_to(silent) as transport:
            transport.stat("a.csv")
    finally:
        logging.getLogger().removeHandler(handler)
    assert "paramiko" not in {record.name.split(".")[0] for record in found}
