"""A minimal HTTP client of a running emulator, for trials and tests."""

import time
from typing import Any

import requests

from sandbox.mailup.server import Emulator

TIMEOUT_SECONDS = 20.0
IMPORT_SECONDS = 20.0


class Caller:
    """Logs in once; no retries, no rate limit. Paths begin with `/Console` or `/Message`."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.tokens: dict[str, Any] = self.token(
            grant_type="password", username=emulator.username, password=emulator.password
        ).json()

    def token(self, **form: str) -> requests.Response:
        """One call of the token endpoint, client credentials in the form."""
        client = {
            "client_id": self.emulator.client_id,
            "client_secret": self.emulator.client_secret,
        }
        url = self.emulator.token_url
        return requests.post(url, data=client | form, timeout=TIMEOUT_SECONDS)

    def call(self, method: str, path: str, json: Any = None) -> requests.Response:
        """One call of the console, or of the statistics service."""
        console = path.startswith("/Console")
        base = self.emulator.console_url if console else self.emulator.statistics_url
        headers = {"Authorization": f"Bearer {self.tokens['access_token']}"}
        return requests.request(
            method, base + path, json=json, headers=headers, timeout=TIMEOUT_SECONDS
        )

    def get(self, path: str) -> Any:
        """The JSON of a GET that must succeed."""
        answer = self.call("GET", path)
        answer.raise_for_status()
        return answer.json()

    def items(self, path: str) -> list[dict[str, Any]]:
        """The `Items` of one page."""
        found: list[dict[str, Any]] = self.get(path)["Items"]
        return found

    def control(self, path: str, json: Any = None) -> Any:
        """The control API: GET without `json`, POST with it."""
        method = "GET" if json is None else "POST"
        url = f"{self.emulator.base_url}/_sandbox/{path}"
        answer = requests.request(method, url, json=json, timeout=TIMEOUT_SECONDS)
        answer.raise_for_status()
        return answer.json()

    def import_all(self, path: str, recipients: list[Any]) -> dict[str, Any]:
        """Import, wait for the end, and return the details."""
        answer = self.call("POST", path, recipients)
        answer.raise_for_status()
        return self.finished(answer.json())

    def finished(self, import_id: int) -> dict[str, Any]:
        """Wait for an import, and return its details; TimeoutError if it does not complete."""
        deadline = time.monotonic() + IMPORT_SECONDS
        while not self.get(f"/Console/Import/{import_id}")["Completed"]:
            if time.monotonic() > deadline:
                raise TimeoutError(f"import {import_id} did not end in {IMPORT_SECONDS} s")
            time.sleep(0.005)
        detail: dict[str, Any] = self.get(f"/Console/Imports/{import_id}")
        return detail

    def people(self, list_id: int, channel: str = "email") -> dict[str, dict[str, Any]]:
        """All recipients of a list from the control API, by address or number."""
        rows = self.control(f"state?list={list_id}&channel={channel}")
        key = "email" if channel == "email" else "number"
        return {row[key]: row for row in rows}
