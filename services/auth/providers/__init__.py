"""Signing in with an account somewhere else: one module a kind of provider, and those that the settings offer."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from servicekit.app import Part
from servicekit.ids import Clock
from servicekit.outbound import Outbound
from services.auth.providers.base import Http, Provider
from services.auth.providers.facebook import Facebook
from services.auth.providers.github import GitHub
from services.auth.providers.openid import OpenId, OpenIdClient, google_vouches, never, says_verified
from services.auth.providers.settings import ProviderSettings


@dataclass(frozen=True)
class Providers(Part):
    """The providers of this installation by id, in the order to show them. Part of the app: its connections end with it."""

    by_id: Mapping[str, Provider]
    http: Http

    def label_of(self, provider_id: str) -> str:
        """Returns a provider's name for people, also for one that is not offered any more."""
        known = self.by_id.get(provider_id)
        return provider_id.capitalize() if known is None else known.label

    async def start(self) -> None:
        """Does nothing: connections are opened when they are needed."""

    async def stop(self) -> None:
        await self.http.close()


def build_providers(settings: ProviderSettings, *, clock: Clock) -> Providers:
    """Builds the providers that the settings are there for."""
    outbound = Outbound(trusted_hosts=(*settings.trusted_hosts, *_own_addresses(settings)))
    http = Http(outbound, timeout_seconds=settings.provider_timeout_seconds)
    return Providers({provider.id: provider for provider in _offered(settings, http, clock)}, http)


def _own_addresses(settings: ProviderSettings) -> Iterable[str]:
    """Returns the addresses that the operator has named, which may be in a network of their own."""
    return (
        settings.google_issuer,
        settings.github_url,
        settings.github_api_url,
        settings.facebook_url,
        settings.facebook_graph_url,
        *(provider.issuer for provider in settings.openid_providers),
    )


def _offered(settings: ProviderSettings, http: Http, clock: Clock) -> Iterator[Provider]:
    if settings.google_client_id:
        google = OpenIdClient(
            issuer=settings.google_issuer,
            client_id=settings.google_client_id,
            client_secret=settings.google_client_secret.get_secret_value(),
            vouches=google_vouches,
            # Google leaves the scheme out at times, and says so.
            other_issuers=(settings.google_issuer.partition("://")[2],),
            authorize_parameters={"prompt": "select_account"},
            posts_secret=True,  # as its documentation shows
        )
        yield OpenId("google", "Google", google, http, clock=clock)
    if settings.github_client_id:
        yield GitHub(
            http,
            client_id=settings.github_client_id,
            client_secret=settings.github_client_secret.get_secret_value(),
            url=settings.github_url,
            api_url=settings.github_api_url,
        )
    if settings.facebook_app_id:
        yield Facebook(
            http,
            app_id=settings.facebook_app_id,
            app_secret=settings.facebook_app_secret.get_secret_value(),
            url=settings.facebook_url,
            graph_url=settings.facebook_graph_url,
            version=settings.facebook_version,
        )
    for one in settings.openid_providers:
        client = OpenIdClient(
            issuer=one.issuer,
            client_id=one.client_id,
            client_secret=one.client_secret.get_secret_value(),
            vouches=says_verified if one.trusts_email else never,
        )
        yield OpenId(one.id, one.label, client, http, clock=clock)
