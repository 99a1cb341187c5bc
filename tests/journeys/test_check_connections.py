"""The whole check of a client, as the operator runs it: from its deployments, or from its file."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import World, merged
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.objects import State
from prefect.deployments.runner import EntrypointType

from blocks.accounts import MailUpAccount
from blocks.ledgers import Ledger
from blocks.servers import SftpServer
from flows.check_connections import check_connections, main
from flows.export_unsubscribed import export_unsubscribed
from flows.import_recipients import import_recipients
from tasks.checks.findings import Finding, to_mend

pytestmark = pytest.mark.journeys

SECRETS = ("files-secret", "sandbox-password", "5b8d7c1a-61f2-4e0d-9a3c-77c0de51a2f4")


@pytest.fixture
def deployed(world: World) -> Iterator[Callable[..., None]]:
    """Deploys the client's import, and takes its deployments away afterwards."""
    made = []

    def deploy(**agreed: Any) -> None:
        agreement = merged(world.agreement, agreed)
        deployment = import_recipients.to_deployment(
            "acme",
            parameters={"agreement": agreement},
            tags=["client:acme"],
            entrypoint_type=EntrypointType.MODULE_PATH,
        )
        made.append(deployment.apply())

    yield deploy
    with get_client(sync_client=True) as api:
        for each in made:
            api.delete_deployment(each)


def export_of(world: World) -> dict[str, Any]:
    return {
        **{key: world.agreement[key] for key in ("client", "server", "account", "ledger")},
        "lists": [1],
        "folder": "out",
    }


def findings(state: State[Any]) -> list[Finding]:
    found: Any = state.result(raise_on_failure=False)
    return list(found)


def artifact() -> str:
    """The table that the operator sees."""
    key = ArtifactFilter(key=ArtifactFilterKey(any_=["acme-check-connections"]))
    with get_client(sync_client=True) as api:
        return max(api.read_artifacts(artifact_filter=key), key=lambda each: each.created).data


def test_a_client_whose_deployments_are_right(
    world: World, deployed: Callable[..., None], logged: Callable[[], str]
) -> None:
    """Completed, with all subjects in one table; nothing is changed, and no secret is shown."""
    deployed()
    before = sorted(world.home.joinpath("files").rglob("*"))
    state = check_connections("acme", return_state=True)
    assert state.is_completed(), state.message
    assert state.message.startswith("All is well")
    shown = artifact()
    for subject in ("sftp-server/acme", "mailup-account/acme", "ledger/acme", "this worker"):
        assert f"## {subject}" in shown
    calls = world.control("GET", "log")
    assert f"MailUp was asked in {len(calls)} calls" in shown
    assert len(calls) < 40
    assert {call["method"] for call in calls} - {"GET"} == {"POST"}
    assert [call["path"] for call in calls if call["method"] == "POST"] == [
        "/Authorization/OAuth/Token"
    ]
    assert sorted(world.home.joinpath("files").rglob("*")) == before
    assert not (world.home / "ledger.db").exists()
    assert not any(secret in shown + logged() for secret in SECRETS)


def test_everything_that_is_wrong_is_told_at_once(
    world: World, deployed: Callable[..., None]
) -> None:
    """A server, an account, a ledger and a deployment that are wrong: each is told, none hides
    another, and the run has failed."""
    deployed(decryption_key="")
    with get_client(sync_client=True) as api:
        wrong = api.create_deployment(
            flow_id=api.create_flow(export_unsubscribed),
            name="acme",
            entrypoint="flows.export_unsubscribed.export_unsubscribed",
            tags=["client:acme"],
            parameters={"agreement": export_of(world) | {"list": 1}},
        )
    server = SftpServer.load("acme")
    server.model_copy(update={"port": 1}).save("acme", overwrite=True)
    account = MailUpAccount.load("acme")
    account.password = "wrong"
    account.save("acme", overwrite=True)
    Ledger(url="postgresql+psycopg://x:hidden-word@127.0.0.1:1/x").save("acme", overwrite=True)
    state = check_connections("acme", return_state=True)
    with get_client(sync_client=True) as api:
        api.delete_deployment(wrong)
    assert state.is_failed()
    assert state.message.startswith("4 things to mend: ")
    told = {(each.subject, each.check) for each in to_mend(findings(state))}
    assert told == {
        ("deployment export-unsubscribed/acme", "parameters"),
        ("sftp-server/acme", "connect"),
        ("mailup-account/acme", "log-in"),
        ("ledger/acme", "database"),
    }
    assert "list: Extra inputs are not permitted" in artifact()
    assert "hidden-word" not in artifact() + state.message


def test_blocks_that_are_missing_are_told_with_the_way_to_make_them(
    deployed: Callable[..., None],
) -> None:
    """A name that was mistyped in the file, and a block that nobody has made yet."""
    deployed(server="sftp-server/nowhere", account="nowhere", ledger="nowhere")
    state = check_connections("acme", return_state=True)
    wrong = to_mend(findings(state))
    assert [each.subject for each in wrong] == [
        "sftp-server/nowhere", "mailup-account/nowhere", "ledger/nowhere",
    ]  # fmt: skip
    assert all("deployments.provision" in each.remedy for each in wrong)


def test_a_client_that_nobody_has_deployed() -> None:
    """An empty check is no good news."""
    state = check_connections("nobody", return_state=True)
    assert state.is_failed()
    assert "no deployment with the tag client:nobody" in state.message


def test_a_file_is_checked_before_it_is_deployed(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command prints what was found, and ends with 1 where something is to be mended."""
    entry = {
        "name": "acme",
        "entrypoint": "flows.export_unsubscribed.export_unsubscribed",
        "tags": ["client:acme"],
        "parameters": {"agreement": export_of(world)},
    }
    file = tmp_path / "acme.yaml"
    file.write_text(yaml.safe_dump({"deployments": [entry]}), encoding="utf-8")
    assert main([str(file)]) == 0
    printed = capsys.readouterr().out
    assert "sftp-server/acme\n  ok    name:" in printed
    assert "note  write exports: 'out' is not there" in printed

    entry["parameters"] = {"agreement": export_of(world) | {"lists": [99]}}
    file.write_text(yaml.safe_dump({"deployments": [entry]}), encoding="utf-8")
    assert main([str(file)]) == 1
    printed = capsys.readouterr().out
    assert "mend  lists: the user does not see list 99\n        -> Give the user" in printed


@pytest.mark.parametrize("content", [None, "deployments: [", "name: x"])
def test_a_file_that_cannot_be_read_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None
) -> None:
    """One sentence instead of a trace."""
    file = tmp_path / "acme.yaml"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    assert main([str(file)]) == 1
    assert "cannot be read as a Prefect file" in capsys.readouterr().err
