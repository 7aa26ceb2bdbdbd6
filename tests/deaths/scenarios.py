"""What commands are run, on what, to die: in a project and without one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import lab
import lab_data

from deaths.place import Scenario

# Two epochs of two steps, and a state after each of them.
SHORT = {
    "    train: 24\n    val: 8\n    test: 8\n": "    train: 8\n    val: 4\n    test: 4\n",
    "batch_size: 8": "batch_size: 4",
    "  epochs: 1\n": "  epochs: 2\n",
    "resume_every_minutes: 5.0": "resume_every_minutes: 1.0e-06",
}


def project(folder: Path) -> None:
    """The small document of a project."""
    text = lab.DOCUMENT
    for old, new in SHORT.items():
        assert old in text
        text = text.replace(old, new)
    (folder / "params.yaml").write_text(text, encoding="utf-8")


def incomplete(folder: Path) -> None:
    project(folder)
    lab.edit(folder / "params.yaml", "  worst_lines: 3\n", "")


def edited(old: str, new: str) -> Callable[[Path], None]:
    """A change of the project's document."""
    return lambda folder: lab.edit(folder / "params.yaml", old, new)


# The same outside of a project; what a document there leaves out would use what the machine has.
ALSO_SHORT = {
    "epochs: 1\n": "epochs: 2\n",
    "save_every: 5\n": "save_every: 1\n",
    "keep_last: 3\n": "keep_last: 1\n",
    "  save_best: true\n": "  save_best: true\n  resume_every_minutes: 1.0e-06\n\n"
    "resources:\n  device: cpu\n  prepare_workers: 1\n  loader_workers: 0\n  threads: 1\n",
}


def documents(folder: Path) -> None:
    """The two smallest documents, and lines."""
    lab.write_config(folder)
    for old, new in ALSO_SHORT.items():
        lab.edit(folder / "config" / "train.yaml", old, new)


def another_line(folder: Path) -> None:
    """The lines that prepare reads change."""
    lab.edit(folder / "data" / "train" / "labels.txt", "001.png den 3. May\n", "001.png den 8. May\n")


def several(folder: Path, old: str, new: str) -> None:
    """The small document with another text in it, as DVC writes documents."""
    text = lab.DIFFERENT
    often = f"checkpointing: {{{OFTEN}, "
    for before, after in {old: new, "epochs: 1": "epochs: 2", "checkpointing: {": often}.items():
        assert before in text
        text = text.replace(before, after)
    (folder / "params.yaml").write_text(lab.complete(text), encoding="utf-8")


def folds(folder: Path) -> None:
    """Six pages, in three folds."""
    several(folder, "  type: synthetic\n  lines: {train: 24, val: 8, test: 8}\n", FOLDED)
    lab_data.write_gt_txt(folder / "lines", 6)


def seeds(folder: Path) -> None:
    """Few lines, and two seeds."""
    several(folder, "train: 24, val: 8, test: 8}", "train: 8, val: 4, test: 4}")
    lab.edit(folder / "params.yaml", "  seeds:\n", "  seeds:\n  - 1\n  - 2\n")


def untranscribed(folder: Path) -> None:
    """Lines without texts, and a document that learns from them first."""
    text = lab.DIFFERENT + "pretraining: {epochs: 2, batch_size: 8, clusters: 8, mixed_precision: false}\n"
    (folder / "params.yaml").write_text(lab.complete(text), encoding="utf-8")
    lab_data.write_gt_txt(folder / "data" / "untranscribed", 3)


OFTEN = "resume_every_minutes: 1.0e-06"
FOLDED = "  type: gt_txt\n  root: lines\n  split: {folds: 3}\n"
MIDDLE = " | dies at rename .*000004.state$"
TRAIN = "train config/train.yaml --output-dir out"
PREPARED = (project, "compile", "prepare")
TRAINED = (*PREPARED, "train")
FINISHED = (documents, TRAIN)

# In a project, as DVC runs them there.
IN_A_PROJECT = {
    "prepare": Scenario("prepare", (project, "compile")),
    "prepare again": Scenario("prepare", (*PREPARED, edited("  seed: 1\n  text:", "  seed: 2\n  text:"))),
    "train": Scenario("train", PREPARED),
    "train again": Scenario("train", (*TRAINED, edited("lr: 0.001", "lr: 0.002"))),
    "train on": Scenario("train", (*PREPARED, f"train{MIDDLE}")),
    "evaluate": Scenario("evaluate", TRAINED),
    "evaluate again": Scenario("evaluate", (*TRAINED, "evaluate", edited("split: test", "split: val"))),
    "compile": Scenario("compile", (incomplete,)),
    "compile again": Scenario("compile", (*PREPARED, edited("save_dir: checkpoints/", "save_dir: models/"))),
    "clean": Scenario("clean", (*PREPARED, f"train{MIDDLE}")),
}
# With a folder, without DVC.
IN_A_FOLDER = {
    "folder: train": Scenario(TRAIN, (documents,)),
    "folder: train on": Scenario(TRAIN, (documents, f"{TRAIN}{MIDDLE}")),
    "folder: train finished": Scenario(TRAIN, FINISHED),
    "folder: train --restart": Scenario(f"{TRAIN} --restart", (*FINISHED, another_line)),
    "folder: evaluate": Scenario("evaluate config/train.yaml --output-dir out", (*FINISHED, another_line)),
    "folder: prepare": Scenario("prepare config/train.yaml --output-dir out", (documents,)),
    "folder: prepare --dry": Scenario("prepare config/train.yaml --dry --output-dir out", (documents,)),
}
# In a project with a model for each fold or seed; the last command needs what the others have made.
FOLDS_READY = (folds, "compile", "prepare")
FOLDS_DONE = (*FOLDS_READY, *(f"{name} --fold {fold}" for name in ("train", "evaluate") for fold in (1, 2, 3)))
SEEDS_READY = (seeds, "compile", "prepare")
SEEDS_DONE = (*SEEDS_READY, *(f"{name} --seed {seed}" for name in ("train", "evaluate") for seed in (1, 2)))
OF_SEVERAL = {
    "folds: prepare": Scenario("prepare", (folds, "compile")),
    "folds: prepare again": Scenario("prepare", (*FOLDS_READY, edited("    folds: 3\n", "    folds: 4\n"), "compile")),
    "folds: train": Scenario("train --fold 2", FOLDS_READY),
    "folds: evaluate": Scenario("evaluate --fold 2", (*FOLDS_READY, "train --fold 2")),
    "folds: pool": Scenario("pool", FOLDS_DONE),
    "folds: pool again": Scenario("pool", (*FOLDS_DONE, "pool")),
    "seeds: train": Scenario("train --seed 2", SEEDS_READY),
    "seeds: summarize": Scenario("summarize", SEEDS_DONE),
}
# From lines without texts: in a project, and with a folder.
PRETRAIN = "pretrain params.yaml --output-dir out"
PRETRAINED = {
    "pretrain": Scenario("pretrain", (untranscribed, "compile")),
    "pretrain again": Scenario(
        "pretrain", (untranscribed, "compile", "pretrain", edited("clusters: 8", "clusters: 9"))
    ),
    "folder: pretrain": Scenario(PRETRAIN, (untranscribed,)),
    "folder: pretrain --restart": Scenario(f"{PRETRAIN} --restart", (untranscribed, PRETRAIN)),
}
# What is brought, and what is given to others.
PUBLISH = "publish --author Jane --license mit --language fra"
EXCHANGED = {
    "fetch": Scenario("fetch zoo:latin-tiny", (project,)),
    "fetch again": Scenario("fetch zoo:latin-tiny --update", (project, "fetch zoo:latin-tiny")),
    "publish": Scenario(PUBLISH, (*TRAINED, "evaluate")),
    "publish again": Scenario(f"{PUBLISH} --title Another", (*TRAINED, "evaluate", PUBLISH)),
}
SCENARIOS = IN_A_PROJECT | IN_A_FOLDER | OF_SEVERAL | PRETRAINED | EXCHANGED
