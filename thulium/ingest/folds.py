"""Cross-validation: all lines are divided into parts, and each is the test of a model that learns from the others.

What must stay together (a page, a document, a writer) is put into the order of a hash of the seed and its name, as a
split by shares has it, and that order is cut into folds of about as many lines. So what comes later moves only what
lies at the borders. The validation lines of a fold are those that come next in the order, round its end: each is still
the test of another fold, and no model chooses its epoch on lines that it is judged on.

A piece is what has the same part in all folds. It is written once; each fold links what it needs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from thulium.data.line import SplitName
from thulium.runtime.errors import DataError
from thulium_dsl.grammar.spec import SplitSpec

FEWEST = 3  # folds: one to judge, one to choose the epoch on, one to learn from


@dataclass(frozen=True, slots=True)
class Piece:
    """Lines that are in the same split of each fold.

    Attributes:
        number: of the piece, from 0.
        fold: the one that they are the test of, from 1.
        splits: of fold 1, 2, …
    """

    number: int
    fold: int
    splits: tuple[SplitName, ...]

    @property
    def name(self) -> SplitName:
        """What stands for it where others have a split: the fold that it is the test of, and its number."""
        return f"fold {self.fold}, piece {self.number}"  # type: ignore[return-value]  # a split of its own kind


@dataclass(frozen=True, slots=True)
class Folds:
    """How lines are divided.

    Attributes:
        number: of folds.
        pieces: each name of what stays together -> its piece, in the order in which they were cut.
        lines: each name -> how many lines were counted.
    """

    number: int
    pieces: Mapping[str, Piece]
    lines: Mapping[str, int]

    def by_name(self) -> dict[str, Piece]:
        """The pieces by their own names."""
        return {piece.name: piece for piece in self.pieces.values()}


def divide(lines: Mapping[str, int], spec: SplitSpec) -> Folds:
    """Divide what must stay together into folds.

    Args:
        lines: name of what stays together -> its lines, at least one.
        spec: names a number of folds.

    Raises:
        DataError: there is less than a page, document, writer or line for each fold.
    """
    assert spec.folds is not None, "asked for without folds"
    if len(lines) < spec.folds:
        raise DataError(_too_few(len(lines), spec))
    order = sorted(lines, key=lambda name: hashlib.sha256(f"{spec.seed}/{name}".encode()).digest())
    folds = _cut([lines[name] for name in order], spec.folds)
    kept_for_val = [_val_of(fold, order, folds, lines, spec.val) for fold in range(1, spec.folds + 1)]
    pieces: dict[tuple[int, tuple[SplitName, ...]], Piece] = {}
    found = {}
    for name, fold in zip(order, folds, strict=True):
        splits: tuple[SplitName, ...] = tuple(
            "test" if fold == number else "val" if name in kept else "train"
            for number, kept in enumerate(kept_for_val, 1)
        )
        found[name] = pieces.setdefault((fold, splits), Piece(len(pieces), fold, splits))
    return Folds(spec.folds, found, lines)


def _cut(sizes: list[int], folds: int) -> list[int]:
    """The fold of each of a row of groups, from 1: as equal in lines as cuts between them allow, and none empty."""
    found: list[int] = []
    total = sum(sizes)
    for fold in range(1, folds + 1):
        first = len(found)
        last = len(sizes) - (folds - fold)  # the others get one each at least
        goal, length = total * fold / folds - sum(sizes[:first]), sizes[first]
        end = first + 1
        while end < last and (fold == folds or abs(length + sizes[end] - goal) <= abs(length - goal)):
            length += sizes[end]
            end += 1
        found += [fold] * (end - first)
    return found


def _val_of(fold: int, order: list[str], folds: list[int], lines: Mapping[str, int], share: float) -> set[str]:
    """What a fold's model chooses its epoch on: what comes after its test, up to a share of all lines."""
    end = len(folds) - folds[::-1].index(fold)
    rest = [name for name, own in zip(order[end:] + order[:end], folds[end:] + folds[:end], strict=True) if own != fold]
    wanted, kept, length = share * sum(lines.values()), set[str](), 0
    for name in rest[:-1]:  # one at least is learned from
        if kept and abs(length + lines[name] - wanted) > abs(length - wanted):
            break
        kept.add(name)
        length += lines[name]
    return kept


def _too_few(number: int, spec: SplitSpec) -> str:
    """What to do about it."""
    there = f"there is one {spec.by}" if number == 1 else f"there are {number} {spec.by}s"
    fewer = f"set dataset.split.folds to {number} or less and run `thulium compile`, " if number >= FEWEST else ""
    smaller = "" if spec.by == "line" else ", or divide by something smaller in dataset.split.by"
    return f"{there} with lines that can be used, for {spec.folds} folds: {fewer}add some{smaller}; nothing was written"
