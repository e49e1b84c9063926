"""Settings of the providers: what is offered, and how mistakes are told without their secrets."""

import json
from typing import Any

import pytest

from servicekit.ids import utc_now
from servicekit.settings import ServiceSettings, SettingsError, load_settings
from services.auth.providers import build_providers
from services.auth.providers.settings import ProviderSettings

ONE = {
    "id": "company",
    "label": "Company",
    "issuer": "https://sso.example.org",
    "client_id": "us",
    "client_secret": "a-secret",
}


class Settings(ServiceSettings, ProviderSettings):
    service = "auth"


async def offered(**settings: Any) -> list[tuple[str, str]]:
    providers = build_providers(Settings(**settings), clock=utc_now)
    try:
        return [(name, provider.label) for name, provider in providers.by_id.items()]
    finally:
        await providers.stop()


async def test_nothing_is_offered_without_settings() -> None:
    assert await offered() == []


async def test_what_is_set_is_offered_the_well_known_ones_first(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "LINKAROOIE_AUTH_OPENID_PROVIDERS": json.dumps([{**ONE, "id": "club", "label": "Club"}, ONE]),
        "LINKAROOIE_AUTH_FACEBOOK_APP_ID": "1",
        "LINKAROOIE_AUTH_FACEBOOK_APP_SECRET": "s",
        "LINKAROOIE_AUTH_GOOGLE_CLIENT_ID": "g",
        "LINKAROOIE_AUTH_GOOGLE_CLIENT_SECRET": "s",
        "LINKAROOIE_AUTH_GITHUB_CLIENT_ID": "h",
        "LINKAROOIE_AUTH_GITHUB_CLIENT_SECRET": "s",
    }.items():
        monkeypatch.setenv(name, value)
    settings = load_settings(Settings)
    names = ["google", "github", "facebook", "club", "company"]
    assert [name for name, _ in await offered(**settings.model_dump())] == names
    assert "a-secret" not in repr(settings)


async def test_a_provider_that_is_gone_still_has_a_name() -> None:
    providers = build_providers(Settings(openid_providers=[ONE]), clock=utc_now)
    assert (providers.label_of("company"), providers.label_of("google")) == ("Company", "Google")
    await providers.stop()


@pytest.mark.parametrize(
    "wrong",
    [
        "a-secret",
        "[{",
        json.dumps({"id": "company", "client_secret": "a-secret"}),
        json.dumps([{**ONE, "id": "google"}]),
        json.dumps([{**ONE, "id": "Company SSO"}]),
        json.dumps([{**ONE, "id": "../company"}]),
        json.dumps([{**ONE, "issuer": "sso.example.org"}]),
        json.dumps([{**ONE, "label": ""}]),
        json.dumps([{**ONE, "trust_email": True}]),
        json.dumps([ONE, ONE]),
    ],
)
def test_a_mistake_in_the_list_of_providers_names_the_variable_and_no_secret(
    monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    monkeypatch.setenv("LINKAROOIE_AUTH_OPENID_PROVIDERS", wrong)
    with pytest.raises(SettingsError) as refused:
        load_settings(Settings)
    assert "LINKAROOIE_AUTH_OPENID_PROVIDERS" in str(refused.value)
    assert "a-secret" not in str(refused.value)


@pytest.mark.parametrize("name", ["GOOGLE_CLIENT_ID", "GITHUB_CLIENT_SECRET", "FACEBOOK_APP_ID"])
def test_half_of_a_providers_settings_is_a_mistake(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"LINKAROOIE_AUTH_{name}", "a-secret")
    with pytest.raises(SettingsError) as refused:
        load_settings(Settings)
    assert name in str(refused.value)
    assert "a-secret" not in str(refused.value)
