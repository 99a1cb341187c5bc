"""Every question of onboarding can be answered at the terminal, in the same run."""

import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.journeys.harness.terminals import Terminal

ROWS = "".join(
    f"u{n}@example.it;Nicolò;+39347123456{n % 10};{'Sì' if n % 3 else 'No'};{n % 2 or ''};Clienti\n"
    for n in range(12)
)
SAMPLE = f"email;nome;cellulare;newsletter;Consenso SMS;gruppo\n{ROWS}"


def _onboarding(folder: Path, sample: Path, *more: str) -> Terminal:
    command = [sys.executable, "-m", "deployments.cli", "onboard", "acme", str(sample)]
    options = ["--into", str(folder), "--list", "1", "--exports", "", *more]
    return Terminal(*command, *options, environment={"COLUMNS": "300"})


def _agreed(folder: Path) -> dict[str, Any]:
    entries = yaml.safe_load((folder / "acme.yaml").read_text(encoding="utf-8"))["deployments"]
    agreed: dict[str, Any] = entries[1]["parameters"]["agreement"]
    return agreed


@pytest.mark.timeout(300)
def test_a_client_is_onboarded_by_answering_questions(tmp_path: Path) -> None:
    """Which file, which encoding, groups, and who agreed to what; the file has every answer."""
    sample = tmp_path / "export.zip"
    with zipfile.ZipFile(sample, "w") as archive:
        archive.writestr("cleaned.csv", "email\nz@example.it\n")
        archive.writestr("contacts.csv", SAMPLE.rstrip("\n").encode("cp1252"))
    terminal = _onboarding(tmp_path, sample)
    terminal.answer("Number (1 to 2)", "2")
    terminal.answer("names of people", "y")
    terminal.answer("Number (1 to", "1")
    terminal.answer("no line break", "1")
    terminal.answer("gruppo: are these groups", "1")
    terminal.answer("who agreed to e-mail", "1")
    terminal.answer("'no' (4 x) means", "2")
    terminal.answer("'sì' (8 x) means", "4")
    terminal.answer("That is not accepted", "1")
    terminal.answer("who agreed to SMS", "1")
    terminal.answer("'1' (6 x) means", "1")
    terminal.answer("an empty cell (6 x) means", "1")
    terminal.answer("are groups created", "1")
    assert terminal.end() == 0, terminal.shown
    assert "Of 12 records of the sample" in terminal.shown
    agreed = _agreed(tmp_path)
    assert agreed["unpacking"] == {"member": "contacts.csv"}
    assert agreed["create_groups"] is True
    assert agreed["dialect"]["encoding"] == "cp1252"
    assert agreed["dialect"]["final_newline"] == "any"
    assert agreed["consent"]["basis"] == {
        "email": {
            "ground": "column", "column": "newsletter",
            "values": {"no": "unsubscribed", "sì": "subscribed"},
        },
        "sms": {
            "ground": "column", "column": "Consenso SMS", "values": {"1": "subscribed"},
            "blank": "leave_out",
        },
    }  # fmt: skip


@pytest.mark.timeout(300)
def test_what_is_left_open_is_written_as_a_question(tmp_path: Path) -> None:
    """Nobody has to know everything; a statement for everybody needs its day and its author."""
    sample = tmp_path / "s.csv"
    sample.write_text(SAMPLE, encoding="utf-8")
    terminal = _onboarding(tmp_path, sample, "--column", "gruppo=")
    terminal.answer("who agreed to e-mail", "3")
    terminal.answer("Day of the statement", "31/1/2026")
    terminal.answer("That is not accepted", "2026-01-31")
    terminal.answer("Who at the client", "Anna Rossi")
    terminal.answer("take people out again", "n")
    terminal.answer("who agreed to SMS", "5")
    assert terminal.end() == 0, terminal.shown
    assert "--consent 'email=all:2026-01-31:Anna Rossi'" in terminal.shown
    text = (tmp_path / "acme.yaml").read_text(encoding="utf-8")
    assert "# TO DECIDE, consent.basis.sms: who agreed to SMS?" in text
    assert _agreed(tmp_path)["consent"]["basis"].keys() == {"email"}
