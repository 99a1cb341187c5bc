"""An agreement that does not say on what ground people are written to is not deployed or sent."""

from pathlib import Path

import pytest

from blocks.errors import ConfigurationError
from deployments.check import check_files
from deployments.deploy import deploy
from deployments.remove import deployments_of
from tasks.checks.needs import ground_findings
from tasks.records.agreement import ImportAgreement
from tests.core.deployments.test_deployments import RIGHT

LINE = next(line for line in RIGHT.splitlines(keepends=True) if "basis:" in line)


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """A client's file of before there were grounds."""
    path = tmp_path / "acme.yaml"
    path.write_text(RIGHT.replace(LINE, ""), encoding="utf-8")
    return path


def test_checking_names_the_setting_and_what_to_write(older: Path) -> None:
    """One finding, at its place, with its remedy."""
    (found,) = check_files([older])
    assert found.where == "parameters.agreement.consent.basis.email"
    assert "Ask the client" in found.sentence and "ground: all" in found.sentence


def test_deploying_refuses_it(older: Path) -> None:
    """Nothing is deployed that could not be sent."""
    with pytest.raises(ConfigurationError, match=r"consent\.basis\.email"):
        deploy(older)


def test_what_left_an_older_file_is_still_found(older: Path) -> None:
    """Removing what a client no longer has needs no ground."""
    assert set(deployments_of("acme", [older])) == {
        "import-recipients/acme", "export-unsubscribed/acme",
    }  # fmt: skip


@pytest.mark.parametrize("expected", [True, False])
def test_checking_connections_says_it_too(expected: bool) -> None:
    """Of what is deployed already the daily check says what will not be sent."""
    agreement = ImportAgreement.model_validate({
        "client": "acme", "server": "sftp-server/acme", "account": "acme", "list_id": 1,
        "mapping": {"columns": [{"column": "email", "target": "email"}]},
        "consent": {"import_type": "default" if expected else "opt-out"},
    })  # fmt: skip
    found = list(ground_findings([agreement]))
    assert [(each.subject, each.check, each.verdict) for each in found] == [
        ("deployment import-recipients/acme", "consent.basis.email", "fix")
    ] * expected
