import hashlib
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageCms, ImageStat
from PIL.PngImagePlugin import PngInfo

from catalog import load_catalogue
from servicekit.pictures.model import PictureLimits, PictureRefused
from servicekit.pictures.perceptual import PerceptualHash, distance, hash_file, perceptual_hash
from servicekit.pictures.workers import PictureWorkers
from services.processor.domain import recipes
from services.processor.pipeline import (
    Edit,
    Fit,
    Note,
    Point,
    Rectangle,
    Rendition,
    RenditionSpec,
    recipe_version,
    render,
    rendering,
)
from services.processor.pipeline.encode import QUALITY
from services.processor.pipeline.formats import Cut
from tests.unit.pictures.picture_files import encoded, photographs

CHINA = photographs()["china"]
AVATAR = RenditionSpec("x.avatar", 400, 400, ("image/jpeg", "image/png"), max_bytes=700_000)
BANNER = RenditionSpec("x.banner", 1500, 500, ("image/jpeg", "image/png"))
THUMBNAIL = RenditionSpec("thumbnail.320", 320, 320, ("image/webp",), fit=Fit.INSIDE, alpha=True)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    directory = tmp_path / "out"
    directory.mkdir()
    return directory


@pytest.fixture
def write(tmp_path: Path):
    def write_bytes(content: bytes) -> Path:
        path = tmp_path / hashlib.sha256(content).hexdigest()
        path.write_bytes(content)
        return path

    return write_bytes


def rendered(source: Path, out: Path, spec: RenditionSpec, edit: Edit | None = None) -> tuple[Rendition, Image.Image]:
    result = render(source, edit or Edit(), [spec], out)
    assert result.failures == ()
    (rendition,) = result.renditions
    with Image.open(rendition.path) as image:
        image.load()
        return rendition, image


def codes(rendition: Rendition) -> list[str]:
    return [note.code for note in rendition.notes]


def mean_difference(first: Image.Image, second: Image.Image) -> float:
    return sum(ImageStat.Stat(ImageChops.difference(first.convert("RGB"), second.convert("RGB"))).mean) / 3


def see_through() -> Image.Image:
    """The photograph with its left half transparent."""
    picture = CHINA.convert("RGBA")
    picture.paste((0, 0, 0, 0), (0, 0, 320, 427))
    return picture


def test_a_rendition_tells_what_its_file_is(write, out):
    rendition, image = rendered(write(encoded(CHINA, "JPEG", quality=95)), out, AVATAR)
    content = rendition.path.read_bytes()
    assert rendition == Rendition(
        key="x.avatar",
        recipe_version=recipe_version(AVATAR),
        content_type="image/jpeg",
        width=400,
        height=400,
        bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        perceptual_hash=rendition.perceptual_hash,
        box=rendition.box,
        frame_reason=rendition.frame_reason,
        path=rendition.path,
        quality=QUALITY["image/jpeg"],
        notes=(),
    )
    assert (image.format, image.size, image.mode) == ("JPEG", (400, 400), "RGB")
    assert rendition.path.parent == out


def test_the_hash_is_that_of_the_file(write, out):
    rendition, image = rendered(write(encoded(CHINA, "JPEG")), out, AVATAR)
    assert distance(PerceptualHash.from_hex(rendition.perceptual_hash), perceptual_hash(image)) <= 2
    assert distance(hash_file(rendition.path, PictureLimits()), perceptual_hash(image)) <= 2


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    source=st.tuples(st.integers(32, 640), st.integers(32, 427)),
    target=st.tuples(st.integers(1, 500), st.integers(1, 500)),
    crop=st.none()
    | st.builds(lambda x, y: Rectangle(x, y, min(1, x + 0.3), min(1, y + 0.3)), *[st.floats(0, 0.9)] * 2),
    turns=st.integers(0, 3),
    mirrored=st.booleans(),
    format=st.sampled_from(["JPEG", "PNG"]),
    max_bytes=st.none() | st.integers(3_000, 50_000),
)
def test_the_size_is_exact_and_the_limit_kept_whatever_comes(
    write, out, source, target, crop, turns, mirrored, format, max_bytes
):
    spec = replace(AVATAR, width=target[0], height=target[1], max_bytes=max_bytes)
    path = write(encoded(CHINA.crop((0, 0, *source)), format))
    result = render(path, Edit(quarter_turns=turns, mirrored=mirrored, crop=crop), [spec], out)
    for rendition in result.renditions:
        with Image.open(rendition.path) as image:
            assert image.size == (rendition.width, rendition.height) == target
        assert rendition.bytes == rendition.path.stat().st_size
        assert max_bytes is None or rendition.bytes <= max_bytes
    for failure in result.failures:
        assert (failure.key, failure.reason) == ("x.avatar", "BYTE_LIMIT_UNREACHABLE")
    assert len(result.renditions) + len(result.failures) == 1


def test_every_camera_orientation_gives_the_same_picture(write, out):
    undo = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    files = set()
    for orientation, turn in undo.items():
        stored = CHINA if turn is None else CHINA.transpose(Image.Transpose(turn))
        exif = Image.Exif()
        exif[0x0112] = orientation
        files.add(rendered(write(encoded(stored, "PNG", exif=exif)), out, BANNER)[0].sha256)
    assert len(files) == 1


def test_the_owners_turn_mirror_and_crop_are_applied_in_this_order(write, out):
    expected = CHINA.transpose(Image.Transpose.ROTATE_270).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    edit = Edit(quarter_turns=1, mirrored=True, crop=Rectangle(0, 0, 1, 0.5))
    spec = replace(AVATAR, formats=("image/png",), width=427, height=320)
    image = rendered(write(encoded(CHINA, "PNG")), out, spec, edit)[1]
    assert mean_difference(image, expected.crop((0, 0, 427, 320))) < 1


def test_the_focus_decides_what_a_shape_cuts_off(write, out):
    spec = replace(AVATAR, formats=("image/png",), width=427, height=427)
    source = write(encoded(CHINA, "PNG"))
    left = rendered(source, out, spec, Edit(focus=Point(0, 0.5)))[1]
    assert mean_difference(left, CHINA.crop((0, 0, 427, 427))) < 1


def test_a_shrunken_decode_gives_the_same_picture_as_a_full_one(write, out):
    large = CHINA.resize((2560, 1708), Image.Resampling.LANCZOS)
    spec = replace(AVATAR, formats=("image/png",))
    shrunk = rendered(write(encoded(large, "JPEG", quality=95)), out, spec)[1]
    full = rendered(write(encoded(large, "PNG")), out, spec)[1]
    assert mean_difference(shrunk, full) < 1.5


def test_the_same_input_gives_the_same_bytes(write, out, tmp_path):
    source = write(encoded(CHINA, "JPEG"))
    again = tmp_path / "again"
    again.mkdir()
    first = render(source, Edit(), [AVATAR, BANNER, THUMBNAIL], out)
    second = render(source, Edit(), [AVATAR, BANNER, THUMBNAIL], again)
    assert [made.sha256 for made in first.renditions] == [made.sha256 for made in second.renditions]


def test_the_same_recipe_is_made_once_for_several_places(write, out):
    result = render(write(encoded(CHINA, "JPEG")), Edit(), [AVATAR, replace(AVATAR, key="mastodon.avatar")], out)
    first, second = result.renditions
    assert (first.key, second.key) == ("x.avatar", "mastodon.avatar")
    assert first.path == second.path
    assert len(list(out.iterdir())) == 1


def test_no_metadata_is_left(write, out):
    exif = Image.Exif()
    exif[0x010F] = "A camera of somebody"
    exif.get_ifd(0x8825)[1] = "N"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    source = write(encoded(CHINA, "JPEG", exif=exif, icc_profile=profile, comment=b"secret", dpi=(300, 300)))
    for formats in (("image/jpeg",), ("image/png",), ("image/webp",)):
        rendition, image = rendered(source, out, replace(AVATAR, formats=formats))
        content = rendition.path.read_bytes()
        assert not any(secret in content for secret in (b"somebody", b"secret", b"Exif", b"ICC_PROFILE", b"iCCP"))
        assert not image.getexif()
        assert image.info.keys().isdisjoint({"exif", "xmp", "icc_profile", "comment"})
        assert codes(rendition) == ["METADATA_REMOVED"]
        assert "place" in rendition.notes[0].text


def test_a_picture_that_is_too_small_is_enlarged_and_says_so(write, out):
    rendition, image = rendered(write(encoded(CHINA.crop((0, 0, 200, 100)), "PNG")), out, AVATAR)
    assert image.size == (400, 400)
    assert rendition.notes == (
        Note(
            "UPSCALED",
            "Your picture has 100 × 100 pixels here and this place shows 400 × 400, so it was enlarged.",
        ),
    )


def test_a_picture_made_to_fit_is_not_enlarged(write, out):
    rendition, image = rendered(write(encoded(CHINA.crop((0, 0, 200, 100)), "PNG")), out, THUMBNAIL)
    assert (image.size, image.format, rendition.notes) == ((200, 100), "WEBP", ())


def test_transparency_is_filled_with_the_chosen_colour_where_a_place_shows_none(write, out):
    source = write(encoded(see_through(), "PNG"))
    rendition, image = rendered(source, out, AVATAR, Edit(background=(255, 0, 0), focus=Point(0, 0)))
    assert codes(rendition) == ["ALPHA_FLATTENED"]
    assert "#ff0000" in rendition.notes[0].text
    red, green, blue = image.getpixel((5, 200))
    assert red > 250
    assert max(green, blue) < 5


def test_transparency_is_kept_as_png_where_the_place_shows_it(write, out):
    rendition, image = rendered(write(encoded(see_through(), "PNG")), out, replace(AVATAR, alpha=True))
    assert (rendition.content_type, image.mode, rendition.notes) == ("image/png", "RGBA", ())
    assert image.getpixel((5, 200))[3] == 0
    assert image.getpixel((395, 200))[3] == 255


def test_transparency_gives_way_where_its_file_would_be_too_large(write, out):
    spec = replace(AVATAR, alpha=True, max_bytes=60_000)
    rendition, image = rendered(write(encoded(see_through(), "PNG")), out, spec)
    assert (rendition.content_type, image.mode) == ("image/jpeg", "RGB")
    assert codes(rendition)[0] == "ALPHA_FLATTENED"
    assert "60 kB" in rendition.notes[0].text


def test_a_part_without_transparent_pixels_is_an_ordinary_photograph(write, out):
    edit = Edit(crop=Rectangle(0.55, 0, 1, 1))
    rendition, _ = rendered(write(encoded(see_through(), "PNG")), out, replace(AVATAR, alpha=True), edit)
    assert (rendition.content_type, codes(rendition)) == ("image/jpeg", ["UPSCALED"])


def test_a_photograph_becomes_jpeg_even_where_png_is_named_first(write, out):
    spec = replace(AVATAR, formats=("image/png", "image/jpeg"))
    assert rendered(write(encoded(CHINA, "PNG")), out, spec)[0].content_type == "image/jpeg"


def test_a_lowered_quality_is_told(write, out):
    spec = replace(AVATAR, max_bytes=30_000)
    rendition, _ = rendered(write(encoded(CHINA, "PNG")), out, spec)
    assert codes(rendition) == ["QUALITY_LOWERED"]
    assert rendition.notes[0].text == (
        f"Saved as JPEG at quality {rendition.quality} instead of 83 to keep within 30 kB."
    )


def test_a_limit_that_cannot_be_kept_fails_that_version_alone(write, out):
    result = render(write(encoded(CHINA, "PNG")), Edit(), [replace(AVATAR, max_bytes=2_000), BANNER], out)
    assert [made.key for made in result.renditions] == ["x.banner"]
    (failure,) = result.failures
    assert (failure.key, failure.reason) == ("x.avatar", "BYTE_LIMIT_UNREACHABLE")
    assert "allows 2 kB" in failure.message


@pytest.mark.parametrize("mode", ["CMYK", "L"])
def test_other_colour_modes_come_out_as_rgb(write, out, mode):
    rendition, image = rendered(write(encoded(CHINA.convert(mode), "JPEG")), out, AVATAR)
    assert image.mode == "RGB"
    assert codes(rendition) == (["CONVERTED_TO_SRGB"] if mode == "CMYK" else [])


def test_an_animation_gives_its_first_frame_and_says_so(write, out):
    frames = [CHINA, CHINA.rotate(180)]
    source = write(encoded(frames[0], "PNG", save_all=True, append_images=frames[1:]))
    rendition, image = rendered(source, out, replace(THUMBNAIL, formats=("image/png",)))
    assert codes(rendition) == ["ANIMATION_DROPPED"]
    assert distance(perceptual_hash(image), perceptual_hash(CHINA)) <= 2


def test_what_is_no_picture_is_refused(write, out):
    with pytest.raises(PictureRefused, match="UNSUPPORTED_FORMAT"):
        render(write(b"hello"), Edit(), [AVATAR], out)
    with pytest.raises(PictureRefused, match="TOO_MANY_PIXELS"):
        render(write(encoded(CHINA, "PNG")), Edit(), [AVATAR], out, PictureLimits(max_pixels=1000))


def test_a_recipe_is_named_by_what_it_makes():
    assert recipe_version(AVATAR) == recipe_version(replace(AVATAR, key="mastodon.avatar"))
    others = [
        replace(AVATAR, width=401),
        replace(AVATAR, height=401),
        replace(AVATAR, formats=("image/jpeg",)),
        replace(AVATAR, max_bytes=None),
        replace(AVATAR, alpha=True),
        replace(AVATAR, fit=Fit.INSIDE),
    ]
    assert len({recipe_version(spec) for spec in [AVATAR, *others]}) == 7


@pytest.mark.parametrize(
    "wrong", [{"key": "../x"}, {"key": ""}, {"width": 0}, {"max_bytes": 0}, {"formats": ("image/gif",)}]
)
def test_a_recipe_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match=r"key|positive|cannot write"):
        replace(AVATAR, **wrong)


async def test_it_runs_in_a_picture_worker(write, out):
    specs = [AVATAR, THUMBNAIL]
    source = write(encoded(CHINA, "JPEG"))
    async with PictureWorkers(1) as workers:
        result = await workers.run(render, source, Edit(), specs, out, timeout_seconds=60)
    assert [made.key for made in result.renditions] == ["x.avatar", "thumbnail.320"]
    assert pickle.loads(pickle.dumps(result)) == result


# The real places, each with its size, formats, limit and zones.
CATALOGUE = [recipe.spec for recipe in recipes(load_catalogue())]
TAGS = {0x010F: "A camera of somebody", 0x9286: "a comment of somebody"}


def with_everything_hidden(picture: Image.Image, format: str, orientation: int) -> bytes:
    """The picture as a file that tells of its maker, and where it was taken."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif.update(TAGS)
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0)})
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    options = {"exif": exif, "icc_profile": profile, "xmp": b"<x:xmpmeta>somebody</x:xmpmeta>"}
    if format == "JPEG":
        options |= {"comment": b"of somebody", "quality": 90}
    elif format == "PNG":
        text = PngInfo()
        text.add_text("Author", "somebody")
        options = {"exif": exif, "icc_profile": profile, "pnginfo": text}
    return encoded(picture, format, **options)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    source=st.tuples(st.integers(32, 640), st.integers(32, 427)),
    format=st.sampled_from(["JPEG", "PNG", "WEBP"]),
    orientation=st.integers(1, 8),
    edit=st.builds(
        Edit,
        quarter_turns=st.integers(0, 3),
        mirrored=st.booleans(),
        crop=st.none()
        | st.builds(lambda x, y: Rectangle(x, y, min(1, x + 0.4), min(1, y + 0.4)), *[st.floats(0, 0.9)] * 2),
        focus=st.none() | st.builds(Point, st.floats(0, 1), st.floats(0, 1)),
    ),
    spec=st.sampled_from(CATALOGUE),
    max_bytes=st.none() | st.integers(5_000, 60_000),
    has_alpha=st.booleans(),
)
def test_every_place_of_the_catalogue_gets_what_it_asks_for_and_nothing_hidden(
    write, out, source, format, orientation, edit, spec, max_bytes, has_alpha
):
    spec = replace(spec, max_bytes=max_bytes or spec.max_bytes)
    picture = (see_through() if has_alpha and format != "JPEG" else CHINA).crop((0, 0, *source))
    path = write(with_everything_hidden(picture, format, orientation))
    first, second = (render(path, edit, [spec], out) for _ in range(2))
    assert first == second
    for failure in first.failures:
        assert (failure.reason, spec.max_bytes) == ("BYTE_LIMIT_UNREACHABLE", max_bytes)
    for rendition in first.renditions:
        content = rendition.path.read_bytes()
        assert hashlib.sha256(content).hexdigest() == rendition.sha256
        assert spec.max_bytes is None or len(content) <= spec.max_bytes
        assert not any(secret in content for secret in (b"somebody", b"Exif", b"ICC_PROFILE", b"iCCP", b"ICCP"))
        with Image.open(rendition.path) as image:
            assert Image.MIME[image.format] == rendition.content_type
            assert rendition.content_type in spec.formats
            assert image.size == (rendition.width, rendition.height)
            assert not image.getexif()
            assert image.info.keys().isdisjoint({"exif", "xmp", "icc_profile", "comment", "Author"})
        if spec.fit is Fit.COVER:
            assert (rendition.width, rendition.height) == (spec.width, spec.height)
        assert ("UPSCALED" in codes(rendition)) == is_enlarged(rendition, source, orientation, edit)


def is_enlarged(rendition: Rendition, source: tuple[int, int], orientation: int, edit: Edit) -> bool:
    """The part has fewer pixels than the version, by half a pixel or more."""
    across, down = reversed(source) if (orientation >= 5) != (edit.quarter_turns % 2 == 1) else source
    box = rendition.box
    short = rendition.width - (box.right - box.left) * across, rendition.height - (box.bottom - box.top) * down
    return max(short) > 0.5


def test_another_process_makes_the_same_bytes(write, out, tmp_path):
    source = write(encoded(see_through(), "PNG"))
    specs = [AVATAR, replace(AVATAR, alpha=True), THUMBNAIL, replace(AVATAR, key="a.b", formats=("image/avif",))]
    again = tmp_path / "again"
    again.mkdir()
    script = (
        "import pickle, sys; from services.processor.pipeline import *;"
        "sys.stdout.buffer.write(pickle.dumps(render(*pickle.load(sys.stdin.buffer))))"
    )
    job = pickle.dumps((source, Edit(), specs, again))
    # Another seed gives sets and hashes another order.
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    answer = subprocess.run([sys.executable, "-c", script], input=job, capture_output=True, check=True, env=environment)
    there = pickle.loads(answer.stdout)
    here = render(source, Edit(), specs, out)
    assert [made.sha256 for made in there.renditions] == [made.sha256 for made in here.renditions]
    assert len(here.renditions) == len(specs)


def test_limits_that_lead_to_the_same_file_give_the_same_bytes_under_two_names(write, out):
    specs = [AVATAR, replace(AVATAR, key="mastodon.avatar", max_bytes=2_000_000)]
    first, second = render(write(encoded(CHINA, "JPEG")), Edit(), specs, out).renditions
    assert first.recipe_version != second.recipe_version
    assert first.sha256 == second.sha256
    assert [made.path.stem for made in (first, second)] == [first.recipe_version, second.recipe_version]


def test_places_that_show_the_same_pixels_share_the_resampling(write, out, monkeypatch):
    cuts = []
    monkeypatch.setattr(rendering, "Cut", lambda *args: cuts.append(args) or Cut(*args))
    specs = [replace(AVATAR, key=f"p{limit}.avatar", max_bytes=limit) for limit in (20_000, 30_000, 700_000)]
    result = render(write(encoded(CHINA, "JPEG")), Edit(), [*specs, BANNER], out)
    assert len(result.renditions) == 4
    assert len(cuts) == 2


def test_a_last_resort_is_told_in_so_many_words(write, out):
    rendition, _ = rendered(write(encoded(CHINA, "PNG")), out, replace(AVATAR, max_bytes=12_000))
    assert codes(rendition) == ["QUALITY_LOWERED"]
    assert rendition.quality < 40
    assert rendition.notes[0].text.endswith("to keep within 12 kB. Fine detail was lost.")


def test_another_format_is_tried_before_quality_is_given_up(write, out):
    spec = replace(AVATAR, formats=("image/jpeg", "image/avif"), max_bytes=15_000)
    rendition, _ = rendered(write(encoded(CHINA, "PNG")), out, spec)
    assert rendition.content_type == "image/avif"
    assert rendition.quality >= 35
