import pytest
from PIL import Image

from tests.unit.processor.looked_at import portrait, portrait_on
from tools.contact_sheet import main, places


def test_a_sheet_has_a_row_a_photograph_and_a_tile_a_place(tmp_path):
    wide, clear, sheet = tmp_path / "wide.png", tmp_path / "clear.png", tmp_path / "sheet.png"
    portrait_on(900, 512, 100, 0).save(wide)
    portrait().convert("LA").save(clear)
    assert main([str(wide), str(clear), "-o", str(sheet)]) == 0
    with Image.open(sheet) as drawn:
        assert drawn.height > 2 * 240
        assert drawn.width > 240 * len(places())


@pytest.mark.parametrize("wish", [["--focus", "0.2", "0.3"], ["--crop", "0", "0", "0.5", "1"]])
def test_a_sheet_shows_the_wishes_of_the_owner(wish, tmp_path):
    photo, plain, wished = tmp_path / "photo.png", tmp_path / "plain.png", tmp_path / "wished.png"
    portrait_on(900, 512, 300, 0).save(photo)
    assert main([str(photo), "-o", str(plain)]) == 0
    assert main([str(photo), "-o", str(wished), *wish]) == 0
    assert plain.read_bytes() != wished.read_bytes()


def test_a_file_that_is_no_picture_is_named(tmp_path, capsys):
    text = tmp_path / "letter.txt"
    text.write_text("Dear all")
    assert main([str(text), "-o", str(tmp_path / "sheet.png")]) == 1
    assert f"cannot read {text} as a picture" in capsys.readouterr().err


def test_places_that_are_framed_alike_are_drawn_once():
    ways = [(spec.width / spec.height, spec.mask, spec.zones) for spec in places()]
    assert len(ways) == len(set(ways)) > 3
