"""How big a training is, from the data that were prepared and the run before."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thulium_dsl.pipeline import pace as paces
from thulium_dsl.pipeline.stages import FOLDS, SEEDS, folds_in, prepared_folder
from thulium_dsl.text.files import object_in


@dataclass(frozen=True, slots=True)
class Job:
    """The size of a training.

    Attributes:
        lines: training lines of an epoch; those that do not fit the model's frames are left out only in training.
        steps_per_epoch, epochs, steps: optimizer steps; early stopping may end the run before.
        parameters: of the model, where the last run had the same one; else None.
        seconds: None where the last run tells nothing about this one.
        lines_per_s, device: the pace that ``seconds`` comes from.
        is_stale: whether the data are prepared anew before, so that all of this may change.
    """

    lines: int
    steps_per_epoch: int
    epochs: int
    steps: int
    parameters: int | None
    seconds: float | None
    lines_per_s: float | None
    device: str | None
    is_stale: bool

    def __str__(self) -> str:
        epochs = "1 epoch" if self.epochs == 1 else f"at most {self.epochs} epochs"
        size = [f"{self.lines} lines, {self.steps_per_epoch} steps an epoch, {epochs}: {self.steps} steps"]
        if self.parameters is not None:
            size.append(f"{self.parameters / 1e6:.2f} M parameters")
        if self.seconds is None:
            size.append("no run of this model was timed here, so there is no estimate of how long it takes")
        else:
            pace = f"at the last run's {self.lines_per_s:.0f} lines/s on {self.device}"
            size.append(f"about {duration(self.seconds)} {pace}")
        if self.is_stale:
            size.append("counted on the data as they are prepared now")
        return "; ".join(size)


def size(root: Path, project: Path, tree: Mapping[str, Any], lock: Mapping[str, Any], *, is_stale: bool) -> Job | None:
    """The size of the training that a document describes; None where no data are prepared.

    Args:
        root: the folder of the document.
        project: the folder that holds the last run's pace.
        tree: the complete document.
        lock: what dvc.lock holds.
        is_stale: whether the data would be prepared anew first.
    """
    folder, training = root / prepared_folder(folds_in(tree)), tree["training"]
    lines = lines_in(folder)
    if lines is None:
        return None
    share = min(1, (training.get("lines") or lines) / lines) if lines else 1
    lines = round((lines_an_epoch(folder) or lines) * share)
    steps = math.ceil(lines / training["batch_size"])
    pace = paces.read(project)
    if pace is not None and (pace.digest != paces.digest(tree) or pace.lines_per_s <= 0):
        pace = None
    return Job(
        lines=lines,
        steps_per_epoch=steps,
        epochs=training["epochs"],
        steps=steps * training["epochs"],
        parameters=None if is_stale else _parameters(root, tree, lock),
        seconds=None if pace is None else lines * training["epochs"] / pace.lines_per_s,
        lines_per_s=None if pace is None else pace.lines_per_s,
        device=None if pace is None else pace.device,
        is_stale=is_stale,
    )


def spread(root: Path, tree: Mapping[str, Any]) -> str:
    """How much the trainings of folds differ in size; empty where they do not, or are not known."""
    folds, most = folds_in(tree) or 0, tree["training"].get("lines")
    found = [lines_in(root / prepared_folder(folds, fold)) for fold in range(1, folds + 1)]
    sizes = [min(lines, most or lines) for lines in found if lines is not None]
    return f" (with {min(sizes)} to {max(sizes)} lines; that of fold 1)" if len(set(sizes)) > 1 else ""


def duration(seconds: float) -> str:
    """A time that nobody takes for exact."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"


def lines_in(prepared: Path) -> int | None:
    """The training lines of prepared data; the manifest is written last, so with it the rest is there."""
    report = object_in(prepared / "report.json")
    if report is None or not (prepared / "prepared.json").is_file():
        return None
    try:
        return int(report["splits"]["train"]["lines"])
    except (KeyError, TypeError, ValueError):
        return None


def lines_an_epoch(prepared: Path) -> int | None:
    """How many of them an epoch has, where data are of several sources; 0 or None: each line once."""
    try:
        sources = (object_in(prepared / "report.json") or {}).get("sources") or {}
        return sum(int(source["lines_an_epoch"]) for source in sources.values())
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _parameters(root: Path, tree: Mapping[str, Any], lock: Mapping[str, Any]) -> int | None:
    """What the last training counted, if its model section was this one; the charset comes with the data."""
    seed = next(iter(tree["training"].get("seeds") or ()), None)  # all of them have the same model
    name, folder = ("train", root) if seed is None else (f"train@{seed}", root / SEEDS / str(seed))
    if folds_in(tree) is not None:  # their characters may differ by a few
        name, folder = "train@1", root / FOLDS / "1"
    locked = (lock.get("stages") or {}).get(name, {}).get("params", {}).get("params.yaml", {})
    metrics = object_in(folder / "metrics" / "train.json")
    return metrics.get("parameters") if metrics and locked.get("model") == tree["model"] else None
