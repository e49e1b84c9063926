from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import httpx2
import pytest

from devstack.letters import Envelope, LetterBox
from devstack.mail_pages import make_app, with_links

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def compose(subject: str, text: str | None = "Hello", html: str | None = None) -> bytes:
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = "Linkarooie <no-reply@example.org>"
    message["To"] = "ada@example.org"
    if text is not None:
        message.set_content(text)
    if html is not None:
        message.add_alternative(html, subtype="html")
    return message.as_bytes()


def keep(box: LetterBox, content: bytes, *, after_seconds: int = 0, to: tuple[str, ...] = ("ada@example.org",)) -> None:
    at = START + timedelta(seconds=after_seconds)
    box.save(content, Envelope(sender="no-reply@example.org", recipients=to, received_at=at), "00")


@pytest.fixture
def box(tmp_path: Path) -> LetterBox:
    return LetterBox(tmp_path / "mail", keep=3)


@pytest.fixture
async def browser(box: LetterBox) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=make_app(box))
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8025") as client:
        yield client


def test_an_empty_box_has_no_letters(box: LetterBox):
    assert box.letters() == []


def test_a_letter_survives_a_restart_with_both_its_parts(box: LetterBox, tmp_path: Path):
    keep(box, compose("Grüße", "Text ✓", "<p>HTML ✓</p>"), to=("ada@example.org", "blind@example.org"))
    [letter] = LetterBox(tmp_path / "mail").letters()
    assert letter.subject == "Grüße"
    assert (letter.text or "").strip() == "Text ✓"
    assert (letter.html or "").strip() == "<p>HTML ✓</p>"
    assert letter.envelope.recipients == ("ada@example.org", "blind@example.org")
    assert letter.envelope.received_at == START


def test_the_newest_come_first_and_the_oldest_beyond_the_limit_are_dropped(box: LetterBox):
    for number in range(5):
        keep(box, compose(f"number {number}"), after_seconds=number)
    assert [letter.subject for letter in box.letters()] == ["number 4", "number 3", "number 2"]


def test_an_address_outside_ascii_is_kept(box: LetterBox):
    keep(box, compose("Hi"), to=("jörg@exämple.org",))
    assert box.letters()[0].envelope.recipients == ("jörg@exämple.org",)


def test_an_id_never_becomes_a_path(box: LetterBox, tmp_path: Path):
    keep(box, compose("Hi"))
    (tmp_path / "secret.eml").write_bytes(b"secret")
    assert box.letter("../secret") is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no headers at all",
        b"Content-Type: text/plain; charset=klingon\r\n\r\n\xff",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--y",
        b"Subject: =?utf-8?b?broken\r\n\r\nbody",
    ],
)
def test_a_broken_letter_can_still_be_listed(box: LetterBox, content: bytes):
    keep(box, content)
    assert len(box.letters()) == 1


async def test_the_list_shows_subjects_and_readers_escaped(browser: httpx2.AsyncClient, box: LetterBox):
    keep(box, compose("<script>alert(1)</script>"), to=('"<b>"@example.org',))
    page = (await browser.get("/")).text
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>" not in page
    assert "<b>" not in page


async def test_an_empty_list_says_what_to_do(browser: httpx2.AsyncClient):
    assert "No letter yet" in (await browser.get("/")).text


async def test_a_letter_page_escapes_the_text_and_shuts_the_html_into_a_frame(
    browser: httpx2.AsyncClient, box: LetterBox
):
    keep(box, compose("Hi", "a <b> & https://example.org/verify?t=1&u=2.", "<p>rich</p><script>alert(1)</script>"))
    [letter] = box.letters()
    page = await browser.get(f"/letters/{letter.id}")
    assert "a &lt;b&gt; &amp; " in page.text
    assert '<a href="https://example.org/verify?t=1&amp;u=2"' in page.text
    assert "<p>rich</p>" not in page.text
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page.text
    assert "script-src" not in page.headers["content-security-policy"]
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    frame = await browser.get(f"/letters/{letter.id}/html")
    assert "<p>rich</p>" in frame.text
    assert frame.headers["content-security-policy"].startswith("sandbox allow-popups")
    assert "allow-scripts" not in frame.headers["content-security-policy"]


async def test_a_letter_without_html_has_no_frame(browser: httpx2.AsyncClient, box: LetterBox):
    keep(box, compose("Hi"))
    [letter] = box.letters()
    assert "<iframe" not in (await browser.get(f"/letters/{letter.id}")).text
    assert (await browser.get(f"/letters/{letter.id}/html")).status_code == 404


async def test_an_unknown_letter_is_a_readable_404(browser: httpx2.AsyncClient):
    answer = await browser.get("/letters/none")
    assert answer.status_code == 404
    assert "There is no such letter" in answer.text


async def test_the_json_list_can_be_narrowed_to_one_reader(browser: httpx2.AsyncClient, box: LetterBox):
    keep(box, compose("for Ada", html="<p>Hi</p>"), to=("Ada@example.org",))
    keep(box, compose("for Bob"), after_seconds=1, to=("bob@example.org",))
    [letter] = (await browser.get("/api/letters", params={"to": "ada@EXAMPLE.org"})).json()
    assert letter == {
        "id": letter["id"],
        "from": "no-reply@example.org",
        "to": ["Ada@example.org"],
        "subject": "for Ada",
        "received_at": "2026-03-01T12:00:00+00:00",
        "text": "Hello\n",
        "html": "<p>Hi</p>\n",
    }
    subjects = [letter["subject"] for letter in (await browser.get("/api/letters")).json()]
    assert subjects == ["for Bob", "for Ada"]


async def test_a_page_of_another_name_is_refused(browser: httpx2.AsyncClient):
    assert (await browser.get("/", headers={"Host": "evil.example"})).status_code == 400


async def test_nothing_can_be_changed(browser: httpx2.AsyncClient):
    assert (await browser.post("/")).status_code == 405
    assert (await browser.delete("/letters/x")).status_code == 405


def test_a_link_ends_before_the_punctuation_of_its_sentence():
    assert str(with_links("(see http://a.example/b).")) == (
        '(see <a href="http://a.example/b" rel="noreferrer">http://a.example/b</a>).'
    )


def test_a_link_cannot_break_out_of_its_attribute():
    assert "<img" not in str(with_links('http://a/"><img src=x onerror=y>'))
