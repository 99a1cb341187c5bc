"""The recipients of the initial account: `STATE.NNN@example.it`, with the state in the address.

`seeded()` gives their states in the Newsletter list, for example files and tests.
"""

import random
from dataclasses import dataclass

SEED = 20_240_507
NAMES = ("Anna", "Niccolò", "Giulia", "Luca", "Chiara", "Matteo", "Sofia", "Andrea", "Noè", "Zoë")
SURNAMES = ("Rossi", "Bianchi", "D'Angelo", "Ferrari", "De Luca", "Marà", "Conti", "Ricci")
CITIES = (("Milano", "MI", "20121"), ("Forlì", "FC", "47121"), ("Roma", "RM", "00184"))

SUBSCRIBED, UNSUBSCRIBED, BOUNCED, COMPLAINED, PENDING = (
    "subscribed", "unsubscribed", "bounced", "complained", "pending",
)  # fmt: skip
CAUSES = {UNSUBSCRIBED: 2, BOUNCED: 8, COMPLAINED: 16}
SHARES = ((SUBSCRIBED, 130), (UNSUBSCRIBED, 30), (BOUNCED, 15), (COMPLAINED, 5), (PENDING, 20))


@dataclass(frozen=True)
class Seeded:
    """One recipient of the initial account, and its state in the Newsletter list."""

    id: int
    email: str
    state: str
    fields: dict[str, str]
    number: str | None


def seeded() -> list[Seeded]:
    """The recipients of the initial account, ordered by id."""
    chance = random.Random(SEED)
    states = [state for state, share in SHARES for _ in range(share)]
    return [_person(number, state, chance) for number, state in enumerate(states, start=1)]


def _person(number: int, state: str, chance: random.Random) -> Seeded:
    name, surname = chance.choice(NAMES), chance.choice(SURNAMES)
    city, province, postcode = chance.choice(CITIES)
    fields = {
        "1": name, "2": surname, "4": city, "5": province, "6": postcode,
        "8": "Italia", "12": f"C{number:05d}", "27": f"{chance.randint(1950, 2005)}-06-15",
    }  # fmt: skip
    phone = f"34712{number:05d}" if number % 3 == 0 else None
    return Seeded(number, f"{state}.{number:03d}@example.it", state, fields, phone)
