"""Batches of a split, read and augmented in other processes while the model computes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, Sampler

from thulium.data.augment import Augmenter
from thulium.data.batch import Batch, collate
from thulium.data.batches import shuffled_batches, sorted_batches
from thulium.data.folder import FolderSplit
from thulium.data.shards import Split
from thulium.errors import DataError
from thulium_dsl.spec import PreprocessingSpec, UnicodeForm


class Lines(Protocol):
    """What a loader needs to know of a split: prepared shards or a folder of images."""

    ids: list[str]
    texts: list[str]
    height: int

    @property
    def widths(self) -> Sequence[int]: ...

    def __len__(self) -> int: ...

    def image(self, index: int) -> Image.Image: ...


class LineLoader:
    """Batches of lines, an epoch at a time.

    Attributes:
        lines: where they come from.
        batch_size: lines in a batch.
    """

    def __init__(
        self,
        lines: Lines,
        *,
        batch_size: int,
        shuffle: bool,
        augmenter: Augmenter | None = None,
        seed: int = 0,
        workers: int = 0,
        pinned: bool = False,
    ) -> None:
        self.lines = lines
        self.batch_size = batch_size
        self._sampler = _EpochSampler(lines.widths, batch_size, shuffle, seed)
        self._loader: DataLoader[Batch] = DataLoader(
            _Lines(lines, augmenter),
            batch_sampler=self._sampler,
            collate_fn=_collate,
            num_workers=workers,
            persistent_workers=workers > 0,
            prefetch_factor=4 if workers else None,
            pin_memory=pinned,
            worker_init_fn=_use_one_thread,
            generator=torch.Generator(),  # its own: drawing from the global one would move the model's dropout
        )

    def set_epoch(self, epoch: int) -> None:
        """Choose the order and the augmentation of the next pass."""
        self._sampler.epoch = epoch

    def __len__(self) -> int:
        """Batches in an epoch."""
        return len(self._sampler)

    def __iter__(self) -> Iterator[Batch]:
        return iter(self._loader)


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

    Raises:
        DataError: the folder holds neither, or lines that cannot be used.
    """
    folder = Path(path)
    is_prepared = any(folder.glob("*.arrow"))
    if folder.is_dir() and not is_prepared and not (folder / "labels.txt").exists():
        raise DataError(f"{folder}: holds neither prepared lines (*.arrow) nor a labels.txt beside images/")
    lines: Lines = Split(folder) if is_prepared else FolderSplit(folder, preprocessing, unicode_form)
    return LineLoader(
        lines, batch_size=batch_size, shuffle=shuffle, augmenter=augmenter, seed=seed, workers=workers, pinned=pinned
    )


class _EpochSampler(Sampler[list[tuple[int, int]]]):
    """The batches of the current epoch, as (epoch, index) pairs: so the epoch reaches other processes."""

    def __init__(self, widths: Sequence[int], batch_size: int, shuffle: bool, seed: int) -> None:
        self.widths, self.batch_size, self.shuffle, self.seed = list(widths), batch_size, shuffle, seed
        self.epoch = 0

    def __len__(self) -> int:
        return -(-len(self.widths) // self.batch_size)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        if self.shuffle:
            batches = shuffled_batches(self.widths, self.batch_size, seed=self.seed, epoch=self.epoch)
        else:
            batches = sorted_batches(self.widths, self.batch_size)
        for batch in batches:
            yield [(self.epoch, index) for index in batch]


class _Lines(Dataset[tuple[Image.Image, str, str]]):
    def __init__(self, lines: Lines, augmenter: Augmenter | None) -> None:
        self.lines, self.augmenter = lines, augmenter

    def __getitem__(self, key: tuple[int, int]) -> tuple[Image.Image, str, str]:
        epoch, index = key
        image, line_id = self.lines.image(index), self.lines.ids[index]
        if self.augmenter:
            image = self.augmenter(image, epoch, line_id, self.lines.texts[index])
        return image, self.lines.texts[index], line_id


def _collate(lines: list[tuple[Image.Image, str, str]]) -> Batch:
    images, texts, ids = zip(*lines, strict=True)
    return collate(images, texts, ids)


def _use_one_thread(_worker: int) -> None:
    torch.set_num_threads(1)
