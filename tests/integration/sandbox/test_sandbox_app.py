import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import httpx2
import pytest
from sandbox_clients import Clock, Control, XClient, is_colour, opened, picture

from linkarooie.processes import free_port
from sandbox import Sandbox, SandboxError


async def test_state_survives_a_restart(tmp_path: Path, http: httpx2.AsyncClient, clock: Clock) -> None:
    async with Sandbox(tmp_path, port=0, clock=clock) as first:
        ada = await XClient(http, first.urls["x"]).connect("ada")
        await ada.upload("image", picture("teal"))
    clock.ahead += 3
    async with Sandbox(tmp_path, port=0, clock=clock) as second:
        ada.origin = second.urls["x"]
        user = (await ada.call("GET", "/1.1/account/verify_credentials.json")).json()
        assert is_colour((await http.get(user["profile_image_url_https"])).content, (0, 128, 128))
        assert await Control(http, second.urls["index"]).changes("x", "avatar") == 1


async def test_platforms_take_the_ports_after_the_index(tmp_path: Path, http: httpx2.AsyncClient) -> None:
    async with Sandbox(tmp_path, port=0) as probe:
        count = len(probe.urls)
    base = free_port(count=count)
    async with Sandbox(tmp_path, port=base) as sandbox:
        assert list(sandbox.urls.values()) == [f"http://127.0.0.1:{base + index}" for index in range(count)]
        platforms = (await http.get(sandbox.urls["index"] + "/api")).json()["platforms"]
        assert {one["id"]: one["url"] for one in platforms} == {
            name: url for name, url in sandbox.urls.items() if name != "index"
        }


async def test_port_in_use_is_named_and_nothing_is_left_behind(tmp_path: Path) -> None:
    first = free_port(count=2)
    with socket.create_server(("127.0.0.1", first + 1)):
        with pytest.raises(SandboxError, match=rf"Port {first + 1} on 127.0.0.1 is in use.*--port"):
            await Sandbox(tmp_path, port=first + 1).start()
        with pytest.raises(SandboxError, match=f"Port {first + 1} "):
            await Sandbox(tmp_path, port=first).start()
    async with Sandbox(tmp_path, port=0):
        pass


async def test_data_folder_that_is_a_file_is_a_clear_error(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(SandboxError, match=r"cannot keep its state in .*file.*Choose a folder"):
        await Sandbox(file, port=0).start()


async def test_stop_without_start_does_nothing(tmp_path: Path) -> None:
    await Sandbox(tmp_path).stop()


async def test_each_account_starts_with_pictures_of_its_own(
    sandbox: Sandbox, http: httpx2.AsyncClient, control: Control
) -> None:
    seen, places = set(), 0
    found = (await http.get(sandbox.urls["index"] + "/api")).json()["platforms"]
    platforms = [one["id"] for one in found if one["shows_pictures"]]
    for platform in platforms:
        for name in ("ada", "grace"):
            account = await control.account(platform, name)
            for slot in ("avatar", "banner"):
                assert account[slot]["changes"] == 0
                assert account[slot]["changed_at"] is None
                if account[slot]["url"] is not None:
                    places += 1
                    seen.add((await http.get(account[slot]["url"])).content)
    assert len(seen) == places > 2 * len(platforms)


async def test_sign_in_providers_are_listed_apart_with_what_they_tell_of_each_person(
    sandbox: Sandbox, http: httpx2.AsyncClient, control: Control
) -> None:
    page = (await http.get(sandbox.urls["index"])).text
    platforms, providers = page.split('<h2 id="sign-in">Sign-in providers</h2>')
    for name in ("x", "mastodon", "bluesky", "facebook", "instagram"):
        assert f'id="{name}"' in platforms
    for name in ("google", "github"):
        assert f'id="{name}"' in providers
        account = await control.account(name)
        assert set(account) == {"name", "handle", "display_name", "facts"}
        assert all(value in providers for value in account["facts"].values())
    assert "<img" not in providers


async def test_account_page_shows_the_pictures_and_the_history(
    sandbox: Sandbox, http: httpx2.AsyncClient, control: Control
) -> None:
    ada = await XClient(http, sandbox.urls["x"]).connect("ada")
    await control.switch("x", slow_seconds=0)
    await ada.upload("image", picture("teal"))
    page = (await http.get(sandbox.urls["x"] + "/@ada")).text
    account = await control.account("x")
    assert account["avatar"]["url"] in page
    assert '<dd data-slot="avatar">1</dd>' in page
    assert account["history"][0]["at"] in page
    assert opened((await http.get(account["avatar"]["url"])).content).size == (400, 400)
    assert (await http.get(sandbox.urls["x"] + "/@nobody")).status_code == 404


async def test_unknown_platform_account_and_switch_are_told_clearly(sandbox: Sandbox, http: httpx2.AsyncClient) -> None:
    index = sandbox.urls["index"]
    answers = [
        await http.get(f"{index}/api/myspace/switches"),
        await http.get(f"{index}/api/x/accounts/nobody"),
        await http.put(f"{index}/api/x/switches", json={"fial": "429"}),
        await http.put(f"{index}/api/x/switches", json={"fail": "teapot"}),
        await http.put(f"{index}/api/x/switches", content=b"x" * 100_000),
    ]
    assert [answer.status_code for answer in answers] == [404, 404, 422, 422, 413]
    assert "fial" in answers[2].json()["error"]
    assert "'429'" in answers[3].json()["error"]


async def test_switches_can_be_turned_with_plain_forms(
    sandbox: Sandbox, http: httpx2.AsyncClient, control: Control
) -> None:
    index = sandbox.urls["index"]
    answer = await http.post(
        f"{index}/switches/x", data={"fail": "500", "only": "write", "times": "3", "silent_reject": ["false", "true"]}
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/#x")
    switches = await control.switches("x")
    assert (switches["fail"], switches["only"], switches["times"], switches["silent_reject"]) == (
        "500",
        "write",
        3,
        True,
    )
    assert "misbehaving" in (await http.get(index)).text
    wrong = await http.post(f"{index}/switches/x", data={"times": "0"})
    assert wrong.status_code == 422
    assert "times" in wrong.text
    await http.post(f"{index}/switches/x", data={"healthy": "1", "fail": "500"})
    assert (await control.switches("x"))["fail"] is None


async def test_own_forms_are_sent_with_their_origin_and_accepted(sandbox: Sandbox, http: httpx2.AsyncClient) -> None:
    index = sandbox.urls["index"]
    assert (await http.get(index)).headers["referrer-policy"] == "same-origin"
    answer = await http.post(f"{index}/switches/x", data={"healthy": "1"}, headers={"Origin": index})
    assert answer.status_code == 303


async def test_forms_of_other_sites_are_refused(sandbox: Sandbox, http: httpx2.AsyncClient) -> None:
    headers = {"Origin": "https://evil.example"}
    for path in ("/reset", "/switches/x"):
        assert (await http.post(sandbox.urls["index"] + path, headers=headers)).status_code == 403


async def test_reset_brings_back_the_first_day(
    sandbox: Sandbox, http: httpx2.AsyncClient, control: Control, clock: Clock
) -> None:
    ada = await XClient(http, sandbox.urls["x"]).connect("ada")
    before = (await http.get((await control.account("x"))["avatar"]["url"])).content
    await ada.upload("image", picture("teal"))
    await control.switch("x", fail="500", only="write")
    clock.ahead += 3
    assert (await http.post(sandbox.urls["index"] + "/api/reset")).status_code == 200
    account = await control.account("x")
    assert account["history"] == []
    assert (await http.get(account["avatar"]["url"])).content == before
    assert (await control.switches("x"))["fail"] is None
    assert (await ada.call("GET", "/1.1/account/verify_credentials.json")).status_code == 401


async def test_module_runs_alone_and_stops_on_a_signal(tmp_path: Path, http: httpx2.AsyncClient) -> None:
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--data", str(tmp_path)]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, env=dict(os.environ))
    assert process.stdout is not None
    try:
        name, url = (await asyncio.wait_for(process.stdout.readline(), 30)).decode().split()
        assert name == "index"
        assert (await http.get(url)).status_code == 200
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 30) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_damaged_state_is_a_clear_error_and_the_next_start_works(tmp_path: Path) -> None:
    state = tmp_path / "sandbox.db"
    state.write_bytes(b"this is no database" * 100)
    with pytest.raises(SandboxError, match=r"not a database.*delete a damaged sandbox\.db"):
        await Sandbox(tmp_path, port=0).start()
    state.unlink()
    async with Sandbox(tmp_path, port=0):
        pass


async def test_the_settings_that_point_the_product_here_name_the_running_origins(tmp_path: Path):
    async with Sandbox(tmp_path, port=0) as running:
        settings = running.settings

        assert settings["SYNC_X_API_BASE_URL"] == running.urls["x"]
        assert f"http://{settings['SYNC_MASTODON_SUGGESTED_INSTANCES']}" == running.urls["mastodon"]
        assert settings["SYNC_BLUESKY_PLC_URL"] == f"{running.urls['bluesky']}/plc"
        assert settings["AUTH_GOOGLE_ISSUER"] == running.urls["google"]
        assert settings["AUTH_GITHUB_API_URL"] == f"{running.urls['github']}/api/v3"
        assert settings["AUTH_FACEBOOK_GRAPH_URL"] == running.urls["facebook"]
    assert running.settings == {}
