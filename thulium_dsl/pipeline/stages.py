"""The stages of the pipeline: a row says everything of one. What reads this table needs no other.

A path that a stage reads may be a template of DVC's: ``${training.init_from}``. ``INPUTS`` stands where the files go
that its sections name (keys with ``x-path`` in the schemas), ``SAVE_DIR`` where ``checkpointing.save_dir`` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PREPARED = "data/prepared"
HISTORY = "plots/history.csv"

# What prepare writes into its folder: what a training depends on, then what only people read.
MANIFEST = "prepared.json"
PREPARED_LINES = ("train", "val", "test")
FOUND = "report.json"  # what was read, and what was left out and why
PREPARED_REPORTS = ("charset.json", "pages.ipc", FOUND, "report.html")
SEEDS = "seeds"  # with several of them, each has a folder in here, for what it would else write into the project
FOLDS = "folds"  # the same with folds; and in PREPARED, where each has its lines
FOLD_TABLE = "folds.csv"  # what prepare has put into which fold
PERIODIC = "epochs"  # the folder of the periodic checkpoints, below checkpointing.save_dir

INPUTS, SAVE_DIR = "<inputs>", "<save_dir>"


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot file of a stage, with what DVC needs to draw it."""

    path: str
    drawing: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage: what it is given, what it reads and writes, and what its result depends on.

    Attributes:
        sections: of the document, which DVC tracks for it.
        untracked: sections that it reads and that change nothing in what comes of it.
        deps: paths that it reads.
        outs: files and folders that go to DVC's cache.
        texts, metrics, plots: small files, which belong to git. ``texts`` are those that DVC neither lists nor draws.
        code: of the engine, whose change is a change of what the stage yields: its dependency in the engine's own
            repository. A test holds it to what the stage imports.
    """

    name: str
    description: str
    sections: tuple[str, ...]
    untracked: tuple[str, ...]
    deps: tuple[str, ...]
    outs: tuple[str, ...]
    code: tuple[str, ...]
    texts: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    plots: tuple[Plot, ...] = ()


def _cer_by(kind: str) -> Plot:
    drawing = {"template": "bar_horizontal", "x": "cer", "y": kind, "title": f"CER by {kind}"}
    return Plot(f"plots/cer_by_{kind}.csv", drawing)


_CER_BY_LENGTH = Plot(
    "plots/cer_by_length.csv",
    {"x": "length", "y": "cer", "title": "CER by length of the line", "x_label": "characters"},
)
BY_SOURCE = _cer_by("source")  # only where a dataset has several


def _prepared(*names: str) -> tuple[str, ...]:
    return tuple(f"{PREPARED}/{name}" for name in names)


STAGES = (
    Stage(
        "prepare",
        "Read the lines, bring text and images to one form, and store them.",
        sections=("dataset", "preprocessing"),
        untracked=("resources",),
        deps=(INPUTS,),
        outs=_prepared(MANIFEST, *PREPARED_LINES, *PREPARED_REPORTS),
        code=(
            "thulium/data",
            "thulium/ingest",
            "thulium/runtime/processor.py",
            "thulium/runtime/svg.py",
            "thulium/runtime/tables.py",
        ),
    ),
    Stage(
        "train",
        "Learn from the prepared lines.",
        sections=("model", "training", "augmentation", "early_stopping", "checkpointing"),
        untracked=("logging", "resources"),
        deps=(*_prepared(MANIFEST, "train", "val"), INPUTS),
        outs=(f"{SAVE_DIR}/best.safetensors", f"{SAVE_DIR}/last.safetensors", f"{SAVE_DIR}/{PERIODIC}"),
        texts=(HISTORY,),
        metrics=("metrics/train.json",),
        code=(
            "thulium/data",
            "thulium/decoding",
            "thulium/evaluation/calibration.py",
            "thulium/evaluation/metrics.py",
            "thulium/evaluation/recognise.py",
            "thulium/models",
            "thulium/runtime/device.py",
            "thulium/runtime/processor.py",
            "thulium/runtime/tables.py",
            "thulium/runtime/world.py",
            "thulium/stages/loaders.py",
            "thulium/training",
        ),
    ),
    Stage(
        "evaluate",
        "Read unseen lines with the trained model and count its errors.",
        sections=("evaluation",),
        untracked=("resources",),
        deps=(
            *_prepared(MANIFEST, *PREPARED_LINES, FOUND),
            f"{SAVE_DIR}/${{evaluation.checkpoint}}.safetensors",
            HISTORY,
            INPUTS,
        ),
        outs=("predictions.csv", "reports/evaluation.html"),
        metrics=("metrics.json",),
        plots=(
            Plot(
                "plots/confusions.csv",
                {"template": "confusion", "x": "predicted", "y": "actual", "title": "most frequent confusions"},
            ),
            Plot(
                "plots/alphabet.csv",
                {
                    "template": "bar_horizontal",
                    "x": "share_right",
                    "y": "character",
                    "title": "share of each character that is read right",
                },
            ),
            BY_SOURCE,
            _cer_by("page"),
            _cer_by("document"),
            _cer_by("writer"),
            _cer_by("script"),
            _CER_BY_LENGTH,
            Plot(
                "plots/reliability.csv",
                {"x": "confidence", "y": "right", "title": "share of a line that is right, by its confidence"},
            ),
        ),
        code=(
            "thulium/data",
            "thulium/decoding",
            "thulium/evaluation",
            "thulium/models",
            "thulium/runtime/device.py",
            "thulium/runtime/processor.py",
            "thulium/runtime/svg.py",
            "thulium/runtime/tables.py",
            "thulium/runtime/world.py",
            "thulium/training",
        ),
    ),
)


# The stage that a document with a section `pretraining` has besides, between prepare and train; one for all seeds and
# folds. A training depends on what it writes by naming it in training.init_from.
PRETRAINED = "pretrained/model.safetensors"
PRETRAIN = Stage(
    "pretrain",
    "Learn from lines that nobody has transcribed.",
    sections=("preprocessing", "augmentation", "model", "pretraining"),
    untracked=("resources",),
    deps=(INPUTS,),
    outs=(PRETRAINED,),
    metrics=("metrics/pretrain.json",),
    plots=(Plot("plots/pretraining.csv", {"x": "epoch", "y": "val_loss", "title": "loss of the pretraining"}),),
    code=(
        "thulium/data",
        "thulium/decoding",
        "thulium/evaluation/calibration.py",
        "thulium/evaluation/metrics.py",
        "thulium/evaluation/recognise.py",
        "thulium/ingest",
        "thulium/models",
        "thulium/pretraining",
        "thulium/runtime/device.py",
        "thulium/runtime/ledger.py",
        "thulium/runtime/processor.py",
        "thulium/runtime/tables.py",
        "thulium/runtime/world.py",
        "thulium/stages/loaders.py",
        "thulium/training",
    ),
)

# The stage that a document with several seeds has besides; those of `EACH` run once for each seed.
SUMMARIZE = Stage(
    "summarize",
    "Sum up what the models of all seeds read.",
    sections=(),
    untracked=(),
    deps=(SEEDS,),
    outs=(),
    metrics=("metrics.json",),
    code=(
        "thulium/data/images/formats.py",
        "thulium/data/line.py",
        "thulium/data/places.py",
        "thulium/evaluation/comparing.py",
        "thulium/evaluation/intervals.py",
        "thulium/evaluation/metrics.py",
        "thulium/evaluation/outcomes.py",
        "thulium/evaluation/seeds.py",
        "thulium/runtime/tables.py",
        "thulium/stages/several.py",
        "thulium/training/history.py",
        "thulium/training/state.py",
    ),
)
EACH = ("train", "evaluate")

# The stage that a document with folds has besides. Prepare then divides all lines at once, and EACH runs once a fold.
POOL = Stage(
    "pool",
    "Count the errors of all folds together.",
    sections=(),
    untracked=(),
    deps=("predictions.csv", "metrics.json"),  # of each fold
    outs=("predictions.csv",),
    metrics=("metrics.json",),
    plots=(_cer_by("page"), _CER_BY_LENGTH),
    code=(
        "thulium/data/bidi.py",
        "thulium/data/images/formats.py",
        "thulium/data/line.py",
        "thulium/data/places.py",
        "thulium/evaluation/groups.py",
        "thulium/evaluation/intervals.py",
        "thulium/evaluation/metrics.py",
        "thulium/runtime/tables.py",
        "thulium/stages/several.py",
    ),
)
DIVIDED = _prepared(MANIFEST, FOLD_TABLE, FOLDS)  # outs of prepare with folds


def folds_in(tree: Mapping[str, Any]) -> int | None:
    """How many folds a document has, as a tree; None where it has none."""
    folds: int | None = tree.get("dataset", {}).get("split", {}).get("folds")
    return folds


def prepared_folder(folds: int | None, fold: int = 1) -> str:
    """Where prepared lines lie; with folds, those of one of them."""
    return PREPARED if folds is None else f"{PREPARED}/{FOLDS}/{fold}"


def stage(name: str) -> Stage:
    """The stage of a name."""
    return next(row for row in STAGES if row.name == name)


def reruns(section: str) -> tuple[str, ...]:
    """The stages that run again when a section changes: those that track it, and those that read what they write.

    Of a document without ``pretraining``. With it, the sections of `PRETRAIN` re-run that one, too.
    """
    if section == "pretraining":
        return (PRETRAIN.name, *reruns("training"))  # which names what it makes
    found: list[str] = []
    for row in STAGES:
        written = {path for before in STAGES if before.name in found for path in (*before.outs, *before.texts)}
        if section in ("version", *row.sections) or any(_is_of(dep, path) for dep in row.deps for path in written):
            found.append(row.name)
    return tuple(found)


def _is_of(dep: str, written: str) -> bool:
    """Whether a path that is read is one that is written; a template may stand for any name in its folder."""
    return dep == written or ("${" in dep and dep.partition("${")[0] == written.rpartition("/")[0] + "/")
