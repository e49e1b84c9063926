"""Fuzzes the picture pipeline: `python -m tests.fuzz --files 20000 --seed 1`, or `make fuzz`.

Files that do harm (an exception that is no refusal, a dead worker) are kept in a folder that the report names; the exit
code tells whether there were any, or whether the workers' memory grew.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from servicekit.pictures.model import NAMES
from tests.fuzz.campaign import run
from tests.fuzz.seeds import seeds

MAX_GROWTH_BYTES = 64 * 2**20


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzzes the picture pipeline.")
    parser.add_argument("--files", type=int, default=20_000, help="damaged files to try")
    parser.add_argument("--seed", type=int, default=1, help="another number gives other files")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", choices=sorted(NAMES.values()), help="one format alone")
    parser.add_argument("--folder", type=Path, help="healthy files to damage, beside those that are made")
    arguments = parser.parse_args()
    healthy = seeds()
    if arguments.folder:
        for content_type, contents in seeds(arguments.folder).items():
            healthy[content_type] += [content for content in contents if content not in healthy[content_type]]
    if arguments.only:
        healthy = {kind: contents for kind, contents in healthy.items() if NAMES[kind] == arguments.only}
    for content_type, contents in healthy.items():
        if not contents:
            print(f"no file to damage for {NAMES[content_type]}: give some with --folder", file=sys.stderr)
    kept = Path(tempfile.mkdtemp(prefix="linkarooie-fuzz-findings-"))
    began = time.monotonic()
    report = asyncio.run(
        run(healthy, files=arguments.files, seed=arguments.seed, workers=arguments.workers, kept=kept)
    )  # fmt: skip
    print(report.table())
    print(
        f"\n{time.monotonic() - began:.0f} s; {len(report.resident)} processes for {arguments.workers} workers; memory of a"
        f" worker at most {report.peak_bytes / 2**20:.0f} MiB, grown by {report.growth_bytes / 2**20:.1f} MiB"
    )
    for outcome, path in report.findings:
        print(f"{outcome}: {path}")
    if not report.findings:
        kept.rmdir()
    return int(bool(report.findings) or report.growth_bytes > MAX_GROWTH_BYTES)


if __name__ == "__main__":
    sys.exit(main())
