"""The journeys of the matrix."""

from tests.variants.played_exports import CHECK, EXPORTS, FIRST_CONTACT, WRONG_PASSWORD
from tests.variants.played_faults import DELTAS, LOST_ANSWER, LOST_CONFIRM, LOST_REQUEST, READ_BACK
from tests.variants.played_imports import CONFIRM, GROUP, IMPORT, OPT_IN, OPT_OUT, SECOND_KEY, SMS

JOURNEYS = (
    IMPORT, GROUP, SMS, OPT_OUT, OPT_IN, CONFIRM, SECOND_KEY, LOST_ANSWER, LOST_REQUEST,
    LOST_CONFIRM, READ_BACK, DELTAS, EXPORTS, CHECK,
    WRONG_PASSWORD, FIRST_CONTACT,
)  # fmt: skip
