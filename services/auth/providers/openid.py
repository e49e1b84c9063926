"""OpenID Connect (Core 1.0, Discovery 1.0) with PKCE (RFC 7636): Google, and whatever provider the settings name besides."""

import base64
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import get_well_known_url
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError, SecurityWarning
from joserfc.jwk import KeySet

from servicekit.identity import LEEWAY_SECONDS
from servicekit.ids import Clock
from services.auth.domain.identity import ProviderAccount
from services.auth.providers.base import (
    SUBJECT_MAX_CHARACTERS,
    AnswerInvalidError,
    Begun,
    Http,
    Provider,
    access_token_of,
    code_of,
    new_secret,
    object_of,
    text_of,
)
from services.auth.providers.documents import CachedDocument

SCOPE = "openid email profile"
# With public keys only: the client's secret, by which HS256 would sign, proves nothing about who signed.
ALGORITHMS = frozenset({"RS256", "ES256", "EdDSA", "Ed25519"})
# Of the kinds that these are made with; a set may hold others, which are not for us.
_KEY_TYPES = frozenset({"RSA", "EC", "OKP"})

Claims = Mapping[str, Any]  # JSON


@dataclass(frozen=True)
class OpenIdClient:
    """How this installation is known to a provider, and how far the provider's word goes.

    `vouches` tells from the claims whether the provider has proved the address and is in charge of it. `other_issuers` are further
    names by which it calls itself in its tokens. `posts_secret` says that the secret goes into the form although the provider
    would take it in the header.
    """

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    vouches: Callable[[Claims], bool]
    other_issuers: tuple[str, ...] = ()
    authorize_parameters: Mapping[str, str] = field(default_factory=dict)
    posts_secret: bool = False


class OpenId(Provider):
    def __init__(self, provider_id: str, label: str, client: OpenIdClient, http: Http, *, clock: Clock) -> None:
        super().__init__(provider_id, label)
        self._client = client
        self._http = http
        self._clock = clock
        self._discovery = CachedDocument(http)
        self._keys = CachedDocument(http)

    async def begin(self, *, redirect_uri: str, state: str) -> Begun:
        metadata = await self._metadata()
        verifier, nonce = new_secret(), new_secret()
        authorize_url = prepare_grant_uri(
            _endpoint(metadata, "authorization_endpoint"),
            self._client.client_id,
            "code",
            redirect_uri=redirect_uri,
            scope=SCOPE,
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
            **self._client.authorize_parameters,
        )
        return Begun(authorize_url, {"verifier": verifier, "nonce": nonce})

    async def finish(
        self, parameters: Mapping[str, str], *, kept: Mapping[str, str], redirect_uri: str
    ) -> ProviderAccount:
        metadata = await self._metadata()
        self._check_sender(parameters, metadata)
        answer = await self._redeem(metadata, code_of(parameters), kept["verifier"], redirect_uri)
        claims = await self._verified(text_of(answer, "id_token"), metadata, kept["nonce"])
        subject = text_of(claims, "sub")
        if not 0 < len(subject) <= SUBJECT_MAX_CHARACTERS:
            raise AnswerInvalidError("an ID token about nobody")
        told = claims if "email" in claims else await self._userinfo(metadata, access_token_of(answer), claims)
        email = text_of(told, "email")
        display_name = text_of(told, "name") or text_of(told, "preferred_username")
        return ProviderAccount(
            subject=subject,
            name=email or display_name,
            display_name=display_name,
            email=email,
            vouches_for_email=bool(email) and self._client.vouches(told),
        )

    async def _metadata(self) -> Claims:
        issuer = self._client.issuer
        metadata = await self._discovery.get(get_well_known_url(issuer, external=True))
        # Discovery 1.0, section 4.3: else one provider could speak for another.
        if metadata.get("issuer") != issuer:
            raise AnswerInvalidError(f"its discovery document is not that of the issuer {issuer}")
        return metadata

    def _check_sender(self, parameters: Mapping[str, str], metadata: Claims) -> None:
        """Refuses what another provider sent back (RFC 9207). Also before an error is believed."""
        sender = parameters.get("iss")
        if sender is None and metadata.get("authorization_response_iss_parameter_supported") is True:
            raise AnswerInvalidError("sent back without the issuer, which this provider always names")
        if sender is not None and sender != metadata["issuer"]:
            raise AnswerInvalidError("sent back by another issuer")

    async def _redeem(self, metadata: Claims, code: str, verifier: str, redirect_uri: str) -> Claims:
        body = {"redirect_uri": redirect_uri, "code": code, "code_verifier": verifier}
        headers: dict[str, str] = {}
        if self._client.posts_secret or "client_secret_basic" not in _token_methods(metadata):
            body |= {"client_id": self._client.client_id, "client_secret": self._client.client_secret}
        else:
            headers["Authorization"] = _basic(self._client.client_id, self._client.client_secret)
        return object_of(
            await self._http.call(
                "POST",
                _endpoint(metadata, "token_endpoint"),
                headers=headers,
                content=prepare_token_request("authorization_code", **body),
            )
        )

    async def _verified(self, id_token: str, metadata: Claims, nonce: str) -> Claims:
        """Returns the claims of an ID token that this provider made for us, for this sign-in. Raises `AnswerInvalidError`."""
        offered = metadata.get("id_token_signing_alg_values_supported")
        algorithms = sorted(ALGORITHMS.intersection(offered if isinstance(offered, list) else ["RS256"]))
        keys_url = _endpoint(metadata, "jwks_uri")
        try:
            try:
                token = _decode(id_token, await self._keys.get(keys_url), algorithms)
            except InvalidKeyIdError:  # its keys have changed since we asked
                token = _decode(id_token, await self._keys.get(keys_url, anew=True), algorithms)
            claims = CodeIDToken(
                token.claims,
                token.header,
                options={
                    "iss": {"essential": True, "values": [self._client.issuer, *self._client.other_issuers]},
                    "aud": {"essential": True, "value": self._client.client_id},
                },
                params={"nonce": nonce, "client_id": self._client.client_id},
            )
            claims.validate(now=int(self._clock().timestamp()), leeway=LEEWAY_SECONDS)
        except (JoseError, ValueError, TypeError, KeyError, OverflowError) as error:
            raise AnswerInvalidError(f"an ID token that is not good: {type(error).__name__} {_claim(error)}") from error
        return dict(claims)

    async def _userinfo(self, metadata: Claims, access_token: str, claims: Claims) -> Claims:
        """Returns what the provider tells apart from the ID token, where it does. Raises `AnswerInvalidError` if it is about another."""
        if "userinfo_endpoint" not in metadata:
            return claims
        headers = {"Authorization": f"Bearer {access_token}"}
        told = object_of(await self._http.call("GET", _endpoint(metadata, "userinfo_endpoint"), headers=headers))
        if told.get("sub") != claims["sub"]:
            raise AnswerInvalidError("user information about somebody else")
        return told


def google_vouches(claims: Claims) -> bool:
    """Tells whether Google is in charge of an address, not only of who typed it once: its own mail, or a domain that it runs.

    After Google's advice on signing in with it: `hd` names the domain of a Workspace account.
    """
    is_its_own = text_of(claims, "email").lower().endswith("@gmail.com") or bool(text_of(claims, "hd"))
    return claims.get("email_verified") is True and is_its_own


def says_verified(claims: Claims) -> bool:
    """For a provider that the operator trusts with addresses: whether it calls this one verified."""
    return claims.get("email_verified") is True


def never(claims: Claims) -> bool:  # noqa: ARG001  # as the others
    """For a provider whose word on addresses the operator does not take."""
    return False


def _decode(id_token: str, keys: Claims, algorithms: list[str]) -> jwt.Token:
    entries = keys.get("keys")
    usable = [
        entry
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict) and entry.get("kty") in _KEY_TYPES and entry.get("use", "sig") == "sig"
    ]
    with warnings.catch_warnings():
        # RFC 9864 renames EdDSA to Ed25519; providers still write the old name, for the same thing.
        warnings.filterwarnings("ignore", message="EdDSA", category=SecurityWarning)
        return jwt.decode(id_token, KeySet.import_key_set({"keys": usable}), algorithms=algorithms)


def _claim(error: Exception) -> str:
    """Names the claim that was wrong, for the log; its value stays out of it."""
    return str(getattr(error, "claim", ""))


def _endpoint(metadata: Claims, name: str) -> str:
    url = text_of(metadata, name)
    if not url:
        raise AnswerInvalidError(f"a discovery document without {name}")
    return url


def _token_methods(metadata: Claims) -> list[str]:
    methods = metadata.get("token_endpoint_auth_methods_supported")
    return methods if isinstance(methods, list) else ["client_secret_basic"]  # as Discovery 1.0, section 3, says


def _basic(client_id: str, client_secret: str) -> str:
    """Returns the header by which a client shows its secret; each part is encoded as in a form (RFC 6749, section 2.3.1)."""
    pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"
