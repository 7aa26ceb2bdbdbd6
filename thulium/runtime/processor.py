"""What this process may use of the processor, and what the processor says of itself. Nothing here is timed: what a
training writes must not depend on what else the machine is doing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

CGROUPS = Path("/sys/fs/cgroup")
OWN_CGROUPS = Path("/proc/self/cgroup")
CPUINFO = Path("/proc/cpuinfo")

MANY_CORES = 8  # of a process: whoever changes it, changes the description of resources.augment_on
MOST_READERS = 16  # feed the fastest cards there are
BFLOAT16 = {"avx512_bf16", "amx_bf16"}  # flags of processors that multiply bfloat16 themselves


def threads(wanted: int, processes: int = 1, environment: Mapping[str, str] = os.environ) -> int:
    """Threads to compute with.

    Args:
        wanted: by the document; 0: as many as OMP_NUM_THREADS says, or one for each core that this process may use.
        processes: on this machine, which share the cores.
    """
    return wanted or _of_openmp(environment) or max(1, cores() // processes)


def readers(wanted: int | str, *, feeds_gpu: bool, processes: int = 1) -> int:
    """Processes that read lines while the model computes.

    Args:
        wanted: by the document; "auto": one beside a CPU, which has nothing to give away; beside a GPU one for each
            core of this process but the one that it runs on itself.
        processes: on this machine, which share the cores.
    """
    if wanted != "auto":
        return int(wanted)
    return max(1, min(MOST_READERS, cores() // processes - 1)) if feeds_gpu else 1


def augment_on(wanted: str, *, feeds_gpu: bool, processes: int = 1) -> Literal["loader", "device"]:
    """Where lines are augmented.

    A core puts some 300 lines a second through the default transforms, and reads some 2,000 (docs/results.md). Seven
    readers give about 2,000 augmented lines; with fewer, a GPU that learns from a thousand or more waits for them,
    while the transforms take it a few kernels a batch.

    Args:
        wanted: by the document; "auto": in the loader beside a CPU, on which torch takes longer than Pillow; beside a
            GPU in the loader where this process has many cores, which would be idle.
        processes: on this machine, which share the cores.
    """
    if wanted == "auto":
        wanted = "device" if feeds_gpu and cores() // processes < MANY_CORES else "loader"
    return "device" if wanted == "device" else "loader"


def cores() -> int:
    """Cores that this process may use, at least 1: those it may run on, or fewer if its control group has a quota."""
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([own, *map(int, _quotas())]))


def has_bfloat16() -> bool:
    """Whether the processor computes bfloat16 itself, by its flags; outside of Linux nothing is known, so no."""
    return bool(BFLOAT16 & _flags())


def name() -> str:
    """What the processor calls itself; empty where that is not known."""
    return _field("model name")


def _of_openmp(environment: Mapping[str, str]) -> int:
    """What OMP_NUM_THREADS asks for, 0 if nothing that OpenMP would take; of a list, the outermost level counts."""
    found = re.fullmatch(r"\s*\+?(\d{1,9})\s*(,.*)?", environment.get("OMP_NUM_THREADS", ""))
    return int(found[1]) if found else 0


def _flags() -> set[str]:
    return set(_field("flags").split())


def _field(title: str) -> str:
    """A field of the first processor in /proc/cpuinfo."""
    try:
        text = CPUINFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    found = re.search(rf"^{title}\s*:\s*(.*)$", text, re.MULTILINE)
    return found[1] if found else ""


def _quotas() -> Iterator[float]:
    """Cores that the control groups of this process grant, as containers and batch systems set them."""
    for controllers, path in _memberships():
        if controllers == "":  # version 2
            for folder in _upwards(CGROUPS, path):
                yield from _quota(_words(folder / "cpu.max"))
        elif "cpu" in controllers.split(","):
            for root in (CGROUPS / controllers, CGROUPS / "cpu"):
                for folder in _upwards(root, path):
                    yield from _quota(_words(folder / "cpu.cfs_quota_us") + _words(folder / "cpu.cfs_period_us"))


def _memberships() -> Iterator[tuple[str, str]]:
    """The controllers and the path of each control group that this process is in."""
    try:
        rows = OWN_CGROUPS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for row in rows:
        _, _, rest = row.partition(":")
        controllers, _, path = rest.partition(":")
        yield controllers, path


def _upwards(root: Path, path: str) -> Iterator[Path]:
    """A control group's folder and those above it, whose limits hold too."""
    parts = [part for part in path.split("/") if part not in ("", ".", "..")]
    yield from (root.joinpath(*parts[:length]) for length in range(len(parts), -1, -1))


def _words(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="ascii", errors="replace").split()
    except OSError:
        return []


def _quota(words: list[str]) -> Iterator[float]:
    """Quota and period in microseconds, as cores; nothing where there is no limit."""
    if len(words) == 2 and all(word.isdigit() for word in words) and int(words[0]) and int(words[1]):
        yield int(words[0]) / int(words[1])
