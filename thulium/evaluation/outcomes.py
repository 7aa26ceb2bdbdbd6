"""What was read, as evaluate wrote it down: predictions.csv and, beside it, metrics.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from thulium.evaluation.comparing import Outcome
from thulium.evaluation.metrics import LineResult
from thulium.runtime.errors import DataError, visible
from thulium.runtime.tables import read_table

COLUMNS = ("id", "page", "transcription", "prediction")
FOREIGN = (
    "make it anew; from what another program has read, `thulium score REFERENCE FILE --output TABLE` makes such a table"
)
IMAGE = "image"  # a digest of the line's picture; tables of older versions have none


def read_outcome(predictions: Path, metrics: Path | None, name: str) -> Outcome:
    """The lines that were read, and what their figures are of.

    Args:
        metrics: of the same evaluation; absent or None: nothing is known.

    Raises:
        DataError: the table cannot be read, or a line stands in it twice.
    """
    results, images = {}, {}
    for number, row in enumerate(read_table(predictions, COLUMNS, lacking=FOREIGN), 2):
        line_id = row["id"]
        if line_id in results:
            raise DataError(f"{predictions}: row {number}: line {line_id!r} stands there twice: evaluate again")
        results[line_id] = LineResult(line_id, row["page"], row["transcription"], row["prediction"])
        if row.get(IMAGE):
            images[line_id] = row[IMAGE]
    if not results:
        raise DataError(f"{predictions}: has no lines: evaluate again")
    return Outcome(name=visible(name), results=results, images=images, measured=_measured(metrics))


def _measured(metrics: Path | None) -> dict[str, Any]:
    if metrics is None or not metrics.is_file():
        return {}
    try:
        measured = json.loads(metrics.read_text(encoding="utf-8")).get("measured", {})
    except (OSError, ValueError, AttributeError):
        raise DataError(f"{metrics}: is no metrics.json that `thulium evaluate` wrote: evaluate again") from None
    return measured if isinstance(measured, dict) else {}
