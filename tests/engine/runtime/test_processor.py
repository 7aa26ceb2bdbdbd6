"""How many threads a training takes: what the document says, or what this process may use."""

import os

import pytest

from thulium.cli import engine
from thulium.runtime import processor


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """Puts this process into made-up control groups: a row of /proc/self/cgroup, and files of limits."""

    def make(row: str, **files: str) -> None:
        (tmp_path / "own").write_text(row + "\n")
        for name, content in files.items():
            path = tmp_path / "fs" / name.replace("__", "/").replace("_DOT_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        monkeypatch.setattr(processor, "OWN_CGROUPS", tmp_path / "own")
        monkeypatch.setattr(processor, "CGROUPS", tmp_path / "fs")
        monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(16)), raising=False)

    return make


def test_without_limits_it_is_the_cores_that_the_process_may_run_on(groups):
    groups("0::/job")
    assert processor.cores() == 16


@pytest.mark.parametrize(
    ("row", "files", "cores"),
    [
        ("0::/", {"cpu_DOT_max": "400000 100000\n"}, 4),
        ("0::/a/b", {"a__cpu_DOT_max": "250000 100000\n", "a__b__cpu_DOT_max": "max 100000\n"}, 2),
        ("0::/", {"cpu_DOT_max": "50000 100000\n"}, 1),
        ("0::/", {"cpu_DOT_max": "max 100000\n"}, 16),
        ("0::/", {"cpu_DOT_max": "nonsense"}, 16),
        (
            "3:cpu,cpuacct:/job",
            {"cpu__job__cpu_DOT_cfs_quota_us": "300000\n", "cpu__job__cpu_DOT_cfs_period_us": "100000\n"},
            3,
        ),
        (
            "3:cpu,cpuacct:/job",
            {"cpu__job__cpu_DOT_cfs_quota_us": "-1\n", "cpu__job__cpu_DOT_cfs_period_us": "100000\n"},
            16,
        ),
    ],
)
def test_the_quota_of_a_container_counts(groups, row, files, cores):
    groups(row, **files)
    assert processor.cores() == cores


@pytest.mark.parametrize(
    ("said", "threads"), [("3", 3), (" 4 ", 4), ("2,1", 2), ("", 8), ("0", 8), ("-1", 8), ("many", 8)]
)
def test_omp_num_threads_counts_where_the_document_says_nothing(groups, said, threads):
    groups("0::/")
    assert processor.threads(0, 2, {"OMP_NUM_THREADS": said}) == threads
    assert processor.threads(5, 2, {"OMP_NUM_THREADS": said}) == 5


def test_processes_share_the_cores(groups):
    groups("0::/")
    assert [processor.threads(0, processes, {}) for processes in (1, 3, 32)] == [16, 5, 1]


def test_what_cannot_be_read_limits_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr(processor, "OWN_CGROUPS", tmp_path / "none")
    monkeypatch.setattr(processor, "CPUINFO", tmp_path / "none")
    assert processor.cores() >= 1
    assert not processor.has_bfloat16()


@pytest.mark.parametrize(
    ("given", "spins"),
    [({}, "1000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "passive"}, None)],
)
def test_threads_that_wait_leave_their_core_soon_unless_somebody_says_otherwise(monkeypatch, given, spins):
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    engine.load("train", "thulium")
    assert os.environ.get("GOMP_SPINCOUNT") == spins
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
