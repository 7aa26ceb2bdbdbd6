"""One training on two hosts, which here are two network namespaces with a cable between them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import lab
import pytest

ENDS_WITHIN_S = 120  # after the cut: 60 s for a silent process, and what a busy machine needs to say so

pytestmark = pytest.mark.long


@dataclass
class Cable:
    """Two namespaces, each with one end of a pair of devices."""

    name: str = field(default_factory=lambda: f"thulium{os.getpid()}")

    @property
    def hosts(self) -> tuple[str, str]:
        return f"{self.name}a", f"{self.name}b"

    def ip(self, *words: str) -> None:
        subprocess.run(["ip", *words], check=True, capture_output=True, text=True)

    def plug_in(self) -> None:
        for host in self.hosts:
            self.ip("netns", "add", host)
        one, other = self.hosts
        self.ip("link", "add", "cable0", "netns", one, "type", "veth", "peer", "name", "cable0", "netns", other)
        for number, host in enumerate(self.hosts, start=1):
            self.ip("-n", host, "address", "add", f"10.77.0.{number}/24", "dev", "cable0")
            self.ip("-n", host, "link", "set", "cable0", "up")
            self.ip("-n", host, "link", "set", "lo", "up")

    def cut(self) -> None:
        self.ip("-n", self.hosts[1], "link", "set", "cable0", "down")

    def mend(self) -> None:
        self.ip("-n", self.hosts[1], "link", "set", "cable0", "up")

    def remove(self) -> None:
        for host in self.hosts:
            subprocess.run(["ip", "netns", "delete", host], capture_output=True)


@pytest.fixture
def cable() -> Iterator[Cable]:
    if sys.platform != "linux" or shutil.which("ip") is None:
        pytest.skip("network namespaces need Linux and iproute2")
    cable = Cable()
    try:
        cable.plug_in()
    except subprocess.CalledProcessError as error:
        cable.remove()
        pytest.skip(f"network namespaces are not allowed here: {error.stderr.strip()}")
    yield cable
    cable.remove()


def start(cable: Cable, folders: list[Path], run: lab.Shell) -> list[subprocess.Popen[str]]:
    """The same command on both hosts; each has a folder of its own."""
    processes = []
    for number, (host, folder) in enumerate(zip(cable.hosts, folders, strict=True), start=1):
        torchrun = (
            "torchrun", "--nnodes=2", "--nproc_per_node=1", "--rdzv-backend=c10d",
            "--rdzv-endpoint=10.77.0.1:29400", f"--rdzv-conf=is_host={int(number == 1)},read_timeout=20",
            f"--local-addr=10.77.0.{number}",
        )  # fmt: skip
        command = ("-m", "thulium.cli.main", "train", "one.yaml", "--output-dir", "out")
        inside = ("ip", "netns", "exec", host, "env", "GLOO_SOCKET_IFNAME=cable0")
        processes.append(run.start(*inside, *torchrun, *command, cwd=folder))
    return processes


def ended(processes: list[subprocess.Popen[str]], limit_s: float) -> list[str]:
    end = time.monotonic() + limit_s
    return [process.communicate(timeout=max(0.1, end - time.monotonic()))[1] for process in processes]


def test_two_hosts_train_as_one_process_and_survive_a_cut_cable(cable: Cable, tmp_path: Path, run: lab.Shell) -> None:
    text = lab.longer(lab.DOCUMENT).replace("dropout: 0.1", "dropout: 0.0").replace("epochs: 4", "epochs: 2")
    folders = [tmp_path / "alone", tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
        (folder / "one.yaml").write_text(text)
    run("thulium", "train", "one.yaml", "--output-dir", "out", cwd=folders[0])

    processes = start(cable, folders[1:], run)
    lab.read_until(processes[0], "^epoch 1/2")
    cable.cut()
    end = time.monotonic() + ENDS_WITHIN_S
    while any("RANK" in variables for variables in lab.processes_in(tmp_path).values()):
        assert time.monotonic() < end, "a training process still waits for the other host"
        time.sleep(0.5)
    print(f"both training processes ended {time.monotonic() - end + ENDS_WITHIN_S:.0f} s after the cut")
    cable.mend()
    said = ended(processes, ENDS_WITHIN_S)  # torchrun on the second host waits until it can reach the first again
    print(*said, sep="\n--- ")
    assert all(process.returncode for process in processes)
    assert any("the connection to the other processes broke" in text for text in said)
    assert any("the same command resumes from the last state that was kept" in text for text in said)

    processes = start(cable, folders[1:], run)
    said = ended(processes, 200)
    assert [process.returncode for process in processes] == [0, 0], said
    assert "resuming from " in said[0]
    assert "epoch" not in said[1]
    assert not (folders[2] / "out" / "checkpoints").exists()
    rows = [(folder / "out" / "plots" / "history.csv").read_text().split() for folder in folders[:2]]
    for one, two in zip(*rows, strict=True):
        ones, twos = ([float(value) for value in row.split(",") if value[:1].isdigit()] for row in (one, two))
        assert ones == pytest.approx(twos, rel=1e-3)
