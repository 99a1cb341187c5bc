"""Parses gpg's status lines by its grammar (doc/DETAILS of GnuPG 2.2 and 2.4).

Lines are split only at line feeds, words only at blanks: gpg escapes these two in everything that a
sender chooses (names, user ids, notations), but not Unicode's other line ends and blanks. A line
that does not match the grammar is UNREADABLE, and anything unexpected, or in another order than
gpg's, does not count as a signature.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

MARK = b"[GNUPG:] "
_UNREADABLE = "?"

_FINGERPRINT = rb"([0-9A-F]{40}|[0-9A-F]{64})"
_TIME = rb"(?:[0-9]{1,20}|[0-9]{8}T[0-9]{6})"
_FORMS = {
    keyword: re.compile(form, re.DOTALL)
    for keyword, form in {
        "BEGIN_DECRYPTION": rb"",
        "DECRYPTION_OKAY": rb"",
        "END_DECRYPTION": rb"",
        "DECRYPTION_KEY": rb" " + _FINGERPRINT + rb" " + _FINGERPRINT + rb" .",
        # The name in the message, which the sender chooses, is ignored.
        "PLAINTEXT": rb" [0-9A-F]{1,2} [0-9]{1,20} [^ ]*",
        "NEWSIG": rb"(?: .*)?",
        "GOODSIG": rb" ([0-9A-F]{16}|[0-9A-F]{40}|[0-9A-F]{64}) .*",
        # Of a document (class 00 or 01), with the fingerprint of the primary key as the last word.
        "VALIDSIG": rb" " + _FINGERPRINT + rb" [0-9]{4}-[0-9]{2}-[0-9]{2} " + _TIME + rb" " + _TIME
        + rb"(?: [0-9]{1,3}){4} 0[01] " + _FINGERPRINT,
        "IMPORT_OK": rb" [0-9]{1,3}(?: " + _FINGERPRINT + rb")?",
        "FAILURE": rb" [^ ]+ ([0-9]{1,10})(?:_[^ ]*)?",
        "ERROR": rb" ([^ ]+) [^ ]+(?: .*)?",
        "END_ENCRYPTION": rb"",
    }.items()
}  # fmt: skip
_KEYWORD = re.compile(rb"([A-Z][A-Z0-9_]*)(| .*)", re.DOTALL)

_IMMATERIAL = {
    "ENC_TO", "KEY_CONSIDERED", "DECRYPTION_KEY", "DECRYPTION_INFO", "PLAINTEXT_LENGTH", "SIG_ID",
    "NOTATION_NAME", "NOTATION_FLAGS", "NOTATION_DATA", "POLICY_URL", "SIG_SUBPACKET", "GOODMDC",
    "TRUST_UNDEFINED", "TRUST_MARGINAL", "TRUST_FULLY", "TRUST_ULTIMATE",
    "KEYEXPIRED", "NO_SECKEY", "USERID_HINT", "NEED_PASSPHRASE", "GOOD_PASSPHRASE",
    "INQUIRE_MAXLEN", "PINENTRY_LAUNCHED", "PROGRESS", "DECRYPTION_COMPLIANCE_MODE",
    "VERIFICATION_COMPLIANCE_MODE",
}  # fmt: skip
"""Lines that may occur anywhere in a good answer and do not concern the signature."""

_DECRYPTION = ("BEGIN_DECRYPTION", "PLAINTEXT", "DECRYPTION_OKAY", "END_DECRYPTION")
_SIGNED = re.compile(
    "BEGIN_DECRYPTION PLAINTEXT (NEWSIG GOODSIG VALIDSIG )+DECRYPTION_OKAY END_DECRYPTION"
)


@dataclass(frozen=True)
class Line:
    """A status line: its keyword, and the words that are used."""

    keyword: str
    words: tuple[str, ...] = ()


StatusLines = Sequence[Line]


def read_status(content: bytes) -> list[Line]:
    """The lines of a status file; those that do not match the grammar are UNREADABLE."""
    *lines, rest = content.split(b"\n")
    return [*map(_line, lines), *([Line(_UNREADABLE)] if rest else [])]


def _line(line: bytes) -> Line:
    found = _KEYWORD.fullmatch(line.removeprefix(MARK)) if line.startswith(MARK) else None
    if found is None:
        return Line(_UNREADABLE)
    keyword = found[1].decode("ascii")
    form = _FORMS.get(keyword)
    if form is None:
        return Line(keyword)
    values = form.fullmatch(found[2])
    if values is None:
        return Line(_UNREADABLE)
    return Line(keyword, tuple(word.decode("ascii", "replace") for word in values.groups() if word))


def decrypted(status: StatusLines) -> bool:
    """Whether exactly one message, encrypted for a key, was decrypted completely."""
    keywords = [line.keyword for line in status]
    order = tuple(word for word in keywords if word in (*_DECRYPTION, _UNREADABLE))
    return order == _DECRYPTION and "DECRYPTION_KEY" in keywords


def signers(status: StatusLines) -> set[str]:
    """Fingerprints of the primary keys that signed the decrypted message; empty if anything is
    unexpected, including another signature that is bad, expired, revoked or unknown.
    """
    material = [line for line in status if line.keyword not in _IMMATERIAL]
    if not decrypted(status) or not _SIGNED.fullmatch(" ".join(each.keyword for each in material)):
        return set()
    good = [line.words[0] for line in material if line.keyword == "GOODSIG"]
    valid = [line.words for line in material if line.keyword == "VALIDSIG"]
    if not all(_is_of(key, by) for key, (by, _) in zip(good, valid, strict=True)):
        return set()
    return {primary for _, primary in valid}


def _is_of(key: str, fingerprint: str) -> bool:
    """Whether a key id of GOODSIG belongs to a fingerprint (version 4 or 5)."""
    return fingerprint.endswith(key) if len(fingerprint) == 40 else fingerprint.startswith(key)


def imported(status: StatusLines) -> set[str]:
    """Fingerprints of the imported keys; none if a line is UNREADABLE."""
    if any(line.keyword == _UNREADABLE for line in status):
        return set()
    return {word for line in status if line.keyword == "IMPORT_OK" for word in line.words}
