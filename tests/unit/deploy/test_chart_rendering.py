"""What the chart makes of its defaults, and of the values that change its shape."""

import tomllib
from collections.abc import Callable
from typing import Any

import kubernetes_validate
import pytest
import yaml

from linkarooie.services import SERVICES as PROGRAM

SERVICES = ["analytics", "auth", "gateway", "notify", "processor", "profile", "sync", "upload"]
# Every optional part at once.
EVERYTHING: dict[str, Any] = {
    "imagePullSecrets": ["registry"],
    "image": {"repository": "registry.example.com/linkarooie", "digest": "sha256:" + "0" * 64},
    "otlpEndpoint": "http://otel.observability:4318",
    "defaults": {
        "autoscaling": {"enabled": True},
        "podAnnotations": {"example.com/team": "pictures"},
        "serviceAccountAnnotations": {"example.com/role": "pictures"},
        "nodeSelector": {"kubernetes.io/arch": "amd64"},
        "tolerations": [{"key": "spot", "operator": "Exists", "effect": "NoSchedule"}],
    },
    "networkPolicy": {"gatewayFrom": [{"namespaceSelector": {"matchLabels": {"name": "ingress"}}}]},
    "services": {"auth": {"config": {"TOKEN_ISSUER": "example"}}},
}
Render = Callable[..., Any]


@pytest.fixture(scope="module")
def everything(render: Render) -> Any:
    return render(EVERYTHING)


def test_the_chart_has_the_services_of_the_program_and_gives_each_its_database(release: Any) -> None:
    assert sorted(program.name for program in PROGRAM) == SERVICES
    for program in PROGRAM:
        container = release.one("Deployment", program.name)["spec"]["template"]["spec"]["containers"][0]
        variable = f"LINKAROOIE_{program.name.upper()}_DATABASE_URL"
        assert (variable in {entry["name"] for entry in container["env"]}) is program.has_database


def test_every_service_is_run_by_its_own_command(release: Any) -> None:
    commands = {name: pod["spec"]["containers"][0]["command"] for name, pod in release.pods()}
    assert commands == {
        **{f"lk-linkarooie-{service}": ["linkarooie", "run", service] for service in SERVICES},
        "lk-linkarooie-migrate": ["linkarooie", "migrate"],
    }


@pytest.mark.parametrize("version", ["1.30", "1.37"])
@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["defaults", "everything"])
def test_every_object_is_valid_in_the_oldest_and_newest_kubernetes(
    render: Render, values: object, version: str
) -> None:
    manifests = render(values, "--kube-version", f"{version}.0").manifests
    assert len(manifests) > 40
    for manifest in manifests:
        kubernetes_validate.validate(manifest, version, strict=True)


def test_an_older_kubernetes_is_refused(render: Render) -> None:
    with pytest.raises(Exception, match=r"incompatible with Kubernetes v1\.29"):
        render({}, "--kube-version", "1.29.0")


def test_no_two_objects_share_kind_and_name(everything: Any) -> None:
    names = [(manifest["kind"], manifest["metadata"]["name"]) for manifest in everything.manifests]
    assert len(set(names)) == len(names)


def test_all_objects_are_in_the_namespace_of_the_release(everything: Any) -> None:
    assert {manifest["metadata"]["namespace"] for manifest in everything.manifests} == {"apps"}


def test_grpc_services_are_headless_and_the_gateway_is_not(release: Any) -> None:
    for service in SERVICES:
        spec = release.one("Service", service)["spec"]
        if service == "gateway":
            assert "clusterIP" not in spec
            assert spec["ports"][0] | {"appProtocol": ""} == {
                "name": "http", "port": 8080, "targetPort": "http", "appProtocol": "",
            }  # fmt: skip
        else:
            assert spec["clusterIP"] == "None"
            assert spec["ports"][0]["port"] == 50051


def test_replicas_are_stated_unless_an_autoscaler_owns_them(release: Any, everything: Any) -> None:
    assert {manifest["spec"]["replicas"] for manifest in release.of("Deployment")} == {2}
    assert not list(release.of("HorizontalPodAutoscaler"))
    assert not [manifest for manifest in everything.of("Deployment") if "replicas" in manifest["spec"]]
    scaled = [manifest["spec"]["scaleTargetRef"]["name"] for manifest in everything.of("HorizontalPodAutoscaler")]
    assert scaled == [f"lk-linkarooie-{service}" for service in SERVICES]


def test_one_service_can_differ_from_the_defaults(render: Render) -> None:
    release = render({"services": {"processor": {"replicas": 7}, "sync": {"autoscaling": {"enabled": True}}}})
    assert release.one("Deployment", "processor")["spec"]["replicas"] == 7
    assert release.one("Deployment", "auth")["spec"]["replicas"] == 2
    assert "replicas" not in release.one("Deployment", "sync")["spec"]
    assert [one["metadata"]["name"] for one in release.of("HorizontalPodAutoscaler")] == ["lk-linkarooie-sync"]


def test_a_digest_goes_before_a_tag(release: Any, everything: Any) -> None:
    assert {pod["spec"]["containers"][0]["image"] for _, pod in release.pods()} == {"linkarooie:0.1.0"}
    assert {pod["spec"]["containers"][0]["image"] for _, pod in everything.pods()} == {
        f"registry.example.com/linkarooie@sha256:{'0' * 64}"
    }


def test_changed_settings_replace_the_pods(release: Any, render: Render) -> None:
    def checksum(rendered: Any) -> str:
        annotations: dict[str, str] = rendered.one("Deployment", "auth")["spec"]["template"]["metadata"]["annotations"]
        return annotations["checksum/config"]

    assert checksum(render({"config": {"LOG_LEVEL": "debug"}})) != checksum(release)
    assert checksum(render({"networkPolicy": {"enabled": False}})) == checksum(release)


def test_migrations_run_before_the_new_pods_and_need_nothing_of_the_release(release: Any) -> None:
    hooks = {
        manifest["kind"]: manifest["metadata"]["annotations"]
        for manifest in release.manifests
        if "helm.sh/hook" in manifest["metadata"].get("annotations", {})
    }
    assert set(hooks) == {"ServiceAccount", "NetworkPolicy", "Job"}
    assert {annotations["helm.sh/hook"] for annotations in hooks.values()} == {"pre-install,pre-upgrade"}
    assert int(hooks["ServiceAccount"]["helm.sh/hook-weight"]) < int(hooks["Job"]["helm.sh/hook-weight"])
    assert int(hooks["NetworkPolicy"]["helm.sh/hook-weight"]) < int(hooks["Job"]["helm.sh/hook-weight"])
    assert "envFrom" not in release.one("Job", "migrate")["spec"]["template"]["spec"]["containers"][0]


def test_migrations_can_be_left_out(render: Render) -> None:
    release = render({"migrate": {"enabled": False}})
    assert not list(release.of("Job"))
    assert all("migrate" not in manifest["metadata"]["name"] for manifest in release.manifests)


def test_the_chart_is_of_the_version_of_the_program(chart_folder: Any, root_folder: Any) -> None:
    project = tomllib.loads((root_folder / "pyproject.toml").read_text())["project"]
    assert yaml.safe_load((chart_folder / "Chart.yaml").read_text())["appVersion"] == project["version"]
