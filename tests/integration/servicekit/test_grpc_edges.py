"""gRPC as services use it, over a real connection: errors, callers and deadlines survive the trip."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from system.issuer import FixedIssuer

from linkarooie.profile.v1 import profile_pb2, profile_pb2_grpc
from servicekit import deadline
from servicekit.errors import (
    ERRORS_BY_STATUS,
    FieldViolation,
    InvalidInputError,
    ServiceError,
    UnauthenticatedError,
    UnavailableError,
)
from servicekit.grpc_client import Channels, remote_errors
from servicekit.grpc_server import GrpcServer
from servicekit.identity import Caller, TokenVerifier, acting_for, caller_if_any, current_caller
from servicekit.ids import utc_now
from servicekit.remote_keys import remote_verifier
from servicekit.settings import GrpcSettings

SERVICE = profile_pb2.DESCRIPTOR.services_by_name["ProfileService"]


class Profiles(profile_pb2_grpc.ProfileServiceServicer):
    """Does in each call what the test says."""

    behave: Callable[[], Any] = staticmethod(lambda: None)

    async def GetProfile(self, request: object, context: object) -> profile_pb2.GetProfileResponse:
        type(self).behave()
        return profile_pb2.GetProfileResponse(profile=profile_pb2.Profile(user_id=current_caller().user_id))

    async def UpdateProfile(self, request: object, context: object) -> profile_pb2.UpdateProfileResponse:
        type(self).behave()
        return profile_pb2.UpdateProfileResponse()

    async def GetPublicProfile(self, request: object, context: object) -> profile_pb2.GetPublicProfileResponse:
        caller = caller_if_any()
        return profile_pb2.GetPublicProfileResponse(
            profile=profile_pb2.Profile(user_id=caller.user_id if caller else "")
        )


@pytest.fixture(scope="module")
async def server(signing_keys: Any) -> AsyncIterator[GrpcServer]:
    settings = GrpcSettings(grpc_listen="127.0.0.1:0", grpc_stop_grace_seconds=0, auth_target=signing_keys.auth_target)
    channels = Channels(settings)
    server = GrpcServer(
        settings,
        service=SERVICE,
        register=partial(profile_pb2_grpc.add_ProfileServiceServicer_to_server, Profiles()),
        verifier=remote_verifier(settings, channels),
    )
    await server.start()
    yield server
    await channels.stop()
    await server.stop()


@pytest.fixture(scope="module")
async def profiles(server: GrpcServer) -> AsyncIterator[profile_pb2_grpc.ProfileServiceStub]:
    channels = Channels(GrpcSettings())
    yield profile_pb2_grpc.ProfileServiceStub(channels.to(server.address, SERVICE))
    await channels.stop()


@pytest.fixture
def signed_in(issue_token: Callable[[str], str]) -> Any:
    with acting_for(Caller("somebody", "session", issue_token("somebody"))):
        yield


@pytest.mark.parametrize("error_class", ERRORS_BY_STATUS.values())
async def test_every_error_arrives_as_it_was_raised(
    profiles: Any, signed_in: None, monkeypatch: pytest.MonkeyPatch, error_class: type[ServiceError]
) -> None:
    raised = error_class(
        "Words for people.",
        reason="A_REASON",
        metadata={"limit": "5"},
        violations=(FieldViolation("name", "The name is too long."),),
        retry_after_seconds=7,
    )

    def fail() -> None:
        raise raised

    monkeypatch.setattr(Profiles, "behave", staticmethod(fail))
    with pytest.raises(error_class) as caught, remote_errors():
        await profiles.GetProfile(profile_pb2.GetProfileRequest())

    assert vars(caught.value) == vars(raised)


async def test_an_unforeseen_error_tells_the_caller_a_reference_and_nothing_else(
    profiles: Any, signed_in: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise ValueError("the password is hunter2")

    monkeypatch.setattr(Profiles, "behave", staticmethod(fail))
    with pytest.raises(grpc.aio.AioRpcError) as caught, remote_errors():
        await profiles.GetProfile(profile_pb2.GetProfileRequest())

    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert "hunter2" not in str(caught.value.details())
    assert "reference" in str(caught.value.details())


async def test_the_callers_token_is_passed_on_and_checked(profiles: Any, signed_in: None) -> None:
    answer = await profiles.GetProfile(profile_pb2.GetProfileRequest())

    assert answer.profile.user_id == "somebody"


async def test_a_call_without_a_token_is_refused(profiles: Any) -> None:
    with pytest.raises(UnauthenticatedError), remote_errors():
        await profiles.GetProfile(profile_pb2.GetProfileRequest())


async def test_a_call_with_a_token_that_is_not_ours_is_refused(profiles: Any) -> None:
    with acting_for(Caller("x", "y", "not.a.token")), pytest.raises(UnauthenticatedError), remote_errors():
        await profiles.GetProfile(profile_pb2.GetProfileRequest())


async def test_a_public_method_needs_no_token_and_reads_a_good_one_all_the_same(
    profiles: Any, issue_token: Callable[[str], str]
) -> None:
    async def called_by(*metadata: tuple[str, str]) -> str:
        answer = await profiles.GetPublicProfile(profile_pb2.GetPublicProfileRequest(), metadata=metadata)
        return str(answer.profile.user_id)

    assert await called_by() == ""
    assert await called_by(("authorization", f"Bearer {issue_token('somebody')}")) == "somebody"


@pytest.mark.parametrize("words", ["Bearer not.a.token", "Bearer", "Basic c29tZWJvZHk6", "Bearer  "])
async def test_whoever_calls_a_public_method_with_a_token_that_is_no_good_is_nobody(profiles: Any, words: str) -> None:
    answer = await profiles.GetPublicProfile(
        profile_pb2.GetPublicProfileRequest(), metadata=(("authorization", words),)
    )

    assert answer.profile.user_id == ""


async def test_whoever_calls_a_public_method_with_the_token_of_an_ended_session_is_nobody(
    profiles: Any, signing_keys: Any, eventually: Callable[..., Any]
) -> None:
    token = signing_keys.token("somebody", sid="ended")
    signing_keys.ended.add("ended")

    async def is_nobody() -> bool:
        answer = await profiles.GetPublicProfile(
            profile_pb2.GetPublicProfileRequest(), metadata=(("authorization", f"Bearer {token}"),)
        )
        return str(answer.profile.user_id) == ""

    await eventually(is_nobody)
    signing_keys.ended.discard("ended")


async def test_a_call_without_a_deadline_is_refused(server: GrpcServer) -> None:
    address = server.address
    async with grpc.aio.insecure_channel(address) as channel:
        stub = profile_pb2_grpc.ProfileServiceStub(channel)
        with pytest.raises(InvalidInputError) as caught, remote_errors():
            await stub.GetPublicProfile(profile_pb2.GetPublicProfileRequest())

    assert caught.value.reason == "DEADLINE_MISSING"


async def test_a_service_that_is_away_is_said_to_be_unavailable() -> None:
    channels = Channels(GrpcSettings())
    stub = profile_pb2_grpc.ProfileServiceStub(channels.to("127.0.0.1:9", SERVICE))
    try:
        with pytest.raises(UnavailableError) as caught, remote_errors():
            await stub.GetPublicProfile(profile_pb2.GetPublicProfileRequest(), timeout=2)
        assert caught.value.retry_after_seconds == 5
    finally:
        await channels.stop()


def test_what_is_called_gets_less_time_than_its_caller_has() -> None:
    with deadline.within(2.0):
        assert 1.9 < deadline.time_left(10.0) < 2.0
        assert deadline.time_left(0.5) == 0.5
    assert deadline.time_left(10.0) == 10.0
    with deadline.within(0.01):
        assert deadline.time_left(10.0) == 0.0


async def test_a_port_that_is_taken_is_named(signing_keys: Any) -> None:
    def server(listen: str) -> GrpcServer:
        return GrpcServer(
            GrpcSettings(grpc_listen=listen, grpc_stop_grace_seconds=0),
            service=SERVICE,
            register=lambda _server: None,
            verifier=TokenVerifier(FixedIssuer(), name="x"),
        )

    first = server("127.0.0.1:0")
    await first.start()
    try:
        with pytest.raises(OSError, match=f"cannot listen on {first.address}"):
            await server(first.address).start()
    finally:
        await first.stop()


async def test_a_call_that_changes_nothing_is_tried_again_when_the_service_was_away_for_a_moment(
    profiles: Any, signed_in: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0

    def away_twice() -> None:
        nonlocal calls
        calls += 1
        if calls <= 2:
            raise UnavailableError("Not now.")

    monkeypatch.setattr(Profiles, "behave", staticmethod(away_twice))

    answer = await profiles.GetProfile(profile_pb2.GetProfileRequest())

    assert answer.profile.user_id == "somebody"
    assert calls == 3


async def test_a_call_that_changes_something_is_not_repeated_by_the_channel(
    profiles: Any, signed_in: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0

    def away() -> None:
        nonlocal calls
        calls += 1
        raise UnavailableError("Not now.")

    monkeypatch.setattr(Profiles, "behave", staticmethod(away))

    with pytest.raises(UnavailableError), remote_errors():
        await profiles.UpdateProfile(profile_pb2.UpdateProfileRequest())

    assert calls == 1


@pytest.fixture
def tls(tmp_path: Path) -> GrpcSettings:
    """An authority, and a certificate of it for this machine."""
    key, authority_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    now = utc_now()

    def certificate(name: str, public: Any, *, authority: bool) -> x509.Certificate:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .sign(authority_key, hashes.SHA256())
        )

    pem = serialization.Encoding.PEM
    files = {name: tmp_path / f"{name}.pem" for name in ("certificate", "key", "authority")}
    files["certificate"].write_bytes(certificate("service", key.public_key(), authority=False).public_bytes(pem))
    files["authority"].write_bytes(
        certificate("authority", authority_key.public_key(), authority=True).public_bytes(pem)
    )
    private = serialization.PrivateFormat.PKCS8
    files["key"].write_bytes(key.private_bytes(pem, private, serialization.NoEncryption()))
    return GrpcSettings(
        grpc_listen="127.0.0.1:0",
        grpc_stop_grace_seconds=0,
        tls_certificate_file=files["certificate"],
        tls_key_file=files["key"],
        tls_authority_file=files["authority"],
    )


async def test_with_certificates_set_services_show_them_to_each_other_and_refuse_who_has_none(
    tls: GrpcSettings,
) -> None:
    server = GrpcServer(
        tls,
        service=SERVICE,
        register=partial(profile_pb2_grpc.add_ProfileServiceServicer_to_server, Profiles()),
        verifier=TokenVerifier(FixedIssuer(), name="x"),
    )
    await server.start()
    known, stranger = Channels(tls), Channels(GrpcSettings())
    try:
        stub = profile_pb2_grpc.ProfileServiceStub(known.to(server.address, SERVICE))
        assert await stub.GetPublicProfile(profile_pb2.GetPublicProfileRequest()) is not None
        without = profile_pb2_grpc.ProfileServiceStub(stranger.to(server.address, SERVICE))
        with pytest.raises(UnavailableError), remote_errors():
            await without.GetPublicProfile(profile_pb2.GetPublicProfileRequest(), timeout=3)
    finally:
        await known.stop()
        await stranger.stop()
        await server.stop()
