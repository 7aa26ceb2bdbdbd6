"""The CSV with a row an epoch: what DVC plots and the report draws."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from pathlib import Path

from thulium.files import replace_text

COLUMNS = ("epoch", "train_loss", "val_loss", "val_cer", "val_wer", "val_line_accuracy", "lr")


class History:
    """Keeps the CSV up to date as the run goes. Holds nothing that differs between two runs of one experiment.

    Attributes:
        rows: the epochs so far and their figures, the untrained model's as epoch 0.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[tuple[int, dict[str, float]]] = []

    def add(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Take in an epoch; figures that it does not have are nan in the file: DVC draws an empty cell as zero."""
        self.rows.append((epoch, dict(metrics)))

    def write(self) -> None:
        """Bring the file up to date, whole or not at all."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        for epoch, metrics in self.rows:
            writer.writerow((epoch, *(f"{metrics.get(name, math.nan):.6g}" for name in COLUMNS[1:])))
        replace_text(self.path, text.getvalue())


def read(path: Path) -> list[dict[str, float]]:
    """The rows of a history; what is no number is left out."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    return [{name: value for name, value in row.items() if not math.isnan(value)} for row in rows]
