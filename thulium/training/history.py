"""The CSV with a row an epoch: what DVC plots and the report draws."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

COLUMNS = ("epoch", "train_loss", "val_loss", "val_cer", "val_wer", "val_line_accuracy", "lr")


class History:
    """Writes the CSV as the run goes. Holds nothing that differs between two runs of one experiment."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._write("w", COLUMNS)

    def add(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Append an epoch; figures that it does not have stay empty."""
        values = (f"{metrics[name]:.6g}" if name in metrics else "" for name in COLUMNS[1:])
        self._write("a", (epoch, *values))

    def _write(self, mode: str, row: tuple[object, ...]) -> None:
        with open(self.path, mode, encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerow(row)


def read(path: Path) -> list[dict[str, float]]:
    """The rows of a history, empty figures left out."""
    with open(path, encoding="utf-8", newline="") as file:
        return [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]
