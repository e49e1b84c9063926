"""Facebook Login, the flow without OpenID: whose account it is says the Graph API.

After Meta's documentation ("Manually build a login flow", March 2026; "Secure requests"). Its OpenID flow with PKCE is called a test
there, so we do without. An address may be missing, and none is ever vouched for.
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri

from services.auth.domain.identity import ProviderAccount
from services.auth.providers.base import (
    AnswerInvalidError,
    Begun,
    Http,
    Provider,
    UnreachableError,
    access_token_of,
    code_of,
    object_of,
    text_of,
)

SCOPE = "public_profile,email"
# The Graph API's codes for being in trouble itself (1, 2) and for asking us to slow down; the status tells nothing.
_LATER = frozenset({1, 2, 4, 17, 341, 613})


class Facebook(Provider):
    def __init__(self, http: Http, *, app_id: str, app_secret: str, url: str, graph_url: str, version: str) -> None:
        super().__init__("facebook", "Facebook")
        self._http = http
        self._app_id = app_id
        self._app_secret = app_secret
        self._dialog_url = f"{url}/{version}/dialog/oauth"
        self._graph_url = f"{graph_url}/{version}"

    async def begin(self, *, redirect_uri: str, state: str) -> Begun:
        authorize_url = prepare_grant_uri(
            self._dialog_url, self._app_id, "code", redirect_uri=redirect_uri, scope=SCOPE, state=state
        )
        return Begun(authorize_url, {})

    async def finish(
        self,
        parameters: Mapping[str, str],
        *,
        kept: Mapping[str, str],  # noqa: ARG002  # without PKCE and a nonce nothing was kept
        redirect_uri: str,
    ) -> ProviderAccount:
        exchange = {
            "client_id": self._app_id,
            "client_secret": self._app_secret,
            "redirect_uri": redirect_uri,
            "code": code_of(parameters),
        }
        token = access_token_of(await self._ask("oauth/access_token", exchange))
        user_id = await self._owner_of(token)
        proof = hmac.new(self._app_secret.encode(), token.encode(), hashlib.sha256).hexdigest()
        me = await self._ask("me", {"fields": "id,name,email", "appsecret_proof": proof}, token=token)
        if me.get("id") != user_id:
            raise AnswerInvalidError("the token is another account's")
        name = text_of(me, "name")
        return ProviderAccount(subject=user_id, name=name, display_name=name, email=text_of(me, "email"))

    async def _owner_of(self, token: str) -> str:
        """Returns whose token it is. Raises `AnswerInvalidError` for one that was not made for this app."""
        inspect = {"input_token": token, "access_token": f"{self._app_id}|{self._app_secret}"}
        data = (await self._ask("debug_token", inspect)).get("data")
        if not isinstance(data, dict) or data.get("is_valid") is not True or str(data.get("app_id")) != self._app_id:
            raise AnswerInvalidError("the token is not for this app")
        user_id = text_of(data, "user_id")
        if not user_id:
            raise AnswerInvalidError("a token of nobody")
        return user_id

    async def _ask(self, path: str, params: Mapping[str, str], *, token: str = "") -> Mapping[str, Any]:  # JSON
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = await self._http.call("GET", f"{self._graph_url}/{path}", headers=headers, params=params)
        try:
            return object_of(answer)
        except AnswerInvalidError as error:
            if error.code in _LATER:
                raise UnreachableError(str(error)) from error
            raise
