"""What a browser keeps for us: cookies that no script can read."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from fastapi import Request, Response

from linkarooie.auth.v1 import auth_pb2
from servicekit.ids import Clock
from servicekit.protobuf import moment

ACCESS = "linkarooie-access"
REFRESH = "linkarooie-refresh"
DEVICE = "linkarooie-device"
FLOW = "linkarooie-flow"
TICKET = "linkarooie-ticket"
NAMES = (ACCESS, REFRESH, DEVICE, FLOW, TICKET)
# The longest that browsers keep a cookie (Chrome since 2022, and the draft that succeeds RFC 6265).
DEVICE_LIFETIME = timedelta(days=400)
# As long as the auth service waits for a browser to come back from a provider.
FLOW_LIFETIME = timedelta(minutes=10)
SECRET_BYTES = 32
# Longer than anything that we put into a cookie but the access token, which is read by itself.
COOKIE_MAX_CHARACTERS = 1024


class Purpose(StrEnum):
    """Why a browser goes to a provider. Its cookie remembers, for the page that it comes back to."""

    SIGN_IN = "sign-in"
    LINK = "link"


@dataclass(frozen=True)
class BrowserCookies:
    """Sets and reads them. With `secure` their names bind them to this host and to https (the `__Host-` prefix)."""

    secure: bool
    clock: Clock

    def any_of_ours(self, request: Request) -> bool:
        """Tells whether the browser sent any of them."""
        return any(self._name(name) in request.cookies for name in NAMES)

    def access_token(self, request: Request) -> str | None:
        """Returns the access token that the browser sent."""
        return request.cookies.get(self._name(ACCESS)) or None

    def refresh_token(self, request: Request) -> str | None:
        """Returns the refresh token that the browser sent."""
        return self._read(request, REFRESH)

    def keep(self, response: Response, tokens: auth_pb2.SessionTokens) -> None:
        """Gives a session's tokens to the browser, each for as long as it is good."""
        self._set(response, ACCESS, tokens.access_token, until=moment(tokens.access_expire_time))
        self._set(response, REFRESH, tokens.refresh_token, until=moment(tokens.refresh_expire_time))

    def forget(self, response: Response) -> None:
        """Takes the session out of the browser."""
        self._forget(response, ACCESS)
        self._forget(response, REFRESH)

    def device_token(self, request: Request) -> str:
        """Returns by what the browser is known as a device of its owner's, or nothing."""
        return self._read(request, DEVICE) or ""

    def keep_device(self, response: Response, device_token: str) -> None:
        """Lets the browser be known at its next sign-in, also after this session."""
        self._set(response, DEVICE, device_token, until=self.clock() + DEVICE_LIFETIME)

    def begin_flow(self, request: Request, purpose: Purpose) -> str:
        """Returns the secret that ties what a provider sends back to this browser.

        One that the browser has for the same purpose stays, so that two tabs can be on their way at once.
        """
        present = self.flow_secret(request)
        if purpose_of(present) is purpose:
            return present
        return f"{purpose}.{secrets.token_urlsafe(SECRET_BYTES)}"

    def keep_flow(self, response: Response, secret: str) -> None:
        """Lets the browser show the secret when it comes back."""
        self._set(response, FLOW, secret, until=self.clock() + FLOW_LIFETIME)

    def flow_secret(self, request: Request) -> str:
        """Returns the secret that the browser shows, or nothing."""
        return self._read(request, FLOW) or ""

    def forget_flow(self, response: Response) -> None:
        """Takes the secret out of the browser."""
        self._forget(response, FLOW)

    def ticket(self, request: Request) -> str:
        """Returns the ticket to go on signing up with, or nothing."""
        return self._read(request, TICKET) or ""

    def keep_ticket(self, response: Response, ticket: str, *, until: datetime) -> None:
        """Keeps a ticket in the browser while it is good."""
        self._set(response, TICKET, ticket, until=until)

    def forget_ticket(self, response: Response) -> None:
        """Takes the ticket out of the browser."""
        self._forget(response, TICKET)

    def _read(self, request: Request, name: str) -> str | None:
        value = request.cookies.get(self._name(name))
        return value if value and len(value) <= COOKIE_MAX_CHARACTERS else None

    def _set(self, response: Response, name: str, value: str, *, until: datetime) -> None:
        self._write(response, name, value, max(0, int((until - self.clock()).total_seconds())))

    def _forget(self, response: Response, name: str) -> None:
        self._write(response, name, "", 0)

    def _write(self, response: Response, name: str, value: str, seconds: int) -> None:
        response.set_cookie(
            self._name(name), value, max_age=seconds, path="/", secure=self.secure, httponly=True, samesite="lax"
        )

    def _name(self, name: str) -> str:
        return f"__Host-{name}" if self.secure else name


def purpose_of(flow_secret: str) -> Purpose | None:
    """Returns why the browser went, or None for what is no secret of ours."""
    purpose, _, secret = flow_secret.partition(".")
    return Purpose(purpose) if secret and purpose in tuple(Purpose) else None
