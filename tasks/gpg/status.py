"""What gpg tells on its status lines, read by gpg's own grammar (doc/DETAILS of GnuPG 2.2 and 2.4).

Bytes are cut at line feeds, and words at blanks, and nowhere else: gpg escapes these two in all
that a sender chooses (names, user ids, notations), and nothing above 127, so that Unicode's other
line ends and blanks arrive as they are. A line that is not as gpg writes it counts as UNREADABLE,
and nothing that is not expected, or not in gpg's order, counts as a signature.
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
        # The name in the message, which is the sender's, is looked at no further.
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
"""Lines that may stand anywhere in a good answer and say nothing about the signature."""

_DECRYPTION = ("BEGIN_DECRYPTION", "PLAINTEXT", "DECRYPTION_OKAY", "END_DECRYPTION")
_SIGNED = re.compile(
    "BEGIN_DECRYPTION PLAINTEXT (NEWSIG GOODSIG VALIDSIG )+DECRYPTION_OKAY END_DECRYPTION"
)


@dataclass(frozen=True)
class Line:
    """A status line: its keyword, and those of its words that somebody looks at."""

    keyword: str
    words: tuple[str, ...] = ()


StatusLines = Sequence[Line]


def read_status(content: bytes) -> list[Line]:
    """The lines of a status file; what is not as gpg writes it is UNREADABLE."""
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
    """Whether one message, encrypted for a key that is here, was opened whole."""
    told = [line.keyword for line in status]
    order = tuple(word for word in told if word in (*_DECRYPTION, _UNREADABLE))
    return order == _DECRYPTION and "DECRYPTION_KEY" in told


def signers(status: StatusLines) -> set[str]:
    """Fingerprints of the primary keys that signed what was decrypted; empty where anything at all
    is not as it has to be: another signature that is bad, expired, revoked or unknown, too.
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
    """Whether a key's id, as GOODSIG tells it, is that of a fingerprint (version 4, or 5)."""
    return fingerprint.endswith(key) if len(fingerprint) == 40 else fingerprint.startswith(key)


def imported(status: StatusLines) -> set[str]:
    """Fingerprints of the keys that were imported; none where a line is not as gpg writes it."""
    if any(line.keyword == _UNREADABLE for line in status):
        return set()
    return {word for line in status if line.keyword == "IMPORT_OK" for word in line.words}
