"""Opens a million prepared lines: seconds and memory. The images are tiny; texts and files are as many as real ones."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

LINES = 1_000_000
LINES_PER_PAGE = 25
OPEN = """
import resource, sys, time
from pathlib import Path
from thulium.data.shards import Split
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.perf_counter()
split = Split(Path(sys.argv[1]))
seconds = time.perf_counter() - start
split.image(len(split) // 2), split.ids[len(split) - 1]
print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, before / 1024, len(split))
"""


def main() -> None:
    from thulium.data.shards import write_split

    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        write_split(_rows(), Path(folder) / "train")
        written = time.perf_counter() - start
        files = list((Path(folder) / "train").iterdir())
        megabytes = sum(path.stat().st_size for path in files) / 2**20
        print(f"wrote {LINES:,} lines into {len(files):,} files ({megabytes:.0f} MiB) in {written:.0f} s")
        runs = [_open(Path(folder) / "train") for _ in range(5)]
    seconds, memory, before, lines = (statistics.median(run[i] for run in runs) for i in range(4))
    print(f"opened {lines:,.0f} lines in {seconds:.2f} s; peak memory {memory:.0f} MiB, {before:.0f} of it before")


def _rows() -> Iterator[object]:
    from PIL import Image

    from thulium.data.images.grey import encode_png
    from thulium.data.shards import Row

    pngs = {width: encode_png(Image.new("L", (width, 8), 255)) for width in range(400, 1300)}
    for number in range(LINES):
        width = 400 + number % 900
        page = f"volume {number // 100_000}/page {number // LINES_PER_PAGE:06}"
        text = f"a transcription of about fifty characters, {number:07}"
        yield Row(id=f"{page}/{number}", image=pngs[width], width=width, height=8, text=text, page=page, source=page)


def _open(folder: Path) -> list[float]:
    done = subprocess.run([sys.executable, "-c", OPEN, str(folder)], capture_output=True, text=True, check=True)
    return [float(word) for word in done.stdout.split()]


if __name__ == "__main__":
    main()
