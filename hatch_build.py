"""Build hook: generates the protobuf code from `protos/` whenever the distribution is built or installed."""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class GenerateProtobufCode(BuildHookInterface):  # type: ignore[type-arg]  # the hook needs no build configuration
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        sys.path.insert(0, str(root / "protos"))
        import generate

        generate.generate(root)
