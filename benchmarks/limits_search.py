"""How many encodings a limit of bytes costs, and how well it is used."""

from pathlib import Path
from statistics import mean

from PIL import Image

from services.processor.pipeline.encode import ByteLimitUnreachableError, Encoder

SIZES = [(400, 400), (1080, 1080), (1500, 500)]
# Of the bytes that the usual quality takes.
SHARES = (0.45, 0.6, 0.75, 0.9)


def encodings_line(photos: list[Path]) -> str:
    """Measures the search on each photograph, size and limit; returns one line a format."""
    lines = []
    for content_type in ("image/jpeg", "image/webp", "image/avif"):
        encodings, fills, missed = [], [], 0
        for photo in photos:
            with Image.open(photo) as image:
                picture = image.convert("RGB")
            for size in SIZES:
                small = picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3)
                usual = len(Encoder(small).encode(content_type, None).content)
                for share in SHARES:
                    encoder, limit = Encoder(small), int(usual * share)
                    try:
                        fills.append(len(encoder.encode(content_type, limit).content) / limit)
                    except ByteLimitUnreachableError:
                        missed += 1
                    encodings.append(encoder.encodings)
        lines.append(
            f"{content_type}: {len(encodings)} limits, {mean(encodings):.2f} encodings each (at most {max(encodings)}), "
            f"{mean(fills):.1%} of a limit used (at least {min(fills):.1%}), {missed} not reached at the lowest quality"
        )
    return "\n".join(lines)
