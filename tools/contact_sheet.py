"""Shows how pictures are framed: `python tools/contact_sheet.py PHOTO... -o sheet.png [--focus X Y] [--crop L T R B]`.

One row a photograph. First the photograph with its faces (red) and the frame of each place (white); then what stands out in
it, which decides where nobody is seen; then what each place shows, and why: outside a circle it is dimmed, covered zones are
shaded red, and zones that are seen everywhere are outlined in green. Places of the same shape, mask and zones are one.

For judging by eye what a change to `services/processor/pipeline/{faces,saliency,placement,frame}.py` does.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pi_heif
from PIL import Image, ImageChops, ImageDraw, ImageOps, UnidentifiedImageError

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from catalog import load_catalogue
from services.processor.domain import recipes
from services.processor.pipeline import Edit, Fit, Look, Mask, Point, Rectangle, RenditionSpec, ZoneKind
from services.processor.pipeline.frame import Frame, choose_frame
from services.processor.pipeline.look import PREVIEW_SIDE, look_at

ROW = 240
GAP = 8
CAPTION = 14


def main(arguments: Sequence[str] | None = None) -> int:
    """Draws the sheet; returns 1 and says which if a photograph cannot be read."""
    parser = argparse.ArgumentParser(description="Shows how pictures are framed.")
    parser.add_argument("photos", nargs="+", type=Path, metavar="PHOTO")
    parser.add_argument("-o", "--out", type=Path, required=True, help="the sheet, a PNG")
    parser.add_argument("--focus", nargs=2, type=float, metavar=("X", "Y"), help="fractions of the picture")
    parser.add_argument("--crop", nargs=4, type=float, metavar=("LEFT", "TOP", "RIGHT", "BOTTOM"))
    asked = parser.parse_args(arguments)
    edit = Edit(crop=Rectangle(*asked.crop) if asked.crop else None, focus=Point(*asked.focus) if asked.focus else None)
    pi_heif.register_heif_opener()
    rows = []
    for path in asked.photos:
        try:
            with Image.open(path) as image:
                photo = ImageOps.exif_transpose(image).convert("RGBA" if image.has_transparency_data else "RGB")
        except (OSError, UnidentifiedImageError) as error:
            print(f"tools/contact_sheet.py: cannot read {path} as a picture: {error}", file=sys.stderr)
            return 1
        rows.append(draw_row(path.name, photo, edit, places()))
    sheet = Image.new("RGB", (max(row.width for row in rows), sum(row.height for row in rows)), "dimgrey")
    top = 0
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height
    sheet.save(asked.out)
    return 0


def places() -> Sequence[RenditionSpec]:
    """Returns one spec for every way in which the catalogue's places are framed."""
    specs = [recipe.spec for recipe in recipes(load_catalogue()) if recipe.spec.fit is Fit.COVER]
    ways = {(spec.width / spec.height, spec.mask, spec.zones): spec for spec in reversed(specs)}
    return sorted(ways.values(), key=lambda spec: (spec.width / spec.height, spec.key))


def draw_row(name: str, photo: Image.Image, edit: Edit, specs: Sequence[RenditionSpec]) -> Image.Image:
    """Draws everything about one photograph."""
    preview = photo.copy()
    preview.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    look = look_at(preview)
    frames = [choose_frame(spec, *photo.size, edit, look) for spec in specs]
    # Large enough for every tile, and quicker to draw.
    photo.thumbnail((2000, 2000))
    tiles = [
        (f"{name[:30]}: {len(look.faces)} faces", _overview(photo, look, frames)),
        ("what stands out", _heat(photo, look)),
        *(
            (f"{spec.key}: {frame.reason}", _place(photo, spec, frame))
            for spec, frame in zip(specs, frames, strict=True)
        ),
    ]
    row = Image.new("RGB", (sum(tile.width + GAP for _, tile in tiles), ROW + CAPTION + GAP), "dimgrey")
    draw, left = ImageDraw.Draw(row), 0
    for caption, tile in tiles:
        draw.text((left, 0), caption, "white")
        row.paste(tile, (left, CAPTION))
        left += tile.width + GAP
    return row


def _fitted(photo: Image.Image) -> Image.Image:
    backdrop = Image.new("RGBA", photo.size, "white")
    flat = Image.alpha_composite(backdrop, photo.convert("RGBA")).convert("RGB")
    return ImageOps.contain(flat, (2 * ROW, ROW))


def _overview(photo: Image.Image, look: Look, frames: Sequence[Frame]) -> Image.Image:
    tile = _fitted(photo)
    draw = ImageDraw.Draw(tile)
    for frame in frames:
        draw.rectangle(_pixels(frame.box, tile.size), outline="white")
    for face in look.faces:
        draw.rectangle(_pixels(face, tile.size), outline="red", width=2)
    return tile


def _heat(photo: Image.Image, look: Look) -> Image.Image:
    tile = _fitted(photo)
    if look.saliency is None:
        return Image.new("RGB", tile.size)
    heat = Image.frombytes("L", (look.saliency.columns, look.saliency.rows), look.saliency.weights)
    heat = heat.resize(tile.size, Image.Resampling.NEAREST)
    return ImageChops.add(ImageOps.grayscale(tile).point(lambda value: value // 3).convert("RGB"), _red(heat))


def _red(heat: Image.Image) -> Image.Image:
    nothing = Image.new("L", heat.size)
    return Image.merge("RGB", (heat, nothing, nothing))


def _place(photo: Image.Image, spec: RenditionSpec, frame: Frame) -> Image.Image:
    size = max(1, round(ROW * spec.width / spec.height)), ROW
    if size[0] > 2 * ROW:
        size = 2 * ROW, round(2 * ROW * spec.height / spec.width)
    tile = _fitted_cut(photo, frame.box, size)
    shade = Image.new("RGBA", size)
    draw = ImageDraw.Draw(shade)
    if spec.mask is Mask.CIRCLE:
        draw.rectangle((0, 0, *size), fill=(0, 0, 0, 150))
        draw.ellipse((0, 0, size[0] - 1, size[1] - 1), fill=(0, 0, 0, 0))
    for zone in spec.zones:
        if zone.kind is ZoneKind.COVERED:
            draw.rectangle(_pixels(zone.box, size), fill=(255, 0, 0, 110))
        else:
            draw.rectangle(_pixels(zone.box, size), outline=(0, 255, 0, 255))
    return Image.alpha_composite(tile.convert("RGBA"), shade).convert("RGB")


def _fitted_cut(photo: Image.Image, box: Rectangle, size: tuple[int, int]) -> Image.Image:
    backdrop = Image.new("RGBA", photo.size, "white")
    flat = Image.alpha_composite(backdrop, photo.convert("RGBA")).convert("RGB")
    across, down = flat.size
    edges = (box.left * across, box.top * down, box.right * across, box.bottom * down)
    return flat.resize(size, Image.Resampling.LANCZOS, box=edges)


def _pixels(box: Rectangle, size: tuple[int, int]) -> tuple[float, float, float, float]:
    return box.left * size[0], box.top * size[1], box.right * size[0] - 1, box.bottom * size[1] - 1


if __name__ == "__main__":
    sys.exit(main())
