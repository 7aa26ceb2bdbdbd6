"""Batches of a split, an epoch at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

from thulium.data.augmentation.augmenter import Augmenter
from thulium.data.batch import Batch
from thulium.data.batching import Limits, Part, parts, shuffled_batches, sorted_batches
from thulium.data.charset import Charset
from thulium.data.folder import FolderSplit
from thulium.data.readers import Lines, Pass, Readers, Source
from thulium.data.shards import Split
from thulium.data.weighting import Copies, Share
from thulium.runtime.errors import DataError
from thulium.runtime.world import ALONE, World
from thulium_dsl.grammar.spec import PreprocessingSpec, UnicodeForm

Place = Literal["loader", "device"]
LINES_AHEAD = 4096  # that may have been planned, and not worked on yet, in epochs of fewer lines


class LineLoader:
    """Batches of lines, an epoch at a time.

    With several processes, each has a loader of its own: of every batch to learn from it gets its share of the lines;
    of those to be read only, whole batches.

    Attributes:
        lines: where they come from.
        batch_size: the most lines in a batch, over all processes.
        accumulation: parts in which a batch to learn from is handed out.
        lines_an_epoch: how many an epoch has, with weights.
        augment_on: where they are augmented, if at all.
        readers: who reads; a context that ends their processes.
    """

    def __init__(
        self,
        lines: Lines,
        *,
        batch_size: int,
        shuffle: bool,
        augmenter: Augmenter | None = None,
        augment_on: Place = "loader",
        charset: Charset | None = None,
        seed: int = 0,
        accumulation: int = 1,
        max_pixels: int = 0,
        readers: Readers | None = None,
        world: World = ALONE,
        shares: Sequence[Share] = (),
    ) -> None:
        """Get ready to read lines.

        Args:
            augment_on: "device": batches are of lines as they were prepared, and say how they are to be augmented
                (``Batch.augmented``). Which lines stand in a batch, and how wide they come out, is the same.
            charset: of the model that is to write them: batches then have targets, made where lines are read. The model
                makes them itself where they are lacking.
            readers: that read for other loaders too; if absent, this process reads the lines itself.
            shares: groups of lines to learn from that count more or less than others; otherwise each is seen once.
        """
        self.lines = lines
        copies = Copies(lines, shares, seed) if shares and shuffle else None
        self.lines_an_epoch = len(copies.in_epoch(0)) if copies else len(lines)
        self.batch_size, self.accumulation = batch_size, accumulation
        limits = Limits(batch_size, lines.height, max_pixels)
        self._plan = _Plan(_Widths(copies or lines, augmenter), limits, shuffle, seed, accumulation, world, copies)
        self.readers, self.augment_on = readers or Readers(), augment_on
        self._source = self.readers.add(Source(copies or lines, self._plan, augmenter, charset, augment_on == "device"))
        self._epoch = self._start = 0

    def set_epoch(self, epoch: int, start: int = 0) -> None:
        """Choose the order and the augmentation of the next pass, which leaves out the first ``start`` batches."""
        self._epoch, self._start = epoch, start

    def in_epoch(self, epoch: int, start: int = 0) -> Pass:
        """The pass that ``set_epoch`` chooses, to tell readers what to expect."""
        return Pass(self._source, epoch, start)

    def __len__(self) -> int:
        """Batches in an epoch, over all processes; with ``max_pixels``, augmented lines may need a few more or less."""
        return self._plan.num_batches

    def __iter__(self) -> Iterator[Batch]:
        epoch, start = self._epoch, self._start
        stream = self.readers.begin(self.in_epoch(epoch, start))
        for part in self._plan.parts(epoch, start):
            yield replace(stream.next(), step_lines=len(part.batch), is_filler=part.is_filler)
        stream.end_pass()


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
        accumulation=accumulation,
        max_pixels=max_pixels,
        readers=Readers(workers, pinned=pinned),
    )


class _Widths:
    """The widths of all lines in an epoch, in pixels, as augmentation will have made them."""

    def __init__(self, lines: Lines, augmenter: Augmenter | None) -> None:
        self.prepared, self.ids, self.height = [int(width) for width in lines.widths], lines.ids, lines.height
        self.augmenter = augmenter if augmenter and augmenter.changes_widths else None
        self.least = list(map(self.augmenter.least_width, lines.texts)) if self.augmenter else []

    def __call__(self, epoch: int) -> list[int]:
        if self.augmenter is None:
            return self.prepared
        rows = zip(self.prepared, self.ids, self.least, strict=True)
        return [self.augmenter.width(width, self.height, epoch, line_id, least) for width, line_id, least in rows]


class _Plan:
    """The lines of each epoch, part by part."""

    def __init__(
        self,
        widths: _Widths,
        limits: Limits,
        shuffle: bool,
        seed: int,
        accumulation: int,
        world: World,
        copies: Copies | None = None,
    ) -> None:
        self.copies = copies
        self.widths, self.limits, self.shuffle, self.seed = widths, limits, shuffle, seed
        self.accumulation, self.world = accumulation, world
        by_width = sorted_batches(
            [widths.prepared[place] for place in copies.in_epoch(0)] if copies else widths.prepared, limits
        )
        self.num_batches = len(by_width)
        self._unshuffled = [] if shuffle else by_width
        # An epoch is asked for twice, to be read and to be worked on; of short ones, several lie between.
        self._shuffled = lru_cache(max(2, LINES_AHEAD // max(1, len(widths.prepared))))(self._shuffle)

    def parts(self, epoch: int, start: int) -> Iterator[Part]:
        """This process's parts of the batches of an epoch, without the first ``start`` batches."""
        rank, size = self.world.rank, self.world.size
        if not self.shuffle:
            yield from (Part(batch, batch, False) for batch in self._unshuffled[rank::size])
            return
        for batch in self._shuffled(epoch)[start:]:
            yield from parts(batch, rank=rank, size=size, accumulation=self.accumulation)

    def keys(self, epoch: int, start: int) -> Iterator[list[int]]:
        """The lines of these parts."""
        return (part.lines for part in self.parts(epoch, start))

    def largest_batch(self) -> int:
        """Bytes of the largest one before augmentation."""
        widest = self.limits.padded(max(self.widths.prepared, default=1)) * self.limits.height
        return min(self.limits.lines * widest, max(widest, self.limits.pixels or self.limits.lines * widest))

    def _shuffle(self, epoch: int) -> list[list[int]]:
        chosen = self.copies.in_epoch(epoch) if self.copies else None
        return shuffled_batches(self.widths(epoch), self.limits, seed=self.seed, epoch=epoch, chosen=chosen)
