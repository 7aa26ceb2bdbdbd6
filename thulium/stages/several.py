"""What is read of the evaluations of several models, one for each seed or fold, when they are taken together."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from thulium.runtime.errors import DataError

DIGEST = "model_sha256"  # each model has its own


def read_json(path: Path, again: str) -> dict[str, Any]:
    """What a stage has written of one model.

    Args:
        again: what to do where the file cannot be read, such as "evaluate this fold again".

    Raises:
        DataError: it is not there, cannot be read, or is another file.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path}: is not there: `dvc repro` trains and evaluates what is missing") from None
    except (OSError, ValueError):
        raise DataError(f"{path}: cannot be read: {again}") from None
    if not isinstance(found, dict):
        raise DataError(f"{path}: cannot be read: {again}")
    if path.name == "metrics.json" and not {"cer", "measured"} <= found.keys():
        raise DataError(f"{path}: is no metrics.json that `thulium evaluate` wrote: evaluate again")
    return found


def measured(own: Iterable[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """What each metrics.json says that it measured: name -> what those that have it say, in their order."""
    facts: dict[str, list[Any]] = {}
    for each in own:
        for name, value in each["measured"].items():
            facts.setdefault(name, []).append(value)
    return facts


def agreed(values: Sequence[Any]) -> Any:
    """What all say; where they differ, all that they say."""
    return values[0] if all(value == values[0] for value in values) else " or ".join(dict.fromkeys(map(str, values)))
