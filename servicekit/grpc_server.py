"""A gRPC server as every service has it: health, reflection, errors with details, callers checked, deadlines, metrics."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeAlias, cast

import grpc
import structlog
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from opentelemetry.instrumentation.grpc import aio_server_interceptor

from servicekit import deadline, metrics
from servicekit.errors import InvalidInputError, ServiceError, UnauthenticatedError
from servicekit.grpc_client import CLIENT_ADDRESS, CLIENT_AGENT, client_of
from servicekit.grpc_errors import to_status
from servicekit.identity import Caller, TokenVerifier, acting_for, calling_from
from servicekit.ids import new_id, utc_now
from servicekit.rights import RPCS, Right
from servicekit.settings import GrpcSettings

log = structlog.get_logger()

OPTIONS: Sequence[tuple[str, int]] = (
    ("grpc.max_receive_message_length", 8 << 20),
    # Clients find new replicas only when a connection closes, so connections are recycled.
    ("grpc.max_connection_age_ms", 300_000),
    ("grpc.max_connection_age_grace_ms", 30_000),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 20_000),
    ("grpc.so_reuseport", 0),
)

INFRASTRUCTURE = ("/grpc.health.v1.Health/", "/grpc.reflection.")


class Register(Protocol):
    """Adds a servicer to a server: one of the generated `add_…_to_server` functions, with the servicer bound."""

    def __call__(self, server: grpc.aio.Server) -> None: ...


class GrpcServer:
    """Serves one service. Started and stopped by its `App`; `address` is known after the start."""

    def __init__(
        self,
        settings: GrpcSettings,
        *,
        service: ServiceDescriptor,
        register: Register,
        verifier: TokenVerifier,
    ) -> None:
        """Raises `KeyError` for a method of the service that has no line in the table of rights."""
        self._settings = settings
        self._service = service
        self._register = register
        names = [f"{service.full_name}/{method.name}" for method in service.methods]
        self._interceptor = _ServiceInterceptor(verifier, {f"/{name}": RPCS[name] for name in names})
        self.address = ""

    async def start(self) -> None:
        self._server = grpc.aio.server(
            interceptors=[
                aio_server_interceptor(),  # type: ignore[no-untyped-call]
                self._interceptor,
            ],
            options=OPTIONS,
        )
        self._register(self._server)
        self._health = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        names = (self._service.full_name, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)
        port = self._listen()
        host = self._settings.grpc_listen.rpartition(":")[0]
        self.address = f"{host}:{port}"
        await self.set_serving(False)
        await self._server.start()

    def _listen(self) -> int:
        address = self._settings.grpc_listen
        try:
            if self._settings.tls_certificate_file is None:
                return self._server.add_insecure_port(address)
            return self._server.add_secure_port(address, _server_credentials(self._settings))
        except RuntimeError as error:
            raise OSError(
                f"cannot listen on {address} for {self._service.full_name}: is another process using the port?"
            ) from error

    async def set_serving(self, serving: bool) -> None:
        """Tells health checks whether calls should come here."""
        status = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
        await self._health.set("", status)
        await self._health.set(self._service.full_name, status)

    async def stop(self) -> None:
        await self._health.enter_graceful_shutdown()
        await self._server.stop(self._settings.grpc_stop_grace_seconds)


def _server_credentials(settings: GrpcSettings) -> grpc.ServerCredentials:
    """Reads the certificate anew on each handshake, so that a rotated file is used without a restart."""
    certificate, key, authority = settings.tls_certificate_file, settings.tls_key_file, settings.tls_authority_file
    assert certificate is not None  # noqa: S101  # settings are validated: all or none
    assert key is not None  # noqa: S101
    assert authority is not None  # noqa: S101

    def read() -> grpc.ServerCertificateConfiguration:
        return grpc.ssl_server_certificate_configuration(
            [(key.read_bytes(), certificate.read_bytes())], root_certificates=authority.read_bytes()
        )

    return grpc.dynamic_ssl_server_credentials(read(), read, require_client_authentication=True)


Handler = Callable[[Any, grpc.aio.ServicerContext[Any, Any]], Any]  # the four kinds differ only in what they stream
MethodHandler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Continuation: TypeAlias = "Callable[[grpc.HandlerCallDetails], Awaitable[MethodHandler | None]]"


class _ServiceInterceptor(grpc.aio.ServerInterceptor):
    """Checks deadline and caller, turns errors into statuses, and counts. Health and reflection pass untouched."""

    def __init__(self, verifier: TokenVerifier, rights: Mapping[str, Right]) -> None:
        self._verifier = verifier
        self._rights = rights

    async def intercept_service(
        self, continuation: Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> MethodHandler:
        handler = await continuation(handler_call_details)
        method: str = handler_call_details.method
        if handler is None:  # nobody implements the method: gRPC answers UNIMPLEMENTED
            return cast("MethodHandler", handler)
        if method.startswith(INFRASTRUCTURE):
            return handler
        if handler.response_streaming:
            raise NotImplementedError(f"{method} streams its answer; no contract of ours does")
        implementation = handler.stream_unary if handler.request_streaming else handler.unary_unary
        wrapped = self._wrap(method, cast("Handler", implementation))
        make = (
            grpc.stream_unary_rpc_method_handler if handler.request_streaming else grpc.unary_unary_rpc_method_handler
        )
        return make(wrapped, handler.request_deserializer, handler.response_serializer)

    def _wrap(self, method: str, implementation: Handler) -> Handler:
        async def call(request: object | AsyncIterator[object], context: grpc.aio.ServicerContext[Any, Any]) -> object:
            started = time.perf_counter()
            status = "OK"
            try:
                metadata = {name: str(value) for name, value in context.invocation_metadata() or ()}
                client = client_of(metadata.get(CLIENT_ADDRESS, ""), metadata.get(CLIENT_AGENT, ""))
                with _log_context(method), deadline.within(_time_left(context)), calling_from(client):
                    caller = await self._caller(method, metadata)
                    if caller is None:
                        return await implementation(request, context)
                    with acting_for(caller):
                        return await implementation(request, context)
            except ServiceError as error:
                status = error.status
                await context.abort_with_status(to_status(error))
            except asyncio.CancelledError:
                status = "CANCELLED"
                raise
            except Exception:
                status = "INTERNAL"
                error_id = new_id()
                log.exception("rpc_failed", method=method, error_id=error_id)
                await context.abort(grpc.StatusCode.INTERNAL, f"Something went wrong here (reference {error_id}).")
            finally:
                metrics.RPC_SECONDS.labels(method, status).observe(time.perf_counter() - started)

        return call

    async def _caller(self, method: str, metadata: Mapping[str, str]) -> Caller | None:
        """Returns who calls, if they may. For a call that is open to anyone a token that is not good is no token."""
        right = self._rights[method]
        scheme, _, token = metadata.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            right.permit(None, utc_now())
            return None
        try:
            caller = await self._verifier.verify(token)
        except UnauthenticatedError:
            if right.anyone:
                return None
            raise
        structlog.contextvars.bind_contextvars(user_id=caller.user_id)
        right.permit(caller, utc_now())
        return caller


def _time_left(context: grpc.aio.ServicerContext[Any, Any]) -> float:
    left = context.time_remaining()
    if left is None:
        raise InvalidInputError("Every call needs a deadline.", reason="DEADLINE_MISSING")
    return left


@contextmanager
def _log_context(method: str) -> Any:  # a generator; contextmanager gives it its type
    with structlog.contextvars.bound_contextvars(rpc=method):
        yield
