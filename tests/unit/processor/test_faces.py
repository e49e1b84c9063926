import logging
import sys

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from services.processor.pipeline import faces
from services.processor.pipeline.faces import FACES_MAX, find_faces
from tests.unit.pictures.picture_files import photographs
from tests.unit.processor.looked_at import FACE, faceless, in_pixels, portrait, portrait_on, small


@pytest.fixture
def anew():
    """A detector is made once a process, and a failure told once: here both begin anew, and nothing of it stays."""
    kept = (faces._detector, faces._log_failure_once)
    for made_once in kept:
        made_once.cache_clear()
    yield
    for made_once in kept:
        made_once.cache_clear()


def warnings(caplog) -> list[str]:
    return [record.message for record in caplog.records if record.levelno >= logging.WARNING]


def test_the_installed_model_finds_a_face():
    (face,) = find_faces(small(portrait()))
    assert in_pixels(face, portrait()) == pytest.approx(FACE, abs=16)


def test_pictures_without_people_have_no_faces():
    assert [find_faces(small(picture)) for picture in faceless().values()] == [(), ()]


def test_the_larger_face_comes_first():
    two = portrait_on(1024, 512, 512, 0)
    two.paste(portrait().resize((256, 256)), (0, 200))
    first, second = find_faces(small(two))
    assert first.left > 0.5 > second.right


def test_a_crowd_counts_up_to_a_limit():
    crowd = Image.new("RGB", (320, 320))
    head = portrait().crop((140, 0, 310, 200)).resize((52, 60))
    for place in range(30):
        crowd.paste(head, (place % 6 * 53, place // 6 * 64))
    assert len(find_faces(crowd)) == FACES_MAX


def test_a_face_over_the_edge_is_cut_off_at_the_edge():
    left, _, right, _ = FACE
    (face,) = find_faces(small(portrait().crop(((left * 2 + right) // 3, 0, 512, 512))))
    assert face.left == 0


def test_the_same_picture_gives_the_same_faces_whatever_was_looked_at_before():
    first = find_faces(small(portrait()))
    find_faces(small(faceless()["coffee"], 200))
    find_faces(small(portrait(), 150))
    assert find_faces(small(portrait())) == first


def test_faces_lie_at_the_same_place_in_smaller_previews():
    large, middle = (find_faces(small(portrait(), side))[0] for side in (320, 200))
    assert in_pixels(middle, portrait()) == pytest.approx(in_pixels(large, portrait()), abs=10)


def test_a_mirrored_face_is_found_at_the_mirrored_place():
    (face,) = find_faces(small(portrait()))
    (mirrored,) = find_faces(ImageOps.mirror(small(portrait())))
    assert (1 - mirrored.right, mirrored.top) == pytest.approx((face.left, face.top), abs=0.02)


def test_what_transparency_hides_is_not_found():
    hidden = small(portrait()).convert("RGBA")
    hidden.putalpha(0)
    assert find_faces(hidden) == ()


def test_a_face_on_transparent_ground_is_found():
    alpha = Image.new("L", (512, 512))
    ImageDraw.Draw(alpha).ellipse((120, 0, 340, 220), fill=255)
    cut_out = portrait().convert("RGBA")
    cut_out.putalpha(alpha)
    assert len(find_faces(small(cut_out))) == 1


@pytest.mark.parametrize("size", [(320, 20), (20, 320), (320, 1), (1, 320), (1, 1), (31, 33)])
def test_pictures_of_any_shape_are_looked_at(size):
    assert find_faces(Image.new("RGB", size, "green")) == ()


def missing_library(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "cv2", None)


def missing_package(monkeypatch, tmp_path):
    monkeypatch.setattr(faces, "MODEL_PACKAGE", "no_such_package")


def missing_model(monkeypatch, tmp_path):
    monkeypatch.setattr(faces, "MODEL_FILE", "no_such_model.onnx")


def damaged_model(monkeypatch, tmp_path):
    whole = faces._model().read_bytes()
    cut = tmp_path / "cut.onnx"
    cut.write_bytes(whole[: len(whole) // 2])
    monkeypatch.setattr(faces, "_model", lambda: cut)


@pytest.mark.parametrize("harm", [missing_library, missing_package, missing_model, damaged_model])
def test_without_a_detector_nobody_is_found_and_the_log_says_so_once(harm, monkeypatch, tmp_path, caplog, anew):
    harm(monkeypatch, tmp_path)
    assert find_faces(small(portrait())) == ()
    assert find_faces(small(portrait())) == ()
    assert warnings(caplog) == ["no face detector: pictures are framed without looking for faces"]


class TellingDetector:
    """Finds what it is told, at the places and with the scores that a test wants."""

    def __init__(self, *found: tuple[float, ...]) -> None:
        self.rows = np.array([(*box, *[0] * 10, score) for *box, score in found], dtype=np.float32)

    def setInputSize(self, size):
        pass

    def detect(self, pixels):
        return 1, self.rows


def test_what_fills_the_picture_must_look_more_like_a_face(monkeypatch):
    found = TellingDetector((30, 20, 220, 170, 0.75), (40, 30, 200, 160, 0.85), (5, 5, 20, 26, 0.75))
    monkeypatch.setattr(faces, "_detector", lambda: found)
    assert [face.left for face in find_faces(Image.new("RGB", (320, 200)))] == pytest.approx(
        [40 / 320, 5 / 320], abs=0.001
    )


def test_differences_that_only_rounding_makes_are_not_seen(monkeypatch):
    seen = []
    for rounding in (0, 1e-4, -1e-4):
        found = TellingDetector((40 + rounding, 30, 50 - rounding, 60 + rounding, 0.9))
        monkeypatch.setattr(faces, "_detector", lambda found=found: found)
        seen.append(find_faces(Image.new("RGB", (320, 200))))
    assert seen[0] == seen[1] == seen[2]


def test_a_face_beside_the_picture_is_none(monkeypatch):
    monkeypatch.setattr(faces, "_detector", lambda: TellingDetector((-30, 20, 30, 40, 0.9), (50, 200, 30, 40, 0.9)))
    assert find_faces(Image.new("RGB", (320, 200))) == ()


def test_a_close_up_that_fills_the_picture_is_found():
    left, top, right, bottom = FACE
    close = portrait().crop((left - 15, top - 5, right + 15, bottom + 5)).resize((320, 320))
    assert len(find_faces(close)) == 1


class FailingDetector:
    """Fails as OpenCV does, with a status."""

    def __init__(self, code: int) -> None:
        self.code = code

    def setInputSize(self, size):
        error = cv2.error("failed")
        error.code = self.code
        raise error


def test_a_detector_that_fails_finds_nobody_and_the_log_says_so_once(monkeypatch, caplog, anew):
    monkeypatch.setattr(faces, "_detector", lambda: FailingDetector(cv2.Error.StsAssert))
    assert find_faces(small(portrait())) == ()
    assert find_faces(small(portrait())) == ()
    assert warnings(caplog) == ["the face detector failed: the picture is framed without faces"]


def test_a_picture_is_not_framed_otherwise_for_want_of_memory(monkeypatch, anew):
    monkeypatch.setattr(faces, "_detector", lambda: FailingDetector(cv2.Error.StsNoMem))
    with pytest.raises(MemoryError):
        find_faces(small(portrait()))


def test_a_very_thin_picture_gives_the_same_faces_whatever_was_looked_at_before():
    china = photographs()["china"]
    strips = [china.crop((0, 0, 640, 32)).resize((320, 16)), china.crop((0, 0, 640, 40)).resize((320, 20))]
    seen = {
        (number, find_faces(strip))
        for side in range(60, 320, 10)
        for number, strip in enumerate(strips)
        if find_faces(china.resize((side, side))) is not None
    }
    assert len(seen) == len(strips)
