"""Settings of the auth service."""

from datetime import timedelta

from pydantic import Field

from servicekit.settings import BusSettings, DatabaseSettings, GrpcSettings, ServiceSettings
from servicekit.vault import VaultKeys
from services.auth.domain.session import Lifetimes
from services.auth.passwords import HashCost
from services.auth.providers.settings import ProviderSettings


class AuthSettings(ServiceSettings, GrpcSettings, DatabaseSettings, BusSettings, ProviderSettings):
    service = "auth"

    # `id:base64, id2:base64`, 32 bytes each: the first seals, all open. Signing keys and what providers tell are kept under them.
    vault_keys: VaultKeys
    # The same as the notify service's: the links of letters travel sealed under them.
    letter_keys: VaultKeys
    access_token_minutes: int = Field(default=10, ge=1, le=60)
    refresh_idle_days: int = Field(default=14, ge=1)
    session_days: int = Field(default=90, ge=1)
    # How long two tabs of a browser may race for the same successor; real ones differ by seconds.
    reuse_grace_seconds: int = Field(default=20, ge=0, le=60)

    # RFC 9106, section 4, the second recommended option: 64 MiB for each hash that is being made.
    argon2_memory_kib: int = Field(default=65536, ge=19456)
    argon2_time_cost: int = Field(default=3, ge=2)
    argon2_parallelism: int = Field(default=4, ge=1)
    hash_threads: int = Field(default=2, ge=1)
    # About two seconds of work for two threads, well within the deadline of a call.
    hash_max_waiting: int = Field(default=32, ge=0)

    @property
    def token_lifetime(self) -> timedelta:
        return timedelta(minutes=self.access_token_minutes)

    @property
    def lifetimes(self) -> Lifetimes:
        return Lifetimes(
            session=timedelta(days=self.session_days),
            refresh_idle=timedelta(days=self.refresh_idle_days),
            reuse_grace=timedelta(seconds=self.reuse_grace_seconds),
        )

    @property
    def hash_cost(self) -> HashCost:
        return HashCost(self.argon2_memory_kib, self.argon2_time_cost, self.argon2_parallelism)
