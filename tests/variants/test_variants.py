"""Every journey under every variant of MailUp: it ends right, or stops with a sentence that helps.

An ordinary run plays a sample, the same for the same VARIANTS_SEED. `make variants` plays every
journey under every variant alone and under all pairs of them, and writes docs/mailup.md.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from tests.variants.answers import ANSWERS
from tests.variants.cases import DEFAULTS, FACTORS, SEED, Case, pairs, sample, singles
from tests.variants.covering import covered, pairwise
from tests.variants.mailup_page import PAGE, PLAYED, table
from tests.variants.playing import Outcome, Stage, named, stage
from tests.variants.plays import JOURNEYS
from tests.variants.stops import STOPS, allowed

WHOLE = os.environ.get("VARIANTS") == "all"
RESULTS = os.environ.get("VARIANTS_RESULTS", "")
SAMPLE = 36
CASES = [
    *(
        chain(singles(), pairs())
        if WHOLE
        else sample(int(os.environ.get("VARIANTS_SEED", SEED)), SAMPLE)
    )
]


@pytest.fixture(scope="module")
def warm() -> Iterator[Stage]:
    """What all cases of this process share."""
    with stage() as shared:
        yield shared


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_journey_ends_right_or_says_what_to_do(warm: Stage, case: Case) -> None:
    """No defect, no traceback; nobody and nothing lost, doubled or subscribed again; and where it
    stops, the next run ends right once MailUp answers as it is known."""
    outcomes = [warm.play(named(journey), case.chosen) for journey in case.journeys]
    for each in outcomes:
        note(case, each)
    assert [str(each) for each in outcomes if not is_good(each)] == []


def is_good(outcome: Outcome) -> bool:
    """Whether it ended right, or stopped where and as it may."""
    if outcome.verdict == "wrong":
        return False
    return all(allowed(outcome.journey, outcome.chosen, said) for said in outcome.messages)


def note(case: Case, outcome: Outcome) -> None:
    """Record the result of a case, for the page."""
    if not RESULTS:
        return
    line = [case.name, outcome.journey, outcome.verdict, is_good(outcome), outcome.messages]
    with Path(RESULTS).open("a", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(json.dumps(line) + "\n")


def test_every_two_values_of_two_variants_meet() -> None:
    """The combinations leave no pair out, and are the same for the same seed."""
    factors = {name: values for name, values in FACTORS.items() if len(values) > 2}
    rows = pairwise(factors, SEED)
    met = set().union(*map(covered, rows))
    assert met == {
        pair
        for one, first in factors.items()
        for two, second in factors.items()
        if one < two
        for pair in [((one, a), (two, b)) for a in first for b in second]
    }
    assert rows == pairwise(factors, SEED)


def test_the_sample_takes_every_journey() -> None:
    """Whatever the seed, no journey is left out, and no variant is set to its default alone."""
    for seed in range(5):
        cases = list(sample(seed, SAMPLE))
        assert {journey for case in cases for journey in case.journeys} == {
            each.name for each in JOURNEYS
        }
        assert all(case.chosen for case in cases)


def test_the_page_is_the_emulators_table() -> None:
    """Every variant is on it with its evidence and what is done about it, and nothing else is."""
    assert set(ANSWERS) == set(DEFAULTS)
    text = PAGE.read_text(encoding="utf-8")
    assert text.partition(PLAYED)[0] == table(), "run: python tests/variants/mailup_page.py"


def test_a_stop_names_a_variant_that_there_is() -> None:
    """What may stop, and where, is given by values and journeys that exist."""
    for each in STOPS:
        assert each.value in FACTORS[each.variant]
        assert each.value != DEFAULTS[each.variant]
        assert all(value in FACTORS[name] for name, value in each.beside)
        assert set(each.journeys) <= {journey.name for journey in JOURNEYS}
