"""Finds the stand-ins: every module or package beside this one that says which port it takes."""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

import sandbox
from sandbox.kit.platform import Context, Platform


@dataclass(frozen=True)
class Builder:
    """How to make one stand-in. It listens `port_offset` above the index page; `settings` point the product to it."""

    id: str
    port_offset: int
    build: Callable[[Context], Platform]
    settings: Mapping[str, str]


def find_builders() -> list[Builder]:
    """Returns the stand-ins in the order of their ports: modules with `PORT_OFFSET`, `build` and `SETTINGS`."""
    found = []
    for info in pkgutil.iter_modules(sandbox.__path__):
        if info.name == "__main__":
            continue
        module = importlib.import_module(f"sandbox.{info.name}")
        if hasattr(module, "PORT_OFFSET"):
            build = cast(Callable[[Context], Platform], module.build)
            found.append(Builder(info.name, module.PORT_OFFSET, build, module.SETTINGS))
    return sorted(found, key=lambda builder: builder.port_offset)
