"""The embedded object store (SeaweedFS), speaking S3."""

import asyncio
import io
import json
import signal
from collections.abc import Callable
from pathlib import Path

import urllib3
from minio import Minio
from minio.error import MinioException

from devstack.folder import DataFolder, write_private
from devstack.process import ServerProcess, ServerSpec, find_program
from servicekit.ports import LOOPBACK

BUCKET = "linkarooie"
REGION = "us-east-1"
APP_KEY, ADMIN_KEY = "linkarooie-app", "linkarooie-admin"

# Written and removed at each start: only a finished write shows that the store has a volume to write to.
PROBE_KEY = ".devstack-probe"

# SeaweedFS is several servers in one process, each with an HTTP and a gRPC port.
PARTS = ("master", "volume", "filer", "s3", "admin")

OPTIONS = (
    "-dir=.",
    f"-ip={LOOPBACK}",
    f"-ip.bind={LOOPBACK}",
    # Relative to the working directory: in /tmp they would be in anybody's way, and a full path may be too long.
    "-filer.localSocket=filer.sock",
    "-s3.localSocket=s3.sock",
    "-s3.port.iceberg=0",
    "-s3.port.lance=0",
    "-s3.config=../s3.json",
    "-s3.iam=false",
    "-s3.autoCreateBucket=false",
    "-webdav=false",
    "-admin.ui=false",
    "-master.telemetry=false",
    # One master needs no election: remembering the last one costs ten to fifteen seconds at each start.
    "-master.resumeState=false",
    "-master.electionTimeout=200ms",
    # Volumes grow as they are filled; together at most about 12 GB.
    "-master.volumeSizeLimitMB=128",
    "-volume.max=100",
    "-volume.preStopSeconds=0",
)


class ObjectStore:
    """The server of one stack."""

    def __init__(self, folder: DataFolder) -> None:
        self._ports = {
            f"{part}.port{suffix}": folder.port(f"s3.{part}{suffix}") for part in PARTS for suffix in ("", ".grpc")
        }
        self._folder = folder
        self._data = folder.path / "s3"
        self.secret_key = folder.secret("s3.app")
        self._admin_secret_key = folder.secret("s3.admin")
        self._process = ServerProcess(ServerSpec("SeaweedFS", folder.logs / "s3.log", self._data, signal.SIGTERM))

    @property
    def endpoint(self) -> str:
        """Returns the URL of the S3 interface."""
        return f"http://{LOOPBACK}:{self._ports['s3.port']}"

    async def start(self) -> None:
        """Starts the server, if it does not run, and waits until the bucket is there and can be written to."""
        if self._process.running:
            return
        self._data.mkdir(mode=0o700, exist_ok=True)
        # The server notes its options here and would read last time's ports back.
        (self._data / "mini.options").unlink(missing_ok=True)
        identities = [
            _identity("admin", ADMIN_KEY, self._admin_secret_key, ["Admin"]),
            _identity("app", APP_KEY, self.secret_key, [f"{a}:{BUCKET}" for a in ("Read", "Write", "List", "Tagging")]),
        ]
        write_private(self._folder.path / "s3.json", json.dumps({"identities": identities}, indent=2))
        ports = [f"-{name}={port}" for name, port in self._ports.items()]
        command: list[str | Path] = [find_program("weed"), "-logtostderr=true", "mini", *OPTIONS, *ports]
        await self._process.start(command, lambda: asyncio.to_thread(_succeeds, self._write_and_remove))

    async def stop(self, *, kill: bool = False) -> None:
        """Stops the server; with `kill` as a crash would."""
        await self._process.stop(kill=kill)
        self._remove_sockets()

    def _remove_sockets(self) -> None:
        """Removes the socket files that the server makes in /tmp for its gRPC ports and does not always tidy up."""
        for name, port in self._ports.items():
            if name.endswith(".grpc"):
                part = name.removesuffix(".port.grpc")
                Path(f"/tmp/seaweedfs-{part}-grpc-{port}.sock").unlink(missing_ok=True)  # noqa: S108 - its choice

    def _write_and_remove(self) -> None:
        address = f"{LOOPBACK}:{self._ports['s3.port']}"
        # Its own retries would only hide that the server is not there yet.
        with urllib3.PoolManager(retries=False, timeout=5.0) as pool:
            admin = Minio(address, ADMIN_KEY, self._admin_secret_key, secure=False, region=REGION, http_client=pool)
            if not admin.bucket_exists(BUCKET):
                admin.make_bucket(BUCKET)
            app = Minio(address, APP_KEY, self.secret_key, secure=False, region=REGION, http_client=pool)
            app.put_object(BUCKET, PROBE_KEY, io.BytesIO(b"?"), 1)
            app.remove_object(BUCKET, PROBE_KEY)


def _identity(name: str, access_key: str, secret_key: str, actions: list[str]) -> dict[str, object]:
    return {"name": name, "credentials": [{"accessKey": access_key, "secretKey": secret_key}], "actions": actions}


def _succeeds(attempt: Callable[[], None]) -> bool:
    try:
        attempt()
    except (MinioException, urllib3.exceptions.HTTPError):
        return False
    return True
