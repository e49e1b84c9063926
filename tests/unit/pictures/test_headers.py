import resource
import struct

import pytest
from PIL import Image

from servicekit.pictures.headers.base import MAX_PARTS
from servicekit.pictures.headers.bitstream import Bits, av1_size, hevc_sizes
from servicekit.pictures.model import PictureLimits, PictureRefused
from servicekit.pictures.probe import probe
from tests.unit.pictures.picture_bytes import box, chunk, full_box, heic, irot, png, riff, tiff, webp, webp_lossless
from tests.unit.pictures.picture_files import encoded, photographs

PIECE = photographs()["china"].crop((200, 100, 296, 164))
PLACE = b"<x:xmpmeta xmlns:x='adobe:ns:meta/' exif:GPSLatitude='52,30.0N'/>"


def refusal(path, limits=None) -> PictureRefused:
    with pytest.raises(PictureRefused) as caught:
        probe(path, limits or PictureLimits())
    return caught.value


def exif_with_place() -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "A camera"
    exif.get_ifd(0x8825)[1] = "N"
    return exif.tobytes()


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
def test_the_place_in_exif_is_noticed(write, format):
    info = probe(write(encoded(PIECE, format, exif=exif_with_place())), PictureLimits())
    assert (info.has_metadata, info.has_location) == (True, True)


def test_the_place_in_the_exif_of_a_heic_is_noticed(write):
    assert probe(write(heic(exif=exif_with_place().removeprefix(b"Exif\x00\x00"))), PictureLimits()).has_location
    assert probe(write(heic(exif=exif_with_place())), PictureLimits()).has_location


def test_exif_in_a_png_may_begin_as_in_a_jpeg(write):
    exif = exif_with_place()
    assert exif.startswith(b"Exif\x00\x00")
    content = encoded(PIECE, "PNG")
    assert probe(write(content[:33] + chunk(b"eXIf", exif) + content[33:]), PictureLimits()).has_location


@pytest.mark.parametrize(
    "content",
    [
        encoded(PIECE, "JPEG", xmp=PLACE),
        encoded(PIECE, "WEBP", xmp=PLACE),
        encoded(PIECE, "AVIF", xmp=PLACE),
        encoded(PIECE, "TIFF", tiffinfo={700: PLACE}),
        heic(xmp=PLACE),
        encoded(PIECE, "GIF")[:-1] + b"!\xff\x0bXMP DataXMP" + PLACE[:0] + bytes([len(PLACE)]) + PLACE + b"\x00;",
    ],
    ids=["JPEG", "WebP", "AVIF", "TIFF", "HEIC", "GIF"],
)
def test_the_place_in_xmp_is_noticed(write, content):
    info = probe(write(content), PictureLimits())
    assert (info.has_metadata, info.has_location) == (True, True)


def test_a_comment_in_a_gif_is_metadata(write):
    assert probe(write(encoded(PIECE, "GIF", comment=b"hello")), PictureLimits()).has_metadata
    assert not probe(write(encoded(PIECE, "GIF")), PictureLimits()).has_metadata


@pytest.mark.parametrize("format", ["PNG", "WEBP", "GIF", "AVIF", "TIFF"])
def test_frames_are_counted_and_limited_in_every_format(write, format):
    frames = [PIECE.rotate(angle) for angle in range(5)]
    path = write(encoded(frames[0], format, save_all=True, append_images=frames[1:]))
    assert probe(path, PictureLimits(max_frames=5)).frames == 5
    error = refusal(path, PictureLimits(max_frames=4))
    assert (error.reason, error.metadata["limit"]) == ("TOO_MANY_FRAMES", "4")
    assert "still picture" in error.message


@pytest.mark.parametrize(("sizes", "shown"), [((255,), 1), ((254,), 1), ((1, 255, 254), 3)])
def test_gif_data_may_be_cut_into_blocks_of_any_length(write, sizes, shown):
    blocks = b"".join(bytes([size]) + b"\xff" * size for size in sizes) * 40
    image = b"," + struct.pack("<HHHHB", 0, 0, 64, 64, 0) + b"\x02" + blocks + b"\x00"
    assert probe(write(b"GIF89a\x40\x00\x40\x00\x00\x00\x00" + image * shown + b";"), PictureLimits()).frames == shown


def test_zeros_between_the_parts_of_a_gif_are_passed_over(write):
    assert probe(write(encoded(PIECE, "GIF")[:-1] + b"\x00\x00;"), PictureLimits()).frames == 1


def test_what_follows_a_webp_is_not_looked_at(write):
    assert probe(write(encoded(PIECE, "WEBP") + b"PK\x03\x04" * 100), PictureLimits()).width == 96


def test_a_webp_that_forgets_its_last_padding_byte_is_read(write):
    content = bytearray(webp(webp_lossless(40, 40, b"xx"))[:-1])
    content[4:8] = struct.pack("<I", len(content) - 8)
    assert probe(write(bytes(content)), PictureLimits()).width == 40


def grid(rows: int, columns: int, tiles: int, size: tuple[int, int], tile: tuple[int, int] = (64, 64)) -> bytes:
    """A HEIC of tiles that are all the same."""
    single = heic()
    hvcc, coded = single[single.index(b"hvcC") - 4 :][:120], single[single.index(b"mdat") + 4 :]
    description = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, *size)

    def meta(start: int) -> bytes:
        places = [(1, 1, 0, len(description))] + [(2 + number, 0, start, len(coded)) for number in range(tiles)]
        iloc = b"".join(struct.pack(">HHHHII", item, way, 0, 1, at, length) for item, way, at, length in places)
        kinds = [b"grid"] + [b"hvc1"] * tiles
        infos = [
            full_box(b"infe", struct.pack(">HH", number, 0), kind, b"\x00", version=2)
            for number, kind in enumerate(kinds, 1)
        ]
        links = b"".join(struct.pack(">HBBB", 2 + number, 2, 1, 2) for number in range(tiles))
        return full_box(
            b"meta",
            full_box(b"pitm", struct.pack(">H", 1)),
            full_box(b"iloc", b"\x44\x00", struct.pack(">H", len(places)), iloc, version=1),
            full_box(b"iinf", struct.pack(">H", len(infos)), *infos),
            full_box(b"iref", box(b"dimg", struct.pack(f">HH{tiles}H", 1, tiles, *range(2, 2 + tiles)))),
            box(b"idat", description),
            box(
                b"iprp",
                box(
                    b"ipco",
                    hvcc,
                    full_box(b"ispe", struct.pack(">II", *tile)),
                    full_box(b"ispe", struct.pack(">II", *size)),
                ),
                full_box(b"ipma", struct.pack(">IHBB", 1 + tiles, 1, 1, 3), links),
            ),
        )

    head = box(b"ftyp", b"heic\x00\x00\x00\x00mif1heic")
    return head + meta(len(head) + len(meta(0)) + 8) + box(b"mdat", coded)


def test_a_heic_of_tiles_is_as_large_as_all_of_them(write):
    info = probe(write(grid(2, 3, 6, (180, 120))), PictureLimits())
    assert (info.width, info.height) == (180, 120)


@pytest.mark.parametrize(
    "content",
    [
        grid(2, 3, 5, (180, 120)),
        grid(2, 3, 6, (200, 120)),
        grid(2, 3, 6, (180, 130)),
        grid(2, 3, 6, (180, 120)).replace(struct.pack(">II", 180, 120), struct.pack(">II", 181, 120)),
        grid(1, 1, 0, (64, 64)),
    ],
    ids=["too few tiles", "too wide", "too high", "two sizes", "no tiles"],
)
def test_a_heic_whose_tiles_do_not_make_it_up_is_refused(write, content):
    assert refusal(write(content)).reason == "BROKEN"


def test_tiles_count_with_what_is_cut_off_from_them(write):
    # 180 × 120 are shown, 192 × 128 are decoded.
    path = write(grid(2, 3, 6, (180, 120)))
    assert probe(path, PictureLimits(max_pixels=192 * 128)).width == 180
    assert refusal(path, PictureLimits(max_pixels=192 * 128 - 1)).reason == "TOO_MANY_PIXELS"


def test_a_heic_that_is_decoded_larger_than_it_says_is_refused(write):
    # The container says 40 × 40, the coded pixels are 64 × 64.
    error = refusal(write(heic(size=(40, 40))), PictureLimits(max_pixels=64 * 64 - 1))
    assert (error.reason, error.metadata["actual"]) == ("TOO_MANY_PIXELS", "4096")


@pytest.mark.parametrize(
    "properties",
    [[irot(0)] * 1_100, [box(b"free")] * (MAX_PARTS + 1)],
    ids=["properties", "boxes"],
)
def test_a_heic_of_countless_parts_is_refused(write, properties):
    content = heic()
    start = content.index(b"ipco") - 4
    more = box(b"ipco", *properties)
    assert refusal(write(content[:start] + more + content[start:])).reason == "BROKEN"


def test_a_box_may_tell_its_length_in_eight_bytes_or_reach_to_the_end(write):
    content = heic()
    coded = content[content.index(b"mdat") + 4 :]
    assert (
        probe(write(content[: -len(coded) - 8] + struct.pack(">I4s", 0, b"mdat") + coded), PictureLimits()).width == 64
    )
    ending = struct.pack(">I4sQ", 1, b"free", 20) + bytes(4)
    assert probe(write(content + ending), PictureLimits()).width == 64
    assert refusal(write(content + ending[:-1])).reason == "BROKEN"
    assert refusal(write(content + struct.pack(">I4s", 4, b"free"))).reason == "BROKEN"


def test_a_film_is_no_still_picture(write):
    sample = struct.pack(">HH", 64, 64).rjust(28, b"\x00")
    table = box(
        b"stbl",
        full_box(b"stsd", struct.pack(">I", 1), box(b"hvc1", sample)),
        full_box(b"stsz", struct.pack(">II", 0, 9)),
        full_box(b"stco", struct.pack(">II", 1, 8)),
    )
    header = full_box(b"tkhd", bytes(72), struct.pack(">II", 64 << 16, 64 << 16))
    movie = box(b"moov", box(b"trak", header, box(b"mdia", box(b"minf", table))))
    error = refusal(write(box(b"ftyp", b"hevc\x00\x00\x00\x00") + movie))
    assert error.reason == "UNSUPPORTED_FORMAT"
    assert "film" in error.message


def test_tiffs_of_both_byte_orders_tell_their_bits(write):
    for order in "<>":
        deep = tiff(40, 40, {258: (16,), 259: (1,), 262: (1,), 277: (1,)}, bytes(3200), order)
        assert probe(write(deep), PictureLimits()).bits == 16


def test_bits_of_a_channel_are_told(write):
    assert probe(write(png(40, 40, 16, 0, bytes(81 * 40))), PictureLimits()).bits == 16
    assert probe(write(encoded(PIECE.quantize(4), "PNG", bits=2)), PictureLimits()).bits == 8


@pytest.mark.parametrize("zeros", [b"", b"\x00" * 9])
def test_numbers_that_do_not_end_are_refused(zeros):
    with pytest.raises(PictureRefused, match="BROKEN"):
        Bits(zeros).read_exponential()


def test_the_size_of_av1_is_read_behind_other_units():
    # A delimiter; then a header of the short form: 7 bits each for 96 and 64, less one.
    bits = "000" + "1" + "1" + "00000" + "0110" + "0110" + f"{95:07b}" + f"{63:07b}"
    header = int(bits.ljust(48, "0"), 2).to_bytes(6)
    assert av1_size(b"\x12\x00" + b"\x0a\x06" + header) == (96, 64)
    # The long form: no timing, no delays, one operating point at a level that has a tier.
    bits = (
        "000" + "0" + "0" + "0" + "0" + "00000" + "0" * 12 + "01000" + "0" + "0110" + "0110" + f"{95:07b}" + f"{63:07b}"
    )
    assert av1_size(b"\x0a\x09" + int(bits.ljust(72, "0"), 2).to_bytes(9)) == (96, 64)
    with pytest.raises(PictureRefused, match="BROKEN"):
        av1_size(b"\x12\x00" * 40)
    with pytest.raises(PictureRefused, match="BROKEN"):
        av1_size(b"\x0a" + b"\xff" * 12)


def test_the_size_of_hevc_is_read_from_its_parameters():
    single = heic()
    start = single.index(b"hvcC") + 4
    assert list(hevc_sizes(single[start : start + 112])) == [(64, 64)]
    with pytest.raises(PictureRefused, match="BROKEN"):
        list(hevc_sizes(single[start : start + 60]))


def test_a_large_file_is_judged_without_being_read(tmp_path):
    path = tmp_path / "large"
    path.write_bytes(webp(webp_lossless(4_000, 4_000, bytes(20_000_000)), riff(b"EXIF", exif_with_place())))
    assert probe(path, PictureLimits()).has_location
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    probe(path, PictureLimits())
    # The file has 4,900 pages, of which the kernel maps 16 at a touch.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < 100
