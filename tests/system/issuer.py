"""An issuer of tokens with fixed keys, for servers that are tested without the auth service."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from servicekit.ids import utc_now


@dataclass(frozen=True)
class FixedIssuer:
    keys: str = '{"keys": []}'

    async def jwks(self) -> str:
        return self.keys

    async def ended(self, since: datetime | None) -> tuple[Collection[str], datetime]:
        return (), utc_now()
