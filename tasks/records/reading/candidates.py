"""Finds the single-byte encodings that a file may have, with the words that differ between them.

The result is a proposal: only a person can tell which one is right.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

SingleByte = Literal[
    "cp1252", "iso-8859-1", "iso-8859-15", "cp1250", "iso-8859-2", "cp1251", "cp1253", "cp1254",
    "cp1255", "cp1256", "cp1257", "cp1258", "cp850", "cp852", "cp437", "mac-roman",
]  # fmt: skip
"""Encodings with one byte per character, as codec names; the more usual one first."""
SINGLE_BYTE: tuple[str, ...] = get_args(SingleByte)

_ALPHABETS = (
    "àèéìíîòóùú", "àâæçéèêëîïôœùûüÿ", "áéíñóúü", "àáâãçéêíóôõú", "äöüß", "àçèéíïòóúü·", "ëéïóöüè",
    "æøåé", "åäöé", "äöõüšž", "āčēģīķļņšūž", "ąčęėįšųūž", "ąćęłńóśźż", "áčďéěíňóřšťúůýž",
    "áäčďéíĺľňóôŕšťúýž", "čšžćđ", "áéíóöőúüű", "ăâîșțşţ", "çğıİöşü", "áðéíóúýþæö", "ċġħż", "ëç",
)  # fmt: skip
"""Letters beyond ASCII of European languages in Latin script."""
_WORD = re.compile(rb"[A-Za-z\x80-\xff'\-]*[\x80-\xff][A-Za-z\x80-\xff'\-]*")
_INSIDE = "'’‘`´-·"
_MOST_WORDS = 200
_SHOWN = 8


@dataclass(frozen=True)
class Candidate:
    """Encodings that decode all words of a sample alike, and words that others decode differently.

    The words are personal data. `odd`: share of implausible words; `known`: share of the letters
    beyond ASCII that belong to one language.
    """

    encodings: tuple[str, ...]
    words: tuple[str, ...]
    odd: float
    known: float


def candidates(sample: bytes) -> list[Candidate]:
    """The encodings in which a sample can be read, the most plausible first; none if binary."""
    if b"\0" in sample:
        return []
    words = [*dict.fromkeys(_WORD.findall(sample))][:_MOST_WORDS]
    read: dict[tuple[str, ...], list[str]] = {}
    for encoding in SINGLE_BYTE:
        decoded = _decoded(words, encoding)
        if decoded:
            read.setdefault(decoded, []).append(encoding)
    differ = [place for place in range(len(words)) if len({each[place] for each in read}) > 1]
    found = [_candidate(each, tuple(encodings), differ) for each, encodings in read.items()]
    return sorted(found, key=lambda each: (round(each.odd, 1), -round(each.known, 1)))


def _decoded(words: Iterable[bytes], encoding: str) -> tuple[str, ...]:
    """The words as text; nothing if a byte does not exist in the encoding or is a control."""
    try:
        decoded = tuple(word.decode(encoding) for word in words)
    except UnicodeDecodeError:
        return ()
    if any(unicodedata.category(sign) == "Cc" for word in decoded for sign in word):
        return ()
    return decoded


def _candidate(words: tuple[str, ...], encodings: tuple[str, ...], differ: list[int]) -> Candidate:
    letters = [sign for word in words for sign in word.casefold() if sign > "\x7f"]
    known = max(sum(sign in alphabet for sign in letters) for alphabet in _ALPHABETS)
    foreign = sum(_script(sign) not in ("LATIN", "") for sign in letters)
    share = max(known, foreign) / len(letters) if letters else 1.0
    odd = sum(map(_is_odd, words)) / len(words) if words else 0.0
    shown = tuple(words[place] for place in differ[:_SHOWN])
    return Candidate(encodings, shown, odd, share)


def _is_odd(word: str) -> bool:
    """Whether a word is implausible: symbols or capitals inside it, or letters of two scripts."""
    inner = word.strip("".join(sign for sign in set(word) if not sign.isalpha()))
    scripts = {_script(sign) for sign in inner} - {""}
    signs = any(not sign.isalpha() and sign not in _INSIDE for sign in inner)
    parts = re.split(f"[{re.escape(_INSIDE)}]", inner)
    return not inner or signs or len(scripts) > 1 or any(map(_mixes_case, parts))


def _mixes_case(part: str) -> bool:
    """Whether a capital follows a small letter, or a small letter stands among capitals."""
    cases = "".join("u" if sign.isupper() else "l" for sign in part if sign.isalpha())
    return bool(re.search(r"ul+u|l{2}u|^lu", cases)) and not re.fullmatch(r"ul{1,2}ul+", cases)


def _script(sign: str) -> str:
    """The first word of a letter's name, such as LATIN; empty if it is not a letter."""
    return unicodedata.name(sign, "").partition(" ")[0] if sign.isalpha() else ""
