"""Normalisation and validation of e-mail addresses.

MailUp's key is case-insensitive, so addresses are expected trimmed and in lower case: A@x.it and
a@X.it are one person. Plain addresses are validated in bulk, others one by one: marks around them
are removed, and email-validator validates the rest.
"""

import re
import unicodedata
from functools import lru_cache
from urllib.parse import unquote

import idna
import polars as pl

from tasks.records.mapping.cells import UNREADABLE
from tasks.records.mapping.marks import UNSEEN, read_again, unwrapped

_MAX_ADDRESS = 254
"""Longest address (RFC 5321, 4.5.3.1, and erratum 1690)."""
_CACHED_ADDRESSES = 100_000

_PLAIN = (
    r"^[a-z0-9_](?:(?:\.?[a-z0-9_+'-])*\.?[a-z0-9_+-])?"
    r"@(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+[a-z]{2,63}$"
)
_TOO_LONG = r"^[^@]{65}|[^@.]{64,}(?:\.[^@]*)?$"
_TOP_LEVEL = re.compile(r"\.(?:[a-z]{2,63}|xn--[a-z0-9-]{1,59})$")
_RESERVED = r"\.(?:arpa|invalid|local|localhost|onion|test)$"
"""Top-level domains that no mail reaches; email-validator refuses them, too."""

_DOTS = "[.\u3002\uff0e\uff61]"
_LIKELY = re.compile(rf"[^@\s\"<>()\[\],:;\\]+@(?:[^@\s._]+{_DOTS})+[^@\s._]{{2,}}")
"""Coarse form of every address, in any script; the library validates nothing else."""
_DISPLAY_NAME = re.compile(r'\s*("[^"]*"|[^"<>,;]*)\s*<([^<>]+)>')
_URL_BLANK = r"(?:%(?:20|09|0a|0d|c2%a0|e2%80%8b))+"
_URL_BLANKS = re.compile(f"^{_URL_BLANK}|{_URL_BLANK}$")
_LEFT_OVER = re.compile(r"[^a-z0-9_]|.*[%`]|.*['=]@|(?:e-?mail|mail|mailto|to|address|href|value)=")
"""Remains of a URL, a formula or a quoted text in a local part."""

_LOOK_ALIKE = frozenset("асԁеһіјӏорԛѕԝхуѵѡԍҽпгονιρυα")
"""Cyrillic and Greek letters that look like Latin ones."""
_LATIN_LOOK_ALIKE = frozenset("ɑɡɩʏ")
_BESIDE_LATIN = {"CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO"}
_OF_ANY_SCRIPT = {"DIGIT", "HYPHEN", "COMBINING", "MIDDLE"}


def normalised(addresses: pl.Series) -> pl.Series:
    """Normalise addresses, with domains in punycode; UNREADABLE if invalid; null stays null.

    Quoted local parts, address literals and non-ASCII mailboxes are rejected, as MailUp does not
    document them.
    """
    return read_again(addresses, ~plain(addresses), _one)


def plain(addresses: pl.Series) -> pl.Series:
    """Which addresses are valid as they are, by a grammar stricter than email-validator's."""
    cells = pl.lit(addresses)
    return pl.select(
        cells.str.contains(_PLAIN)
        & (cells.str.len_bytes() <= _MAX_ADDRESS)
        & ~cells.str.contains(_TOO_LONG)
        & ~cells.str.contains(_RESERVED)
    ).to_series()


@lru_cache(maxsize=_CACHED_ADDRESSES)
def _one(cell: str) -> str:
    """The one address in a cell, or UNREADABLE."""
    text = _URL_BLANKS.sub("", unwrapped(cell))
    if "@" not in text and text.count("%40") == 1:
        text = unquote(text).lower()
    address = _without_name(text.removeprefix("mailto:")).removeprefix("mailto:")
    if not _LIKELY.fullmatch(address) or UNSEEN.search(cell) or _LEFT_OVER.match(address):
        return UNREADABLE
    ascii_only = _punycode(address)
    return ascii_only if ascii_only.isascii() and _valid(ascii_only) else UNREADABLE


def _without_name(text: str) -> str:
    """The address in angle brackets; empty if the name before them is another address."""
    named = _DISPLAY_NAME.fullmatch(text)
    if named is None:
        return text
    name, address = named[1].strip(), unwrapped(named[2])
    return "" if "@" in name and unwrapped(name) != address else address


def _valid(address: str) -> bool:
    # Loaded when it is needed: most files have no such address, and it takes 30 ms.
    from email_validator import EmailNotValidError, validate_email

    try:
        validate_email(address, check_deliverability=False, allow_smtputf8=False, strict=True)
    except EmailNotValidError:
        return False
    return _TOP_LEVEL.search(address) is not None


def with_ascii_domains(addresses: pl.Series) -> pl.Series:
    """Convert international domains to punycode; leave those that cannot be converted."""
    foreign = (addresses.str.len_bytes() != addresses.str.len_chars()).fill_null(False)
    if not foreign.any():
        return addresses
    unique = addresses.filter(foreign).unique()
    known = {address: _punycode(address) for address in unique}
    return addresses.replace(known)


def _punycode(address: str) -> str:
    local, _, domain = address.rpartition("@")
    labels = re.split(_DOTS, domain)
    if any(_is_deceptive(label, latin_end=labels[-1].isascii()) for label in labels):
        return address
    try:
        return f"{local}@{idna.encode(domain, uts46=True).decode('ascii')}"
    except (idna.IDNAError, UnicodeError):
        return address


def _is_deceptive(label: str, *, latin_end: bool) -> bool:
    """Whether a label mixes scripts that look alike, or has only letters that look like Latin ones
    under a Latin top-level domain."""
    if label.isascii():
        return False
    letters = unicodedata.normalize("NFKC", label)
    scripts = {re.split("[ -]", unicodedata.name(each, ""))[0] for each in letters}
    if len(scripts - _OF_ANY_SCRIPT - _BESIDE_LATIN) > 1 or _LATIN_LOOK_ALIKE & {*letters}:
        return True
    return latin_end and all(each in _LOOK_ALIKE for each in letters if each.isalpha())
