"""Makes a new picture worker ready for its first job."""

import tempfile
from pathlib import Path

from PIL import Image

from services.processor.pipeline.model import WRITABLE, Edit, RenditionSpec
from services.processor.pipeline.rendering import render

_SIDE = 64


def warm_up() -> None:
    """Renders a small picture once, so that everything is imported and made that is so at first use.

    Give it to `PictureWorkers` as `prepare`. What fails here would fail with every picture.
    """
    with tempfile.TemporaryDirectory(prefix="linkarooie-warm-up-") as name:
        source, out = Path(name) / "source", Path(name) / "out"
        out.mkdir()
        # See-through, so that the opaque and the transparent paths are walked.
        Image.linear_gradient("L").resize((_SIDE, _SIDE)).convert("LA").save(source, "PNG")
        specs = [
            RenditionSpec(f"warm-up.{number}", _SIDE // 2, _SIDE // 2, (content_type,), alpha=True)
            for number, content_type in enumerate(sorted(WRITABLE))
        ]
        result = render(source, Edit(), specs, out)
    if result.failures:
        raise RuntimeError(f"the first picture could not be rendered: {result.failures[0].message}")
