"""The whole check of a client, as the operator runs it: from its deployments, or from its file."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import yaml
from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State

from blocks.accounts import MailUpAccount
from blocks.keys import GpgKey, GpgRecipient
from blocks.ledgers import Ledger
from blocks.sftp_servers import SftpServer
from flows.check_connections import check_connections
from flows.export_unsubscribed import export_unsubscribed
from flows.import_recipients import import_recipients
from tasks.checks.findings import Finding, to_fix
from tests.command import invoke
from tests.journeys.harness.artifacts import newest
from tests.keyrings import PASSPHRASE, Keyring, needs_gpg

pytestmark = pytest.mark.journeys

SECRETS = ("files-secret", "sandbox-password", "5b8d7c1a-61f2-4e0d-9a3c-77c0de51a2f4")


class Deployments:
    """The client's deployments, which are taken away after the test."""

    def __init__(self, world: Any) -> None:
        self._world = world
        self.made: list[UUID] = []

    def imports(self, **agreed: Any) -> None:
        """Deploy the import, with changes to the agreement."""
        self._deploy(import_recipients, self._world.agreement | agreed)

    def exports(self, **agreed: Any) -> None:
        """Deploy an export."""
        self._deploy(export_unsubscribed, export_of(self._world) | agreed)

    def _deploy(self, flow: Flow[..., Any], agreement: dict[str, Any]) -> None:
        module = f"flows.{flow.name.replace('-', '_')}"
        with get_client(sync_client=True) as api:
            made = api.create_deployment(
                flow_id=api.create_flow(flow),
                name="acme",
                entrypoint=f"{module}.{module.partition('.')[2]}",
                tags=["client:acme"],
                parameters={"agreement": agreement},
            )
        self.made.append(made)


@pytest.fixture
def deploy(world: Any) -> Iterator[Deployments]:
    """Deploys the client's functions."""
    deployments = Deployments(world)
    yield deployments
    with get_client(sync_client=True) as api:
        for each in deployments.made:
            api.delete_deployment(each)


def export_of(world: Any) -> dict[str, Any]:
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
    return str(newest("acme-check-connections")[0].data)


def test_a_client_whose_deployments_are_right(
    world: Any, deploy: Deployments, logged: Callable[[], str]
) -> None:
    """Completed, with all subjects in one table; nothing is changed, and no secret is shown."""
    deploy.imports()
    before = sorted(world.home.joinpath("files").rglob("*"))
    state = check_connections("acme", return_state=True)
    assert state.is_completed(), state.message
    assert state.message.startswith("All is well")
    shown = artifact()
    for subject in ("sftp-server/acme", "mailup-account/acme", "ledger/acme", "this worker"):
        assert f"## {subject}" in shown
    calls = world.control("GET", "log")
    assert f"MailUp was called {len(calls)} times" in shown
    assert len(calls) < 40
    assert {call["method"] for call in calls} - {"GET"} == {"POST"}
    assert [call["path"] for call in calls if call["method"] == "POST"] == [
        "/Authorization/OAuth/Token"
    ]
    assert sorted(world.home.joinpath("files").rglob("*")) == before
    assert not (world.home / "ledger.db").exists()
    assert not any(secret in shown + logged() for secret in SECRETS)


def test_everything_that_is_wrong_is_reported_at_once(deploy: Deployments) -> None:
    """A server, an account, a ledger and a deployment that are wrong: each is reported, none hides
    another, and the run has failed."""
    deploy.imports()
    deploy.exports(list=1)
    server = SftpServer.load("acme")
    server.model_copy(update={"port": 1}).save("acme", overwrite=True)
    account = MailUpAccount.load("acme")
    account.password = "wrong"
    account.save("acme", overwrite=True)
    Ledger(url="postgresql+psycopg://x:hidden-word@127.0.0.1:1/x").save("acme", overwrite=True)
    state = check_connections("acme", return_state=True)
    assert state.is_failed()
    assert state.message.startswith("4 things to fix: ")
    found = {(each.subject, each.check) for each in to_fix(findings(state))}
    assert found == {
        ("deployment export-unsubscribed/acme", "parameters"),
        ("sftp-server/acme", "connect"),
        ("mailup-account/acme", "log-in"),
        ("ledger/acme", "database"),
    }
    assert "list: Extra inputs are not permitted" in artifact()
    assert "hidden-word" not in artifact() + state.message


def test_blocks_that_are_missing_are_reported_with_the_way_to_make_them(
    deploy: Deployments,
) -> None:
    """A name that was mistyped in the file, and a block that nobody has made yet."""
    deploy.imports(server="sftp-server/nowhere", account="nowhere", ledger="nowhere")
    state = check_connections("acme", return_state=True)
    wrong = to_fix(findings(state))
    assert [each.subject for each in wrong] == [
        "sftp-server/nowhere", "mailup-account/nowhere", "ledger/nowhere",
    ]  # fmt: skip
    assert all("mailup-exchange provision" in each.remedy for each in wrong)


@needs_gpg
def test_keys_that_the_agreements_name_are_tried(deploy: Deployments, ring: Keyring) -> None:
    """A right key is used once, a wrong passphrase and a block that is missing are reported."""
    private = ring.private("us")
    GpgKey(private_key=private, passphrase=PASSPHRASE).save("right", overwrite=True)
    GpgKey(private_key=private, passphrase="wrong").save("wrong", overwrite=True)
    GpgRecipient(public_keys=[ring.public("client")]).save("acme", overwrite=True)
    deploy.imports(decryption_key="wrong")
    deploy.exports(packing={"encrypt_for": "acme", "sign_with": "right"})
    found = findings(check_connections("acme", return_state=True))
    assert [(each.subject, each.check) for each in to_fix(found)] == [("gpg-key/wrong", "use")]
    used = {each.subject: each.text for each in found if each.check == "use"}
    assert used["gpg-recipient/acme"] == "a file can be encrypted and signed"


def test_a_client_that_nobody_has_deployed() -> None:
    """A check without findings is an error."""
    state = check_connections("nobody", return_state=True)
    assert state.is_failed()
    assert "no deployment with the tag client:nobody" in state.message


def test_a_file_is_checked_before_it_is_deployed(world: Any, tmp_path: Path) -> None:
    """The command prints what was found, and ends with 1 if something has to be fixed."""
    entry = {
        "name": "acme",
        "entrypoint": "flows.export_unsubscribed.export_unsubscribed",
        "tags": ["client:acme"],
        "parameters": {"agreement": export_of(world)},
    }
    file = tmp_path / "acme.yaml"
    file.write_text(yaml.safe_dump({"deployments": [entry]}), encoding="utf-8")
    ended = invoke("connections", str(file))
    assert (ended.exit_code, ended.stderr) == (0, "")
    printed = ended.stdout
    assert "sftp-server/acme\n  ok    name:" in printed
    assert "note  write exports: 'out' does not exist" in printed

    entry["parameters"] = {"agreement": export_of(world) | {"lists": [99]}}
    file.write_text(yaml.safe_dump({"deployments": [entry]}), encoding="utf-8")
    ended = invoke("connections", str(file))
    assert ended.exit_code == 1
    printed = ended.stdout
    assert "fix   lists: the user does not see list 99\n        -> Give the user" in printed


@pytest.mark.parametrize("content", [None, "deployments: [", "name: x"])
def test_a_file_that_cannot_be_read_is_reported(tmp_path: Path, content: str | None) -> None:
    """One sentence instead of a trace."""
    file = tmp_path / "acme.yaml"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    ended = invoke("connections", str(file))
    assert ended.exit_code != 0
    assert "cannot be read as a Prefect file" in ended.stderr
