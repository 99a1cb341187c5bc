"""Normalisation and validation of e-mail addresses.

MailUp's key is case-insensitive, so addresses are expected trimmed and in lower case: A@x.it and
a@X.it are one person.
"""

import unicodedata

import idna
import polars as pl

_MAX_ADDRESS = 254
"""Longest address (RFC 5321, 4.5.3.1, and erratum 1690)."""

_ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[a-z0-9]+(?:-+[a-z0-9]+)*"
_SHAPE = rf"^{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+(?:[a-z]{{2,63}}|xn--[a-z0-9-]{{1,59}})$"
_LOOK_ALIKE = {"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE"}
"""Scripts with letters that look alike; a domain label that mixes two of them is deceptive."""
_TOO_LONG = r"^[^@]{65}|[^@.]{64,}(?:\.[^@]*)?$"


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
    if any(_is_deceptive(label) for label in domain.split(".")):
        return address
    try:
        return f"{local}@{idna.encode(domain, uts46=True).decode('ascii')}"
    except (idna.IDNAError, UnicodeError):
        return address


def _is_deceptive(label: str) -> bool:
    """Whether a label mixes scripts that look alike, such as Latin and Cyrillic."""
    scripts = {unicodedata.name(letter, "").partition(" ")[0] for letter in label}
    return len(scripts & _LOOK_ALIKE) > 1


def valid(addresses: pl.Expr) -> pl.Expr:
    """Whether normalised addresses are valid; null stays null.

    Accepted: a dot-atom before the @, a host name with a top-level domain after it, both within
    their limits. Quoted local parts, address literals and non-ASCII mailboxes are rejected, as
    MailUp does not document them.
    """
    return (
        addresses.str.contains(_SHAPE)
        & (addresses.str.len_bytes() <= _MAX_ADDRESS)
        & ~addresses.str.contains(_TOO_LONG)
    )
