"""Base job templates of the work pools that run containers."""

import json
import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from prefect.utilities.templating import apply_values

FOLDER = Path(__file__).resolve().parents[3] / "deployments" / "pools"
KINDS = list(yaml.safe_load((FOLDER / "changes.yaml").read_text(encoding="utf-8")))
USER = 10001


def template(kind: str) -> dict[str, Any]:
    return json.loads((FOLDER / f"{kind}.json").read_text(encoding="utf-8"))


def defaults(kind: str) -> dict[str, Any]:
    """What the variables of a pool are where a deployment says nothing."""
    properties = template(kind)["variables"]["properties"]
    return {
        name: given["default"]
        for name, given in properties.items()
        if given.get("default") is not None
    }


def test_there_is_a_template_for_every_change_and_no_other() -> None:
    """A type of pool that was added or removed was generated."""
    assert {path.stem for path in FOLDER.glob("*.json")} == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_gets_our_image_and_a_home_that_it_can_write(kind: str) -> None:
    """Which image is the operator's variable; nothing is left of Prefect's own image."""
    given = defaults(kind)
    assert given["image"] == "{{ prefect.variables.mailup_image }}"
    assert given["env"] == {"PREFECT_HOME": "/scratch/.prefect"}
    assert "/opt/prefect" not in json.dumps(given)


@pytest.mark.parametrize("kind", KINDS)
def test_every_place_in_a_job_has_its_variable(kind: str) -> None:
    """A change of a template leaves no placeholder that nothing fills."""
    job = json.dumps(template(kind)["job_configuration"])
    used = set(re.findall(r"{{ (\w+) }}", job))
    assert used <= set(template(kind)["variables"]["properties"])


@pytest.mark.parametrize("kind", KINDS)
def test_no_secret_is_in_a_template(kind: str) -> None:
    """The API's auth string is named, where a cloud keeps secrets, and never written."""
    strings = {name: value for name, value in defaults(kind).items() if "auth_string" in name}
    for value in strings.values():
        assert value in (
            "{{ prefect.variables.mailup_ecs_auth_string_secret }}",
            {"secret": "prefect-api-auth-string", "version": "latest"},
        )


def test_a_run_in_kubernetes_is_a_valid_job_without_privileges() -> None:
    """The rendered job has only fields that Kubernetes knows, and no more rights than it needs."""
    values = {**defaults("kubernetes"), "name": "run", "command": ["prefect"], "env": []}
    job = apply_values(template("kubernetes")["job_configuration"]["job_manifest"], values)
    pod = job["spec"]["template"]["spec"]
    for misplaced in ("completions", "parallelism"):
        del pod[misplaced]  # the worker insists on them there, and Kubernetes passes over them
    job["metadata"]["generateName"] = "run-"
    kubernetes_validate.validate(job, "1.30", strict=True)
    assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] == USER
    assert pod["automountServiceAccountToken"] is False
    container = pod["containers"][0]
    assert container["securityContext"] == {
        "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["volumeMounts"] == [{"name": "scratch", "mountPath": "/scratch"}]
    assert set(container["resources"]["limits"]) == {"cpu", "memory"}
