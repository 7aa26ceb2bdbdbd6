"""The command line of the fuzzer; see the package."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from fuzz import datasets, documents, pool, prepared, training

KINDS = {kind.name: kind for kind in (*datasets.KINDS, *prepared.KINDS, *training.KINDS)}
DOCUMENTS = "documents"
KEEP = Path(tempfile.gettempdir()) / "thulium-fuzz"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("cases", type=int, nargs="?", default=10_000, help="of each kind")
    parser.add_argument("--only", default="", help=f"kinds, with commas: {', '.join((DOCUMENTS, *KINDS))}")
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--keep", type=Path, default=KEEP, help="for what fails")
    given = parser.parse_args()
    names = [name for name in given.only.split(",") if name] or [DOCUMENTS, *KINDS]
    if unknown := [name for name in names if name not in (DOCUMENTS, *KINDS)]:
        parser.error(f"no such kind: {', '.join(unknown)}")
    cases, is_sound = range(given.first, given.first + given.cases), True
    for name in names:
        if name == DOCUMENTS:
            is_sound &= _documents(cases, given.seed)
            continue
        totals = pool.fuzz(KINDS[name], cases, seed=given.seed, jobs=given.jobs, keep=given.keep)
        for number, failure in list(totals.failures.items())[:10]:
            last = failure.strip().splitlines()[-1]
            print(f"{name} case {number}: {last[:300]}\n  kept in {given.keep / f'{name}-{given.seed}-{number}'}")
        print(totals, flush=True)
        is_sound &= not totals.failures
    sys.exit(not is_sound)


def _documents(cases: range, seed: int) -> bool:
    """In a process of its own, which works in a folder of its own."""
    process = multiprocessing.get_context("fork").Process(target=documents.main, args=(cases, seed))
    process.start()
    process.join()
    return not process.exitcode


if __name__ == "__main__":
    main()
