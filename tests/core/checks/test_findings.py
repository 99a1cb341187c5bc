"""How findings are shown: what to do first, and each with its text."""

from html import unescape

import pytest

from blocks.errors import LoginRefused, MailUpUnavailable
from tasks.checks.findings import Finding, Subject, conclusion, findings_lines, findings_table

pytestmark = pytest.mark.core

SERVER, ACCOUNT = Subject("sftp-server/acme"), Subject("mailup-account/acme")
FINDINGS = [
    SERVER.ok("list in", "2 files, 0 match '*.csv'"),
    ACCOUNT.note("clock", "a|b_c", "Set it."),
    SERVER.fix("login", "refused.", "Mend *it*."),
]


def test_what_to_mend_comes_first_with_its_remedy() -> None:
    """Prefect shows a long cell as one line, so that a remedy at its end would not be seen."""
    shown = unescape(findings_table(FINDINGS, 7))
    assert shown.startswith("MailUp was called 7 times.")
    mend = shown.index("- **sftp-server/acme**, login: refused. *Mend *it*.*")
    look = shown.index("- **mailup-account/acme**, clock: a|b_c. *Set it.*")
    assert mend < look < shown.index("## sftp-server/acme")


def test_all_findings_are_in_tables_by_subject() -> None:
    """What is about one block stands together, and no text breaks the table or is styled."""
    rows = [line for line in findings_table(FINDINGS, 7).splitlines() if line.startswith("| ")]
    assert rows.count("| | check | found |") == 2
    assert rows.index("| ok | list in | 2 files, 0 match '&#42;.csv' |") + 1 == rows.index(
        "| fix | login | refused. |"
    )
    assert "| note | clock | a&#124;b&#95;c |" in rows


def test_the_terminal_shows_the_remedy_below() -> None:
    """One line for what was found, one for what to do."""
    assert list(findings_lines(FINDINGS[2:])) == [
        "sftp-server/acme", "  fix   login: refused.", "        -> Mend *it*.",
    ]  # fmt: skip


def test_one_sentence_names_what_is_to_be_mended() -> None:
    """It is the state's message, which notifications show."""
    assert conclusion(FINDINGS) == "1 thing to fix: sftp-server/acme login: refused"
    assert conclusion([*FINDINGS, FINDINGS[2]]).startswith("2 things to fix: ")
    assert conclusion(FINDINGS[:2]) == "All is well: 2 findings, nothing to fix."


def test_an_error_ends_one_look_and_no_other() -> None:
    """Earlier findings are kept, and a defect is not reported as a finding."""

    def look(error: Exception) -> list[Finding]:
        raise error

    (found,) = SERVER.tried("login", "Mend it.", lambda: look(LoginRefused("refused")))
    assert found == SERVER.fix("login", "refused", "Mend it.")
    reported = MailUpUnavailable("long text", path="in", reason="ENOENT")
    (found,) = SERVER.tried("list", "Mend it.", lambda: look(reported))
    assert found.text == "'in': ENOENT"
    with pytest.raises(ZeroDivisionError):
        list(SERVER.tried("list", "Mend it.", lambda: look(ZeroDivisionError())))
