"""The manifests for Kubernetes, without a cluster: they fit its schemas, the settings, the routes and the image."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.support.clock import MovedClock
from tests.support.documents import HOW_TO, ROOT, block
from tests.support.server import PASSWORD
from tests.support.toy_app import running
from tests.support.vault import ENCRYPTION_KEY
from watchword.cli.serve import SHUTDOWN_GRACE
from watchword.config.settings import PREFIX, Settings, read
from watchword.errors import Unsafe
from watchword.transports.health import ANSWER_SECONDS

FOLDER = HOW_TO / "kubernetes"
PAGE = HOW_TO / "kubernetes.md"
FILES = sorted(FOLDER.glob("*.yaml"))
# The oldest release that still has every field of the manifests, and the newest that is known here.
VERSIONS = ("1.27", kubernetes_validate.latest_version())


def manifests() -> dict[str, dict[str, Any]]:
    """Return the manifests by their kinds."""
    read = [each for file in FILES for each in yaml.safe_load_all(file.read_text())]
    return {each["kind"]: each for each in read}


def pod() -> dict[str, Any]:
    made: dict[str, Any] = manifests()["Deployment"]["spec"]["template"]["spec"]
    return made


def container() -> dict[str, Any]:
    [only] = pod()["containers"]
    assert isinstance(only, dict)
    return only


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_fits_the_schema_of_kubernetes(file: Path, version: str) -> None:
    for manifest in yaml.safe_load_all(file.read_text()):
        kubernetes_validate.validate(manifest, version, strict=True)


def patched() -> dict[str, Any]:
    """Return the Deployment with the page's patch for trusted documents, merged as kubectl does: lists by their names."""
    made = manifests()["Deployment"]
    patch = yaml.safe_load(block(PAGE, "yaml", "# documents-patch.yaml"))["spec"]["template"][
        "spec"
    ]
    [added] = patch["containers"]
    spec = made["spec"]["template"]["spec"]
    [server] = [each for each in spec["containers"] if each["name"] == added["name"]]
    server["env"] = [*server.get("env", []), *added["env"]]
    server["volumeMounts"] += added["volumeMounts"]
    spec["volumes"] += patch["volumes"]
    return made


@pytest.mark.parametrize("version", VERSIONS)
def test_trusted_documents_are_mounted_where_the_setting_says(version: str) -> None:
    deployment = patched()
    kubernetes_validate.validate(deployment, version, strict=True)
    spec = deployment["spec"]["template"]["spec"]
    [server] = spec["containers"]
    setting = {each["name"]: each["value"] for each in server["env"]}
    [mount] = [each for each in server["volumeMounts"] if each["name"] == "documents"]
    assert setting == {"WATCHWORD_DOCUMENTS": mount["mountPath"]}
    assert {each["name"] for each in spec["volumes"]} == {
        each["name"] for each in server["volumeMounts"]
    }
    [source] = [each["configMap"]["name"] for each in spec["volumes"] if "configMap" in each]
    assert f"create configmap {source} --from-file" in block(PAGE, "sh", "create configmap")


def test_the_page_gives_limits_that_can_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    page = PAGE.read_text()
    named = re.findall(r"`(WATCHWORD_\w+): ([^`]+)`", page)
    assert len(named) == 4
    for name, value in named:
        monkeypatch.setenv(name, yaml.safe_load(value))
    assert read(_env_file=None).introspection == "hidden"


def test_a_misspelled_member_would_be_found() -> None:
    broken = manifests()["Deployment"]
    broken["spec"]["template"]["spec"]["terminationGracePeriod"] = 45
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, VERSIONS[-1], strict=True)


def secrets() -> dict[str, str]:
    """Return the settings that the page writes into the Secret."""
    command = block(PAGE, "sh", "create secret")
    return dict(re.findall(r"--from-literal=(\w+)=(\S+)", command))


def test_every_setting_exists_and_can_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    config = manifests()["ConfigMap"]["data"]
    assert not set(config) & set(secrets())
    made = {"WATCHWORD_ENCRYPTION_KEYS": ENCRYPTION_KEY, "WATCHWORD_ADMIN_PASSWORD": PASSWORD}
    assert made.keys() < secrets().keys()
    for name, value in {**secrets(), **config, **made}.items():
        assert name.removeprefix(PREFIX).lower() in Settings.model_fields
        monkeypatch.setenv(name, value)
    settings = read(_env_file=None)
    assert settings.issuer == "https://league.example.com"
    assert settings.drain_seconds == 20


def test_the_pods_get_both_and_the_ingress_has_the_issuers_host() -> None:
    sources = container()["envFrom"]
    assert [next(iter(each.values()))["name"] for each in sources] == ["watchword", "watchword"]
    assert "create secret generic watchword " in block(PAGE, "sh", "create secret")
    ingress = manifests()["Ingress"]["spec"]
    issuer = manifests()["ConfigMap"]["data"]["WATCHWORD_ISSUER"]
    assert {f"https://{rule['host']}" for rule in ingress["rules"]} == {issuer}
    assert [f"https://{host}" for each in ingress["tls"] for host in each["hosts"]] == [issuer]


async def test_probes_are_answered_and_readiness_waits_longer_than_the_database_is_waited_for(
    sqlite_url: str, clock: MovedClock
) -> None:
    probes = {name: container()[f"{name}Probe"] for name in ("startup", "readiness", "liveness")}
    asked = {name: probe["httpGet"]["path"] for name, probe in probes.items()}
    async with running(sqlite_url, clock) as app:
        for path in asked.values():
            # The kubelet asks by the address of the pod.
            answer = await app.client.get(path, headers={"host": "10.1.2.3:8000"})
            assert answer.status_code == 200
    # A database that is away must not make the kubelet restart every pod.
    assert asked["readiness"] == "/health/ready"
    assert asked["liveness"] == asked["startup"] == "/health/live"
    assert probes["readiness"]["timeoutSeconds"] > ANSWER_SECONDS


def test_a_pod_has_the_time_to_drain_after_its_pre_stop() -> None:
    _, pause = container()["lifecycle"]["preStop"]["exec"]["command"]
    drain = float(manifests()["ConfigMap"]["data"]["WATCHWORD_DRAIN_SECONDS"])
    assert pod()["terminationGracePeriodSeconds"] > int(pause) + drain + SHUTDOWN_GRACE


def test_a_service_of_this_name_does_not_change_the_port(monkeypatch: pytest.MonkeyPatch) -> None:
    name = manifests()["Service"]["metadata"]["name"]
    monkeypatch.setenv(f"{name.upper()}_PORT", "tcp://10.0.0.1:80")
    with pytest.raises(Unsafe, match="WATCHWORD_PORT"):
        read(_env_file=None)
    assert pod()["enableServiceLinks"] is False


def test_all_of_them_select_the_same_pods_by_the_same_port() -> None:
    made = manifests()
    labels = made["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert made["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert made["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    assert made["Service"]["spec"]["selector"] == labels
    [port] = made["Service"]["spec"]["ports"]
    assert port["targetPort"] == container()["ports"][0]["name"]
    [rule] = made["Ingress"]["spec"]["rules"]
    backend = rule["http"]["paths"][0]["backend"]["service"]
    assert backend == {"name": made["Service"]["metadata"]["name"], "port": {"name": port["name"]}}


def test_some_pods_stay_when_nodes_are_emptied_or_a_release_is_rolled_out() -> None:
    made = manifests()
    assert (
        made["Deployment"]["spec"]["replicas"]
        > made["PodDisruptionBudget"]["spec"]["maxUnavailable"]
    )
    assert made["Deployment"]["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_the_pod_is_what_the_image_is_made_for() -> None:
    image = (ROOT / "Dockerfile").read_text()
    assert f"--uid {pod()['securityContext']['runAsUser']} " in image
    assert f"EXPOSE {container()['ports'][0]['containerPort']}\n" in image
    assert f"WATCHWORD_PORT={container()['ports'][0]['containerPort']}\n" in image
    assert container()["securityContext"]["readOnlyRootFilesystem"] is True
    mounts = {each["mountPath"] for each in container()["volumeMounts"]}
    [home] = re.findall(r"WATCHWORD_HOME=(\S+)", image)
    assert mounts == {home, "/tmp"}
    assert {each["name"] for each in container()["volumeMounts"]} == {
        each["name"] for each in pod()["volumes"]
    }
