"""GitHub as an OAuth app: no OpenID, so whose account it is says its API.

After GitHub's documentation ("Authorizing OAuth apps") and its changelog of July 2025 (PKCE).
"""

from collections.abc import Mapping
from typing import Any

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from servicekit.outbound import Answer
from services.auth.domain.identity import ProviderAccount
from services.auth.providers.base import (
    AnswerInvalidError,
    Begun,
    Http,
    Provider,
    UnreachableError,
    access_token_of,
    code_of,
    json_of,
    new_secret,
    object_of,
    text_of,
)

SCOPE = "read:user user:email"


class GitHub(Provider):
    def __init__(self, http: Http, *, client_id: str, client_secret: str, url: str, api_url: str) -> None:
        super().__init__("github", "GitHub")
        self._http = http
        self._client_id = client_id
        self._client_secret = client_secret
        self._url = url
        self._api_url = api_url

    async def begin(self, *, redirect_uri: str, state: str) -> Begun:
        verifier = new_secret()
        authorize_url = prepare_grant_uri(
            f"{self._url}/login/oauth/authorize",
            self._client_id,
            "code",
            redirect_uri=redirect_uri,
            scope=SCOPE,
            state=state,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
            prompt="select_account",
        )
        return Begun(authorize_url, {"verifier": verifier})

    async def finish(
        self, parameters: Mapping[str, str], *, kept: Mapping[str, str], redirect_uri: str
    ) -> ProviderAccount:
        body = prepare_token_request(
            "authorization_code",
            redirect_uri=redirect_uri,
            code=code_of(parameters),
            client_id=self._client_id,
            client_secret=self._client_secret,
            code_verifier=kept["verifier"],
        )
        # Errors come with status 200 here; the body tells.
        answer = await self._http.call("POST", f"{self._url}/login/oauth/access_token", content=body)
        token = access_token_of(object_of(answer))
        user = object_of(await self._ask(token, "/user"))
        number = user.get("id")
        if not isinstance(number, int) or isinstance(number, bool):
            raise AnswerInvalidError("an account without a number")
        login = text_of(user, "login")
        email = await self._primary_email(token)
        return ProviderAccount(
            subject=str(number),  # logins are renamed, and taken by others
            name=login,
            display_name=text_of(user, "name") or login,
            email=email,
            vouches_for_email=bool(email),
        )

    async def _primary_email(self, token: str) -> str:
        """Returns the primary address if GitHub has verified it; else, or when people did not allow us to see it, nothing."""
        answer = await self._ask(token, "/user/emails")
        if answer.status in {403, 404}:
            return ""
        entries: Any = json_of(answer)  # JSON
        if not isinstance(entries, list):
            raise AnswerInvalidError("addresses that are no list")
        for entry in entries:
            if isinstance(entry, dict) and entry.get("primary") is True and entry.get("verified") is True:
                return text_of(entry, "email")
        return ""

    async def _ask(self, token: str, path: str) -> Answer:
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"}
        answer = await self._http.call("GET", f"{self._api_url}{path}", headers=headers)
        # What is over the limit is answered like what is forbidden, but for this header.
        if answer.status == 403 and answer.headers.get("x-ratelimit-remaining") == "0":
            raise UnreachableError("over the rate limit")
        return answer
