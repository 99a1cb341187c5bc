"""Manifests and chart values for Kubernetes, as far as they can be checked without a cluster."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "deployments" / "kubernetes"
MANIFESTS = list(yaml.safe_load_all((FOLDER / "mailup.yaml").read_text(encoding="utf-8")))
SERVER = yaml.safe_load((FOLDER / "server.yaml").read_text(encoding="utf-8"))
RENDERED = ROOT / "tests" / "cases" / "kubernetes"
CHARTS = ("server", "worker")
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


def test_rendered_charts_are_those_of_the_values() -> None:
    """Values that were changed are rendered again: tests/cases/kubernetes/render.sh."""
    for chart in CHARTS:
        first, _ = (RENDERED / f"{chart}.rendered.yaml").read_text(encoding="utf-8").split("\n", 1)
        values = (FOLDER / f"{chart}.yaml").read_bytes()
        assert first.endswith(hashlib.sha256(values).hexdigest()), f"render {chart}.yaml again"


@pytest.mark.parametrize("chart", CHARTS)
def test_the_namespace_accepts_every_pod_of_a_chart(chart: str) -> None:
    """Each container, also those that run before others, keeps to the *restricted* profile that
    the namespace enforces; a cluster refuses the whole pod otherwise."""
    assert MANIFESTS[0]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    pods = list(_pods(chart))
    assert pods
    for pod in pods:
        assert set(_violations(pod)) == set()


def test_a_container_without_a_security_context_is_seen() -> None:
    """The check itself finds what a cluster would refuse."""
    (pod,) = _pods("worker")
    del pod["initContainers"][0]["securityContext"]
    assert set(_violations(pod)) == {"privilege escalation", "capabilities"}


def _pods(chart: str) -> Iterator[dict[str, Any]]:
    text = (RENDERED / f"{chart}.rendered.yaml").read_text(encoding="utf-8")
    for manifest in yaml.safe_load_all(text):
        if manifest and manifest["kind"] in ("Deployment", "Job"):
            yield manifest["spec"]["template"]["spec"]


def _violations(pod: dict[str, Any]) -> Iterator[str]:
    """What of a pod the profile refuses: https://kubernetes.io/docs/concepts/security/pod-security-standards"""
    of_pod = pod.get("securityContext", {})
    if any(pod.get(key) for key in ("hostNetwork", "hostPID", "hostIPC")):
        yield "namespaces of the host"
    if any("hostPath" in volume for volume in pod.get("volumes", [])):
        yield "folders of the host"
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        own = {**of_pod, **(container.get("securityContext") or {})}
        if own.get("allowPrivilegeEscalation") is not False or own.get("privileged"):
            yield "privilege escalation"
        if own.get("capabilities") != {"drop": ["ALL"]}:
            yield "capabilities"
        if own.get("runAsNonRoot") is not True or own.get("runAsUser") == 0:
            yield "root"
        if own.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost"):
            yield "seccomp profile"


def test_containers_cannot_write_to_their_root() -> None:
    """Beyond the profile: each container's own files are read-only."""
    for pod in (pod for chart in CHARTS for pod in _pods(chart)):
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
