"""Promises of the operator's command: what it says of trouble, and how it ends."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import import_module
from pathlib import Path
from tomllib import loads
from typing import Any

import httpx
import pytest
import typer
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings
from typer.testing import CliRunner

from blocks.errors import ConfigurationError, Defect, LedgerUnavailable, LoginRefused
from deployments.cli.shell import TRACEBACK, ExitCode, Outcome, command, run
from deployments.provision import blocks_of, provision
from deployments.server import require_server
from tests.command import invoke
from tests.journeys.harness.terminals import Terminal

ROOT = Path(__file__).resolve().parents[3]
COMMANDS = {
    "onboard", "check", "provision", "connections", "first-contact", "deploy", "status", "remove",
    "audit", "archives", "forget", "automations", "sweep", "sandbox", "demo",
}  # fmt: skip
NEED_PREFECT = [
    ["provision"], ["connections", "demo"], ["first-contact", "demo"], ["deploy", "demo"],
    ["status"], ["remove", "demo"], ["audit"], ["archives"], ["forget", "demo"], ["automations"],
]  # fmt: skip
SECRET = "operator:to-be-seen-nowhere"


@contextmanager
def answering(status: int, body: bytes = b"<html></html>") -> Iterator[str]:
    """A server on loopback that gives every question the same answer; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/api"
        server.shutdown()


@pytest.mark.parametrize("arguments", NEED_PREFECT, ids=" ".join)
def test_a_command_refuses_to_work_on_a_temporary_server(arguments: list[str]) -> None:
    """Without an address Prefect would start one, and what is saved there is lost."""
    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        refused = invoke(*arguments)
    assert refused.exit_code == ExitCode.PREFECT
    assert "PREFECT_API_URL is not set" in refused.stderr
    assert refused.stdout == ""


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (401, "refuses the password. Set PREFECT_API_AUTH_STRING"),
        (404, "is not Prefect's API"),
        (200, "is not Prefect's API"),
        (500, "answered with status 500"),
    ],
)
def test_an_api_that_cannot_be_used_is_named_with_its_remedy(status: int, sentence: str) -> None:
    """One message: which address, what it did, which variable; no traceback, no password."""
    with answering(status) as address:
        given = {PREFECT_API_URL: address, PREFECT_API_AUTH_STRING: SECRET}
        with temporary_settings(given):
            refused = invoke("status")
    assert refused.exit_code == ExitCode.PREFECT
    assert address in refused.stderr and sentence in refused.stderr
    assert "Traceback" not in refused.stderr and SECRET not in refused.stderr


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:1/api", "127.0.0.1:4200/api", "http://user:pass@127.0.0.1:1/api"]
)
def test_a_server_that_is_down_is_named(address: str) -> None:
    """The first mistake of everybody who opens a new terminal."""
    with temporary_settings({PREFECT_API_URL: address}):
        refused = invoke("remove", "demo")
    assert refused.exit_code == ExitCode.PREFECT
    assert refused.stderr.startswith("Nothing was deleted. Prefect's API at ")
    assert "does not answer" in refused.stderr
    assert "pass@" not in refused.stderr


def test_a_server_that_answers_is_used() -> None:
    """Its address is returned, to be shown with what was changed there."""
    with answering(200, b'"3.8.8"') as address, temporary_settings({PREFECT_API_URL: address}):
        assert require_server() == address


def failing(error: BaseException) -> int:
    def fail() -> Outcome:
        raise error

    return run(fail, "Nothing was saved.")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (LoginRefused("the password is refused"), ExitCode.SETTING),
        (LedgerUnavailable("the database is locked"), ExitCode.UNAVAILABLE),
        (Defect("KeyError in x.py"), ExitCode.DEFECT),
        (KeyboardInterrupt(), ExitCode.INTERRUPTED),
        (EOFError(), ExitCode.INTERRUPTED),
        (BrokenPipeError(), ExitCode.PIPE),
        (httpx.ConnectError("refused"), ExitCode.PREFECT),
        (httpx.ReadTimeout("gone in the middle"), ExitCode.PREFECT),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_exit_code_says_what_kind_of_trouble_it_was(
    error: BaseException, code: ExitCode, capfd: pytest.CaptureFixture[str]
) -> None:
    """A script can distinguish what to repeat from what somebody has to correct."""
    assert failing(error) == code
    assert "Traceback" not in capfd.readouterr().err


def test_of_an_unexpected_error_only_type_and_place_are_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its text might quote a record; who wants it all asks for it."""
    assert failing(ValueError("anna@example.it")) == ExitCode.DEFECT
    text = capsys.readouterr().err
    assert "ValueError, test_commands.py:" in text and "anna" not in text
    monkeypatch.setenv(TRACEBACK, "1")
    failing(ValueError("anna@example.it"))
    assert "Traceback" in capsys.readouterr().err


def test_json_is_alone_on_standard_output_and_quiet_says_nothing(tmp_path: Path) -> None:
    """Another program can read it."""
    file = tmp_path / "acme.yaml"
    file.write_text("deployments: [{color: red}]", encoding="utf-8")
    found = invoke("check", str(file), "--json")
    assert found.exit_code == ExitCode.TO_FIX
    assert {each["file"] for each in json.loads(found.stdout)} == {str(file)}
    quiet = invoke("check", str(file), "--quiet")
    assert (quiet.exit_code, quiet.stdout) == (ExitCode.TO_FIX, "")


def test_what_is_said_on_the_way_is_not_in_the_json() -> None:
    """A block that was saved is named at once, and standard output can be read by a program."""
    app = typer.Typer()

    def talking() -> Outcome:
        print("saved sftp-server/acme")
        return Outcome({"saved": 1})

    command(app, "talking", "")(talking)
    done = CliRunner().invoke(app, ["--json"])
    assert json.loads(done.stdout) == {"saved": 1}
    assert done.stderr == "saved sftp-server/acme\n"


def test_a_client_that_is_not_there_is_said_with_the_nearest_name() -> None:
    """A slip of the keyboard is not silently nothing."""
    refused = invoke("check", "nordwnd")
    assert refused.exit_code == ExitCode.SETTING
    assert "Did you mean nordwind?" in refused.stderr


def test_a_date_that_is_none_is_refused_with_what_is_accepted() -> None:
    """30/11/2026 could be read in two ways."""
    refused = invoke("audit", "--since", "30/11/2026")
    assert refused.exit_code == ExitCode.USAGE
    assert "accepted is 2026-11-30" in " ".join(re.findall(r"[^\s│]+", refused.stderr))


def test_the_page_of_commands_is_complete() -> None:
    """Every command and every exit code is documented, and no other."""
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([a-z-]+)", page, re.M)) == COMMANDS
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.M)} == set(ExitCode)
    shown = invoke("--help").stdout
    assert set(re.findall(r"[a-z-]+", shown)) >= COMMANDS


def test_the_console_script_is_the_command() -> None:
    """What `make setup` and the image install calls a function that exists."""
    scripts = loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    module, _, function = scripts["mailup-exchange"].partition(":")
    assert callable(getattr(import_module(module), function))


def test_help_and_completion_do_not_wait_for_prefect() -> None:
    """A key that completes a word may not take seconds."""
    code = "import sys, deployments.cli.app; sys.exit('prefect' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_a_question_ends_with_ctrl_c() -> None:
    """Also where polars is loaded, which would keep a signal from ending a read."""
    code = "import polars; from deployments.prompts import terminal; terminal.line('host: ')"
    with Terminal(sys.executable, "-c", code, environment={}) as terminal:
        terminal.interrupt("host: ")
        assert terminal.end() == -signal.SIGINT
    assert "KeyboardInterrupt" in terminal.shown


@pytest.mark.parametrize(
    ("reference", "values", "remedy"),
    [
        ("sftp-server/acme", {"prt": 44711}, "write port"),
        ("ftps-server/acme", {"implicit": True}, "there is no such key"),
        ("mailup-account/acme", {"client": "x"}, "there is no such key"),
        ("ledger/acme", {"urll": "sqlite://"}, "write url"),
    ],
)
def test_a_field_that_a_block_does_not_have_is_refused(
    reference: str, values: dict[str, Any], remedy: str
) -> None:
    """Prefect would drop it without a word, and the block would have another port than meant."""
    with pytest.raises(ConfigurationError, match=remedy):
        provision({reference: values})


def test_the_blocks_of_a_client_are_those_of_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operator names the client, from any folder, and need not know which blocks it takes."""
    monkeypatch.chdir(tmp_path)
    assert blocks_of("nordwind") == [
        "sftp-server/nordwind", "mailup-account/nordwind", "ledger/default", "gpg-key/nordwind",
        "gpg-recipient/nordwind",
    ]  # fmt: skip


def test_as_a_process_it_ends_without_a_traceback(tmp_path: Path) -> None:
    """The same without a terminal, from an environment in which nothing is set."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "DO_NOT_TRACK": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "deployments.cli", "status"], cwd=ROOT, env=environment,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (ExitCode.PREFECT, "")
    assert done.stderr.startswith("PREFECT_API_URL is not set")
