"""The demo's file: Italian contacts, some of them with typical faults.

Separator `;`, Windows-1252, CRLF, header `email;nome;cognome;cellulare;data_nascita;citta;
consenso`, dates as dd/mm/yyyy, `consenso` 1 or 0. Quoted cells contain separators and newlines.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sandbox.mailup.seed_people import BOUNCED, COMPLAINED, PENDING, UNSUBSCRIBED, seeded

HEADER = "email;nome;cognome;cellulare;data_nascita;citta;consenso"
ENCODING = "cp1252"
LEAST_ROWS = 200
TOO_LONG = "Borgo " + "lungo " * 40

NAMES = ("Anna", "Niccolò", "Giulia", "Luca", "Maria José", "Noè", "Zoë", "Matteo", "Desirée")
SURNAMES = ("Rossi", "D’Angelo", "De Luca", "Marà", "Conti", "Di Nicolò", "Müller", "Esposito")
CITIES = ("Milano", "Forlì", "Roma", "Cantù", "L’Aquila", "Sant’Agata dè Goti", "Torino")
SPECIAL_CITIES = ('"Reggio; Emilia"', '"San Giovanni\nin Persiceto"', '"Città ""Alta"""')

Cells = list[str]

# Kind of fault -> function that makes such a row from the cells of a good one.
FAULTS: dict[str, Callable[[Cells], str]] = {
    "too_few_cells": lambda cells: ";".join(cells[:5]),
    "too_many_cells": lambda cells: ";".join([*cells, "in più"]),
    "two_faults": lambda cells: _with(cells, {0: "due.errori.example.it", 4: "31/02/1980"}),
    "missing_email": lambda cells: _with(cells, {0: ""}),
    "malformed_email": lambda cells: _with(cells, {0: cells[0].replace("@", "@@")}),
    "invalid_phone": lambda cells: _with(cells, {3: "333-CHIAMAMI"}),
    "impossible_date": lambda cells: _with(cells, {4: "30/02/1975"}),
    "too_long": lambda cells: _with(cells, {5: TOO_LONG}),
    "open_quote": lambda cells: _with(cells, {1: '"' + cells[1]}),
    "nul_byte": lambda cells: _with(cells, {2: cells[2] + "\x00"}),
}
TIMES = {"malformed_email": 6, "missing_email": 4, "invalid_phone": 5, "impossible_date": 4}
USUAL_TIMES = 2
DUPLICATES, OPT_OUTS, SPECIAL, PER_STATE = 8, 20, 15, 5


@dataclass(frozen=True)
class Written:
    """The content of a file: number of rows and, by kind, the physical lines at which rows begin.

    Kinds: the keys of `FAULTS`; `duplicate` (an address from earlier in the file, in another
    letter case); `opt_out`; `special` (quoted separators, quotes, newlines); and the seed's
    `unsubscribed`, `bounced`, `complained`, `pending`. All other rows are good.
    """

    rows: int
    lines: dict[str, list[int]]

    @property
    def counts(self) -> dict[str, int]:
        """Rows by kind."""
        return {kind: len(lines) for kind, lines in self.lines.items()}

    @property
    def faulty(self) -> int:
        """Rows that must be rejected."""
        return sum(len(self.lines.get(kind, ())) for kind in FAULTS)


def _with(cells: Cells, changes: dict[int, str]) -> str:
    return ";".join(changes.get(index, cell) for index, cell in enumerate(cells))


def write_contacts(path: Path, *, rows: int = 3000, seed: int = 7) -> Written:
    """Write the demo's file with `rows` rows (200 or more); equal seeds give equal files."""
    if rows < LEAST_ROWS:
        raise ValueError(f"rows must be {LEAST_ROWS} or more, to contain every kind of fault")
    chance = random.Random(seed)
    kinds = _kinds(rows, chance)
    people = _people_of_the_seed(chance)
    texts: list[str] = []
    emails: list[str] = []
    for number, kind in enumerate(kinds):
        cells = _good(number, chance)
        if kind == "duplicate":
            cells[0] = emails[number // 2].upper()
        emails.append(cells[0] if kind == "" or not emails else emails[-1])
        texts.append(_row(kind, cells, people, chance))
    text = "\r\n".join([HEADER, *texts, ""])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(ENCODING))
    return Written(rows, _lines(kinds, texts))


def _kinds(rows: int, chance: random.Random) -> list[str]:
    """The kind of each row; the first is good, and duplicates are in the second half."""
    kinds = [kind for kind in FAULTS for _ in range(TIMES.get(kind, USUAL_TIMES))]
    kinds += ["opt_out"] * OPT_OUTS + ["special"] * SPECIAL
    kinds += [s for s in (UNSUBSCRIBED, BOUNCED, COMPLAINED, PENDING) for _ in range(PER_STATE)]
    kinds += [""] * (rows - len(kinds) - DUPLICATES - 1)
    chance.shuffle(kinds)
    for _ in range(DUPLICATES):
        kinds.insert(chance.randint(len(kinds) // 2 + 1, len(kinds)), "duplicate")
    return ["", *kinds]


def _people_of_the_seed(chance: random.Random) -> dict[str, list[str]]:
    people: dict[str, list[str]] = {}
    for person in seeded():
        people.setdefault(person.state, []).append(person.email)
    for emails in people.values():
        chance.shuffle(emails)
    return people


def _good(number: int, chance: random.Random) -> Cells:
    name, surname = chance.choice(NAMES), chance.choice(SURNAMES)
    phone = f"333{number:07d}" if number % 2 else f"+39 320 {number:07d}"
    day, month = chance.randint(1, 28), chance.randint(1, 12)
    birth = f"{day:02d}/{month:02d}/{chance.randint(1945, 2006)}"
    email = f"contatto.{number:06d}@esempio-{number % 7}.it"
    return [email, name, surname, phone, birth, chance.choice(CITIES), "1"]


def _row(kind: str, cells: Cells, people: dict[str, list[str]], chance: random.Random) -> str:
    if kind in FAULTS:
        return FAULTS[kind](cells)
    if kind == "opt_out":
        cells[6] = "0"
    elif kind == "special":
        cells[5] = chance.choice(SPECIAL_CITIES)
    elif kind in people:
        # Without a number, which MailUp would not assign to another recipient.
        cells[0], cells[3] = people[kind].pop(), ""
    return ";".join(cells)


def _lines(kinds: list[str], texts: list[str]) -> dict[str, list[int]]:
    lines: dict[str, list[int]] = {}
    at = 2
    for kind, text in zip(kinds, texts, strict=True):
        if kind:
            lines.setdefault(kind, []).append(at)
        at += 1 + text.count("\n")
    return lines
