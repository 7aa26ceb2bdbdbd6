"""The CSV with a row an epoch: what DVC plots and the report draws."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from thulium.runtime.errors import DataError
from thulium.runtime.tables import read_table, write_table
from thulium.training.state import is_number

COLUMNS = ("epoch", "train_loss", "val_loss", "val_cer", "val_wer", "val_line_accuracy", "lr")


class History:
    """Keeps the CSV up to date as the run goes. Holds nothing that differs between two runs of one experiment.

    Attributes:
        columns: of the file.
        rows: the epochs so far and their figures, the untrained model's as epoch 0.
    """

    def __init__(self, path: Path, columns: tuple[str, ...] = COLUMNS) -> None:
        self.path, self.columns = path, columns
        self.rows: list[tuple[int, dict[str, float]]] = []

    def add(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Take in an epoch; figures that it does not have are nan in the file: DVC draws an empty cell as zero."""
        self.rows.append((epoch, dict(metrics)))

    def write(self) -> None:
        """Bring the file up to date, whole or not at all."""
        rows = ([epoch, *(f"{row.get(name, math.nan):.6g}" for name in self.columns[1:])] for epoch, row in self.rows)
        write_table(self.path, self.columns, rows)


def is_history(rows: object, epochs: int, columns: tuple[str, ...] = COLUMNS) -> bool:
    """Whether these are the rows of a training after so many epochs, as ``History`` has them in these columns."""
    if not isinstance(rows, list):
        return False
    if not rows and epochs == 0:  # the untrained model has not been judged yet
        return True
    return len(rows) == epochs + 1 and all(
        isinstance(row, (tuple, list)) and len(row) == 2 and _is_epoch(row[0], row[1], epoch, columns)
        for epoch, row in enumerate(rows)
    )


def _is_epoch(number: object, metrics: object, epoch: int, columns: tuple[str, ...]) -> bool:
    names = [name for name in columns[1:] if epoch or name.startswith("val_")]
    if type(number) is not int or number != epoch:
        return False
    return isinstance(metrics, dict) and metrics.keys() >= set(names) and all(map(is_number, metrics.values()))


def read(path: Path) -> list[dict[str, float]]:
    """The rows of a history, what is no number left out.

    Raises:
        DataError: it cannot be read, or is none.
    """
    rows = read_table(path, ("epoch", "val_cer"))
    try:
        found = [{name: float(value) for name, value in row.items() if value} for row in rows]
        found = [{name: value for name, value in row.items() if not math.isnan(value)} for row in found]
    except ValueError as error:
        raise DataError(f"{path}: is no history of a training ({str(error)[:80]}): train again") from None
    if not found or not all("epoch" in row for row in found):
        raise DataError(f"{path}: is no history of a training: train again")
    return found
