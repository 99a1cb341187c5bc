"""Files as the world writes them end as expected: read as a person reads them, or refused."""

from pathlib import Path

import pytest

from tests.real_world.cases import FOLDER, Case, all_cases, outcome

CASES = [
    pytest.param(
        case,
        id=f"{case.kind}/{case.path.name}",
        marks=pytest.mark.xfail(reason=case.told["open"]) if "open" in case.told else (),
    )
    for case in all_cases()
]


@pytest.mark.parametrize("case", CASES)
def test_a_file_of_the_world_ends_as_expected(tmp_path: Path, case: Case) -> None:
    """No wrong value is sent without a message, and what a person can read is read."""
    assert outcome(case, tmp_path) == case.expected


def test_every_file_is_described() -> None:
    """Each file in the folders has a description, and each description its file."""
    there = {path for path in FOLDER.glob("*/*") if path.suffix != ".json"}
    assert {case.path for case in all_cases()} == there
