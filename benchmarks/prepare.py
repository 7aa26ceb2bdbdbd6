"""Lines a second and memory of prepare: 5,000 and 50,000 rendered lines, and a folder of real ones if one is named."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SYNTHETIC = "dataset: {{type: synthetic, lines: {{train: {train}, val: {rest}, test: {rest}}}}}\n"
CUSTOM = "dataset: {{type: custom, train_dir: {0}/train, val_dir: {0}/val, test_dir: {0}/test}}\n"
RESOURCES = "resources: {{prepare_workers: {}}}\n"
RUN = """
import resource, sys
from pathlib import Path
from thulium.runtime.documents import load
from thulium.stages.prepare import prepare
e = load(sys.argv[1])
prepare(dataset=e.dataset, preprocessing=e.preprocessing, resources=e.resources, out=Path(sys.argv[2]))
print(max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024)
"""


def main(folders: list[str]) -> None:
    cases = [("5,000 rendered", 5000, SYNTHETIC.format(train=4000, rest=500))]
    cases += [("50,000 rendered", 50_000, SYNTHETIC.format(train=40_000, rest=5000))]
    for folder in folders:
        labels = [Path(folder) / name / "labels.txt" for name in ("train", "val", "test")]
        count = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in labels)
        cases.append((f"of {Path(folder).name}", count, CUSTOM.format(Path(folder).resolve())))
    for title, lines, document in cases:
        for workers in (1, 2):
            _measure(f"{title} lines, {workers} process{'es' * (workers > 1)}", lines, document, workers)


def _measure(title: str, lines: int, document: str, workers: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.yaml"
        path.write_text(document + RESOURCES.format(workers))
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        command = [sys.executable, "-c", RUN, str(path), str(Path(folder) / "out")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        seconds = time.perf_counter() - start
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        megabytes = sum(file.stat().st_size for file in (Path(folder) / "out").rglob("*") if file.is_file()) / 2**20
    print(
        f"{title}: {seconds:.1f} s, {lines / seconds:.0f} lines/s, {lines / cpu:.0f} lines per CPU second, "
        f"peak memory of a process {float(done.stdout):.0f} MiB, {megabytes:.0f} MiB written",
        flush=True,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
