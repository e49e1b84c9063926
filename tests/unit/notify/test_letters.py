"""Letters as they are set and addressed."""

import base64
from datetime import UTC, datetime

import pydantic
import pytest

from services.notify.domain.letter import Letter, LetterRow, LetterText
from services.notify.domain.news import welcome
from services.notify.letters import TypesetLetter, Typesetter, one_line
from services.notify.post import Post
from services.notify.settings import NotifySettings

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def typeset(text: LetterText, name: str = "Ann") -> TypesetLetter:
    return Typesetter("https://linkarooie.example/").typeset(text, name=name)


def settings(**values: str) -> NotifySettings:
    required = {
        "database_url": "postgresql://",
        "nats_url": "nats://",
        "smtp_host": "mail.example",
        "letter_keys": "test:" + base64.b64encode(bytes(32)).decode(),
    }
    return NotifySettings.model_validate({**required, **values})


def with_row(row: LetterRow) -> TypesetLetter:
    return typeset(LetterText("Subject", ("Para.",), "/syncs/1", "Go", (row,)))


def test_invisible_characters_go_but_for_those_that_join() -> None:
    assert one_line(" Ann\u202e\x00\n\u200b B\u200d\t ") == "Ann B\u200d"


def test_links_lead_to_this_installation() -> None:
    made = typeset(welcome())
    assert "https://linkarooie.example/\n" in made.text
    assert 'href="https://linkarooie.example/"' in made.html


def test_the_plain_text_reads_well() -> None:
    made = with_row(LetterRow("X (@ann)", "Failed", "It <broke>.", "/connections"))
    assert made.text == (
        "Hello Ann,\n\nPara.\n\n"
        "- X (@ann): Failed\n  It <broke>.\n  https://linkarooie.example/connections\n\n"
        "Go:\nhttps://linkarooie.example/syncs/1\n\n"
        "--\nLinkarooie, https://linkarooie.example/\nYou get this letter because you have an account there."
    )


def test_what_others_wrote_is_escaped_in_html() -> None:
    made = with_row(LetterRow('<img src=x onerror="a">', "Failed", "<script>"))
    assert "<script>" not in made.html
    assert "<img" not in made.html
    assert "&lt;script&gt;" in made.html


@pytest.mark.parametrize("link", ["javascript:alert(1)", "//evil.example/", "data:text/html,x", "mailto:a@b"])
def test_links_that_lead_elsewhere_than_the_web_are_dropped(link: str) -> None:
    made = with_row(LetterRow("X", "Failed", "Why.", link))
    assert link not in made.text
    assert link not in made.html


def kept(**values: str) -> Letter:
    fields = {"address": "ann@example.org", "name": "Ann", "subject": "Hi", "text": "t", "html": "<p>h</p>"}
    return Letter(id="0190", owner_id="u", kind="k", created_at=NOW, next_attempt_at=NOW, **{**fields, **values})


def test_line_breaks_in_a_name_or_subject_make_no_header() -> None:
    message = Post(settings()).compose(kept(name="Ann\r\nBcc: x@y.example", subject="Hi\nX-Evil: 1"))
    assert "Bcc" not in message
    assert "X-Evil" not in message
    assert message["Subject"] == "Hi X-Evil: 1"
    assert [one.addr_spec for one in message["To"].addresses] == ["ann@example.org"]


@pytest.mark.parametrize("address", ["ann@example.org\r\nBcc: x@y.example", "ann", "", "a b@example.org", "a@b, c@d"])
def test_an_address_that_is_none_is_not_used(address: str) -> None:
    with pytest.raises((ValueError, IndexError)):
        Post(settings()).compose(kept(address=address))


def test_a_letter_is_the_same_message_each_time() -> None:
    post = Post(settings(smtp_from="hello@linkarooie.example"))
    assert post.compose(kept())["Message-ID"] == post.compose(kept())["Message-ID"] == "<0190@linkarooie.example>"
    assert post.compose(kept())["Date"] == "Fri, 01 May 2026 12:00:00 +0000"


def test_a_letter_has_a_plain_and_an_html_part() -> None:
    message = Post(settings()).compose(kept())
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


@pytest.mark.parametrize(
    ("host", "security"), [("127.0.0.1", "none"), ("localhost", "none"), ("::1", "none"), ("mail.example", "starttls")]
)
def test_mail_leaves_this_machine_only_encrypted_unless_told_otherwise(host: str, security: str) -> None:
    assert settings(smtp_host=host).mail_security == security
    assert settings(smtp_host=host, smtp_security="tls").mail_security == "tls"


def test_a_sender_that_is_no_address_is_refused_at_the_start() -> None:
    with pytest.raises(pydantic.ValidationError, match="smtp_from"):
        settings(smtp_from="Linkarooie")
