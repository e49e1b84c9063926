"""The authorization-code flow as the sign-in providers share it: a registered app, consent, and a code that works once."""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from sandbox.kit.pages import Question, consent_page, error_page
from sandbox.kit.platform import PEOPLE, AccountView, Platform
from sandbox.kit.store import Document

APP_NAME = "Linkarooie"
# What RFC 6749, section 4.1.2, allows at most, and what GitHub documents; a person may take as long over the page.
CODE_SECONDS = 600


@dataclass(frozen=True)
class Asked:
    """What the app asks for when it sends a browser to the provider."""

    redirect_uri: str
    state: str | None = None
    scopes: tuple[str, ...] = ()
    nonce: str | None = None
    challenge: str = ""
    """The S256 challenge of PKCE; empty where none was sent."""


def is_registered(redirect_uri: str, provider: str, *, paths: Sequence[str] = ()) -> bool:
    """Tells whether the product registered this address: exactly its callback, on any port of this machine.

    Operators write one address into the provider's console; tests and development take a port of their own. `paths` are those of further
    addresses.
    """
    try:
        parts = urlsplit(redirect_uri)
        local = parts.hostname == "localhost" or ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False
    origin = f"{parts.scheme}://{parts.netloc}"
    is_exact = redirect_uri in [f"{origin}{path}" for path in (f"/v1/auth/oauth/{provider}/callback", *paths)]
    return local and parts.scheme in ("http", "https") and "@" not in parts.netloc and is_exact


def verifies(challenge: str, verifier: str) -> bool:
    """Tells whether the verifier is the one behind an S256 challenge; where none was sent there is nothing to verify."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return not challenge or hmac.compare_digest(digest.encode(), challenge.encode())


class CodeFlow:
    """Asks the person, and keeps what was asked and granted until the code is redeemed.

    `denial` is what the provider sends back when the person denies; `extra` what it adds to every way back, and
    `fragment` what it hangs on to it.
    """

    def __init__(
        self, platform: Platform, denial: Mapping[str, str], extra: Mapping[str, str] | None = None, fragment: str = ""
    ) -> None:
        self._platform = platform
        self._context = platform.context
        self._denial = denial
        self._extra = extra or {}
        self._fragment = fragment

    def ask(
        self,
        asked: Asked,
        *,
        wants: Iterable[str],
        action: str,
        preselect: str | None = None,
        accounts: Sequence[AccountView] | None = None,
        questions: Sequence[Question] = (),
    ) -> Response:
        """Returns the consent page; its form goes to `action`, for `decide`."""
        ticket = self._context.token(16)
        self._keep("tickets", ticket, vars(asked))
        return consent_page(
            self._platform,
            app_name=APP_NAME,
            wants=wants,
            action=action,
            hidden={"ticket": ticket},
            preselect=preselect,
            accounts=accounts,
            questions=questions,
        )

    async def decide(self, request: Request) -> Response:
        form = await request.form(max_files=0, max_fields=10)
        account = str(form.get("account", ""))
        ticket = self._take("tickets", str(form.get("ticket", ""))) if account in PEOPLE else None
        if ticket is None:
            return error_page(self._platform, "This sign-in link is unknown, used or too old. Start again in the app.")
        asked = _asked(ticket)
        if form.get("decision") != "allow":
            return self.back(asked, **self._denial)
        code = self._context.token(20)
        self._keep("codes", code, {"asked": ticket, "account": account})
        return self.back(asked, code=code)

    def back(self, asked: Asked, **answer: str) -> Response:
        """Sends the browser back to the app with an answer, and with the state that it came with."""
        if asked.state is not None:
            answer["state"] = asked.state
        return RedirectResponse(f"{asked.redirect_uri}?{urlencode({**answer, **self._extra})}{self._fragment}", 303)

    def redeem(self, code: str) -> tuple[Asked, str] | None:
        """Returns what was asked, and who granted it; None where the code is unknown, used before or too old."""
        found = self._take("codes", code)
        return None if found is None else (_asked(found["asked"]), found["account"])

    def _keep(self, collection: str, key: str, document: Document) -> None:
        self._context.store.put(collection, key, {**document, "until": self._context.clock() + CODE_SECONDS})

    def _take(self, collection: str, key: str) -> Document | None:
        found = self._context.store.get(collection, key)
        self._context.store.delete(collection, key)
        if found is None or found.pop("until") < self._context.clock():
            return None
        return found


def _asked(document: Document) -> Asked:
    return Asked(**{**document, "scopes": tuple(document["scopes"])})
