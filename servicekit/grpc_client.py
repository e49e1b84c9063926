"""gRPC channels between services: balanced, retried where that is safe, with the caller's token and deadline passed on."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from opentelemetry.instrumentation.grpc import aio_client_interceptors

from servicekit import deadline
from servicekit.grpc_errors import from_rpc_error
from servicekit.identity import Client, caller_token, current_client
from servicekit.settings import GrpcSettings

# A call inside the cluster that takes longer than this is not coming back.
DEFAULT_TIMEOUT_SECONDS = 10.0
# By the naming rules of the contracts these change nothing, so they may be repeated.
IDEMPOTENT_PREFIXES = ("Get", "List", "Query")

# From where the person calls for whom a service calls.
CLIENT_ADDRESS = "linkarooie-client-address"
CLIENT_AGENT = "linkarooie-client-agent"
CLIENT_TEXT_MAX_CHARACTERS = 300


def client_of(address: str, agent: str) -> Client:
    """Returns where a call comes from, cut and reduced to what may stand in metadata: printable ASCII."""

    def plain(text: str) -> str:
        return "".join(c for c in text[:CLIENT_TEXT_MAX_CHARACTERS] if " " <= c <= "~").strip()

    return Client(plain(address), plain(agent))


def open_channel(target: str, service: ServiceDescriptor, settings: GrpcSettings) -> grpc.aio.Channel:
    """Opens a channel to a service; the connection itself is made, and made again, when it is needed."""
    options = [
        ("grpc.service_config", json.dumps(_service_config(service))),
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.initial_reconnect_backoff_ms", 200),
        ("grpc.max_reconnect_backoff_ms", 2_000),
        ("grpc.max_receive_message_length", 8 << 20),
    ]
    interceptors = [
        *aio_client_interceptors(),  # type: ignore[no-untyped-call]
        _PassOn(),
        _PassOnStream(),
    ]
    if settings.tls_certificate_file is None:
        return grpc.aio.insecure_channel(target, options=options, interceptors=interceptors)
    return grpc.aio.secure_channel(target, _client_credentials(settings), options=options, interceptors=interceptors)


def _service_config(service: ServiceDescriptor) -> dict[str, object]:
    safe = [
        {"service": service.full_name, "method": method.name}
        for method in service.methods
        if method.name.startswith(IDEMPOTENT_PREFIXES)
    ]
    retry = {
        "maxAttempts": 4,
        "initialBackoff": "0.05s",
        "maxBackoff": "1s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE"],
    }
    return {"loadBalancingConfig": [{"round_robin": {}}], "methodConfig": [{"name": safe, "retryPolicy": retry}]}


def _client_credentials(settings: GrpcSettings) -> grpc.ChannelCredentials:
    files = (settings.tls_authority_file, settings.tls_key_file, settings.tls_certificate_file)
    authority, key, certificate = (file.read_bytes() if file else None for file in files)
    return grpc.ssl_channel_credentials(authority, key, certificate)


@contextmanager
def remote_errors() -> Iterator[None]:
    """Turns what another service raised into our own errors within the block; the unknown passes through."""
    try:
        yield
    except grpc.aio.AioRpcError as error:
        known = from_rpc_error(error)
        if known is None:
            raise
        raise known from error


def _with_context(details: grpc.aio.ClientCallDetails) -> grpc.aio.ClientCallDetails:
    metadata = grpc.aio.Metadata(*(details.metadata or ()))
    token = caller_token()
    if token is not None and metadata.get("authorization") is None:
        metadata.add("authorization", f"Bearer {token}")
    client = current_client()
    for name, value in ((CLIENT_ADDRESS, client.address), (CLIENT_AGENT, client.agent)):
        if value:
            metadata.add(name, value)
    return grpc.aio.ClientCallDetails(
        method=details.method,
        timeout=deadline.time_left(details.timeout if details.timeout is not None else DEFAULT_TIMEOUT_SECONDS),
        metadata=metadata,
        credentials=details.credentials,
        wait_for_ready=details.wait_for_ready,
    )


class _PassOn(grpc.aio.UnaryUnaryClientInterceptor):
    async def intercept_unary_unary(
        self,
        continuation: Callable[[grpc.aio.ClientCallDetails, Any], Any],
        client_call_details: grpc.aio.ClientCallDetails,
        request: Any,  # any message
    ) -> Any:  # the call, or its answer
        return await continuation(_with_context(client_call_details), request)


class _PassOnStream(grpc.aio.StreamUnaryClientInterceptor):
    async def intercept_stream_unary(
        self,
        continuation: Callable[[grpc.aio.ClientCallDetails, Any], Any],
        client_call_details: grpc.aio.ClientCallDetails,
        request_iterator: Any,  # any stream of messages
    ) -> Any:  # the call, or its answer
        return await continuation(_with_context(client_call_details), request_iterator)


class Channels:
    """Opens the channels of one process and closes them with it; a part of an `App`."""

    def __init__(self, settings: GrpcSettings) -> None:
        self._settings = settings
        self._open: list[grpc.aio.Channel] = []

    def to(self, target: str, service: ServiceDescriptor) -> grpc.aio.Channel:
        """Returns a channel that lives as long as the process."""
        channel = open_channel(target, service, self._settings)
        self._open.append(channel)
        return channel

    async def start(self) -> None:
        """Does nothing: channels connect when they are used."""

    async def stop(self) -> None:
        for channel in self._open:
            await channel.close()
