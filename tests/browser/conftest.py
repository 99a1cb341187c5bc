"""What an operator sees: a real Prefect server, a worker, the sandbox, and a browser."""

import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from selenium import webdriver
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait
from urllib3.util import Retry

from sandbox import service
from sandbox.demo_parts import Prefect, Programs, free_port
from sandbox.demo_story import demo_blocks

CHROMIUM, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
HEADER = "email;nome;cognome;cellulare;data_nascita;citta;consenso"
POOL = "mailup"
SHOWN_WITHIN_SECONDS = 60
RUN_SECONDS = 150
ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
PAUSED = ("PAUSED",)


@dataclass
class Office:
    """The demo client's deployments on a Prefect server with a worker, and the client's server."""

    url: str
    files: Path

    def drop(self, name: str, *rows: str) -> Path:
        """Put a file with these rows where the client's files arrive, and nothing beside it.

        A file that an earlier test has left held would rightly stop this one.
        """
        path = self.files / "outgoing" / name
        for other in path.parent.glob("*.csv"):
            other.unlink()
        path.write_text("".join(f"{line}\r\n" for line in (HEADER, *rows)), encoding="utf-8")
        return path

    def result(self, name: str) -> dict[str, Any]:
        """The result document that the client got for a file."""
        path = self.files / "outgoing" / "results" / f"{name}.result.json"
        return json.loads(path.read_text(encoding="utf-8"))

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Prefect's answer; asked again where its database is busy, as its own client does."""
        with requests.Session() as session:
            again = Retry(total=8, backoff_factor=0.5, status_forcelist=[503], allowed_methods=None)
            session.mount("http://", HTTPAdapter(max_retries=again))
            answer = session.request(method, f"{self.url}/api{path}", json=body, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def deployment(self, name: str = "import-recipients/demo") -> str:
        """Id of a deployment."""
        return str(self.ask("GET", f"/deployments/name/{name}")["id"])

    def start(self, name: str = "import-recipients/demo") -> str:
        """Start a run with the deployment's own parameters; its id."""
        path = f"/deployments/{self.deployment(name)}/create_flow_run"
        return str(self.ask("POST", path, {})["id"])

    def newest_run(self) -> str:
        """Id of the run that was created last."""
        asked = {"sort": "EXPECTED_START_TIME_DESC", "limit": 1}
        return str(self.ask("POST", "/flow_runs/filter", asked)[0]["id"])

    def wait(self, run: str, states: tuple[str, ...] = ENDED) -> str:
        """Wait until a run is in one of the states; its message."""
        deadline = time.monotonic() + RUN_SECONDS
        while time.monotonic() < deadline:
            state = self.ask("GET", f"/flow_runs/{run}")["state"]
            if state["type"] in (*ENDED, *states):
                assert state["type"] in states, f"{state['name']}: {state['message']}"
                return str(state["message"])
            time.sleep(1)
        raise AssertionError(f"the run stayed {state['name']}")


@pytest.fixture(scope="session")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Everything started once, with the blocks and deployments of prefect.yaml."""
    home = tmp_path_factory.mktemp("office")
    # Set even where the shell had it ignored: children would inherit that and never end.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with service.start(home / "sandbox", import_seconds=0.2) as sandbox, Programs(home) as programs:
        programs.environment["PREFECT_DEFAULT_WORK_POOL_NAME"] = POOL
        prefect = Prefect(programs, free_port(0))
        prefect.start()
        blocks = json.dumps(demo_blocks(sandbox.addresses, home))
        programs.run("-m", "deployments.cli", "provision", stdin=blocks)
        prefect.run("work-pool", "create", POOL, "--type", "process")
        prefect.run("deploy", "--prefect-file", "prefect.yaml", "--all")
        prefect.start_worker(POOL)
        yield Office(prefect.url, sandbox.files)
    signal.signal(signal.SIGINT, before)


def _named(text: str, within: str = "") -> str:
    return f"{within}//*[self::button or self::a][contains(normalize-space(), '{text}')]"


class Screen:
    """A browser, used like an operator does: elements are found by their text."""

    def __init__(self, driver: webdriver.Chrome, url: str, shots: Path | None) -> None:
        self.driver, self.url, self._shots = driver, url, shots

    def open(self, path: str) -> None:
        """Go to a page of the UI."""
        self.driver.get(f"{self.url}{path}")

    def seen(self, xpath: str) -> WebElement:
        """The first visible element; AssertionError where it does not come."""

        def visible(driver: webdriver.Chrome) -> WebElement | None:
            found = driver.find_elements(By.XPATH, xpath)
            return next((each for each in found if each.is_displayed()), None)

        waiting = WebDriverWait(self.driver, SHOWN_WITHIN_SECONDS)
        try:
            return waiting.until(visible)  # type: ignore[arg-type]
        except Exception:
            self.shoot("not-found")
            page = self.driver.find_element(By.TAG_NAME, "body").text
            raise AssertionError(f"{xpath} is not on the page:\n{page[:3000]}") from None

    def press(self, text: str, within: str = "") -> None:
        """Click the button or link with this text."""
        self.seen(_named(text, within)).click()

    def field(self, label: str, within: str = "") -> WebElement:
        """The text field with a label."""
        return self.seen(
            f"{within}//label[contains(normalize-space(), '{label}')]"
            "/following::*[self::input or self::textarea or @role='combobox'][1]"
        )

    def switch(self, label: str) -> None:
        """Turn the switch with a label."""
        self.seen(
            f"//label[contains(normalize-space(), '{label}')]/following::*[@role='switch'][1]"
        ).click()

    def submit(self) -> None:
        """Press Submit until the form is gone: where its database is busy, the UI gives up.

        Its message is ignored: other requests of the page may fail as well.
        """
        for _ in range(3):
            self.press("Submit")
            waiting = WebDriverWait(self.driver, SHOWN_WITHIN_SECONDS)
            with suppress(TimeoutException):
                waiting.until_not(lambda driver: driver.find_elements(By.XPATH, _named("Submit")))
                return
        raise AssertionError("the run could not be scheduled")

    def text(self) -> str:
        """The text of the page."""
        return self.driver.find_element(By.TAG_NAME, "body").text

    def shoot(self, name: str) -> None:
        """Keep a picture, where BROWSER_SHOTS names a folder for it."""
        if self._shots:
            self._shots.mkdir(parents=True, exist_ok=True)
            self.driver.save_screenshot(str(self._shots / f"{name}.png"))

    def write(self, field: WebElement, text: str) -> None:
        """Type into a field, in place of what it holds."""
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(text)


@pytest.fixture
def screen(office: Office, tmp_path: Path) -> Iterator[Screen]:
    """A fresh browser; without chromium these tests are skipped, under CI they fail."""
    if not (shutil.which(CHROMIUM) and shutil.which(DRIVER)):
        missing = "chromium and chromium-driver are not installed"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        "--disable-dev-shm-usage", "--window-size=1400,1700", f"--user-data-dir={tmp_path}/profile",
    ):  # fmt: skip
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    shots = os.environ.get("BROWSER_SHOTS")
    try:
        yield Screen(driver, office.url, Path(shots) if shots else None)
    finally:
        driver.quit()
