"""Sets letters in type: plain text and HTML from one content, by the templates of this service."""

from dataclasses import dataclass
from pathlib import Path

import jinja2

from services.notify.domain.letter import LetterRow, LetterText

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class TypesetLetter:
    """A letter that is ready to be kept."""

    subject: str
    text: str
    html: str


class Typesetter:
    """Makes letters whose links lead to this installation."""

    def __init__(self, public_url: str) -> None:
        self._public_url = public_url.rstrip("/")
        templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(TEMPLATES),
            autoescape=jinja2.select_autoescape(),  # by the ending: the HTML is escaped, the plain text is not
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._text = templates.get_template("letter.txt")
        self._html = templates.get_template("letter.html")

    def typeset(self, letter: LetterText, *, name: str) -> TypesetLetter:
        """Fills the templates. What people or platforms wrote is put on one line, so that it cannot pose as another part."""
        subject = one_line(letter.subject)
        values = {
            "name": one_line(name),
            "subject": subject,
            "paragraphs": [one_line(paragraph) for paragraph in letter.paragraphs],
            "rows": [self._row(row) for row in letter.rows],
            "closing": [one_line(paragraph) for paragraph in letter.closing],
            "footer": letter.footer,
            "action_url": self._address(letter.action_path),
            "action_label": one_line(letter.action_label),
            "home_url": f"{self._public_url}/",
        }
        return TypesetLetter(subject, self._text.render(values), self._html.render(values))

    def _row(self, row: LetterRow) -> dict[str, str]:
        return {
            "label": one_line(row.label),
            "status": one_line(row.status),
            "text": one_line(row.text),
            "link": self._address(row.link),
        }

    def _address(self, link: str) -> str:
        """Completes a path of the web client; keeps web addresses; drops everything else, such as `javascript:`."""
        if link.startswith("/") and not link.startswith("//"):
            return f"{self._public_url}{one_line(link)}"
        return one_line(link) if link.startswith(("https://", "http://")) else ""


# They join letters of some scripts, and pictures into one; all other invisible characters can only mislead.
JOINERS = "\u200c\u200d"


def one_line(text: str) -> str:
    """Returns the text with every run of white space as one space, and without control and other invisible characters."""
    kept = (sign for sign in text if sign.isspace() or sign.isprintable() or sign in JOINERS)
    return " ".join("".join(kept).split())
