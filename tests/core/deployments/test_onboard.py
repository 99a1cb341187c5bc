"""Promises of onboarding: a file that can be deployed, open questions, nobody's data shown."""

import gzip
import re
import sys
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from openpyxl import Workbook

from deployments.check import Mistake, check_files
from deployments.cli.shell import ExitCode
from tests.command import invoke

SAMPLES = Path(__file__).resolve().parents[2] / "cases" / "samples"
PERSONAL = re.compile(rb"[\w.]+@[\w.-]+|[0-9]{7,}|[0-9]{2}/[0-9]{2}/[0-9]{4}")
GOOD = ["italian.csv", "english.csv", "lists.tsv", "headerless.txt", "german.csv",
        "apostrophes.csv", "field_numbers.csv", "ambiguous.csv"]  # fmt: skip


def onboard(folder: Path, sample: str | Path, *options: str, client: str = "acme") -> int:
    """Run the command for a sample, with list 1 unless its own column names the lists."""
    path = SAMPLES / sample
    given = () if path.name == "lists.tsv" else ("--list", "1")
    form = ("--encoding", "cp1252") if path.name in ("italian.csv", "german.csv") else ()
    done = invoke("onboard", client, str(path), "--into", str(folder), *given, *form, *options)
    print(done.stdout, end="")
    print(done.stderr, end="", file=sys.stderr)
    return done.exit_code


def entries(folder: Path) -> list[dict[str, Any]]:
    """The deployments of the file that was written."""
    return yaml.safe_load((folder / "acme.yaml").read_text(encoding="utf-8"))["deployments"]


def faults(folder: Path) -> list[Mistake]:
    """The mistakes in the file, except that no ground for consent is agreed."""
    return [each for each in check_files([folder / "acme.yaml"]) if not each.lacks_ground]


@pytest.mark.parametrize("sample", GOOD)
def test_what_is_written_passes_the_check_and_shows_nobody(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], sample: str
) -> None:
    """The file can be deployed as it is; neither it nor the screen holds a cell of the sample."""
    assert onboard(tmp_path, sample) == 0
    assert faults(tmp_path) == []
    shown = capsys.readouterr().out + (tmp_path / "acme.yaml").read_text(encoding="utf-8")
    cells = set(PERSONAL.findall((SAMPLES / sample).read_bytes()))
    assert cells
    assert not [cell for cell in cells if cell.decode() in shown]


def test_a_file_that_is_there_is_kept_unless_it_is_to_be_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Months of mending are not lost to a second run."""
    (tmp_path / "acme.yaml").write_text("mine", encoding="utf-8")
    assert onboard(tmp_path, "italian.csv") == ExitCode.SETTING
    assert "--force" in capsys.readouterr().err
    assert (tmp_path / "acme.yaml").read_text(encoding="utf-8") == "mine"
    assert onboard(tmp_path, "italian.csv", "--force") == 0
    assert entries(tmp_path)


def test_what_the_sample_would_lose_is_reported_with_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The client can be asked about its rejects before the first night."""
    assert onboard(tmp_path, "italian.csv") == 0
    text = capsys.readouterr().out
    assert "Nobody is sent until it is answered who agreed. If everybody did:" in text
    assert "Of 40 records of the sample 38 would be sent, 2 rejected, 0 are duplicates." in text
    assert "1  This is not a valid e-mail address. (line 9)" in text
    assert "Cells that would be left blank and listed: 1." in text


def test_each_line_carries_how_sure_it_is_and_each_question_its_subject(tmp_path: Path) -> None:
    """Whoever reads the file sees what was found and what was not."""
    assert onboard(tmp_path, "italian.csv") == 0
    text = (tmp_path / "acme.yaml").read_text(encoding="utf-8")
    assert "{column: Nome, target: field, field: nome}  # 90 %: its name" in text
    assert "encoding: cp1252  # 100 %: as given" in text
    assert "# - {column: Note, target: field, field: Note}  # 20 %: text; left out" in text
    assert "# TO DECIDE, consent.basis.email: who agreed to e-mail?" in text


@pytest.mark.parametrize("sample", ["italian.csv", "ambiguous.csv", "english.csv"])
def test_a_column_is_used_once_its_mark_is_taken_out(tmp_path: Path, sample: str) -> None:
    """A question is answered in the file by one keystroke, and the file stays what it was."""
    assert onboard(tmp_path, sample) == 0
    path = tmp_path / "acme.yaml"
    text = path.read_text(encoding="utf-8")
    for line in re.findall(r"^ +# - \{.*target.*$", text, re.MULTILINE):
        path.write_text(text.replace(line, line.replace("# - ", "- ", 1)), encoding="utf-8")
        assert not [each for each in check_files([path]) if "no YAML" in each.sentence], line


def test_answers_become_part_of_the_file(tmp_path: Path) -> None:
    """What the client said is given once more, and nothing is open."""
    answers = ["--column", "nascita=field:data di nascita:%d/%m/%Y", "--column", "id=",
               "--region", "IT", "--encoding", "utf-8", "--folder", "in", "--zone", "Europe/Rome",
               "--server", "ftps-server/other", "--account", "main", "--pattern", "x-*.csv",
               "--exports", "cumulative"]  # fmt: skip
    assert onboard(tmp_path, "ambiguous.csv", *answers) == 0
    _, first, second = entries(tmp_path)
    agreed = first["parameters"]["agreement"]
    columns = {each["column"]: each for each in agreed["mapping"]["columns"]}
    assert columns["nascita"]["date_in"] == "%d/%m/%Y"
    assert "id" not in columns
    assert (agreed["server"], agreed["account"]) == ("ftps-server/other", "main")
    assert agreed["source"] == {"folder": "in", "pattern": "x-*.csv"}
    assert second["entrypoint"].startswith("flows.export_cumulative.")
    assert second["parameters"]["agreement"]["folder"] == "in/exports"


def test_the_meaning_of_a_value_is_written_as_it_was_said(tmp_path: Path) -> None:
    """1 and 0 stay text, and mean what the client says; the only column about it is meant."""
    said = ["--status", "1=unsubscribed", "--status", "0=subscribed", "--consent", "sms=none"]
    assert onboard(tmp_path, "english.csv", *said) == 0
    agreed = entries(tmp_path)[1]["parameters"]["agreement"]
    values = {"1": "unsubscribed", "0": "subscribed"}
    assert agreed["consent"]["basis"] == {
        "email": {"ground": "column", "column": "optout", "values": values}
    }
    assert "status_values" not in agreed["mapping"]
    assert check_files([tmp_path / "acme.yaml"]) == []


@pytest.mark.parametrize(
    ("options", "client", "expected"),
    [
        (["--status", "1=yes"], "acme", "accepted are subscribed, unsubscribed, leave_out"),
        (["--status", "=subscribed"], "acme", "an empty cell alone never means subscribed"),
        (["--consent", "email=Iscritto"], "acme", "all:YYYY-MM-DD:WHO or none"),
        (["--consent", "email=all:31.1.2026:A"], "acme", "the day of the statement"),
        (["--consent", "email=column:No"], "acme", "has no column 'No'"),
        (["--consent", "email=none", "--consent", "sms=none"], "acme", "--column NAME=email"),
        (["--column", "Note"], "acme", "accepted is, for example, --column NAME=email"),
        (["--column", "Note=date"], "acme", "accepted is 'email', 'mobile'"),
        (["--exports", "opens"], "acme", "accepted are unsubscribed, email-statistics"),
        (["--server", "acme"], "acme", "for example sftp-server/acme"),
        (["--zone", "Europe/Roma"], "acme", "such as Europe/Rome"),
        (["--region", "Italy"], "acme", "two capital letters"),
        ([], "../acme", "lower-case letters, digits and dashes"),
    ],
)
def test_an_answer_that_is_not_accepted_writes_nothing(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    client: str,
    expected: str,
) -> None:
    """The sentence says what is accepted."""
    folder = tmp_path / "deployments"
    folder.mkdir()
    assert onboard(folder, "italian.csv", *options, client=client) == ExitCode.SETTING
    error = capsys.readouterr().err
    assert error.startswith("Nothing was written.")
    assert expected in error
    assert list(tmp_path.rglob("*.yaml")) == []


def test_a_consent_that_nobody_explained_is_found_by_the_check(tmp_path: Path) -> None:
    """Nobody is sent: that is reported before the file is deployed, until it is answered."""
    assert onboard(tmp_path, "english.csv", "--consent", "sms=none") == 0
    (found,) = check_files([tmp_path / "acme.yaml"])
    assert found.where == "parameters.agreement.consent.basis.email"


def test_decimal_commas_in_every_row_ask_for_nothing(tmp_path: Path) -> None:
    """The usual file of an Italian shop is taken as it is."""
    sample = tmp_path / "amounts.csv"
    rows = "".join(f"u{n}@example.it;Nicolò;{n},50\n" for n in range(50))
    sample.write_text(f"email;nome;importo\n{rows}", encoding="utf-8")
    assert onboard(tmp_path, sample) == 0
    agreed = entries(tmp_path)[1]["parameters"]["agreement"]
    assert agreed["dialect"]["separator"] == ";"


def test_a_doubtful_encoding_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A sample in an old code page is not read as something else."""
    sample = tmp_path / "old.csv"
    rows = "".join(f"u{n}@example.it;Nicolò\n" for n in range(50))
    sample.write_bytes(f"email;nome\n{rows}".encode("cp850"))
    assert onboard(tmp_path, sample) == ExitCode.SETTING
    assert "--encoding" in capsys.readouterr().err


def test_the_words_that_decide_an_encoding_are_shown_on_wish(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Names of people are printed only when they are asked for; nothing is written then."""
    sample = tmp_path / "old.csv"
    sample.write_bytes("email;nome\na@example.it;Kovač\nb@example.it;Žiga\n".encode("cp1250"))
    assert onboard(tmp_path, sample) == ExitCode.SETTING
    shown = capsys.readouterr()
    assert "--show-words" in shown.err and "Kova" not in shown.out + shown.err
    assert onboard(tmp_path, sample, "--show-words") == 0
    told = capsys.readouterr().out
    assert "cp1250: Kovač" in told and "Kovaè" in told
    assert not (tmp_path / "acme.yaml").exists()


def test_a_compressed_sample_is_opened_and_an_encrypted_one_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The files' names follow the sample's, its packing included."""
    packed = tmp_path / "contacts-2026-11-23.csv.gz"
    packed.write_bytes(gzip.compress((SAMPLES / "italian.csv").read_bytes()))
    assert onboard(tmp_path, packed, "--encoding", "cp1252") == 0
    source = entries(tmp_path)[1]["parameters"]["agreement"]["source"]
    assert source["pattern"] == "contacts-*.csv.gz"
    secret = tmp_path / "contacts.csv.gpg"
    secret.write_bytes(b"\x85\x01")
    assert onboard(tmp_path, secret, client="beta") == ExitCode.SETTING
    assert "decryption_key" in capsys.readouterr().err


def test_a_sample_without_last_line_break_is_asked_about(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A sample saved by hand is read, with a hint at what a real file like it would mean."""
    sample = tmp_path / "s.csv"
    sample.write_bytes((SAMPLES / "ambiguous.csv").read_bytes().rstrip(b"\r\n"))
    assert onboard(tmp_path, sample) == 0
    assert "--final-newline 'any'" in capsys.readouterr().out
    assert onboard(tmp_path, sample, "--force", "--final-newline", "any") == 0
    assert entries(tmp_path)[1]["parameters"]["agreement"]["dialect"]["final_newline"] == "any"


def test_of_several_files_in_a_zip_one_is_chosen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By its name; what is written takes the same one."""
    sample = tmp_path / "export.zip"
    with zipfile.ZipFile(sample, "w") as archive:
        archive.writestr("cleaned.csv", "email\nz@example.it\n")
        archive.writestr("subscribed.csv", "email;nome\na@example.it;Ada\n")
    assert onboard(tmp_path, sample) == ExitCode.SETTING
    assert "--member" in capsys.readouterr().err
    assert onboard(tmp_path, sample, "--member", "subscribed*") == 0
    agreed = entries(tmp_path)[1]["parameters"]["agreement"]
    assert agreed["unpacking"] == {"member": "subscribed*"}


def test_the_rehearsal_is_an_import_with_the_file_that_was_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Groups that the list lacks and that are not to be created cost their rows, there as here."""
    sample = tmp_path / "groups.csv"
    rows = "".join(f"u{n}@example.it;Clienti\n" for n in range(12))
    sample.write_text(f"email;gruppo\n{rows}", encoding="utf-8")
    assert onboard(tmp_path, sample, "--column", "gruppo=group", "--no-create-groups") == 0
    assert "0 would be sent, 12 rejected" in capsys.readouterr().out
    created = ["--column", "gruppo=group", "--create-groups", "--force"]
    assert onboard(tmp_path, sample, *created) == 0
    assert "12 would be sent, 0 rejected" in capsys.readouterr().out


def test_an_excel_workbook_is_a_sample_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its agreement says that files are workbooks, and which sheet; nothing about encodings."""
    book = Workbook()
    sheet = book.active
    for row in (["email", "nome", "nascita"], ["a@example.it", "Nicolò", date(1980, 2, 21)]):
        sheet.append(row)
    sample = tmp_path / "contacts.xlsx"
    book.save(sample)
    assert onboard(tmp_path, sample) == 0
    agreed = entries(tmp_path)[1]["parameters"]["agreement"]
    assert agreed["table"] == {"kind": "xlsx"}
    assert agreed["dialect"].keys() == {"header"}
    assert agreed["source"]["pattern"] == "contacts.xlsx"
    assert "1 would be sent" in capsys.readouterr().out
    book.create_sheet("other").append(["email"])
    book.save(sample)
    assert onboard(tmp_path, sample, "--force") == ExitCode.SETTING
    assert "--sheet" in capsys.readouterr().err
    assert onboard(tmp_path, sample, "--force", "--sheet", "1") == 0
