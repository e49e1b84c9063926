"""That the rendered objects fit each other: selectors, references, ways through the network."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

Render = Callable[..., Any]
SERVICES = ["analytics", "auth", "gateway", "notify", "processor", "profile", "sync", "upload"]


def selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    expressions = selector.get("matchExpressions", [])
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items()) and all(
        expression["operator"] == "In" and labels.get(expression["key"]) in expression["values"]
        for expression in expressions
    )


def labels_of(release: Any) -> dict[str, dict[str, str]]:
    return {name.removeprefix("lk-linkarooie-"): pod["metadata"]["labels"] for name, pod in release.pods()}


@pytest.mark.parametrize("kind", ["Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy"])
@pytest.mark.parametrize("service", SERVICES)
def test_each_object_selects_the_pods_of_its_service_alone(release: Any, kind: str, service: str) -> None:
    spec = release.one(kind, service)["spec"]
    selector = {"matchLabels": spec["selector"]} if kind == "Service" else spec.get("selector", spec.get("podSelector"))
    assert [name for name, labels in labels_of(release).items() if selects(selector, labels)] == [service]


def test_selectors_hold_no_label_that_changes_between_versions(release: Any) -> None:
    for manifest in release.of("Deployment"):
        assert set(manifest["spec"]["selector"]["matchLabels"]) == {
            "app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/component",
        }  # fmt: skip


def test_every_name_that_a_pod_refers_to_exists_or_is_a_secret_from_the_values(release: Any) -> None:
    accounts = {manifest["metadata"]["name"] for manifest in release.of("ServiceAccount")}
    config_maps = {manifest["metadata"]["name"] for manifest in release.of("ConfigMap")}
    for name, pod in release.pods():
        container = pod["spec"]["containers"][0]
        assert pod["spec"]["serviceAccountName"] == name
        assert name in accounts
        assert {entry["configMapRef"]["name"] for entry in container.get("envFrom", [])} <= config_maps
        volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
        assert {mount["name"] for mount in container["volumeMounts"]} == volumes
    assert not list(release.of("Secret"))


def test_ports_that_are_named_exist_in_the_container(release: Any) -> None:
    for service in SERVICES:
        container = release.one("Deployment", service)["spec"]["template"]["spec"]["containers"][0]
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        assert ports["metrics"] == 9100
        (exposed,) = release.one("Service", service)["spec"]["ports"]
        assert ports[exposed["targetPort"]] == exposed["port"]
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            (port,) = (value["port"] for value in container[probe].values() if isinstance(value, dict))
            assert port in ports or port in ports.values()


@pytest.mark.parametrize("service", SERVICES)
def test_readiness_asks_the_service_and_liveness_no_dependency(release: Any, service: str) -> None:
    container = release.one("Deployment", service)["spec"]["template"]["spec"]["containers"][0]
    if service == "gateway":
        assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
        assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    else:
        assert container["readinessProbe"]["grpc"] == {"port": 50051}
        assert "grpc" not in container["livenessProbe"]


def test_every_pod_meets_the_restricted_standard_and_reads_no_token(release: Any) -> None:
    for _, pod in release.pods():
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }


def test_every_container_states_requests_and_a_memory_limit_equal_to_them(release: Any) -> None:
    for _, pod in release.pods():
        resources = pod["spec"]["containers"][0]["resources"]
        assert set(resources["requests"]) == {"cpu", "memory"}
        assert resources["limits"] == {"memory": resources["requests"]["memory"]}


def test_no_variable_is_set_twice_and_none_contradicts_the_shared_settings(release: Any) -> None:
    (shared,) = release.of("ConfigMap")
    for name, pod in release.pods():
        container = pod["spec"]["containers"][0]
        names = [entry["name"] for entry in container.get("env", [])]
        assert len(set(names)) == len(names), name
        if "envFrom" in container:
            assert not set(names) & set(shared["data"]), name


def test_each_service_gets_the_secrets_that_it_uses_and_no_other(release: Any) -> None:
    def secrets(name: str) -> set[str]:
        container = next(pod for owner, pod in release.pods() if owner.endswith(name))["spec"]["containers"][0]
        return {entry["name"] for entry in container["env"] if "valueFrom" in entry}

    assert secrets("processor") == {"LINKAROOIE_NATS_URL", "LINKAROOIE_S3_ACCESS_KEY", "LINKAROOIE_S3_SECRET_KEY"}
    assert secrets("profile") == {"LINKAROOIE_NATS_URL", "LINKAROOIE_PROFILE_DATABASE_URL"}
    assert "LINKAROOIE_SYNC_VAULT_KEYS" in secrets("sync")
    for kind, holders in {
        "VAULT_KEYS": ["auth", "sync"],
        "LETTER_KEYS": ["auth", "notify"],
        "MEDIA_KEY": ["gateway"],
    }.items():
        held = {service: {name for name in secrets(service) if name.endswith(kind)} for service in SERVICES}
        assert held == {
            service: {f"LINKAROOIE_{service.upper()}_{kind}"} if service in holders else set() for service in SERVICES
        }
    assert {name for name in secrets("migrate") if name.endswith("DATABASE_URL")} == {
        f"LINKAROOIE_{service}_DATABASE_URL" for service in ("ANALYTICS", "AUTH", "NOTIFY", "PROFILE", "SYNC", "UPLOAD")
    }


def test_a_setting_reaches_all_services_or_the_one_it_is_for(render: Render) -> None:
    release = render(
        {"config": {"GREETING": "hello"}, "services": {"auth": {"config": {"SESSION_DAYS": "30"}}}},
    )
    (shared,) = release.of("ConfigMap")
    assert shared["data"]["LINKAROOIE_GREETING"] == "hello"
    with_setting = [
        name
        for name, pod in release.pods()
        for entry in pod["spec"]["containers"][0]["env"]
        if entry == {"name": "LINKAROOIE_AUTH_SESSION_DAYS", "value": "30"}
    ]
    assert with_setting == ["lk-linkarooie-auth"]


def test_a_target_is_the_address_of_the_service_of_that_name(release: Any) -> None:
    (shared,) = release.of("ConfigMap")
    for service in set(SERVICES) - {"gateway"}:
        host, port = shared["data"][f"LINKAROOIE_{service.upper()}_TARGET"].removeprefix("dns:///").split(":")
        name, namespace, _ = host.split(".")
        manifest = release.one("Service", service)
        assert (name, namespace) == (manifest["metadata"]["name"], manifest["metadata"]["namespace"])
        assert int(port) == manifest["spec"]["ports"][0]["port"]


def allowed(release: Any, source: str, target: str) -> bool:
    """Whether pods of `source` may open a connection to the service port of `target`, by the policies of both ends."""
    labels = labels_of(release)
    port = 8080 if target == "gateway" else 50051

    def opens(rules: list[dict[str, Any]], side: str, other: dict[str, str]) -> bool:
        return any(
            any(entry["port"] == port for entry in rule["ports"])
            and any("podSelector" in peer and selects(peer["podSelector"], other) for peer in rule.get(side, []))
            for rule in rules
        )

    outbound = release.one("NetworkPolicy", source)["spec"]["egress"]
    inbound = release.one("NetworkPolicy", target)["spec"].get("ingress", [])
    return opens(outbound, "to", labels[target]) and opens(inbound, "from", labels[source])


def test_only_the_calls_in_the_values_get_through(release: Any) -> None:
    everyone = [*SERVICES, "migrate"]
    opened = {(source, target) for source in everyone for target in SERVICES if allowed(release, source, target)}
    assert {source for source, target in opened if target == "auth"} == set(SERVICES) - {"auth"}
    assert {target for source, target in opened if source == "gateway"} == set(SERVICES) - {"gateway"}
    assert {source for source, target in opened if target == "upload"} == {"gateway", "sync"}
    assert not [source for source, target in opened if source == "migrate" or target == "gateway"]


def test_all_pods_are_denied_what_is_not_allowed(release: Any) -> None:
    spec = release.one("NetworkPolicy", "default-deny")["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in spec
    assert "egress" not in spec
    assert all(selects(spec["podSelector"], labels) for labels in labels_of(release).values())


def blocks(policy: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for rule in policy["spec"].get("egress", []):
        for peer in rule.get("to", []):
            if "ipBlock" in peer:
                yield peer["ipBlock"]


def test_the_way_to_hosts_outside_excludes_private_addresses(release: Any) -> None:
    found = {policy["metadata"]["name"]: list(blocks(policy)) for policy in release.of("NetworkPolicy")}
    online = {name.removeprefix("lk-linkarooie-"): allowed for name, allowed in found.items() if allowed}
    assert set(online) == {"auth", "sync", "upload"}
    for allowed in online.values():
        v4 = next(block for block in allowed if block["cidr"] == "0.0.0.0/0")
        assert {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10"} <= set(v4["except"])


def test_both_ends_of_a_sealed_letter_read_the_same_key(release: Any) -> None:
    sources = [
        entry["valueFrom"]
        for service in ("auth", "notify")
        for entry in release.one("Deployment", service)["spec"]["template"]["spec"]["containers"][0]["env"]
        if entry["name"].endswith("LETTER_KEYS")
    ]
    assert len(sources) == 2
    assert sources[0] == sources[1]


def test_a_sign_in_provider_that_is_not_set_up_keeps_no_pod_from_starting(release: Any) -> None:
    container = release.one("Deployment", "auth")["spec"]["template"]["spec"]["containers"][0]
    optional = {
        entry["name"]
        for entry in container["env"]
        if entry.get("valueFrom", {}).get("secretKeyRef", {}).get("optional")
    }
    assert optional == {
        f"LINKAROOIE_AUTH_{name}"
        for name in ("GOOGLE_CLIENT_SECRET", "GITHUB_CLIENT_SECRET", "FACEBOOK_APP_SECRET", "OPENID_PROVIDERS")
    }


def test_traces_open_the_way_to_the_collector_only_where_they_are_sent(release: Any, render: Render) -> None:
    def ports(rendered: Any) -> set[int]:
        policy = rendered.one("NetworkPolicy", "profile")
        return {entry["port"] for rule in policy["spec"]["egress"] for entry in rule["ports"]}

    traced = render({"otlpEndpoint": "http://otel.observability:4318"})
    (shared,) = traced.of("ConfigMap")
    assert shared["data"]["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://otel.observability:4318"
    assert 4318 in ports(traced)
    assert 4318 not in ports(release)


def test_network_policies_can_be_switched_off(render: Render) -> None:
    assert not list(render({"networkPolicy": {"enabled": False}}).of("NetworkPolicy"))
