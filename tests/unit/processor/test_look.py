"""What is seen in real photographs, and how they are framed by it."""

import math
import pickle

import pytest
import thash
from PIL import Image, ImageOps

from services.processor.pipeline import Edit, FrameReason, Mask, Rectangle, RenditionSpec, Zone, ZoneKind
from services.processor.pipeline.frame import choose_frame
from services.processor.pipeline.look import look_at
from tests.unit.pictures.picture_files import photographs
from tests.unit.processor.looked_at import FACE, HEAD, faceless, in_pixels, portrait, portrait_on, small

AVATAR = RenditionSpec("x.avatar", 400, 400, ("image/jpeg",), mask=Mask.CIRCLE)
COVERED = Rectangle(0, 0.64, 0.28, 1)
BANNER = RenditionSpec("x.banner", 1500, 500, ("image/jpeg",), zones=(Zone(ZoneKind.COVERED, COVERED),))


def framed(picture: Image.Image, spec: RenditionSpec, side: int = 320) -> tuple[tuple[float, ...], FrameReason]:
    frame = choose_frame(spec, *picture.size, Edit(), look_at(small(picture, side)))
    return in_pixels(frame.box, picture), frame.reason


def in_circle(box: tuple[float, ...], head: tuple[float, ...]) -> bool:
    """The outline of a head lies in the circle that touches the box."""
    left, top, right, bottom = box
    for step in range(24):
        angle = step * math.pi / 12
        x = (head[0] + head[2]) / 2 + (head[2] - head[0]) / 2 * math.cos(angle)
        y = (head[1] + head[3]) / 2 + (head[3] - head[1]) / 2 * math.sin(angle)
        if math.hypot(x - (left + right) / 2, y - (top + bottom) / 2) > (right - left) / 2:
            return False
    return True


def shifted(box: tuple[float, ...], right: float, down: float) -> tuple[float, ...]:
    return box[0] + right, box[1] + down, box[2] + right, box[3] + down


@pytest.mark.parametrize("left", [0, 300, 1000, 1536])
def test_an_avatar_cut_from_a_wide_picture_holds_the_head_in_its_circle(left):
    box, reason = framed(portrait_on(2048, 512, left, 0), AVATAR)
    assert in_circle(box, shifted(HEAD, left, 0))
    assert reason is FrameReason.FACES


@pytest.mark.parametrize("top", [0, 500, 1088])
def test_an_avatar_cut_from_a_tall_picture_holds_the_head_in_its_circle(top):
    picture = portrait_on(512, 1600, 0, top)
    box, reason = framed(picture, AVATAR)
    assert in_circle(box, shifted(HEAD, 0, top))
    assert reason is FrameReason.FACES


@pytest.mark.parametrize("top", [0, 300, 700])
def test_a_banner_keeps_the_face_out_of_what_the_avatar_covers(top):
    box, _ = framed(portrait_on(1100, 1212, 0, top), BANNER)
    left, upper, right, lower = shifted(FACE, 0, top)
    width, height = box[2] - box[0], box[3] - box[1]
    assert box[1] <= upper
    assert lower <= box[3]
    beside = left >= box[0] + COVERED.right * width
    above = lower <= box[1] + COVERED.top * height + 0.02 * height
    assert beside or above or right <= box[0]


def test_a_banner_shows_the_whole_head_where_it_can():
    box, _ = framed(portrait_on(1100, 1212, 588, 400), BANNER)
    assert box[1] <= HEAD[1] + 400
    assert HEAD[3] + 400 <= box[3]


def test_a_mirrored_picture_is_seen_and_framed_mirrored():
    picture = portrait_on(1400, 512, 300, 0)
    box, _ = framed(picture, AVATAR)
    mirrored, _ = framed(ImageOps.mirror(picture), AVATAR)
    assert in_circle(box, shifted(HEAD, 300, 0))
    assert in_circle(mirrored, (1400 - 300 - HEAD[2], HEAD[1], 1400 - 300 - HEAD[0], HEAD[3]))
    assert 1400 - mirrored[2] == pytest.approx(box[0], abs=20)


def test_a_turned_picture_is_seen_as_turned():
    lying = portrait_on(2048, 512, 300, 0).transpose(Image.Transpose.ROTATE_90)
    upright = lying.transpose(Image.Transpose.ROTATE_270)
    assert look_at(small(upright)).faces
    box, _ = framed(upright, AVATAR)
    assert in_circle(box, shifted(HEAD, 300, 0))


@pytest.mark.parametrize("spec", [AVATAR, BANNER], ids=["avatar", "banner"])
def test_frames_hardly_depend_on_the_size_of_the_preview(spec):
    pictures = [portrait_on(1400, 1000, 500, 300), *photographs().values(), *faceless().values()]
    for picture in pictures:
        large, middle = framed(picture, spec)[0], framed(picture, spec, 224)[0]
        assert middle == pytest.approx(large, abs=0.06 * max(picture.size))


def test_a_building_is_shown_with_its_roof():
    # The roof begins 40 pixels below the upper edge, at 210 of 640 across; the building ends at about 340.
    (left, _, right, _), _ = framed(photographs()["china"], AVATAR)
    assert left < 60
    assert right > 340


def test_a_thing_without_a_face_is_found_by_what_stands_out():
    wall = Image.new("RGB", (1600, 427), (60, 62, 66))
    wall.paste(photographs()["flower"].crop((200, 0, 500, 427)), (1250, 0))
    box, reason = framed(wall, AVATAR)
    assert box[0] <= 1250 + 20
    assert box[2] >= 1540
    assert reason is FrameReason.SALIENCY


def test_the_placeholder_has_the_shape_and_colour_of_the_picture():
    look = look_at(small(portrait_on(2048, 512, 0, 0)))
    assert 10 <= len(look.placeholder) <= 30
    ratio = thash.thumb_hash_to_approximate_aspect_ratio(look.placeholder)
    assert ratio > 2


def test_the_placeholder_keeps_transparency():
    clear = Image.new("RGBA", (200, 100), (255, 0, 0, 0))
    solid = Image.new("RGBA", (200, 100), (255, 0, 0, 255))
    assert look_at(clear).placeholder != look_at(solid).placeholder


def test_a_look_travels_between_processes():
    look = look_at(small(portrait()))
    assert pickle.loads(pickle.dumps(look)) == look
    assert len(pickle.dumps(look)) < 6000
