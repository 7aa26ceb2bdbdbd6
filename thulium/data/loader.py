"""Batches of a split, read and augmented in other processes while the model computes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, Sampler

from thulium.data.augmentation.augmenter import Augmenter
from thulium.data.batch import Batch, collate
from thulium.data.batching import Limits, Part, parts, shuffled_batches, sorted_batches
from thulium.data.charset import Charset
from thulium.data.folder import FolderSplit
from thulium.data.shards import Split
from thulium.runtime.errors import DataError
from thulium.runtime.signals import leave_group
from thulium.runtime.world import ALONE, World
from thulium_dsl.grammar.spec import PreprocessingSpec, UnicodeForm
from thulium_dsl.messages.problems import ThuliumError


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


class LineLoader:
    """Batches of lines, an epoch at a time.

    With several processes, each has a loader of its own: of every batch to learn from it gets its share of the lines;
    of those to be read only, whole batches.

    Attributes:
        lines: where they come from.
        batch_size: the most lines in a batch, over all processes.
        accumulation: parts in which a batch to learn from is handed out.
    """

    def __init__(
        self,
        lines: Lines,
        *,
        batch_size: int,
        shuffle: bool,
        augmenter: Augmenter | None = None,
        charset: Charset | None = None,
        seed: int = 0,
        workers: int = 0,
        pinned: bool = False,
        accumulation: int = 1,
        max_pixels: int = 0,
        world: World = ALONE,
    ) -> None:
        """Get ready to read lines.

        Args:
            charset: of the model that is to write them: batches then have targets, made where lines are read. The model
                makes them itself where they are lacking.
        """
        self.lines = lines
        self.batch_size, self.accumulation = batch_size, accumulation
        limits = Limits(batch_size, lines.height, max_pixels)
        self._plan = _Plan(_Widths(lines, augmenter), limits, shuffle, seed, accumulation, world)
        self._loader: DataLoader[_Line | ThuliumError] = DataLoader(
            _Lines(lines, augmenter, charset),
            batch_sampler=self._plan,
            collate_fn=_collate,
            num_workers=workers,
            persistent_workers=workers > 0,
            prefetch_factor=4 if workers else None,
            pin_memory=pinned,
            worker_init_fn=_start_worker,
            generator=torch.Generator(),  # its own: drawing from the global one would move the model's dropout
        )

    def set_epoch(self, epoch: int, start: int = 0) -> None:
        """Choose the order and the augmentation of the next pass, which leaves out the first ``start`` batches."""
        self._plan.epoch, self._plan.start = epoch, start

    def __len__(self) -> int:
        """Batches in an epoch, over all processes; with ``max_pixels``, augmented lines may need a few more or less."""
        return self._plan.num_batches

    def __iter__(self) -> Iterator[Batch]:
        for part, batch in zip(self._plan.parts(), self._loader, strict=True):
            if isinstance(batch, ThuliumError):
                raise batch
            yield replace(batch, step_lines=len(part.batch), is_filler=part.is_filler)


def create_dataloader(
    path: str | Path,
    *,
    batch_size: int,
    shuffle: bool = True,
    augmenter: Augmenter | None = None,
    preprocessing: PreprocessingSpec | None = None,
    unicode_form: UnicodeForm | None = None,
    seed: int = 0,
    workers: int = 0,
    pinned: bool = False,
    accumulation: int = 1,
    max_pixels: int = 0,
) -> LineLoader:
    """A loader for one split.

    Args:
        path: a folder of prepared lines (``*.arrow``), or one with ``images/`` and ``labels.txt``.
        batch_size: lines in a batch.
        shuffle: a new order for each epoch; otherwise by width, always the same.
        augmenter: changes to the lines; none if absent.
        preprocessing, unicode_form: for a folder of images; the language's defaults if absent.
        seed: decides the order.
        workers: processes that read lines; 0 reads them in this one.
        pinned: put batches where a GPU copies them from directly.
        accumulation: parts in which a batch is handed out; a trainer computes one after the other for one step.
        max_pixels: the most pixels in a batch, padding included; 0: any.

    Raises:
        DataError: the folder holds neither, or lines that cannot be used.
    """
    folder = Path(path)
    is_prepared = any(folder.glob("*.arrow"))
    if folder.is_dir() and not is_prepared and not (folder / "labels.txt").exists():
        raise DataError(f"{folder}: holds neither prepared lines (*.arrow) nor a labels.txt beside images/")
    lines: Lines = Split(folder) if is_prepared else FolderSplit(folder, preprocessing, unicode_form)
    return LineLoader(
        lines,
        batch_size=batch_size,
        shuffle=shuffle,
        augmenter=augmenter,
        seed=seed,
        workers=workers,
        pinned=pinned,
        accumulation=accumulation,
        max_pixels=max_pixels,
    )


class _Widths:
    """The widths of all lines in an epoch, in pixels, as augmentation will have made them."""

    def __init__(self, lines: Lines, augmenter: Augmenter | None) -> None:
        self.prepared, self.ids, self.height = list(lines.widths), lines.ids, lines.height
        self.augmenter = augmenter if augmenter and augmenter.changes_widths else None
        self.least = list(map(self.augmenter.least_width, lines.texts)) if self.augmenter else []

    def __call__(self, epoch: int) -> list[int]:
        if self.augmenter is None:
            return self.prepared
        rows = zip(self.prepared, self.ids, self.least, strict=True)
        return [self.augmenter.width(width, self.height, epoch, line_id, least) for width, line_id, least in rows]


class _Plan(Sampler[list[tuple[int, int]]]):
    """The lines of the current epoch, part by part, as (epoch, index) pairs: so the epoch reaches other processes."""

    def __init__(
        self, widths: _Widths, limits: Limits, shuffle: bool, seed: int, accumulation: int, world: World
    ) -> None:
        self.widths, self.limits, self.shuffle, self.seed = widths, limits, shuffle, seed
        self.accumulation, self.world = accumulation, world
        self.epoch = self.start = 0
        self.num_batches = len(sorted_batches(widths.prepared, limits))
        self._batches: tuple[int, list[list[int]]] = (-1, [])  # an epoch, and those that it has

    def parts(self) -> Iterator[Part]:
        """This process's parts of the batches of the epoch."""
        rank, size = self.world.rank, self.world.size
        if not self.shuffle:
            yield from (Part(b, b, False) for b in sorted_batches(self.widths.prepared, self.limits)[rank::size])
            return
        for batch in self._shuffled()[self.start :]:
            yield from parts(batch, rank=rank, size=size, accumulation=self.accumulation)

    def _shuffled(self) -> list[list[int]]:
        if self._batches[0] != self.epoch:
            widths = self.widths(self.epoch)
            self._batches = (self.epoch, shuffled_batches(widths, self.limits, seed=self.seed, epoch=self.epoch))
        return self._batches[1]

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        for part in self.parts():
            yield [(self.epoch, index) for index in part.lines]


class _Line(NamedTuple):
    image: Image.Image
    text: str
    id: str
    classes: list[int] | None  # of its text; None where nobody asks


class _Lines(Dataset[_Line | ThuliumError]):
    """Lines by (epoch, index). What the user can mend is handed on, not raised: torch would put a traceback into it."""

    def __init__(self, lines: Lines, augmenter: Augmenter | None, charset: Charset | None) -> None:
        self.lines, self.augmenter, self.charset = lines, augmenter, charset

    def __getitem__(self, key: tuple[int, int]) -> _Line | ThuliumError:
        try:
            return self._line(*key)
        except ThuliumError as error:
            return error

    def _line(self, epoch: int, index: int) -> _Line:
        image, line_id, text = self.lines.image(index), self.lines.ids[index], self.lines.texts[index]
        if self.augmenter:
            image = self.augmenter(image, epoch, line_id, text)
        return _Line(image, text, line_id, self.charset.encode(text) if self.charset else None)


def _collate(lines: list[_Line | ThuliumError]) -> Batch | ThuliumError:
    good = [line for line in lines if isinstance(line, _Line)]
    if error := next((line for line in lines if isinstance(line, ThuliumError)), None):
        return error
    classes = [line.classes for line in good if line.classes is not None]
    texts, ids = [line.text for line in good], [line.id for line in good]
    return collate([line.image for line in good], texts, ids, classes if len(classes) == len(good) else None)


def _start_worker(_worker: int) -> None:
    leave_group()
    torch.set_num_threads(1)
