"""Reads the catalogue's files."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from pydantic import ValidationError

from catalog.model import Catalogue, CatalogueError, Platform

_ADVICE = {
    "missing": "add this key",
    "extra_forbidden": "remove this key or correct its spelling",
}


def load_catalogue(directory: Path | None = None) -> Catalogue:
    """Returns the catalogue of all `*.toml` files in `directory`, by default those that come with the product.

    Raises CatalogueError, with one line for each mistake, naming file, key and what to do.
    """
    folder: Traversable = files("catalog") if directory is None else directory
    if not folder.is_dir():
        raise CatalogueError(f"{folder}: not a folder; name the folder that holds the platform files")
    found = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".toml")), key=lambda entry: entry.name)
    if not found:
        raise CatalogueError(f"{folder}: no platform file (*.toml) in it; name the folder that holds them")
    platforms = [_load_platform(entry) for entry in found]
    return Catalogue({platform.id: platform for platform in platforms})


def _load_platform(entry: Traversable) -> Platform:
    try:
        raw = tomllib.loads(entry.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CatalogueError(f"{entry.name}: not readable as TOML: {error}; correct that line") from error
    platform_id = entry.name.removesuffix(".toml")
    try:
        return Platform.model_validate(_with_names(raw, platform_id))
    except ValidationError as error:
        raise CatalogueError("\n".join(_explain(entry.name, error))) from error


def _with_names(raw: Mapping[str, object], platform_id: str) -> dict[str, object]:
    """Adds what the file's name and its headings already say, so that a file cannot contradict them."""
    named = {**raw, "id": platform_id}
    slots = raw.get("slots")
    if isinstance(slots, dict):
        named["slots"] = {
            kind: {**slot, "platform": platform_id, "kind": kind} if isinstance(slot, dict) else slot
            for kind, slot in slots.items()
        }
    return named


def _explain(file: str, error: ValidationError) -> list[str]:
    lines = []
    for problem in error.errors(include_url=False):
        key = ".".join(str(part) for part in problem["loc"])
        advice = _ADVICE.get(problem["type"], "" if problem["type"] == "value_error" else "correct the value")
        message = problem["msg"].removeprefix("Value error, ")
        lines.append(": ".join(part for part in (file, key, message) if part) + (f"; {advice}" if advice else ""))
    return lines
