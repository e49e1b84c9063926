"""What the chart refuses, and what it says then."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Render = Callable[..., Any]


def test_the_chart_passes_the_strict_linter(helm: Callable[..., str], chart_folder: Path) -> None:
    assert "1 chart(s) linted, 0 chart(s) failed" in helm("lint", "--strict", str(chart_folder))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"bogus": 1}, "additional properties 'bogus' not allowed"),
        ({"image": {"tags": "1"}}, "at '/image': additional properties 'tags' not allowed"),
        ({"defaults": {"replica": 1}}, "at '/defaults': additional properties 'replica' not allowed"),
        ({"services": {"auth": {"replica": 1}}}, "at '/services/auth': additional properties 'replica' not allowed"),
        ({"services": {"billing": {}}}, "at '/services': additional properties 'billing' not allowed"),
        ({"services": {"auth": {"calls": ["billing"]}}}, "at '/services/auth/calls/0'"),
        ({"services": {"auth": {"autoscaling": {"on": True}}}}, "additional properties 'on' not allowed"),
        ({"backends": {"s3": {"bukcet": 1}}}, "at '/backends/s3': additional properties 'bukcet' not allowed"),
        ({"backends": {"s3": {"secrets": {"S3_ACCESS_KEY": {"value": "plain"}}}}}, "additional properties 'value'"),
        ({"config": {"S3_SECRET_KEY": "plain"}}, "at '/config/S3_SECRET_KEY'"),
        ({"config": {"NATS_REPLICAS": 3}}, "at '/config/NATS_REPLICAS': got number, want string"),
        ({"image": {"digest": "latest"}}, "at '/image/digest'"),
        ({"services": {"auth": {"uses": ["kafka"]}}}, 'uses names "kafka", which is not under backends; add it there'),
    ],
)
def test_a_value_that_is_not_known_is_refused_by_its_path(render: Render, values: object, message: str) -> None:
    with pytest.raises(Exception, match=re.escape(message)):
        render(values)


def test_a_new_backend_needs_no_change_of_the_templates(render: Render) -> None:
    release = render(
        {
            "backends": {"valkey": {"ports": [6379], "secrets": {"VALKEY_URL": {"name": "valkey", "key": "url"}}}},
            "services": {"gateway": {"uses": ["nats", "s3", "valkey"]}},
        }
    )
    container = release.one("Deployment", "gateway")["spec"]["template"]["spec"]["containers"][0]
    assert "LINKAROOIE_VALKEY_URL" in {entry["name"] for entry in container["env"]}
    egress = release.one("NetworkPolicy", "gateway")["spec"]["egress"]
    assert {"ports": [{"port": 6379, "protocol": "TCP"}]} in egress


def test_every_top_level_value_is_explained_above_or_right_below(chart_folder: Path) -> None:
    lines = (chart_folder / "values.yaml").read_text().splitlines()
    keys = [number for number, line in enumerate(lines) if re.match(r"[a-zA-Z]", line)]
    assert len(keys) > 8
    for number in keys:
        assert lines[number - 1].startswith("# ") or lines[number + 1].startswith("  # "), lines[number]


def test_the_notes_list_each_secret_that_must_exist(helm: Callable[..., str], chart_folder: Path) -> None:
    text = helm("install", "lk", str(chart_folder), "-n", "apps", "--dry-run=client")
    notes = text.partition("NOTES:")[2]
    assert "linkarooie-sync, key vault-keys" in notes
    assert "linkarooie-smtp, key password (optional)" in notes
    assert "port-forward service/lk-linkarooie-gateway 8080:8080" in notes
