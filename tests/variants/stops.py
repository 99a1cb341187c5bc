"""Where a journey may stop instead of coming to its end: what MailUp did, and what is to be set.

Anything else that stops, and any other sentence, is a fault of the product.
"""

from collections.abc import Mapping
from typing import NamedTuple

ALWAYS = {
    "wrong password": "the password is refused",
    "answer lost with confirmation": "is held (maybe_sent)",
}
"""Journeys that stop whatever MailUp does, by what they say."""


WHAT_NEXT = ("run this again", "The next run", "to send the batch again", "page_size")
"""One of these is in every sentence: what there is to do, or that nothing is."""
REPORTS = ("first contact", "check connections")
"""Journeys that make a report, in which the remedy stands beside each finding."""


class Stop(NamedTuple):
    """A value of a variant that stops the journeys named, with a sentence that holds `phrase`."""

    variant: str
    value: object
    phrase: str
    journeys: tuple[str, ...] = ()


STOPS: tuple[Stop, ...] = (
    Stop("large_pages", "slow", "MailUp takes too long for a page of", REPORTS),
    Stop("large_pages", "slow", "no usable answer from MailUp"),
    # Where no total is told either, nobody can tell the end from an error.
    Stop("past_the_end", "refused", "MailUp answered 400"),
    Stop("past_the_end", "last_page", "MailUp answered the same page twice"),
    Stop("items_of_none", "missing", "it has no list of Items"),
    Stop("items_of_none", "null", "it has no list of Items"),
    Stop("totals", "moving", "try at a quieter hour, or with larger pages (page_size"),
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
    return any(
        chosen.get(each.variant) == each.value
        and type(chosen.get(each.variant)) is type(each.value)
        and each.phrase in sentence
        and journey in (each.journeys or (journey,))
        for each in STOPS
    )
