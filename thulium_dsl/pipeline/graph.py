"""Experiment -> Graph: the stages, what each reads and writes, as pure values.

Values do not change the graph, but for those that say which files there are. Paths of what a stage reads stand in it as
${...} templates, which DVC looks up itself. Paths of what it writes are written out: DVC removes and restores what is
there, and a value that is changed for one run must not decide about that. Commands are constants, so that nothing a
user writes can reach a shell.

The seed is the exception to both: a document with several has stages that DVC runs once for each, its number in the
command and in the paths. It is a whole number, and another list of them is the same graph. Folds are written out, too:
their number is the graph's, since DVC cannot count.

What a stage writes is named file by file, so that files of other origin beside them are not touched.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from thulium_dsl.grammar import names, schemas
from thulium_dsl.grammar.idle import Idle
from thulium_dsl.grammar.paths import paths_of
from thulium_dsl.grammar.spec import Experiment, SplitSpec
from thulium_dsl.messages.problems import ThuliumError
from thulium_dsl.pipeline import stages
from thulium_dsl.pipeline.stages import (
    BY_SOURCE,
    EACH,
    FOLDS,
    HISTORY,
    INPUTS,
    PREPARED,
    SAVE_DIR,
    SEEDS,
    STAGES,
    SUMMARIZE,
    Plot,
    Stage,
    stage,
)
from thulium_dsl.text.document import misnamed
from thulium_dsl.text.nodes import dotted

PARAMS = "params.yaml"  # the one name that DVC looks templates up in
SEED_LIST = "training.seeds"
OF_SEED = f"{SEEDS}/${{item.seed}}/"
FOLD_NUMBER = "dataset.split.folds"
OF_FOLD = f"{FOLDS}/${{item.fold}}/"
_PLACE_IN_LIST = re.compile(r"\.([0-9]+)(?=\.|$)")
VALIDATION_ERROR = {"x": "epoch", "y": "val_cer", "title": "validation error"}


@dataclass(frozen=True, slots=True)
class Node:
    """A stage as DVC runs it. Outs go to DVC's cache; texts, metrics and plots are small and belong to git.

    Attributes:
        texts: what DVC neither lists nor draws by itself, such as the file that curves are drawn of.
        seeds: the template of the list that it runs once for each item of; empty: it runs once.
        folds: the numbers of the folds that it runs once for each of; empty: it runs once.
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
    seeds: str = ""
    folds: tuple[int, ...] = ()

    @property
    def runs_once(self) -> bool:
        """Whether it is one stage to DVC."""
        return not self.seeds and not self.folds


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


CURVES = (
    Curves("learning curve", "epoch", HISTORY, ("train_loss", "val_loss"), "nats a symbol"),
    Curves("validation error", "epoch", HISTORY, ("val_cer", "val_wer"), "errors by characters or words"),
)
METRICS = tuple(path for row in STAGES for path in row.metrics)  # of one seed


@dataclass(frozen=True, slots=True)
class Graph:
    nodes: tuple[Node, ...]
    curves: tuple[Curves, ...]

    @property
    def metrics(self) -> tuple[str, ...]:
        """The files of figures, those of the last stage first: DVC's tables show them in this order."""
        return tuple(path for node in reversed(self.nodes) if node.runs_once for path in node.metrics)

    @property
    def fingerprint(self) -> str:
        """Changes when the structure changes, and only then."""
        shown = asdict(self)
        for node in shown["nodes"]:
            for name in ("seeds", "folds"):  # as in graphs of before there were several
                if not node[name]:
                    del node[name]
        return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()[:12]


def build(experiment: Experiment, root: Path, idle: Iterable[Idle] = ()) -> Graph:
    """The graph of an experiment.

    Args:
        experiment: only its structural choices matter, such as the kind of data.
        root: the folder that the document lies in; decides what stands for the engine among the dependencies.
        idle: options of the document that do nothing. A file that one of them names stays a dependency, so that a run
            that switches the type of its section for once has the same graph.
    """
    nodes = tuple(_node(row, experiment, root, tuple(idle)) for row in _rows(experiment))
    if experiment.training.seeds is not None:
        seeded = (_of_each_seed(node, experiment) if node.name in EACH else node for node in nodes)
        return Graph((*seeded, replace(_node(SUMMARIZE, experiment, root, ()), params=("version", SEED_LIST))), ())
    if (folds := folds_of(experiment)) is not None:
        prepare, *rest = nodes
        each = (_of_each_fold(node, experiment, folds) if node.name in EACH else node for node in rest)
        return Graph((replace(prepare, outs=stages.DIVIDED), *each, _pool(experiment, root, folds)), ())
    return Graph(nodes, CURVES)


def _rows(experiment: Experiment) -> tuple[Stage, ...]:
    """The stages of one seed, in the order in which they run."""
    if experiment.pretraining is None:
        return STAGES
    prepare, *others = STAGES
    return (prepare, stages.PRETRAIN, *others)


def folds_of(experiment: Experiment) -> int | None:
    """How many folds a document has; None where it has none."""
    split = getattr(experiment.dataset, "split", None)
    return split.folds if isinstance(split, SplitSpec) else None


def written(graph: Graph) -> tuple[str, ...]:
    """Every path that a stage writes, relative to the project."""
    return tuple(
        path
        for node in graph.nodes
        for path in (*node.outs, *node.texts, *node.metrics, *(plot.path for plot in node.plots))
    )


def _node(row: Stage, experiment: Experiment, root: Path, idle: tuple[Idle, ...]) -> Node:
    save_dir = posixpath.normpath(experiment.checkpointing.save_dir)
    inputs = tuple(_inputs(row, experiment, idle))
    deps = [path for dep in row.deps for path in (inputs if dep == INPUTS else (dep,))]
    outs = [path for path in row.outs if experiment.checkpointing.save_best or path != f"{SAVE_DIR}/best.safetensors"]
    return Node(
        row.name,
        row.description,
        f"thulium {row.name} {PARAMS}",
        (*_environment(row, root), *(path.replace(SAVE_DIR, save_dir) for path in deps)),
        ("version", *row.sections),
        tuple(path.replace(SAVE_DIR, save_dir) for path in outs),
        row.texts,
        row.metrics,
        tuple(plot for plot in row.plots if plot != BY_SOURCE or experiment.dataset.type == "sources"),
    )


def _of_each_seed(node: Node, experiment: Experiment) -> Node:
    """A stage that runs once for each seed, in a folder of that seed.

    The keys of ``training`` are tracked one by one: another list of seeds must not train again those that it keeps.
    """
    keys = [f"training.{name}" for name in asdict(experiment.training) if name not in ("seed", "seeds")]
    return replace(
        _of_each(node, experiment, OF_SEED),
        params=tuple(name for section in node.params for name in (keys if section == "training" else [section])),
        seeds=f"${{{SEED_LIST}}}",
    )


def _of_each_fold(node: Node, experiment: Experiment, folds: int) -> Node:
    """A stage that runs once for each fold, in a folder of that fold, on the lines that prepare has put there."""
    each = _of_each(node, experiment, OF_FOLD)
    lines = f"{PREPARED}/{OF_FOLD}"
    deps = tuple(path.replace(f"{PREPARED}/", lines) if path.startswith(f"{PREPARED}/") else path for path in each.deps)
    return replace(each, deps=deps, folds=tuple(range(1, folds + 1)))


def _of_each(node: Node, experiment: Experiment, folder: str) -> Node:
    """A stage that runs several times, each time with a folder for what it would else write into the project."""
    own = (posixpath.normpath(experiment.checkpointing.save_dir) + "/", *stage("train").texts)
    curves = [Plot(folder + path, VALIDATION_ERROR) for path in node.texts]
    return replace(
        node,
        command=f"{node.command} ${{item}}",  # DVC makes it `--seed 1`, quoted as a shell needs it
        deps=tuple(folder + path if path.startswith(own) else path for path in node.deps),
        outs=tuple(folder + path for path in node.outs),
        texts=(),
        metrics=tuple(folder + path for path in node.metrics),
        plots=(*curves, *(replace(plot, path=folder + plot.path) for plot in node.plots)),
    )


def _pool(experiment: Experiment, root: Path, folds: int) -> Node:
    """The stage that counts all folds together: it reads what evaluate has written of each."""
    read = [f"{FOLDS}/{fold}/{path}" for fold in range(1, folds + 1) for path in stages.POOL.deps]
    node = _node(replace(stages.POOL, deps=tuple(read)), experiment, root, ())
    return replace(node, params=("version", FOLD_NUMBER))


def _inputs(row: Stage, experiment: Experiment, idle: tuple[Idle, ...]) -> list[str]:
    """What a stage's sections name, in the document or as an option that does nothing: a template for each key.

    A key that names what lies elsewhere stands for where that is fetched to, which DVC cannot look up.
    """
    values = asdict(experiment)
    found = {name: path for section in row.sections for name, path in paths_of(section, values[section]).items()}
    named = [names.local_path(path) if names.is_name(path) else _template(name) for name, path in found.items()]
    resting = [dotted(option.path) for option in idle if schemas.is_path(dotted(option.path), option.value)]
    # Of the evaluation only: data of another type need not be there, and would stop DVC.
    kept = [f"${{{name}}}" for name in resting if "evaluation" in row.sections and name.startswith("evaluation.")]
    return list(dict.fromkeys([*named, *kept]))


def _template(name: str) -> str:
    """What stands in dvc.yaml for the value of a dotted key: of an item of a list, DVC wants its place in brackets."""
    return "${" + _PLACE_IN_LIST.sub(r"[\1]", name) + "}"


def root_of(file: str | Path) -> Path:
    """The folder of the DVC project that a document belongs to.

    Raises:
        ThuliumError: the document has a name that DVC does not look at, or is none.
    """
    path = Path(file)
    if fault := misnamed(path):
        raise ThuliumError(fault)
    if path.name != PARAMS:
        raise ThuliumError(
            f"{file}: a pipeline is compiled from {PARAMS} only, since DVC reads its values from that name\n"
            f"  help: rename the document to {PARAMS}, or run it without DVC: thulium train {file}"
        )
    return path.parent


def _environment(row: Stage, root: Path) -> tuple[str, ...]:
    """What stands for the engine: a project's pinned requirements, or the source in the engine's own repository."""
    if (root / "requirements.txt").is_file():
        return ("requirements.txt",)
    if all((root / package / "__init__.py").is_file() for package in ("thulium", "thulium_dsl")):
        return (*row.code, f"thulium/stages/{row.name}.py")
    return ()
