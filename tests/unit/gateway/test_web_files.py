"""The web client's pages and files, and a clear word where they are missing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

PAGE = {"accept": "text/html,application/xhtml+xml"}


@pytest.fixture
def client(make_api: Callable[..., FastAPI], open_client: Any, tmp_path: Path) -> Any:
    built = tmp_path / "static"
    (built / "assets").mkdir(parents=True)
    (built / "index.html").write_text("<title>the client</title>")
    (built / "assets" / "index-abc123.js").write_text("run()")
    (built / "assets" / "large-abc123.js").write_text("run();" * 1000)
    (built / "icon.svg").write_text("<svg/>")
    (tmp_path / "secret.txt").write_text("not yours")
    return open_client(make_api(web_directory=built))


async def test_files_with_a_hash_in_their_name_are_kept_for_ever_and_the_page_never(client: Any) -> None:
    script = await client.get("/assets/index-abc123.js")
    icon = await client.get("/icon.svg")
    page = await client.get("/", headers=PAGE)

    assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert script.headers["content-type"].startswith("text/javascript")
    assert icon.headers["cache-control"] == "no-cache"
    assert (page.status_code, page.headers["cache-control"]) == (200, "no-cache")
    assert page.text == "<title>the client</title>"


async def test_a_large_file_of_the_client_travels_compressed(client: Any) -> None:
    script = await client.get("/assets/large-abc123.js", headers={"accept-encoding": "gzip"})

    assert script.headers["content-encoding"] == "gzip"
    assert script.text == "run();" * 1000


async def test_the_front_door_answers_whoever_knocks(client: Any) -> None:
    page = await client.get("/", headers={"accept": "*/*"})

    assert (page.status_code, page.text) == (200, "<title>the client</title>")


async def test_an_address_of_the_client_gets_its_page(client: Any) -> None:
    page = await client.get("/connections?connected=7", headers=PAGE)

    assert (page.status_code, page.text) == (200, "<title>the client</title>")


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/v1/nothing", PAGE),
        ("/media", {}),
        ("/connections", {"accept": "application/json"}),
        ("/assets/index-old.js", {"accept": "*/*"}),
        ("/../secret.txt", {}),
        ("/%2e%2e/secret.txt", {}),
        ("/assets/..%2f..%2fsecret.txt", {}),
    ],
)
async def test_everything_else_is_not_found(client: Any, path: str, headers: dict[str, str]) -> None:
    answer = await client.get(path, headers=headers)

    assert (answer.status_code, answer.json()["reason"]) == (404, "NOT_FOUND")


async def test_a_client_that_is_not_built_is_told_with_the_way_to_build_it(
    make_api: Callable[..., FastAPI], open_client: Any, tmp_path: Path
) -> None:
    page = await open_client(make_api(web_directory=tmp_path / "absent")).get("/", headers=PAGE)

    assert page.status_code == 503
    assert "make web" in page.text


async def test_every_answer_carries_the_headers_that_bind_the_browser(client: Any) -> None:
    for path in ("/", "/v1/me", "/docs", "/nothing"):
        headers = (await client.get(path, headers=PAGE)).headers

        assert "script-src 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "strict-origin-when-cross-origin"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert "camera=()" in headers["permissions-policy"]


async def test_the_description_of_the_api_shows_every_operation_and_loads_nothing_from_elsewhere(client: Any) -> None:
    page = await client.get("/docs")
    style = await client.get("/docs.css")

    assert page.text.count("<summary><span") == sum(
        len(operations) for operations in (await client.get("/openapi.json")).json()["paths"].values()
    )
    assert "<script" not in page.text
    assert "//" not in page.text.replace("<!--", "")
    assert style.headers["content-type"].startswith("text/css")
