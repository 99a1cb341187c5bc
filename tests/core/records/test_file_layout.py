"""Promises of onboarding about lines around a table and loose writers: proposed, never guessed."""

from pathlib import Path
from typing import Any

import pytest

from tasks.records.onboarding.file_format import Given, propose_form
from tests.real_world.cases import all_cases

CASES = {case.path.name: case for case in all_cases() if case.kind == "form"}
LAYOUT = ("lines_above", "lines_below", "accept")


def proposed(path: Path, **given: Any) -> dict[str, Any]:
    """The settings of the layout that are proposed for a file."""
    form = propose_form(path, Given(**given))
    found = {each.name: each.value for each in form.settings if each.name in LAYOUT}
    assert found.items() <= form.dialect.model_dump().items()
    return found


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("preamble.csv", {"lines_above": 2}),
        ("preamble_plain.csv", {"lines_above": 2}),
        ("preamble_commas.csv", {"lines_above": 3}),
        ("preamble_utf16.csv", {"lines_above": 1}),
        ("preamble_and_sep.csv", {"lines_above": 1}),
        ("salesforce_footer.csv", {"lines_below": 5}),
        ("below_utf16.csv", {"lines_below": 2}),
        ("below_and_above.csv", {"lines_above": 1, "lines_below": 1}),
        ("trailing_separator.csv", {"accept": ["separators_at_end"]}),
        ("trailing_three.csv", {"accept": ["separators_at_end"]}),
        ("trailing_utf16.csv", {"accept": ["separators_at_end"]}),
        ("excel_omits_trailing.csv", {"accept": ["missing_last_cells"]}),
        ("missing_cells_all.csv", {"accept": ["missing_last_cells"]}),
        ("missing_cells_commas.csv", {"accept": ["missing_last_cells"]}),
        ("space_before_quote.csv", {"accept": ["blanks_around_quotes"]}),
        ("blanks_both.csv", {"accept": ["blanks_around_quotes"]}),
        ("blanks_multiline.csv", {"accept": ["blanks_around_quotes"]}),
        ("multiline_three_lines.csv", {}),
        ("multiline_two_cells.csv", {}),
        ("multiline_utf16.csv", {}),
        ("separator_rows.csv", {}),
        ("sep_line_agreed.csv", {}),
        ("sep_line_padded.csv", {}),
        ("below_missing.csv", {}),
    ],
)
def test_what_a_sample_needs_is_proposed(name: str, settings: dict[str, Any]) -> None:
    """Each setting is found from the sample alone, and nothing that it does not need."""
    assert proposed(CASES[name].path) == settings


def test_a_few_short_records_are_no_habit(tmp_path: Path) -> None:
    """What is wrong with few records stays a reject."""
    path = tmp_path / "a.csv"
    rows = "".join(f"u{n}@example.it;Nome{n};x\n" for n in range(30))
    path.write_text(f"email;nome;note\n{rows}v@example.it;Ada\n", encoding="utf-8")
    assert proposed(path) == {}


@pytest.mark.parametrize("last", [";Ada;3331000009", ";Ada;"])
def test_records_without_an_address_at_the_end_are_no_lines_below(
    tmp_path: Path, last: str
) -> None:
    """Records with a number alone, or with a name alone, are records, wherever they are."""
    path = tmp_path / "a.csv"
    rows = "".join(f"u{n}@example.it;Nome{n};333100000{n}\n" for n in range(8))
    path.write_text(f"email;nome;cellulare\n{rows}{last}\n", encoding="utf-8")
    assert proposed(path) == {}
