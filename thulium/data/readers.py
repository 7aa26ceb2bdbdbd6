"""Processes that read and augment lines while the model computes, over the borders of epochs.

Several loaders may share them. A training knows which passes will follow one another (an epoch of training lines, the
validation lines, the next epoch): said once, the processes go on with the next pass while the last one is still worked
on, so that nobody waits where one ends. What a batch holds is a function of its pass and its place in it; who reads it,
and when, changes nothing.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, Sampler

from thulium.data.augmentation.augmenter import Augmenter
from thulium.data.augmentation.on_device.recipe import LineDraws, Recipe
from thulium.data.batch import Batch, collate
from thulium.data.charset import Charset
from thulium.data.images.grey import paper_value
from thulium.runtime import processor
from thulium.runtime.errors import LostReader
from thulium.runtime.progress import say
from thulium.runtime.signals import leave_group
from thulium_dsl.messages.problems import ThuliumError

FEW = 2  # processes that take turns with the model on a CPU, and read further ahead than many do
AHEAD_FEW, AHEAD_MANY = 4, 2  # batches that each process reads ahead
SHARED_MEMORY = "/dev/shm"  # where torch hands batches over on Linux


class Lines(Protocol):
    """What a loader needs to know of a split: prepared shards or a folder of images."""

    @property
    def ids(self) -> Sequence[str]: ...

    @property
    def texts(self) -> Sequence[str]: ...

    @property
    def pages(self) -> Sequence[str]: ...

    @property
    def widths(self) -> Sequence[int] | npt.NDArray[np.int32]: ...

    @property
    def height(self) -> int: ...

    def __len__(self) -> int: ...

    def image(self, index: int) -> Image.Image: ...


class Plan(Protocol):
    """Which lines stand in which batch."""

    def keys(self, epoch: int, start: int) -> Iterator[list[int]]:
        """The lines of each batch of an epoch, without the first ``start`` steps."""
        ...

    def largest_batch(self) -> int:
        """Bytes of the largest one, about."""
        ...


class Source(NamedTuple):
    """Lines of one loader, and what is done to them where they are read, or only drawn for them (``defers``)."""

    lines: Lines
    plan: Plan
    augmenter: Augmenter | None
    charset: Charset | None
    defers: bool = False


class Pass(NamedTuple):
    """Once over the lines of a source, without the first ``start`` steps."""

    source: int
    epoch: int
    start: int


class Readers:
    """Reads for one or more loaders.

    A context that ends the processes, whatever happens inside; without one they end with the last loader.
    """

    def __init__(self, workers: int = 0, *, pinned: bool = False) -> None:
        """Start nothing yet.

        Args:
            workers: processes; 0 reads lines in this one, when they are asked for.
            pinned: put batches where a GPU copies them from directly.
        """
        self.workers, self.pinned = workers, pinned
        self._sources: list[Source] = []
        self._order = _Order(self._sources)
        self._loader: DataLoader[_Line | ThuliumError] | None = None
        self._stream: Stream | None = None

    def __enter__(self) -> Readers:
        return self

    def __exit__(self, _kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()
        # torch raises it wherever the program is at that moment.
        if isinstance(error, RuntimeError) and "DataLoader worker" in str(error):
            raise LostReader(
                f"a process that reads lines is not there any more: {str(error).splitlines()[0]}\n"
                "  help: if memory is short, ordinary or shared (/dev/shm; docker run --shm-size), lower "
                "resources.loader_workers"
            ) from None

    def add(self, source: Source) -> int:
        """Read this too; returns its number. All must be here before the first line is read."""
        if self._loader is not None:
            raise ValueError("these readers have begun to read, and take no more lines")
        self._sources.append(source)
        return len(self._sources) - 1

    def expect(self, passes: Iterable[Pass]) -> None:
        """Say which passes will be asked for one after the other; processes start to read them at once.

        Another one may be asked for all the same: then these are forgotten.
        """
        self._open(tuple(passes))

    def begin(self, wanted: Pass) -> Stream:
        """The batches of a pass, and whatever is expected after it. One that went on before can no more be read,
        unless this process reads itself."""
        if self._stream and self._stream.goes_on_with(wanted):
            return self._stream
        return self._open((wanted,))

    def close(self) -> None:
        """End the processes and forget what they have read."""
        if self._stream:
            self._stream.close()
        self._stream = self._loader = None

    def _open(self, passes: tuple[Pass, ...]) -> Stream:
        if self._stream and self.workers:
            self._stream.batches = None  # there is one queue, and it now brings something else
        self._order.passes = passes
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "This DataLoader will create", UserWarning)  # we say it ourselves
            if self._loader is None:
                self._say_crowded()
                self._loader = self._made()
            self._stream = Stream(iter(self._loader), passes)
        return self._stream

    def _say_crowded(self) -> None:
        """Warn of more processes than can run at once."""
        cores = processor.cores()
        if self.workers > cores:
            have = "is 1 core" if cores == 1 else f"are {cores} cores"
            say(
                f"warning: resources.loader_workers: there {have} for {self.workers} processes that read lines: they "
                "wait for one another, and for the model\n  help: write auto, or fewer"
            )

    def _made(self) -> DataLoader[_Line | ThuliumError]:
        return DataLoader(
            _Lines(self._sources),
            batch_sampler=self._order,
            collate_fn=_collate,
            num_workers=self.workers,
            persistent_workers=self.workers > 0,
            prefetch_factor=self._ahead() if self.workers else None,
            pin_memory=self.pinned,
            worker_init_fn=_start_worker,
            generator=torch.Generator(),  # its own: drawing from the global one would move the model's dropout
        )

    def _ahead(self) -> int:
        """Batches that each process reads ahead: all of them must have room in the memory that they are handed over
        in, which is 64 MB in a container where nobody has asked for more."""
        most = AHEAD_FEW if self.workers <= FEW else AHEAD_MANY
        largest = max(source.plan.largest_batch() for source in self._sources)
        return max(1, min(most, _shared_memory() // 2 // (self.workers * largest)))


class Stream:
    """Batches of some passes, one after the other.

    Attributes:
        batches: torch's iterator; None: it has gone over to something else, or is closed.
    """

    def __init__(self, batches: Any, passes: Sequence[Pass]) -> None:
        self.batches, self.passes = batches, passes
        self._done = 0  # passes
        self._is_within = False

    def goes_on_with(self, wanted: Pass) -> bool:
        """Whether the batches that come next are those of a pass, from its beginning."""
        is_next = self._done < len(self.passes) and self.passes[self._done] == wanted
        return self.batches is not None and is_next and not self._is_within

    def next(self) -> Batch:
        """The next batch of the pass.

        Raises:
            ThuliumError: a line cannot be read.
            RuntimeError: another pass has begun, or the processes are gone.
        """
        if self.batches is None:
            raise RuntimeError("this pass over the lines is over: another one has begun, or the readers are closed")
        self._is_within = True
        # What arrives while a validation goes on may be of the next epoch, to learn from.
        with torch.inference_mode(mode=False):
            batch: Batch | ThuliumError = next(self.batches)
        if isinstance(batch, ThuliumError):
            raise batch
        return batch

    def end_pass(self) -> None:
        """Say that all batches of a pass have been taken."""
        self._is_within = False
        self._done += 1

    def close(self) -> None:
        """End the processes that fill it."""
        batches, self.batches = self.batches, None
        # Torch has no public name for it: it waits for the last reference to go, and a traceback may hold one.
        end = getattr(batches, "_shutdown_workers", None)
        if end:
            end()


class _Order(Sampler[list[tuple[int, int, int]]]):
    """The lines of some passes, batch by batch, as (source, epoch, index): all that a process must be told."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self.sources, self.passes = sources, tuple[Pass, ...]()

    def __iter__(self) -> Iterator[list[tuple[int, int, int]]]:
        return self._keys(self.passes)  # those of now: they may change before the first is asked for

    def _keys(self, passes: Sequence[Pass]) -> Iterator[list[tuple[int, int, int]]]:
        for number, epoch, start in passes:
            for batch in self.sources[number].plan.keys(epoch, start):
                yield [(number, epoch, index) for index in batch]


class _Line(NamedTuple):
    image: Image.Image
    text: str
    id: str
    classes: list[int] | None  # of its text; None where nobody asks
    draws: LineDraws | None = None  # what is still to be done to it


class _Lines(Dataset[_Line | ThuliumError]):
    """Lines by key. What the user can mend is handed on, not raised: torch would put a traceback into it."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self.sources = sources

    def __getitem__(self, key: tuple[int, int, int]) -> _Line | ThuliumError:
        number, epoch, index = key
        try:
            return _line(self.sources[number], epoch, index)
        except ThuliumError as error:
            return error


def _line(source: Source, epoch: int, index: int) -> _Line:
    image, line_id, text = source.lines.image(index), source.lines.ids[index], source.lines.texts[index]
    classes, augmenter = source.charset.encode(text) if source.charset else None, source.augmenter
    if augmenter and source.defers:
        drawn = augmenter.draw(image.width, image.height, epoch, line_id, text)
        return _Line(image, text, line_id, classes, LineDraws(drawn, augmenter.kinds, image.width, paper_value(image)))
    return _Line(augmenter(image, epoch, line_id, text) if augmenter else image, text, line_id, classes)


def _collate(lines: list[_Line | ThuliumError]) -> Batch | ThuliumError:
    good = [line for line in lines if isinstance(line, _Line)]
    if error := next((line for line in lines if isinstance(line, ThuliumError)), None):
        return error
    classes = [line.classes for line in good if line.classes is not None]
    texts, ids = [line.text for line in good], [line.id for line in good]
    batch = collate([line.image for line in good], texts, ids, classes if len(classes) == len(good) else None)
    draws = [line.draws for line in good if line.draws is not None]
    return replace(batch, recipe=Recipe.of(draws, good[0].image.height)) if draws else batch


def _start_worker(_worker: int) -> None:
    leave_group()
    torch.set_num_threads(1)


def _shared_memory() -> int:
    """Bytes that are free where batches are handed over; very many where that is not known."""
    try:
        room = os.statvfs(SHARED_MEMORY)
    except (OSError, AttributeError):
        return 2**62
    return room.f_bavail * room.f_frsize
