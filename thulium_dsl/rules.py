"""What a schema cannot say: rules between settings, one small function each.

A rule is a generator over the complete tree. It yields a Finding for each thing that is wrong and names the settings
that are at fault, the likeliest first: the problem is shown at the first of them that the user wrote.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from thulium_dsl.document import Document
from thulium_dsl.nodes import KeyPath
from thulium_dsl.words import plain, shown

# What else the pipeline writes or reads; a checkpoint folder is emptied, so it must hold none of these.
_TAKEN = (
    "data/prepared",
    "metrics",
    "plots",
    "reports",
    "predictions.csv",
    ".schema",
    ".dvc",
    ".git",
    ".thulium",
    "prepared",
    "tensorboard",
)


class Finding(NamedTuple):
    culprits: tuple[str, ...]  # dotted
    what: str
    hint: str


@dataclass(frozen=True, slots=True)
class Settings:
    """The complete tree, and which of its values the user wrote."""

    tree: dict[str, Any]
    document: Document

    def __getitem__(self, dotted: str) -> Any:
        value: Any = self.tree
        for name in path_of(dotted):
            value = value[name]
        return value

    def is_written(self, dotted: str) -> bool:
        return path_of(dotted) in self.document.places

    def say(self, dotted: str) -> str:
        """Name and value for a sentence; a value that the user did not write is marked."""
        origin = "" if self.is_written(dotted) else " (default)"
        value = self[dotted]
        written = shown(value) if isinstance(value, float) else plain(value)
        return f"{dotted.rpartition('.')[2]} {written}{origin}"


def path_of(dotted: str) -> KeyPath:
    return tuple(int(name) if name.isdigit() else name for name in dotted.split("."))


def widths_in_order(settings: Settings) -> Iterator[Finding]:
    low, high = "preprocessing.min_width", "preprocessing.max_width"
    if settings[low] > settings[high]:
        what = f"{settings.say(low)} is greater than {settings.say(high)}"
        yield Finding((low, high), what, "lower min_width, or raise max_width")


def ranges_in_order(settings: Settings) -> Iterator[Finding]:
    for index, transform in enumerate(settings["augmentation.transforms"]):
        low, high = transform.get("range", (0, 0))
        if low > high:
            what = f"the smallest factor comes first, found [{plain(low)}, {plain(high)}]"
            hint = f"write [{plain(high)}, {plain(low)}]"
            yield Finding((f"augmentation.transforms.{index}.range",), what, hint)


def warmup_within_run(settings: Settings) -> Iterator[Finding]:
    warmup, epochs = "training.scheduler.warmup_epochs", "training.epochs"
    if settings[warmup] >= settings[epochs]:
        what = f"{settings.say(warmup)} leaves nothing of {settings.say(epochs)}"
        yield Finding((warmup, epochs), what, "shorten the warm-up, or train for more epochs")


def mode_fits_metric(settings: Settings) -> Iterator[Finding]:
    mode, metric = "early_stopping.mode", "early_stopping.metric"
    fitting = "max" if settings[metric] == "val_line_accuracy" else "min"
    if settings[mode] != fitting:
        better = "higher" if fitting == "max" else "lower"
        what = f"{settings.say(mode)} does not fit {settings.say(metric)}, where {better} is better"
        yield Finding((mode, metric), what, f"write 'mode: {fitting}'")


def judged_checkpoint_is_made(settings: Settings) -> Iterator[Finding]:
    judged, saved = "evaluation.checkpoint", "checkpointing.save_best"
    if settings[judged] == "best" and not settings[saved]:
        what = f"{settings.say(judged)} is never saved, with {settings.say(saved)}"
        yield Finding((judged, saved), what, "set checkpointing.save_best to true, or evaluation.checkpoint to last")


def checkpoints_have_a_folder(settings: Settings) -> Iterator[Finding]:
    culprit = "checkpointing.save_dir"
    written = settings[culprit]
    folder = posixpath.normpath(written)
    hint = "give it a folder of its own, such as checkpoints/"
    if posixpath.isabs(written) or "\\" in written or ".." in written.split("/") or folder == ".":
        what = f"must be a folder below the document's, without '..'; found '{written}'"
        yield Finding((culprit,), what, hint)
        return
    others = (*dataset_folders_of(settings["dataset"]).values(), settings["logging.tensorboard.log_dir"])
    for taken in (*_TAKEN, *others):
        if _overlap(folder, posixpath.normpath(taken)):
            what = f"'{written}' overlaps '{taken}', and it is emptied before a new training"
            yield Finding((culprit,), what, hint)


def splits_are_apart(settings: Settings) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for dotted, folder in dataset_folders_of(settings["dataset"]).items():
        first = seen.setdefault(posixpath.normpath(folder), dotted)
        if first != dotted:
            what = f"{settings.say(dotted)} is the folder of {settings.say(first)}"
            yield Finding((dotted, first), what, "the same lines in two splits make every figure too good")


def dataset_folders_of(dataset: Mapping[str, Any]) -> dict[str, str]:
    """The folders that the data come from: dotted key -> folder."""
    return {f"dataset.{name}": folder for name, folder in dataset.items() if name.endswith("_dir")}


def _overlap(one: str, other: str) -> bool:
    return one == other or one.startswith(other + "/") or other.startswith(one + "/")


# The sections that a rule reads: it is asked only when the schema found nothing wrong in them.
RULES: tuple[tuple[tuple[str, ...], Callable[[Settings], Iterator[Finding]]], ...] = (
    (("preprocessing",), widths_in_order),
    (("augmentation",), ranges_in_order),
    (("training",), warmup_within_run),
    (("early_stopping",), mode_fits_metric),
    (("evaluation", "checkpointing"), judged_checkpoint_is_made),
    (("checkpointing", "dataset", "logging"), checkpoints_have_a_folder),
    (("dataset",), splits_are_apart),
)
