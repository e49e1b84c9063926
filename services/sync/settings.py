"""Settings of the sync service. Those of one platform are in its adapter's module."""

from pydantic import Field, field_validator

from servicekit.settings import BusSettings, DatabaseSettings, GrpcSettings, ObjectStoreSettings, ServiceSettings, Words
from servicekit.vault import VaultKeys


class SyncSettings(ServiceSettings, GrpcSettings, DatabaseSettings, BusSettings, ObjectStoreSettings):
    service = "sync"

    upload_target: str = "127.0.0.1:50051"
    # Where browsers reach this installation; platforms send people back there.
    public_url: str = "http://127.0.0.1:8080"
    # `id:base64, id2:base64`, 32 bytes each: the first seals platform tokens, all open them.
    vault_keys: VaultKeys
    # `host:port` of servers that may be private or speak plain HTTP, such as a Mastodon server in the own network.
    trusted_hosts: Words = ()
    # What a platform may take to answer. A lease outlives the write, so the longer it is, the later a killed worker is replaced.
    read_timeout_seconds: float = Field(default=10.0, gt=0)
    write_timeout_seconds: float = Field(default=30.0, gt=0)
    # How often due targets are looked for whose doorbell nobody heard.
    sweep_seconds: float = Field(default=0.5, gt=0)
    # Processes that decode what platforms show, and the memory that each may take.
    picture_workers: int = Field(default=1, ge=1)

    @field_validator("public_url")
    @classmethod
    def _no_slash_at_the_end(cls, value: str) -> str:
        return value.rstrip("/")
