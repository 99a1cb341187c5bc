"""Every deployment file of the project, and what is said of files that are wrong."""

import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from blocks.errors import ConfigurationError
from deployments.check import check_files
from deployments.checking.schema import FILE_NAME, client_file_schema, schema_text
from deployments.client_files import ROOT, prefect_files
from deployments.remove import deployments_of
from tests.command import invoke

CASES = Path(__file__).resolve().parents[2] / "cases" / "deployments"
RIGHT = (CASES / "acme.yaml").read_text(encoding="utf-8")
MISTAKES = yaml.safe_load((CASES / "mistakes.yaml").read_text(encoding="utf-8"))


def messages(path: Path) -> list[str]:
    """Findings of a file, as they are printed, without its folder."""
    return [str(finding).removeprefix(f"{path.parent}/") for finding in check_files([path])]


def test_every_file_of_the_project_is_right() -> None:
    """A deployment that cannot run is found here, not at half past four in the morning."""
    assert {"prefect.yaml", "bottega-luna.yaml", "nordwind.yaml"} <= {
        p.name for p in prefect_files()
    }
    assert check_files(prefect_files()) == []


@pytest.mark.parametrize("mistake", MISTAKES, ids=[each["told"] for each in MISTAKES])
def test_a_mistake_is_reported_with_file_line_place_and_remedy(
    tmp_path: Path, mistake: dict[str, str]
) -> None:
    """The message is enough to fix it."""
    path = tmp_path / "acme.yaml"
    assert mistake["old"] in RIGHT
    path.write_text(RIGHT.replace(mistake["old"], mistake["new"], 1), encoding="utf-8")
    findings = messages(path)
    assert any(
        each.startswith(mistake["told"]) and mistake["remedy"] in each for each in findings
    ), findings


def test_what_is_right_is_not_complained_about(tmp_path: Path) -> None:
    """The file that the mistakes were made in has none."""
    path = tmp_path / "acme.yaml"
    path.write_text(RIGHT, encoding="utf-8")
    assert messages(path) == []


@pytest.mark.parametrize("path", prefect_files(), ids=lambda path: path.name)
def test_no_file_says_where_it_runs(path: Path) -> None:
    """Pool and folder belong to the place: the same file is deployed to a laptop and a cluster."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    step = {"prefect.deployments.steps.set_working_directory": {"directory": "."}}
    assert content["pull"] == [step]
    for entry in content["deployments"]:
        assert entry["work_pool"] == {"job_variables": {"working_dir": "."}}


def test_all_mistakes_of_a_file_are_reported_at_once(tmp_path: Path) -> None:
    """All mistakes are reported at once; the command ends with 1."""
    path = tmp_path / "acme.yaml"
    wrong = RIGHT.replace("30 4", "30 25").replace("list_id", "list").replace("acme-uns", "uns")
    path.write_text(wrong, encoding="utf-8")
    checked = invoke("check", str(path))
    assert checked.exit_code == 1
    lines = [int(found) for found in re.findall(r"acme\.yaml:(\d+):", checked.stdout)]
    assert lines == [19, 26, 38]


def test_a_client_has_one_file_that_is_called_after_it(tmp_path: Path) -> None:
    """A copied file in which the client was not changed would take over another one's runs."""
    acme, copied = tmp_path / "acme.yaml", tmp_path / "copied.yaml"
    for path in (acme, copied):
        path.write_text(RIGHT, encoding="utf-8")
    sentences = [finding.sentence for finding in check_files([acme, copied])]
    assert any("move the deployment to acme.yaml" in sentence for sentence in sentences)
    assert any("is in acme.yaml, too" in sentence for sentence in sentences)


def test_a_value_that_anchors_share_is_complained_about_once(tmp_path: Path) -> None:
    """The line to fix is named, however many deployments use it."""
    path = tmp_path / "acme.yaml"
    second = RIGHT[RIGHT.rindex("  - name: acme") :]
    third = second.replace("unsubscribed", "subscribed")
    path.write_text((RIGHT + third).replace("lists: [1]", "lists: [one]"), encoding="utf-8")
    assert [each.partition(": ")[0] for each in messages(path)] == ["acme.yaml:10"]


def test_what_is_left_of_a_client_is_found_beside_other_clients_faults(tmp_path: Path) -> None:
    """Only files that are about the client have to be right; a shared one may be."""
    acme, beta, shared = (tmp_path / f"{name}.yaml" for name in ("acme", "beta", "prefect"))
    acme.write_text(RIGHT, encoding="utf-8")
    beta.write_text("deployments: [{name: beta, color: red}]", encoding="utf-8")
    shared.write_text("deployments: [{name: demo, color: red}]", encoding="utf-8")
    kept = deployments_of("acme", [acme, beta, shared])
    assert kept["import-recipients/acme"] == {"acme-import-daily"}
    for path in (shared, acme):
        path.write_text("deployments: [", encoding="utf-8")
        with pytest.raises(ConfigurationError, match=f"{path.name} has faults"):
            deployments_of("acme", [acme, beta, shared])
        path.write_text("deployments: [{name: demo}]", encoding="utf-8")


def test_the_schema_for_editors_is_that_of_the_models() -> None:
    """What an editor offers is what the flows take: `mailup-exchange check --schema` prints it."""
    written = (ROOT / "deployments" / FILE_NAME).read_text(encoding="utf-8")
    assert written == schema_text(), "print it anew into deployments/client-file.schema.json"
    assert invoke("check", "--schema").stdout == written


@pytest.mark.parametrize("path", prefect_files(), ids=lambda path: path.name)
def test_the_schema_accepts_every_file_of_the_project(path: Path) -> None:
    """An editor shows no fault where there is none, and finds the schema where it is named."""
    text = path.read_text(encoding="utf-8")
    named = re.match(r"# yaml-language-server: \$schema=(\S+)\n", text)
    assert not named or (path.parent / named[1]).resolve() == ROOT / "deployments" / FILE_NAME
    jsonschema.validate(yaml.safe_load(text), client_file_schema())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("list_id: 1", "list: 1"),
        ("lists: [1]", "lists: [one]"),
        ("entrypoint: flows.import_recipients.import_recipients", "entrypoint: flows.imports"),
        ("    parameters:", "    parameter:"),
    ],
)
def test_the_schema_refuses_what_the_check_refuses(old: str, new: str) -> None:
    """A slip is marked while it is typed."""
    assert old in RIGHT
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(RIGHT.replace(old, new)), client_file_schema())
