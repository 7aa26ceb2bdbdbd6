"""Processes that read for a training: over the borders of epochs, and gone when it is over."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from PIL import Image

from thulium.data import readers as room
from thulium.data.augmentation.augmenter import Augmenter
from thulium.data.batch import Batch
from thulium.data.loader import LineLoader
from thulium.data.prepared import open_prepared
from thulium.data.readers import Readers
from thulium.data.shards import Split
from thulium.runtime import device, processor
from thulium.runtime.errors import DataError, LostReader
from thulium.runtime.world import ALONE
from thulium.stages import evaluate
from thulium.stages.loaders import lines_to_read, readers_of
from thulium_dsl.grammar.spec import Experiment

PASSES = [("val", 0, 0), ("train", 1, 2), ("val", 0, 0), ("train", 2, 0), ("val", 0, 0), ("train", 3, 0)]


class Noted:
    """A split that writes down, for other processes to see, which of its lines were read."""

    def __init__(self, split: Split, notes: Path) -> None:
        self.split, self.notes = split, notes
        self.ids, self.texts, self.pages, self.widths = split.ids, split.texts, split.pages, split.widths
        self.height = split.height

    def __len__(self) -> int:
        return len(self.split)

    def image(self, index: int) -> Image.Image:
        with open(self.notes, "a") as file:
            file.write(f"{self.ids[index]}\n")
        return self.split.image(index)

    def read(self) -> list[str]:
        return self.notes.read_text().split()


@pytest.fixture
def make(experiment: Experiment, prepared: Path) -> Callable[..., dict[str, LineLoader]]:
    """Loaders of the training and the validation lines."""

    def loaders(readers: Readers | None = None, **lines: object) -> dict[str, LineLoader]:
        data, augmenter = open_prepared(prepared), Augmenter(experiment.augmentation, 1)
        split = lines.get("train", data.split("train"))
        return {
            "train": LineLoader(split, batch_size=3, shuffle=True, augmenter=augmenter, seed=1, readers=readers),
            "val": LineLoader(data.split("val"), batch_size=3, shuffle=False, readers=readers),
        }

    return loaders


def content(batches: Sequence[Batch]) -> list[tuple[object, ...]]:
    return [(b.ids, b.texts, b.widths.tolist(), b.images.tolist(), b.step_lines, b.is_filler) for b in batches]


def read(loaders: dict[str, LineLoader], name: str, epoch: int, start: int) -> list[tuple[object, ...]]:
    loaders[name].set_epoch(epoch, start)
    return content(list(loaders[name]))


@pytest.mark.parametrize("workers", [0, 2])
def test_what_is_read_ahead_is_what_is_read_when_asked_for(make, workers: int) -> None:
    plain = make()
    alone = [read(plain, *each) for each in PASSES]
    with Readers(workers) as readers:
        loaders = make(readers)
        readers.expect(loaders[name].in_epoch(epoch, start) for name, epoch, start in PASSES)
        assert [read(loaders, *each) for each in PASSES] == alone
        assert read(loaders, "train", 7, 1) == read(plain, "train", 7, 1), "nobody expected this one"
        for batch in loaders["train"]:  # left in its middle
            assert len(batch) == 3
            break
        assert read(loaders, "train", 2, 0) == alone[3]


def test_another_order_than_expected_is_read_all_the_same(make) -> None:
    plain = make()
    with Readers(1) as readers:
        loaders = make(readers)
        readers.expect(loaders["train"].in_epoch(epoch) for epoch in range(5))
        for each in (("train", 0, 0), ("val", 0, 0), ("train", 4, 1), ("train", 1, 0)):
            assert read(loaders, *each) == read(plain, *each)


def test_the_next_epoch_is_read_before_it_is_asked_for(make, prepared: Path, tmp_path: Path) -> None:
    noted = Noted(Split(prepared / "train"), tmp_path / "notes")
    with Readers(1) as readers:
        loaders = make(readers, train=noted)
        readers.expect(loaders[name].in_epoch(epoch) for epoch in range(9) for name in ("train", "val"))
        assert len(read(loaders, "train", 0, 0)) == 4
        iterator = iter(loaders["val"])
        next(iterator)  # validation goes on
        deadline = time.monotonic() + 20
        while len(noted.read()) < len(noted) + 3:
            assert time.monotonic() < deadline, "nothing of the next epoch was read"
            time.sleep(0.01)
        time.sleep(0.05)
        assert len(noted.read()) <= len(noted) + 4 * 3, "no more than four batches wait"


def test_what_arrives_during_a_validation_can_be_learnt_from(make) -> None:
    with Readers(2) as readers:
        loaders = make(readers)
        readers.expect(loaders[name].in_epoch(epoch) for epoch in range(4) for name in ("val", "train"))
        for epoch in range(4):
            with torch.inference_mode():
                for _ in loaders["val"]:
                    time.sleep(0.05)  # until more has arrived
            loaders["train"].set_epoch(epoch)
            assert not any(batch.images.is_inference() or batch.widths.is_inference() for batch in loaders["train"])


@pytest.mark.parametrize("ends", ["all read", "stopped early", "an error", "a damaged line"])
def test_no_process_is_left(make, ends: str) -> None:
    before = set(multiprocessing.active_children())
    readers = Readers(2)
    loaders = make(readers)
    if ends == "a damaged line":
        loaders["train"].lines.image = damaged
    fails = pytest.raises(DataError) if ends in ("an error", "a damaged line") else contextlib.nullcontext()
    with fails, readers:
        readers.expect(loaders["train"].in_epoch(epoch) for epoch in range(1 if ends == "all read" else 50))
        for _ in loaders["train"]:
            assert len(set(multiprocessing.active_children()) - before) == 2
            if ends == "an error":
                raise DataError("of the user's")
            if ends == "stopped early":
                break
    assert set(multiprocessing.active_children()) <= before


def test_a_pass_is_over_when_another_begins(make) -> None:
    with Readers(1) as readers:
        loaders = make(readers)
        first = iter(loaders["train"])
        next(first)
        next(iter(loaders["val"]))
        with pytest.raises(RuntimeError, match="another one has begun"):
            next(first)


def damaged(_index: int) -> Image.Image:
    raise DataError("cannot be read")


def test_a_process_that_was_killed_is_told(make) -> None:
    before = set(multiprocessing.active_children())

    def read_while_it_dies() -> None:
        with Readers(1) as readers:
            loaders = make(readers)
            readers.expect(loaders["train"].in_epoch(epoch) for epoch in range(50))
            (child,) = set(multiprocessing.active_children()) - before
            os.kill(child.pid or 0, signal.SIGKILL)
            for epoch in range(50):
                read(loaders, "train", epoch, 0)

    with pytest.raises(LostReader, match=r"a process that reads lines .*\d+.*\n  help: if memory is short"):
        read_while_it_dies()
    assert set(multiprocessing.active_children()) <= before


@pytest.mark.parametrize(("free", "batches"), [(2**40, 4), (2**16, 1), (0, 1)])
def test_little_shared_memory_holds_few_batches(make, monkeypatch, free: int, batches: int) -> None:
    monkeypatch.setattr(room, "_shared_memory", lambda: free)
    with Readers(2) as readers:
        loaders = make(readers)
        read(loaders, "train", 0, 0)
        assert readers._loader is not None
        assert readers._loader.prefetch_factor == batches


@pytest.mark.parametrize(
    ("wanted", "feeds_gpu", "cores", "processes", "workers"),
    [
        ("auto", False, 64, 1, 1),
        ("auto", True, 16, 1, 15),
        ("auto", True, 64, 2, 16),
        ("auto", True, 16, 4, 3),
        ("auto", True, 1, 1, 1),
        ("auto", True, 4, 8, 1),
        (0, True, 16, 1, 0),
        (7, False, 2, 1, 7),
    ],
)
def test_auto_takes_what_the_machine_can_spare(
    experiment: Experiment,
    prepared: Path,
    monkeypatch,
    wanted,
    feeds_gpu: bool,
    cores: int,
    processes: int,
    workers: int,
) -> None:
    monkeypatch.setattr(processor, "cores", lambda: cores)
    monkeypatch.setattr(device, "may_be_gpu", lambda _name: feeds_gpu)
    resources = replace(experiment.resources, loader_workers=wanted)
    readers = readers_of(resources, replace(ALONE, local_size=processes))
    assert (readers.workers, readers.pinned) == (workers, feeds_gpu)
    if processes == 1:
        chosen = device.Device(torch.device("cuda" if feeds_gpu else "cpu"), None)
        recogniser = SimpleNamespace(device=chosen, model=SimpleNamespace(charset=None))
        with evaluate._loader(Split(prepared / "val"), recogniser, resources) as loader:
            assert (loader.readers.workers, loader.readers.pinned) == (workers, feeds_gpu)


def test_more_processes_than_cores_are_said_in_our_words_and_once(make, monkeypatch, capsys, recwarn) -> None:
    monkeypatch.setattr(processor, "cores", lambda: 1)
    monkeypatch.setattr(torch._utils, "cpu_count", lambda: 1)  # what torch goes by
    with Readers(2) as readers:
        loaders = make(readers)
        for epoch in (0, 1):
            read(loaders, "train", epoch, 0)
    said = capsys.readouterr().err
    assert said.count("warning: resources.loader_workers: there is 1 core for 2 processes that read lines") == 1
    assert [str(each.message) for each in recwarn if "DataLoader" in str(each.message)] == []


@pytest.mark.parametrize(
    ("feeds_gpu", "learnt", "read"), [(False, 16, 16), (True, 16, 64), (True, 64, 128), (True, 400, 400)]
)
def test_a_gpu_reads_more_lines_at_once_than_it_learns_from(experiment, monkeypatch, feeds_gpu, learnt, read) -> None:
    monkeypatch.setattr(device, "may_be_gpu", lambda _name: feeds_gpu)
    assert lines_to_read(learnt, experiment.resources) == read
