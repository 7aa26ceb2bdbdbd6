"""Experiment -> Graph: the stages, what each reads and writes, as pure values.

Values do not change the graph, but for those that say which files there are. Paths of what a stage reads stand in it as
${...} templates, which DVC looks up itself. Paths of what it writes are written out: DVC removes and restores what is
there, and a value that is changed for one run must not decide about that. Commands are constants, so that nothing a
user writes can reach a shell.

What a stage writes is named file by file, so that files of other origin beside them are nobody's business.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from thulium_dsl.grammar import schemas
from thulium_dsl.grammar.idle import Idle
from thulium_dsl.grammar.rules import dataset_paths_of, evaluation_paths_of, training_paths_of
from thulium_dsl.grammar.spec import CheckpointingSpec, Experiment
from thulium_dsl.messages.problems import ThuliumError
from thulium_dsl.text.nodes import dotted

LANGUAGE = 1
PARAMS = "params.yaml"  # the one name that DVC looks templates up in

PREPARED = "data/prepared"
HISTORY = "plots/history.csv"

# What prepare writes into its folder: what a training depends on, then what nobody but people read.
MANIFEST = "prepared.json"
PREPARED_LINES = ("train", "val", "test")
FOUND = "report.json"  # what was read, and what was left out and why
PREPARED_REPORTS = ("charset.json", "pages.ipc", FOUND, "report.html")
PERIODIC = "epochs"  # the folder of the periodic checkpoints, below checkpointing.save_dir


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of the language: its name, the sections that DVC tracks for it, and those that it reads untracked."""

    name: str
    reads: tuple[str, ...]
    also: tuple[str, ...] = ()


STAGES = (
    Stage("prepare", reads=("dataset", "preprocessing"), also=("resources",)),
    Stage(
        "train",
        reads=("model", "training", "augmentation", "early_stopping", "checkpointing"),
        also=("logging", "resources"),
    ),
    Stage("evaluate", reads=("evaluation",), also=("resources",)),
)

_DESCRIPTIONS = {
    "prepare": "Read the lines, bring text and images to one form, and store them.",
    "train": "Learn from the prepared lines.",
    "evaluate": "Read unseen lines with the trained model and count its errors.",
}

# The engine's own source, layer by layer: in its repository, a change of code is a change of what a stage yields.
_CODE = {
    "prepare": ("thulium/data", "thulium/ingest", "thulium/runtime/processor.py", "thulium/runtime/svg.py"),
    "train": (
        "thulium/data",
        "thulium/decoding",
        "thulium/evaluation/metrics.py",
        "thulium/evaluation/recognise.py",
        "thulium/models",
        "thulium/runtime/device.py",
        "thulium/runtime/processor.py",
        "thulium/runtime/tables.py",
        "thulium/runtime/world.py",
        "thulium/training",
    ),
    "evaluate": (
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
}


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot file of a stage, with what DVC needs to draw it."""

    path: str
    drawing: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Node:
    """A stage as DVC runs it. Outs go to DVC's cache; texts, metrics and plots are small and belong to git.

    Attributes:
        texts: what DVC neither lists nor draws by itself, such as the file that curves are drawn of.
    """

    name: str
    description: str
    command: str
    deps: tuple[str, ...]
    params: tuple[str, ...]
    outs: tuple[str, ...]
    texts: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    plots: tuple[Plot, ...] = ()


@dataclass(frozen=True, slots=True)
class Curves:
    """A plot over the whole pipeline: columns of one file against another column.

    Attributes:
        y_label: what the columns are measured in.
    """

    name: str
    x: str
    file: str
    y: tuple[str, ...]
    y_label: str


@dataclass(frozen=True, slots=True)
class Graph:
    nodes: tuple[Node, ...]
    curves: tuple[Curves, ...]

    @property
    def metrics(self) -> tuple[str, ...]:
        """The files of figures, those of the last stage first: DVC's tables show them in this order."""
        return tuple(path for node in reversed(self.nodes) for path in node.metrics)

    @property
    def fingerprint(self) -> str:
        """Changes when the structure changes, and only then."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:12]


def build(experiment: Experiment, root: Path, idle: Iterable[Idle] = ()) -> Graph:
    """The graph of an experiment.

    Args:
        experiment: only its structural choices matter, such as the kind of data.
        root: the folder that the document lies in; decides what stands for the engine among the dependencies.
        idle: options of the document that do nothing. A file that one of them names stays a dependency, so that a run
            that switches the type of its section for once has the same graph.
    """
    paths = tuple(f"${{{name}}}" for name in dataset_paths_of(asdict(experiment.dataset)))
    judging = evaluation_paths_of(asdict(experiment.evaluation))
    resting = [name for option in idle if schemas.is_path(name := dotted(option.path), option.value)]
    models = tuple(f"${{{name}}}" for name in dict.fromkeys([*judging, *resting]) if name.startswith("evaluation."))
    starts = tuple(f"${{{name}}}" for name in training_paths_of(asdict(experiment.training)))
    inputs = {
        "prepare": paths,
        "train": (*_prepared(MANIFEST, "train", "val"), *starts),
        "evaluate": (*_prepared(MANIFEST, *PREPARED_LINES, FOUND), _judged(experiment.checkpointing), HISTORY, *models),
    }
    outputs: dict[str, dict[str, Any]] = {
        "prepare": {"outs": _prepared(MANIFEST, *PREPARED_LINES, *PREPARED_REPORTS)},
        "train": {
            "outs": _checkpoints(experiment.checkpointing),
            "texts": (HISTORY,),
            "metrics": ("metrics/train.json",),
        },
        "evaluate": {
            "outs": ("predictions.csv", "reports/evaluation.html"),
            "metrics": ("metrics.json",),
            "plots": (
                Plot(
                    "plots/confusions.csv",
                    {"template": "confusion", "x": "predicted", "y": "actual", "title": "most frequent confusions"},
                ),
                Plot(
                    "plots/cer_by_length.csv",
                    {"x": "length", "y": "cer", "title": "CER by length of the line", "x_label": "characters"},
                ),
            ),
        },
    }
    nodes = tuple(
        Node(
            stage.name,
            _DESCRIPTIONS[stage.name],
            f"thulium {stage.name} {PARAMS}",
            (*_environment(stage.name, root), *inputs[stage.name]),
            ("version", *stage.reads),
            **outputs[stage.name],
        )
        for stage in STAGES
    )
    curves = (
        Curves("learning curve", "epoch", HISTORY, ("train_loss", "val_loss"), "nats a symbol"),
        Curves("validation error", "epoch", HISTORY, ("val_cer", "val_wer"), "errors by characters or words"),
    )
    return Graph(nodes, curves)


def written(graph: Graph) -> tuple[str, ...]:
    """Every path that a stage writes, relative to the project."""
    return tuple(
        path
        for node in graph.nodes
        for path in (*node.outs, *node.texts, *node.metrics, *(plot.path for plot in node.plots))
    )


def _prepared(*names: str) -> tuple[str, ...]:
    return tuple(f"{PREPARED}/{name}" for name in names)


def _checkpoints(spec: CheckpointingSpec) -> tuple[str, ...]:
    names = (*(["best.safetensors"] if spec.save_best else []), "last.safetensors", PERIODIC)
    return tuple(posixpath.join(posixpath.normpath(spec.save_dir), name) for name in names)


def _judged(spec: CheckpointingSpec) -> str:
    return posixpath.join(posixpath.normpath(spec.save_dir), "${evaluation.checkpoint}.safetensors")


def root_of(file: str | Path) -> Path:
    """The folder of the DVC project that a document belongs to.

    Raises:
        ThuliumError: the document has a name that DVC does not look at.
    """
    path = Path(file)
    if path.name != PARAMS:
        raise ThuliumError(
            f"{file}: a pipeline is compiled from {PARAMS} only, since DVC reads its values from that name\n"
            f"  help: rename the document to {PARAMS}, or run it without DVC: thulium train {file}"
        )
    return path.parent


def reruns(section: str) -> tuple[str, ...]:
    """The stages that run again when a section changes: those that track it, and those after them."""
    names = tuple(stage.name for stage in STAGES)
    first = next((index for index, stage in enumerate(STAGES) if section in ("version", *stage.reads)), len(names))
    return names[first:]


def _environment(stage: str, root: Path) -> tuple[str, ...]:
    """What stands for the engine: a project's pinned requirements, or the source in the engine's own repository."""
    if (root / "requirements.txt").is_file():
        return ("requirements.txt",)
    if all((root / package / "__init__.py").is_file() for package in ("thulium", "thulium_dsl")):
        return (*_CODE[stage], f"thulium/stages/{stage}.py")
    return ()
