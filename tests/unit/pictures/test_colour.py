import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from servicekit.pictures.colour import is_srgb, to_srgb
from tests.unit.pictures.picture_bytes import ADOBE_RGB, DISPLAY_P3, SRGB, grey_profile, profile

SRGB_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
NAME = "sRGB built-in".encode("utf-16-be")
RENAMED = SRGB_PROFILE.replace(NAME, "an ordinary o".encode("utf-16-be"))
# Red's primary of Display P3 under the name of sRGB.
LYING = SRGB_PROFILE.replace(struct.pack(">3i", 0x6FA0, 0x38F5, 0x390), struct.pack(">3i", 0x83DF, 0x3DBF, -69))
# As cameras and Windows write it: not a formula, but 1,024 points.
POINTS = [level / 1023 for level in range(1024)]
LIGHT = [point / 12.92 if point <= 0.04045 else ((point + 0.055) / 1.055) ** 2.4 for point in POINTS]
TABLE = b"curv" + bytes(4) + struct.pack(">I1024H", 1024, *(round(light * 65535) for light in LIGHT))


def with_curve(icc: bytes, curve: bytes) -> bytes:
    """The profile with another curve for all three colours, put at its end."""
    content = bytearray(icc + curve)
    for tag in (b"rTRC", b"gTRC", b"bTRC"):
        entry = content.index(tag)
        content[entry + 4 : entry + 12] = struct.pack(">II", len(icc), len(curve))
    return bytes(content)


@pytest.mark.parametrize("icc", [SRGB_PROFILE, RENAMED, with_curve(RENAMED, TABLE)], ids=["sRGB", "renamed", "table"])
def test_srgb_is_known_by_what_it_does(icc):
    assert is_srgb(icc)
    image = Image.new("RGB", (40, 40), (200, 80, 40))
    assert to_srgb(image, icc) == (image, False)


@pytest.mark.parametrize(
    "icc",
    [
        LYING,
        profile(*SRGB, 2.2),
        profile(*DISPLAY_P3, 2.2),
        profile(*ADOBE_RGB, 563 / 256),
        with_curve(SRGB_PROFILE, b"curv" + bytes(8)),
        with_curve(SRGB_PROFILE, b"curv" + bytes(4) + struct.pack(">IH", 1, 0x1CC)),
        grey_profile(2.2),
        # A table comes before the formula.
        SRGB_PROFILE.replace(b"chrm", b"A2B0", 1),
        b"",
        SRGB_PROFILE[:200],
        SRGB_PROFILE[:470],
        with_curve(SRGB_PROFILE, b"curv" + bytes(4) + b"\xff\xff\xff\xff"),
        with_curve(SRGB_PROFILE, b"para" + bytes(4) + bytes(4) + bytes(4)),
        with_curve(SRGB_PROFILE, b"none" + bytes(20)),
    ],
)
def test_everything_else_is_not_srgb(icc):
    assert not is_srgb(icc)


@given(st.binary(max_size=300) | st.builds(lambda more: SRGB_PROFILE[:132] + more, st.binary(max_size=300)))
def test_any_profile_is_converted_or_ignored(icc):
    image, _ = to_srgb(Image.new("RGB", (4, 4), "red"), icc)
    assert (image.mode, image.size) == ("RGB", (4, 4))


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_wide_colours_become_those_of_every_screen(mode):
    image = Image.new(mode, (40, 40), (200, 80, 40, 90)[: len(mode)])
    converted, was_converted = to_srgb(image, profile(*DISPLAY_P3, 2.2))
    assert was_converted
    red, green, blue, *alpha = converted.getpixel((5, 5))
    # In sRGB the same red is further out.
    assert red > 205
    assert green < 80
    assert blue < 40
    assert alpha == ([90] if mode == "RGBA" else [])


def test_a_profile_for_other_numbers_is_ignored():
    grey = Image.new("L", (40, 40), 128)
    image, was_converted = to_srgb(grey, profile(*DISPLAY_P3, 2.2))
    assert (image.getpixel((0, 0)), was_converted) == ((128, 128, 128), False)
