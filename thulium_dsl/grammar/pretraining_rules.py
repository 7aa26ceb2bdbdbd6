"""What does not go together with a section ``pretraining``; rules as those in rules.py."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator

from thulium_dsl.grammar import names
from thulium_dsl.grammar.paths import overlap, paths_of
from thulium_dsl.grammar.rules import WRITTEN, Finding, Settings, as_is

SECTION = "pretraining"
FOLDER = "pretrained"  # which its model is written into
SAVE_DIR, LOGS = "checkpointing.save_dir", "logging.tensorboard.log_dir"


def untranscribed_lines_lie_here(settings: Settings) -> Iterator[Finding]:
    """The lines lie in a folder that no stage writes into."""
    for dotted, path in _own_paths(settings).items():
        folder = posixpath.normpath(path)
        if path.partition(":")[0] in names.SCHEMES and names.is_name(path):
            hint = f"run 'thulium fetch {path} --into data/NAME', and write 'data/NAME'"
            yield Finding((dotted,), f"'{as_is(path)}' lies elsewhere, and stages read what lies here", hint)
        elif "\\" in path:
            what = f"'{as_is(path)}' is a path with backslashes: no folder here has that name"
            yield Finding((dotted,), what, "write the path with '/'")
        elif folder == ".":
            what = "{0} is the whole project, and the stages keep their results in it"
            yield Finding((dotted,), what, "put what belongs there into a folder of its own")
        for written in (*WRITTEN, FOLDER):
            if overlap(folder, written):
                hint = "name another folder; the stages keep their results in this one"
                yield Finding((dotted,), f"{{0}} overlaps '{written}'", hint)
        if overlap(folder, posixpath.normpath(settings[SAVE_DIR])):
            what = "{0} overlaps {1}, and old checkpoints are removed from it before a new training"
            yield Finding((SAVE_DIR, dotted), what, "give it a folder of its own, such as checkpoints/")


def pretrained_has_its_folder(settings: Settings) -> Iterator[Finding]:
    """Nothing else stands where the pretrained model is written."""
    if not _own_paths(settings):
        return
    others = paths_of("dataset", settings["dataset"]) | {name: settings[name] for name in (SAVE_DIR, LOGS)}
    for dotted, path in others.items():
        if overlap(posixpath.normpath(path), FOLDER):
            what = f"{{0}} overlaps '{FOLDER}', where the pretrained model is written"
            yield Finding((dotted,), what, "name another folder")


def a_step_has_a_line_for_each_process(settings: Settings) -> Iterator[Finding]:
    if not _own_paths(settings):
        return
    batch, devices, processes = f"{SECTION}.batch_size", "resources.devices", "resources.processes"
    if settings[batch] < (count := len(settings[devices]) or settings[processes]):
        what = "{0} leaves less than a line for each process, with {1}"
        if settings[devices]:
            what, processes = what.replace("{1}", f"{count} {{1}}"), devices
        yield Finding((batch, processes), what, "raise batch_size, or use fewer processes")


def _own_paths(settings: Settings) -> dict[str, str]:
    """The folders that the section names; none where it is left out."""
    return paths_of(SECTION, settings.tree[SECTION]) if SECTION in settings.tree else {}


RULES: tuple[tuple[tuple[str, ...], Callable[[Settings], Iterator[Finding]]], ...] = (
    (("pretraining", "checkpointing"), untranscribed_lines_lie_here),
    (("pretraining", "dataset", "checkpointing", "logging"), pretrained_has_its_folder),
    (("pretraining", "resources"), a_step_has_a_line_for_each_process),
)
