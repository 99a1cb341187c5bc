"""Where a journey may stop instead of coming to its end: what MailUp did, and what is to be set.

Anything else that stops, and any other sentence, is a fault of the product.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from blocks.errors import SyncError

ALWAYS = {
    "wrong password": "the password is refused",
    "answer lost with confirmation": "is held (maybe_sent)",
}
"""Journeys that stop whatever MailUp does, by what they say."""


def _kinds(kind: type[SyncError]) -> Iterator[type[SyncError]]:
    yield kind
    for each in kind.__subclasses__():
        yield from _kinds(each)


WHAT_NEXT = (
    "release=true",
    *(each.what_next for each in _kinds(SyncError) if each is not SyncError),
)
"""One of these is in every sentence: what there is to do, or that nothing is."""
REPORTS = ("first contact", "check connections")
"""Journeys that make a report, in which the remedy stands beside each finding."""


class Stop(NamedTuple):
    """A value of a variant that stops the journeys named, with a sentence that holds `phrase`.

    `beside`: only together with one of these values of other variants.
    """

    variant: str
    value: object
    phrase: str
    journeys: tuple[str, ...] = ()
    beside: tuple[tuple[str, object], ...] = ()

    def fits(self, journey: str, chosen: Mapping[str, object], sentence: str) -> bool:
        """Whether it explains that a journey stopped with this sentence under these variants."""
        return (
            _is(chosen, self.variant, self.value)
            and self.phrase in sentence
            and journey in (self.journeys or (journey,))
            and (not self.beside or any(_is(chosen, *each) for each in self.beside))
        )


def _is(chosen: Mapping[str, object], variant: str, value: object) -> bool:
    found = chosen.get(variant)
    return found == value and type(found) is type(value)


NO_TOTAL = (
    ("totals", "missing"), ("numbers", "null_for_zero"), ("numbers", "missing_for_zero"),
)  # fmt: skip
"""Where an empty page says nowhere that there is nothing."""


STOPS: tuple[Stop, ...] = (
    Stop("large_pages", "slow", "MailUp takes too long for a page of", REPORTS),
    Stop("large_pages", "slow", "no usable answer from MailUp"),
    Stop("items_of_none", "missing", "it has no list of Items", beside=NO_TOTAL),
    Stop("items_of_none", "null", "it has no list of Items", beside=NO_TOTAL),
    Stop("totals", "moving", "larger pages (page_size on the MailUpAccount block)"),
    Stop("dates", "zoneless", "Set mailup_zone in the export's agreement", ("exports",)),
    Stop("dates", "zoneless", "off by 1.0 h, read in Europe/Rome", ("first contact",)),
    Stop("sms_flags", "refused", "Recipients: MailUp answered 400"),
)


def allowed(journey: str, chosen: Mapping[str, object], sentence: str) -> bool:
    """Whether a journey may stop with this sentence under these variants."""
    if journey not in REPORTS and not any(each in sentence for each in WHAT_NEXT):
        return False
    if journey in ALWAYS and ALWAYS[journey] in sentence:
        return True
    return any(each.fits(journey, chosen, sentence) for each in STOPS)
