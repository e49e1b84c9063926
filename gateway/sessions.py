"""The browser's session: two cookies that scripts cannot read."""

from dataclasses import dataclass

from fastapi import Request, Response

from linkarooie.auth.v1 import auth_pb2
from servicekit.ids import Clock
from servicekit.protobuf import moment

ACCESS = "linkarooie-access"
REFRESH = "linkarooie-refresh"


@dataclass(frozen=True)
class SessionCookies:
    """Sets and reads them. With `secure` their names bind them to this host and to https (the `__Host-` prefix)."""

    secure: bool
    clock: Clock

    def access_token(self, request: Request) -> str | None:
        """Returns the access token that the browser sent."""
        return request.cookies.get(self._name(ACCESS))

    def refresh_token(self, request: Request) -> str | None:
        """Returns the refresh token that the browser sent."""
        return request.cookies.get(self._name(REFRESH))

    def keep(self, response: Response, tokens: auth_pb2.SessionTokens) -> None:
        """Gives a session's tokens to the browser, each for as long as it is good."""
        now = self.clock()
        for name, value, ends in (
            (ACCESS, tokens.access_token, tokens.access_expire_time),
            (REFRESH, tokens.refresh_token, tokens.refresh_expire_time),
        ):
            self._set(response, name, value, max(0, int((moment(ends) - now).total_seconds())))

    def forget(self, response: Response) -> None:
        """Takes the session out of the browser."""
        for name in (ACCESS, REFRESH):
            self._set(response, name, "", 0)

    def _set(self, response: Response, name: str, value: str, seconds: int) -> None:
        response.set_cookie(
            self._name(name), value, max_age=seconds, path="/", secure=self.secure, httponly=True, samesite="lax"
        )

    def _name(self, name: str) -> str:
        return f"__Host-{name}" if self.secure else name
