"""What a schema cannot say: rules between settings, one small function each.

A rule is a generator over the complete tree. It yields a Finding for each thing that is wrong and names the settings
that are at fault, the likeliest first: the problem is shown at the first of them that the user wrote.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from thulium_dsl.grammar import names
from thulium_dsl.grammar.hints import plain
from thulium_dsl.grammar.paths import oddity, overlap, paths_of
from thulium_dsl.grammar.words import shown
from thulium_dsl.text.document import Document
from thulium_dsl.text.nodes import KeyPath

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
    "dvc.yaml",
    "dvc.lock",
    "params.yaml",
    "data.yaml",
    "metrics.json",
    "requirements.txt",
    "thulium.lock",
    ".gitignore",
    ".dvcignore",
)
# What the stages write, whatever the document says.
WRITTEN = ("data/prepared", "metrics", "metrics.json", "plots", "reports", "predictions.csv")


class Finding(NamedTuple):
    """What a rule found.

    Attributes:
        culprits: the settings at fault, dotted; {0}, {1} … in the sentence stand for their names, values and places.
    """

    culprits: tuple[str, ...]
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

    def datasets(self) -> list[tuple[str, dict[str, Any]]]:
        """The dotted name and the values of the dataset, or of each of its sources."""
        dataset = self.tree["dataset"]
        if "sources" not in dataset:
            return [("dataset", dataset)]
        return [(f"dataset.sources.{place}", source) for place, source in enumerate(dataset["sources"])]

    def is_written(self, dotted: str) -> bool:
        return path_of(dotted) in self.document.places

    def say(self, dotted: str, is_shown: bool) -> str:
        """Name and value for a sentence, with the place unless the problem is shown there."""
        place = self.document.place(path_of(dotted))
        origin = f"{place.file}:{place.line}" if self.is_written(dotted) else "default"
        value = self[dotted]
        written = shown(value) if isinstance(value, float) else plain(value)
        return f"{dotted.rpartition('.')[2]} {written}" + ("" if is_shown and origin != "default" else f" ({origin})")


def path_of(dotted: str) -> KeyPath:
    return tuple(int(name) if name.isdigit() else name for name in dotted.split("."))


def widths_in_order(settings: Settings) -> Iterator[Finding]:
    low, high = "preprocessing.min_width", "preprocessing.max_width"
    if settings[low] > settings[high]:
        yield Finding((low, high), "{0} is greater than {1}", "lower min_width, or raise max_width")


def ranges_in_order(settings: Settings) -> Iterator[Finding]:
    for index, transform in enumerate(settings["augmentation.transforms"]):
        for name, value in transform.items():
            if isinstance(value, list) and value[0] > value[1]:
                low, high = map(plain, value)
                what = f"the smallest factor comes first, found [{low}, {high}]"
                yield Finding((f"augmentation.transforms.{index}.{name}",), what, f"write [{high}, {low}]")


def heads_share_the_size(settings: Settings) -> Iterator[Finding]:
    """Each attention head gets an even number of a frame's values, since they are turned in pairs."""
    if settings["model.head.type"] != "transformer":
        return
    size, num = "model.head.hidden_size", "model.head.num_heads"
    pairs = 2 * settings[num]
    if settings[size] % pairs:
        nearest = max(1, round(settings[size] / pairs)) * pairs
        yield Finding(
            (size, num), f"{{0}} must be a multiple of {pairs}, twice {{1}}", f"write 'hidden_size: {nearest}'"
        )


def warmup_within_run(settings: Settings) -> Iterator[Finding]:
    warmup, epochs = "training.scheduler.warmup_epochs", "training.epochs"
    if settings[warmup] >= settings[epochs]:
        hint = "shorten the warm-up, or train for more epochs"
        yield Finding((warmup, epochs), "{0} leaves nothing of {1}", hint)


def parts_have_lines(settings: Settings) -> Iterator[Finding]:
    batch, parts, processes = "training.batch_size", "training.accumulation", "resources.processes"
    count = len(settings["resources.devices"]) or settings[processes]
    if settings[batch] < settings[parts] * count:
        what = "{0} leaves less than a line for each part of a step, with {1} and {2}"
        if settings["resources.devices"]:
            what, processes = what.replace("{2}", f"{count} {{2}}"), "resources.devices"
        yield Finding((batch, parts, processes), what, "raise batch_size, or use fewer parts or processes")


def devices_are_apart(settings: Settings) -> Iterator[Finding]:
    devices, device, processes = "resources.devices", "resources.device", "resources.processes"
    numbers = settings[devices]
    if len(set(numbers)) < len(numbers):
        yield Finding((devices,), f"{numbers} names a GPU twice", "name each GPU once; each gets a process of its own")
    if numbers and settings[device] not in ("auto", "cuda"):
        yield Finding((devices, device), "{0} names GPUs, but {1} does not", "set device to auto")
    if numbers and settings[processes] not in (1, len(numbers)):
        hint = "leave processes at 1: each GPU of devices gets a process"
        yield Finding((processes, devices), "{0} does not fit {1}", hint)
    if settings[processes] > 1 and not numbers and settings[device].startswith("cuda:"):
        hint = "list the GPUs in devices, or set device to cuda, which takes the first ones"
        yield Finding((processes, device), "{0} cannot share {1}", hint)


def mode_fits_metric(settings: Settings) -> Iterator[Finding]:
    mode, metric = "early_stopping.mode", "early_stopping.metric"
    fitting = "max" if settings[metric] == "val_line_accuracy" else "min"
    if settings[mode] != fitting:
        better = "higher" if fitting == "max" else "lower"
        what = f"{{0}} does not fit {{1}}, where {better} is better"
        yield Finding((mode, metric), what, f"write 'mode: {fitting}'")


def judged_checkpoint_is_made(settings: Settings) -> Iterator[Finding]:
    judged, saved = "evaluation.checkpoint", "checkpointing.save_best"
    if settings[judged] == "best" and not settings[saved]:
        what = "{0} is never saved, with {1}"
        yield Finding((judged, saved), what, "set checkpointing.save_best to true, or evaluation.checkpoint to last")


def checkpoints_have_a_folder(settings: Settings) -> Iterator[Finding]:
    culprit = "checkpointing.save_dir"
    written = settings[culprit]
    folder = posixpath.normpath(written)
    hint = "give it a folder of its own, such as checkpoints/"
    if posixpath.isabs(written) or "\\" in written or ".." in written.split("/") or folder == ".":
        what = f"must be a folder below the document's, without '..'; found '{as_is(written)}'"
        yield Finding((culprit,), what, hint)
        return
    if "${" in written or "://" in written:
        what = f"is no folder to DVC, but a template or an address: '{as_is(written)}'"
        yield Finding((culprit,), what, hint)
        return
    emptied = "and old checkpoints are removed from it before a new training"
    for taken in _TAKEN:
        if overlap(folder, posixpath.normpath(taken)):
            yield Finding((culprit,), f"{{0}} overlaps '{taken}', {emptied}", hint)
    logs = "logging.tensorboard.log_dir"
    others = paths_of("dataset", settings["dataset"]) | {logs: settings[logs]}
    for dotted, taken in others.items():
        if overlap(folder, posixpath.normpath(taken)):
            yield Finding((culprit, dotted), f"{{0}} overlaps {{1}}, {emptied}", hint)


def splits_are_apart(settings: Settings) -> Iterator[Finding]:
    if "sources" in settings["dataset"]:
        return  # two sources may take different files of one folder
    seen: dict[str, str] = {}
    for dotted, folder in paths_of("dataset", settings["dataset"]).items():
        first = seen.setdefault(posixpath.normpath(folder), dotted)
        if first != dotted:
            hint = "the same lines in two splits make every figure too good: name another"
            yield Finding((dotted, first), "{0} is the same as {1}", hint)


def folders_have_slashes(settings: Settings) -> Iterator[Finding]:
    for dotted, folder in paths_of("dataset", settings["dataset"]).items():
        if "\\" in folder:
            what = f"'{as_is(folder)}' is a path with backslashes: no folder here has that name"
            yield Finding((dotted,), what, "write the path with '/'")


def results_have_their_folders(settings: Settings) -> Iterator[Finding]:
    """Data and logs stay out of what the stages write: DVC removes that, and compares it."""
    logs = "logging.tensorboard.log_dir"
    for dotted, folder in (paths_of("dataset", settings["dataset"]) | {logs: settings[logs]}).items():
        if posixpath.normpath(folder) == ".":
            what = "{0} is the whole project, and the stages keep their results in it"
            yield Finding((dotted,), what, "put what belongs there into a folder of its own")
        for written in WRITTEN:
            if overlap(posixpath.normpath(folder), written):
                hint = "name another folder; the stages keep their results in this one"
                yield Finding((dotted,), f"{{0}} overlaps '{written}'", hint)


def data_lie_here(settings: Settings) -> Iterator[Finding]:
    """A name of what lies elsewhere is none of a folder: what it stands for is fetched into one first."""
    for dotted, path in paths_of("dataset", settings["dataset"]).items():
        if path.partition(":")[0] in names.SCHEMES and names.is_name(path):
            hint = f"run 'thulium fetch {path} --into data/NAME', and write 'data/NAME'"
            yield Finding((dotted,), f"'{as_is(path)}' lies elsewhere, and stages read what lies here", hint)


def model_files_stay(settings: Settings) -> Iterator[Finding]:
    """A file that a stage starts from is none that a stage writes: it would be gone before it is read."""
    for dotted, path in paths_of("evaluation", settings["evaluation"]).items():
        yield from _stays(settings, dotted, path)


def first_weights_stay(settings: Settings) -> Iterator[Finding]:
    """The same for the weights that a training starts from."""
    for dotted, path in paths_of("training", settings["training"]).items():
        if names.is_name(path):
            yield from _is_fetched_apart(settings, dotted, path)
            continue
        yield from _stays(settings, dotted, path)
        is_told = oddity(path) is not None and ".safetensors" in path  # as of one in curly quotes
        if not path.endswith(".safetensors") and not is_told:
            nothing = "; write nothing to start from no model" if path.lower() in ("none", "null", "no") else ""
            help_ = f"name a file that ends in .safetensors{nothing}"
            yield Finding((dotted,), "{0} is not the name of a model file", help_)


def _is_fetched_apart(settings: Settings, dotted: str, name: str) -> Iterator[Finding]:
    """A name can be understood, and what it stands for has a place of its own."""
    if wrong := names.fault(name):
        yield Finding((dotted,), as_is(wrong[0]), wrong[1])
        return
    place, save_dir = names.local_path(name), "checkpointing.save_dir"
    if overlap(place, posixpath.normpath(settings[save_dir])):
        what = f"{{0}} overlaps '{place}', where the model of {{1}} is fetched to"
        yield Finding((save_dir, dotted), what, "give the checkpoints a folder of their own, such as checkpoints/")


def _stays(settings: Settings, dotted: str, path: str) -> Iterator[Finding]:
    name = posixpath.normpath(path)
    if "\\" in path:
        what = f"'{as_is(path)}' is a path with backslashes: no file here has that name"
        yield Finding((dotted,), what, "write the path with '/'")
    folder = posixpath.normpath(settings["checkpointing.save_dir"])
    for written in (*WRITTEN, folder):
        if overlap(name, written):
            hint = "keep the file elsewhere; the stages empty what they write"
            yield Finding((dotted,), f"{{0}} overlaps '{as_is(written)}'", hint)


def frozen_parts_were_trained(settings: Settings) -> Iterator[Finding]:
    frozen, start = "training.freeze", "training.init_from"
    if settings[frozen] and settings[start] is None:
        what = "{0} would keep weights that were never trained, with {1}"
        yield Finding((frozen, start), what, "name a model file in init_from, or write 'freeze: []'")


def batch_holds_a_line(settings: Settings) -> Iterator[Finding]:
    budget, width, height = "training.max_pixels", "preprocessing.max_width", "preprocessing.height"
    least = -(-settings[width] // settings[height]) * settings[height] ** 2  # widths are padded to whole heights
    if 0 < settings[budget] < least:
        what = f"{{0}} is less than the widest line may have, {least} with {{1}} and {{2}}"
        yield Finding((budget, width, height), what, f"write 'max_pixels: {least}' or more, or lower max_width")


def as_is(text: str) -> str:
    """A text of the user's for a sentence that places are put into."""
    return text.replace("{", "{{").replace("}", "}}")


def shares_leave_something(settings: Settings) -> Iterator[Finding]:
    if "split" not in settings["dataset"] or settings["dataset.split.folds"] is not None:
        return
    val, test = "dataset.split.val", "dataset.split.test"
    if settings[val] + settings[test] >= 1:
        yield Finding((val, test), "{0} and {1} leave nothing to learn from", "lower one of them")


def lists_are_complete(settings: Settings) -> Iterator[Finding]:
    for where, dataset in settings.datasets():
        given = [name for name in ("train_list", "val_list", "test_list") if dataset.get(name) is not None]
        lacking = [name for name in ("train_list", "val_list", "test_list") if name not in given]
        if given and lacking:
            what = f"{{0}} needs {' and '.join(lacking)} beside it"
            yield Finding((f"{where}.{given[0]}",), what, "name a list for each of the three splits, or none")


def writers_are_known(settings: Settings) -> Iterator[Finding]:
    for where, dataset in settings.datasets():
        source = "writer_column" if dataset["type"] == "parquet" else "writers"
        if source not in dataset or dataset["train_list"] is not None or dataset[source] is not None:
            continue
        is_own = dataset.get("split_by") is not None
        by = f"{where}.split_by" if is_own else "dataset.split.by"
        if settings[by] == "writer":
            what = f"{{0}} needs {where}.{source}, which says who wrote what"
            own = "" if where == "dataset" or is_own else ", or set its split_by to page or document"
            yield Finding((by,), what, f"set {where}.{source}, or split by page or document{own}")


def pattern_has_a_group(settings: Settings) -> Iterator[Finding]:
    for where, dataset in settings.datasets():
        pattern = dataset.get("page_pattern")
        if pattern is None:
            continue
        hint = "such as '(.+)_line[0-9]+', whose brackets hold the page"
        try:
            groups = re.compile(pattern).groups
        except re.error as error:
            what = f"is not a regular expression: {as_is(str(error))}"
            yield Finding((f"{where}.page_pattern",), what, hint)
            continue
        if groups != 1:
            what = f"must have one group in brackets, found {groups}"
            yield Finding((f"{where}.page_pattern",), what, hint)


def replacements_are_used(settings: Settings) -> Iterator[Finding]:
    policy, listed = "dataset.text.on_unknown", "dataset.text.map"
    is_map = settings[policy] == "map"
    if settings[listed] and not is_map:
        yield Finding((listed, policy), "the replacements are not made, with {1}", "write 'on_unknown: map'")
    if is_map and not settings[listed]:
        yield Finding((policy, listed), "{0} has nothing to replace", "list replacements in dataset.text.map")
    yield from found_once(settings, listed)


def found_once(settings: Settings, listed: str) -> Iterator[Finding]:
    """A finding for each replacement of a list that finds what one before it finds."""
    found = [item["find"] for item in settings[listed]]
    for index, text in enumerate(found):
        if text in found[:index]:
            yield Finding((f"{listed}.{index}.find",), f"'{as_is(text)}' is listed twice", "keep one of them")


def dropping_has_a_charset(settings: Settings) -> Iterator[Finding]:
    policy, charset = "dataset.text.on_unknown", "dataset.text.charset"
    if settings[policy] == "drop_line" and settings[charset] == "auto":
        what = "{0} drops nothing: {1} holds every character of the training lines, and no other line is dropped"
        yield Finding((policy, charset), what, "list the characters in dataset.text.charset")


# The sections that a rule reads: it is asked only when the schema found nothing wrong in them.
RULES: tuple[tuple[tuple[str, ...], Callable[[Settings], Iterator[Finding]]], ...] = (
    (("preprocessing",), widths_in_order),
    (("augmentation",), ranges_in_order),
    (("model",), heads_share_the_size),
    (("training",), warmup_within_run),
    (("training", "resources"), parts_have_lines),
    (("resources",), devices_are_apart),
    (("early_stopping",), mode_fits_metric),
    (("evaluation", "checkpointing"), judged_checkpoint_is_made),
    (("evaluation", "checkpointing"), model_files_stay),
    (("training", "checkpointing"), first_weights_stay),
    (("training",), frozen_parts_were_trained),
    (("training", "preprocessing"), batch_holds_a_line),
    (("checkpointing", "dataset", "logging"), checkpoints_have_a_folder),
    (("dataset",), data_lie_here),
    (("dataset",), splits_are_apart),
    (("dataset",), folders_have_slashes),
    (("dataset", "logging"), results_have_their_folders),
    (("dataset",), shares_leave_something),
    (("dataset",), lists_are_complete),
    (("dataset",), writers_are_known),
    (("dataset",), pattern_has_a_group),
    (("dataset",), replacements_are_used),
    (("dataset",), dropping_has_a_charset),
)
