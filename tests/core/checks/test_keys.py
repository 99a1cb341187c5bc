"""What a check of OpenPGP keys finds, with the real gpg."""

from pathlib import Path

import pytest

from blocks.keys import GpgKey, GpgRecipient
from tasks.checks.findings import Finding, Subject, to_fix
from tasks.checks.needs import decryption_keys
from tasks.connections.check_keys import check_decrypting, check_encrypting
from tasks.gpg.encrypt import Encryption
from tasks.records.agreement import ImportAgreement
from tests.keyrings import PASSPHRASE, Keyring, needs_gpg

pytestmark = [pytest.mark.core, needs_gpg]

SUBJECT = Subject("gpg-key/acme")


def ours(ring: Keyring, **changes: object) -> GpgKey:
    known = {"private_key": ring.private("us"), "passphrase": PASSPHRASE}
    return GpgKey(**known | changes)


def verdicts(findings: list[Finding], tmp_path: Path) -> dict[str, tuple[str, str]]:
    """Verdict and fact of each check; no key and no passphrase is in them, and none is left."""
    assert not list(tmp_path.iterdir())
    assert all(finding.remedy for finding in to_fix(findings))
    text = str(findings)
    assert "BEGIN PGP" not in text
    assert PASSPHRASE not in text
    return {finding.check: (finding.verdict, finding.text) for finding in findings}


def soon(ring: Keyring, name: str, days: int) -> str:
    """A public key that is valid for some days more."""
    ring.gpg("--quick-gen-key", name, "future-default", "default", f"{days}d")
    return ring.public(name)


def test_a_right_key_opens_what_is_encrypted_for_it(ring: Keyring, tmp_path: Path) -> None:
    """A file is encrypted for it and opened with it, as a run would; signers are read."""
    found = verdicts(
        list(check_decrypting(SUBJECT, ours(ring, signers=[ring.public("client")]), tmp_path)),
        tmp_path,
    )
    assert found["use"] == ("ok", "a file encrypted for the key can be decrypted")
    assert found["key"] == ("ok", "public key 1 of the signers does not expire")


@pytest.mark.parametrize(
    ("changes", "check", "fact"),
    [
        ({"passphrase": "wrong"}, "use", "passphrase"),
        ({"private_key": "nonsense"}, "key", "cannot be read"),
        ({"signers": ["nonsense"]}, "key", "public key 1 of the signers cannot be read"),
    ],
    ids=["passphrase", "private key", "signer"],
)
def test_a_key_that_does_not_fit_is_one_finding(
    ring: Keyring, tmp_path: Path, changes: dict[str, object], check: str, fact: str
) -> None:
    """Which field of the block is wrong is reported before a file comes that cannot be opened."""
    findings = list(check_decrypting(SUBJECT, ours(ring, **changes), tmp_path))
    (wrong,) = to_fix(findings)
    assert wrong.check == check
    assert fact in verdicts(findings, tmp_path)[check][1]


def test_a_public_key_in_the_place_of_the_private_one(ring: Keyring, tmp_path: Path) -> None:
    """It encrypts and cannot decrypt: only a full round trip finds this mistake."""
    key = GpgKey(private_key=ring.public("client"))
    found = verdicts(list(check_decrypting(SUBJECT, key, tmp_path)), tmp_path)
    assert found["use"][0] == "fix"


def test_a_seal_encrypts_and_signs(ring: Keyring, tmp_path: Path) -> None:
    """A file can be encrypted for the client and signed with our key."""
    seal = Encryption(GpgRecipient(public_keys=[ring.public("client")]), ours(ring))
    found = verdicts(list(check_encrypting(SUBJECT, seal, tmp_path)), tmp_path)
    assert found["use"] == ("ok", "a file can be encrypted and signed")


def test_a_signature_that_cannot_be_made(ring: Keyring, tmp_path: Path) -> None:
    """The passphrase of the signing key is tried, too."""
    seal = Encryption(
        GpgRecipient(public_keys=[ring.public("client")]), ours(ring, passphrase="wrong")
    )
    found = verdicts(list(check_encrypting(SUBJECT, seal, tmp_path)), tmp_path)
    assert found["use"][0] == "fix"
    assert "cannot sign" in found["use"][1]


@pytest.mark.parametrize(("days", "verdict"), [(60, "ok"), (20, "note"), (3, "fix")])
def test_a_public_key_is_reported_before_it_expires(
    ring: Keyring, tmp_path: Path, days: int, verdict: str
) -> None:
    """Exports stop on the day on which it expires."""
    seal = Encryption(GpgRecipient(public_keys=[soon(ring, f"for {days} days", days)]))
    found = verdicts(list(check_encrypting(SUBJECT, seal, tmp_path)), tmp_path)
    assert found["key"][0] == verdict
    assert "days from now" in found["key"][1]
    assert found["use"][0] == "ok"


def test_a_public_key_that_has_expired(ring: Keyring, tmp_path: Path) -> None:
    """Nothing can be encrypted for it, which both checks report."""
    ring.expiring("gone by now")
    seal = Encryption(GpgRecipient(public_keys=[ring.public("gone by now")]))
    found = verdicts(list(check_encrypting(SUBJECT, seal, tmp_path)), tmp_path)
    assert (found["key"][0], found["use"][0]) == ("fix", "fix")


def test_without_gpg_the_program_is_asked_for(
    ring: Keyring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that lacks the program is reported, not that the keys are wrong."""
    key = ours(ring)
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    found = verdicts(list(check_decrypting(SUBJECT, key, tmp_path)), tmp_path)
    assert found["use"][0] == "fix"
    assert "gpg is missing" in found["use"][1]


def test_the_key_of_the_archive_is_checked_like_the_others() -> None:
    """The encryption of archives and its reversal are checked before they are needed."""
    columns = [{"column": "email", "target": "email"}]
    agreed = {
        "client": "acme", "server": "sftp-server/acme", "account": "acme", "list_id": 1,
        "mapping": {"columns": columns}, "archive": {"days": 9, "key": "kept"},
    }  # fmt: skip
    one = ImportAgreement.model_validate(agreed)
    both = ImportAgreement.model_validate(agreed | {"decryption_key": "files"})
    assert decryption_keys([one, both]) == ("kept", "files")
