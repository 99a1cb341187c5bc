"""The compose file: what it promises about secrets, privileges and order of start."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

FILE = Path(__file__).resolve().parents[3] / "deployments" / "docker" / "compose.yaml"
TEXT = FILE.read_text(encoding="utf-8")
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["services"]
SERVERS = ("migrate", "server", "services")


def test_no_secret_has_a_value_or_a_default() -> None:
    """Compose refuses to start without them, rather than with one that everybody knows."""
    secret = re.compile(r"(PASSWORD|AUTH_STRING|ENCRYPTION_KEY)$")
    used = re.findall(r"(?<!\$)\$\{(\w+)([^}]*)\}", TEXT)
    assert {name for name, _ in used if secret.search(name)} == {
        "PREFECT_API_AUTH_STRING", "PREFECT_SERVER_ENCRYPTION_KEY",
        "POSTGRES_PASSWORD", "REDIS_PASSWORD", "LEDGER_PASSWORD",
    }  # fmt: skip
    assert [name for name, rest in used if secret.search(name) and not rest.startswith(":?")] == []
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            assert not secret.search(name) or value.startswith("${"), name


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_no_privilege_and_an_end(name: str) -> None:
    """No capability, no way to get one, and limits of memory and processor."""
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory"}
    assert service["restart"] == ("no" if name == "migrate" else "unless-stopped")
    assert service["image"].startswith("mailup-file-exchange:") or service["user"] != "root"


def test_nothing_starts_before_what_it_needs() -> None:
    """The database is migrated by one process, before any other of the server starts."""
    migrated = {"migrate": {"condition": "service_completed_successfully"}}
    assert SERVICES["server"]["depends_on"] == SERVICES["services"]["depends_on"] == migrated
    assert SERVICES["worker"]["depends_on"] == {"server": {"condition": "service_healthy"}}
    for name in SERVERS:
        environment = SERVICES[name]["environment"]
        assert environment["PREFECT_SERVER_DATABASE_MIGRATE_ON_START"] == "false"
        assert "../server.env" in SERVICES[name]["env_file"]


def test_a_worker_knows_no_secret_of_the_server() -> None:
    """A worker hands its settings to its runs: it gets the way to the API and nothing more."""
    assert set(SERVICES["worker"]["environment"]) == {
        "PREFECT_API_URL", "PREFECT_API_AUTH_STRING", "PREFECT_DEFAULT_WORK_POOL_NAME",
        "PREFECT_WORKER_QUERY_SECONDS",
    }  # fmt: skip
