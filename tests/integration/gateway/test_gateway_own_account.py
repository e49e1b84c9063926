"""The settings of one's own account: name, address, password, sessions, keys, and what happened."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import grpc
import httpx2
import pytest
from gateway_people import Person, RunGateway, browser_of, reason_of
from system.accounts import newest_token

from linkarooie.auth.v1 import auth_pb2, auth_pb2_grpc
from linkarooie.profile.v1 import profile_pb2, profile_pb2_grpc
from servicekit.ids import new_id, utc_now
from services.auth.domain.api_key import new_api_key
from services.auth.settings import AuthSettings

NO_ID = "0192f0c1-0000-7000-8000-000000000000"
NEW_PASSWORD = "another horse entirely"


async def test_the_name_is_changed(api: httpx2.AsyncClient) -> None:
    changed = await api.patch("/v1/me", json={"display_name": " Vixen "})
    refused = await api.patch("/v1/me", json={"display_name": "a\u202eb"})

    assert (changed.status_code, changed.json()["display_name"]) == (200, "Vixen")
    assert (refused.status_code, [error["field"] for error in refused.json()["errors"]]) == (400, ["display_name"])


async def test_the_address_changes_when_the_letter_to_the_new_one_is_opened(
    api: httpx2.AsyncClient, person: Person, auth_settings: AuthSettings
) -> None:
    wanted = f"{new_id()}@example.com"

    asked = await api.post("/v1/me/email", json={"email": wanted})
    before = (await api.get("/v1/me")).json()["email"]
    token = await newest_token(auth_settings, wanted)
    confirmed = await api.post("/v1/auth/email/verify", json={"token": token})

    assert (asked.status_code, asked.json()) == (202, {})
    assert before == person.email
    assert confirmed.json()["email"] == (await api.get("/v1/me")).json()["email"] == wanted


async def test_changing_the_password_ends_the_other_sessions(gateway: str, person: Person) -> None:
    change = {"current_password": person.password, "new_password": NEW_PASSWORD}
    async with browser_of(gateway, person) as browser, browser_of(gateway, person) as other:
        wrong = await browser.post("/v1/me/password", json={**change, "current_password": "not the one at all"})
        short = await browser.post("/v1/me/password", json={**change, "new_password": "short"})
        changed = await browser.post("/v1/me/password", json=change)
        here, there = await browser.post("/v1/auth/refresh"), await other.post("/v1/auth/refresh")

    assert reason_of(wrong) == (400, "WRONG_PASSWORD")
    assert [error["field"] for error in wrong.json()["errors"]] == ["current_password"]
    assert short.status_code == 400
    assert (changed.status_code, here.status_code) == (204, 200)
    assert reason_of(there) == (401, "SESSION_ENDED")


async def test_sessions_are_listed_with_their_device_and_ended_one_by_one(gateway: str, person: Person) -> None:
    firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    async with browser_of(gateway, person, **{"user-agent": firefox}) as browser, browser_of(gateway, person) as other:
        listed = (await browser.get("/v1/me/sessions")).json()
        (here,) = [session for session in listed["items"] if session["current"]]
        ended = {
            session["id"]: (await browser.delete(f"/v1/me/sessions/{session['id']}")).status_code
            for session in listed["items"]
            if not session["current"]
        }
        left = (await browser.get("/v1/me/sessions")).json()["items"]
        there = await other.post("/v1/auth/refresh")

    assert len(listed["items"]) == 3  # the first one is the program's
    assert (here["device"], here["address"]) == ("Firefox on Linux", "127.0.0.1")
    assert list(ended.values()) == [204, 204]
    assert [session["id"] for session in left] == [here["id"]]
    assert reason_of(there) == (401, "SESSION_ENDED")


async def test_a_session_that_is_ended_is_refused_within_seconds_by_every_gateway(
    gateway: str, run_gateway: RunGateway, person: Person, eventually: Callable[..., Any]
) -> None:
    async with (
        run_gateway() as second,
        httpx2.AsyncClient(base_url=second, headers=person.headers) as elsewhere,
        browser_of(gateway, person) as browser,
    ):
        before = await elsewhere.get("/v1/me/sessions")
        ended = await browser.delete("/v1/me/sessions")

        async def refused() -> httpx2.Response | None:
            answer = await elsewhere.get("/v1/me/sessions")
            return answer if answer.status_code == 401 else None

        after = await eventually(refused, within_seconds=5)

    assert before.status_code == 200
    assert ended.json() == {"ended": 1}
    assert reason_of(after) == (401, "TOKEN_REVOKED")
    assert after.headers["www-authenticate"] == "Bearer"


async def test_what_is_not_there_cannot_be_ended_unlinked_or_revoked(api: httpx2.AsyncClient) -> None:
    for place in ("sessions", "identities", "api-keys"):
        for thing in (NO_ID, "not-an-id", "%00", "a" * 300):
            answer = await api.delete(f"/v1/me/{place}/{thing}")
            assert (answer.status_code, place, thing) == (404, place, thing)


async def test_nobody_ends_or_revokes_what_is_somebody_elses(
    gateway: str, api: httpx2.AsyncClient, sign_up: Callable[..., Any]
) -> None:
    stranger: Person = await sign_up()
    session = (await api.get("/v1/me/sessions")).json()["items"][0]["id"]
    key = (await api.post("/v1/me/api-keys", json={"name": "Mine", "scopes": ["images:read"]})).json()["id"]
    async with httpx2.AsyncClient(base_url=gateway, headers=stranger.headers) as client:
        answers = [await client.delete(f"/v1/me/sessions/{session}"), await client.delete(f"/v1/me/api-keys/{key}")]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert (await api.get("/v1/me")).status_code == 200


async def test_the_activity_comes_in_pages_newest_first(api: httpx2.AsyncClient) -> None:
    await api.patch("/v1/me", json={"display_name": "Vixen"})

    first = (await api.get("/v1/me/activity", params={"page_size": 1})).json()
    second = (await api.get("/v1/me/activity", params={"page_token": first["next_page_token"]})).json()

    (newest,) = first["items"]
    assert (newest["action"], newest["actor"]) == ("name_changed", "owner")
    assert [line["action"] for line in second["items"]] == ["signed_in", "registered"]
    assert second["items"][-1]["actor"] == "operator"
    assert second["next_page_token"] == ""


async def test_a_page_that_nobody_handed_out_is_refused(api: httpx2.AsyncClient) -> None:
    answers = [await api.get("/v1/me/activity", params={"page_token": token}) for token in ("made-up", "\x00", "ÿ")]

    assert {answer.status_code for answer in answers} == {400}


async def test_a_provider_that_is_not_set_up_cannot_be_linked(api: httpx2.AsyncClient) -> None:
    answer = await api.post("/v1/me/identities", json={"provider": "google"})

    assert reason_of(answer) == (404, "PROVIDER_UNKNOWN")
    assert (await api.get("/v1/me/identities")).json() == {"items": [], "next_page_token": ""}


class TestApiKeys:
    """A program's own way in."""

    @pytest.fixture
    async def made(self, api: httpx2.AsyncClient) -> dict[str, Any]:
        answer = await api.post("/v1/me/api-keys", json={"name": "Nightly", "scopes": ["images:read", "account:read"]})
        assert answer.status_code == 201, answer.text
        key: dict[str, Any] = answer.json()
        return key

    @pytest.fixture
    def program(self, gateway: str, made: dict[str, Any]) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(base_url=gateway, headers={"authorization": f"Bearer {made['secret']}"})

    async def test_the_key_is_shown_once_and_its_use_later(
        self, api: httpx2.AsyncClient, made: dict[str, Any], program: httpx2.AsyncClient
    ) -> None:
        before = (await api.get("/v1/me/api-keys")).json()
        async with program:
            await program.get("/v1/images")
        after = (await api.get("/v1/me/api-keys")).json()["items"]

        secret = made.pop("secret")
        assert before == {"items": [made], "next_page_token": ""}
        assert secret.startswith(made["prefix"])
        assert secret.startswith("lnk_")
        assert (made["last_used_at"], made["expires_at"]) == (None, None)
        assert after[0]["last_used_at"] is not None

    async def test_it_may_what_its_scopes_say_and_no_more(self, person: Person, program: httpx2.AsyncClient) -> None:
        async with program:
            me, images = await program.get("/v1/me"), await program.get("/v1/images")
            lacking = await program.patch("/v1/images/x", json={"alt_text": "A fox."})
            personal = await program.get("/v1/me/sessions")
            staff = await program.get("/v1/admin/accounts", params={"email": person.email})

        assert (me.json()["id"], images.json()["items"]) == (person.id, [])
        assert reason_of(lacking) == (403, "SCOPE_MISSING")
        assert lacking.json()["metadata"] == {"scope": "images:write"}
        assert reason_of(personal) == reason_of(staff) == (403, "NOT_FOR_API_KEYS")

    async def test_the_services_refuse_what_a_key_may_not_even_where_a_gateway_would_let_it(
        self, made: dict[str, Any], targets: dict[str, str]
    ) -> None:
        """The gateway shows services an access token with the key's scopes, and each looks at them itself."""
        async with grpc.aio.insecure_channel(targets["auth_target"]) as auth:
            exchanged = await auth_pb2_grpc.AuthServiceStub(auth).ExchangeApiKey(
                auth_pb2.ExchangeApiKeyRequest(api_key=made["secret"]), timeout=5
            )
        metadata = (("authorization", f"Bearer {exchanged.access_token}"),)
        async with grpc.aio.insecure_channel(targets["profile_target"]) as profile:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await profile_pb2_grpc.ProfileServiceStub(profile).GetProfile(
                    profile_pb2.GetProfileRequest(), timeout=5, metadata=metadata
                )

        assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED

    async def test_a_revoked_key_is_refused_within_seconds_by_every_gateway(
        self,
        api: httpx2.AsyncClient,
        made: dict[str, Any],
        program: httpx2.AsyncClient,
        run_gateway: RunGateway,
        eventually: Callable[..., Any],
    ) -> None:
        async with (
            run_gateway() as second,
            program,
            httpx2.AsyncClient(base_url=second, headers=program.headers) as far,
        ):
            before = [(await client.get("/v1/images")).status_code for client in (program, far)]
            revoked = await api.delete(f"/v1/me/api-keys/{made['id']}")

            async def refused(client: httpx2.AsyncClient) -> httpx2.Response | None:
                answer = await client.get("/v1/images")
                return answer if answer.status_code == 401 else None

            after = [await eventually(partial(refused, client), within_seconds=5) for client in (program, far)]

        assert (before, revoked.status_code) == ([200, 200], 204)
        # By the gateway, or by a service that has heard of it before the gateway has.
        assert {reason_of(answer) for answer in after} <= {(401, "KEY_REVOKED"), (401, "TOKEN_REVOKED")}
        assert (await api.get("/v1/me/api-keys")).json()["items"] == []

    @pytest.mark.parametrize(
        ("key", "reason"),
        [
            ("lnk_", "KEY_MALFORMED"),
            ("lnk_" + "0" * 36, "KEY_MALFORMED"),
            ("lnk_" + "ÿ" * 36, "KEY_MALFORMED"),
            ("lnk_" + "x" * 5000, "KEY_MALFORMED"),
        ],
        ids=["empty", "checksum", "not-ascii", "long"],
    )
    async def test_what_is_no_key_says_so(self, http: httpx2.AsyncClient, key: str, reason: str) -> None:
        answer = await http.get("/v1/images", headers={b"authorization": f"Bearer {key}".encode("latin-1")})

        assert reason_of(answer) == (401, reason)

    async def test_a_key_of_another_installation_is_unknown(self, http: httpx2.AsyncClient) -> None:
        answer = await http.get("/v1/images", headers={"authorization": f"Bearer {new_api_key()}"})

        assert reason_of(answer) == (401, "KEY_UNKNOWN")

    @pytest.mark.parametrize(
        ("wrong", "field"),
        [
            ({"scopes": []}, "scopes"),
            ({"scopes": ["everything"]}, "scopes.0"),
            ({"name": ""}, "name"),
            ({"name": "x" * 101}, "name"),
            ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
            ({"expires_at": "2099-01-01T00:00:00"}, "expires_at"),
            ({"secret": "mine"}, "secret"),
        ],
    )
    async def test_a_key_that_cannot_be_made_names_the_field(
        self, api: httpx2.AsyncClient, wrong: dict[str, Any], field: str
    ) -> None:
        answer = await api.post("/v1/me/api-keys", json={"name": "Nightly", "scopes": ["images:read"], **wrong})

        assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (400, [field])

    async def test_a_key_that_ends_says_when(self, api: httpx2.AsyncClient) -> None:
        ends = utc_now().replace(microsecond=0) + timedelta(days=30)

        answer = await api.post(
            "/v1/me/api-keys", json={"name": "Month", "scopes": ["images:read"], "expires_at": ends.isoformat()}
        )

        assert answer.json()["expires_at"] == ends.strftime("%Y-%m-%dT%H:%M:%S.000Z")
