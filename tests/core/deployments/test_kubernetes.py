"""Manifests and chart values for Kubernetes, as far as they can be held without a cluster."""

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "deployments" / "kubernetes"
MANIFESTS = list(yaml.safe_load_all((FOLDER / "mailup.yaml").read_text(encoding="utf-8")))
SERVER = yaml.safe_load((FOLDER / "server.yaml").read_text(encoding="utf-8"))
WORKER = yaml.safe_load((FOLDER / "worker.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda manifest: manifest["kind"])
def test_a_manifest_has_only_what_kubernetes_knows(manifest: dict[str, Any]) -> None:
    """A field that is mistyped would be passed over by the cluster."""
    kubernetes_validate.validate(manifest, "1.30", strict=True)


def test_manifests_and_job_template_speak_of_the_same_runs() -> None:
    """Account, namespace and label of runs are those of the work pool's template."""
    pool = yaml.safe_load((ROOT / "deployments/pools/kubernetes.json").read_text(encoding="utf-8"))
    namespace, account, policy = MANIFESTS
    given = pool["variables"]["properties"]
    assert given["namespace"]["default"] == namespace["metadata"]["name"]
    assert given["service_account_name"]["default"] == account["metadata"]["name"]
    labels = pool["job_configuration"]["job_manifest"]["spec"]["template"]["metadata"]["labels"]
    assert policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items()


def test_every_secret_is_named_and_none_is_written() -> None:
    """Values can be committed: passwords and keys are in secrets of the cluster."""
    assert SERVER["server"]["basicAuth"] == {"enabled": True, "existingSecret": "prefect-api-auth"}
    assert SERVER["secret"] == {"create": False, "name": "prefect-server"}
    messaging = SERVER["backgroundServices"]["messaging"]
    assert messaging["redis"]["existingSecret"] == messaging["docket"]["existingSecret"]
    api = WORKER["worker"]["selfHostedServerApiConfig"]
    assert api["basicAuth"] == SERVER["server"]["basicAuth"]
    for variable in SERVER["global"]["prefect"]["env"]:
        if variable["name"].endswith(("_KEY", "_URL")):
            assert "secretKeyRef" in variable["valueFrom"], variable["name"]


def test_the_server_in_kubernetes_has_the_settings_of_every_other() -> None:
    """What deployments/server.env says holds there, too."""
    text = (ROOT / "deployments" / "server.env").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    wanted = dict(line.split("=", 1) for line in lines)
    given = {entry["name"]: entry.get("value") for entry in SERVER["global"]["prefect"]["env"]}
    assert wanted.items() <= given.items()


def test_nothing_in_kubernetes_has_privileges() -> None:
    """Server, background services, migrations and worker: nobody special, nothing writable."""
    contexts = [
        SERVER["server"]["containerSecurityContext"],
        SERVER["backgroundServices"]["containerSecurityContext"],
        SERVER["migrations"]["securityContext"],
        WORKER["worker"]["containerSecurityContext"],
    ]
    for context in contexts:
        assert context["runAsNonRoot"] and context["readOnlyRootFilesystem"]
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert context["allowPrivilegeEscalation"] is False
