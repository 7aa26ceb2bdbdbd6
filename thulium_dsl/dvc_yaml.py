"""Graph -> dvc.yaml and back. The only file that speaks DVC.

A dvc.yaml may also hold what is not ours: stages without our mark, plots, artifacts. That is kept, in its own words.
"""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from thulium_dsl import graph as graphs
from thulium_dsl.graph import Graph
from thulium_dsl.problems import ThuliumError
from thulium_dsl.spec import Experiment

NAME = "dvc.yaml"
_CHECKPOINTS = (".safetensors", ".optimizer.pt", ".part")  # the endings of what a training keeps
HEADER = "# Compiled by Thulium from params.yaml. Do not edit: change params.yaml, then run `thulium compile`."


@dataclass(frozen=True, slots=True)
class Kept:
    """What a dvc.yaml holds beside the graph, as source text at the indentation that it is written at again."""

    stages: tuple[str, ...] = ()
    plots: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    names: tuple[str, ...] = ()  # of all of it, for a message


@dataclass(frozen=True, slots=True)
class Compiled:
    """What `write` did: whether the file changed, and what in it is not ours and was kept."""

    is_new: bool
    kept: tuple[str, ...]


def write(root: Path, experiment: Experiment) -> Compiled:
    """Bring the dvc.yaml of a project up to date; a file that already says the same is not touched.

    Raises:
        ThuliumError: the file that is there cannot be read, or holds a stage of the same name that is not ours.
    """
    _refuse_to_empty(root, experiment)
    path = root / NAME
    old = _text(path)
    graph = graphs.build(experiment, root)
    kept = _kept(old, path, graph)
    new = render(graph, kept)
    if old is not None and _structure(old, path) == _structure(new, path):
        return Compiled(False, kept.names)
    temporary = path.with_name(f".{NAME}.{os.getpid()}")
    temporary.write_text(new, encoding="utf-8")
    os.replace(temporary, path)
    return Compiled(True, kept.names)


def differences(root: Path, experiment: Experiment) -> tuple[str, ...]:
    """Where a project's dvc.yaml is not what its document compiles to, in words; empty when it is current.

    Raises:
        ThuliumError: the file cannot be read, or holds a stage of the same name that is not ours.
    """
    _refuse_to_empty(root, experiment)
    path = root / NAME
    old = _text(path)
    if old is None:
        return (f"there is no {NAME}",)
    graph = graphs.build(experiment, root)
    found, wanted = _structure(old, path), _structure(render(graph, _kept(old, path, graph)), path)
    parts = [("stages", name) for name in {**wanted["stages"], **(found.get("stages") or {})}]
    words = [f"stage {name}" for part, name in parts if (found.get(part) or {}).get(name) != wanted[part].get(name)]
    return tuple(words if found.get("plots") == wanted["plots"] else [*words, "plots"])


def _refuse_to_empty(root: Path, experiment: Experiment) -> None:
    """Refuse a folder for checkpoints that holds other things: DVC removes it before it starts a training.

    Raises:
        ThuliumError: names the folder and what it holds.
    """
    folder = root / experiment.checkpointing.save_dir
    inside = folder.iterdir() if folder.is_dir() else ()
    others = sorted(path.name for path in inside if not path.name.endswith(_CHECKPOINTS))
    if others:
        raise ThuliumError(
            f"checkpointing.save_dir: {folder} holds other things than checkpoints ({', '.join(others[:3])}), and DVC "
            "removes all of it before a training\n  help: give it a folder of its own, such as checkpoints/"
        )


def render(graph: Graph, kept: Kept = Kept()) -> str:
    """A graph, and what else the file holds, as the text of a dvc.yaml."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("thulium_dsl"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
        autoescape=False,
    )
    template = environment.get_template("dvc.yaml.j2")
    return template.render(header=HEADER, graph=graph, kept=kept, language=graphs.LANGUAGE)


def _text(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ThuliumError(
            f"{path}: cannot be read: {error}\n  help: mend it, or remove it and compile again"
        ) from None


def _structure(text: str, path: Path) -> dict[str, Any]:
    """The file as data; PyYAML's reading is enough, since it is only compared with itself."""
    try:
        loaded = yaml.safe_load(text) or {}
        stages = loaded.get("stages") or {}
        if not all(isinstance(stage, dict) for stage in stages.values()):
            raise AttributeError("a stage is none")
    except (yaml.YAMLError, AttributeError, RecursionError) as error:
        place = getattr(error, "problem_mark", None)
        line = f":{place.line + 1}:{place.column + 1}" if place else ""
        what = f"{path}{line}: this is not a dvc.yaml that can be read"
        raise ThuliumError(f"{what}\n  help: mend it, or remove it and run: thulium compile") from None
    return loaded if isinstance(loaded, dict) else {}


def _kept(text: str | None, path: Path, graph: Graph) -> Kept:
    """What is not ours in a dvc.yaml: stages without our mark, other plots, other top-level keys."""
    if text is None:
        return Kept()
    data = _structure(text, path)
    ours = {node.name for node in graph.nodes}
    curves = {entry.name for entry in graph.curves}
    stages = [name for name, stage in (data.get("stages") or {}).items() if "thulium" not in (stage.get("meta") or {})]
    for name in ours.intersection(stages):
        raise ThuliumError(
            f"{path}: the stage '{name}' was not compiled by Thulium, and would be overwritten\n"
            f"  help: give it another name"
        )
    chunks = _Chunks(text)
    plots = [index for index, plot in enumerate(data.get("plots") or []) if not curves.intersection(_ids(plot))]
    others = [name for name in data if name not in ("stages", "plots")]
    return Kept(
        tuple(chunks.entry(("stages", name), 2) for name in stages),
        tuple(chunks.entry(("plots", index), 0) for index in plots),
        tuple(chunks.entry((name,), 0) for name in others),
        tuple([*(f"stage {name}" for name in stages), *(f"plot {i + 1}" for i in plots), *others]),
    )


def _ids(plot: Any) -> list[str]:
    return list(plot) if isinstance(plot, dict) else [str(plot)]


class _Chunks:
    """Source text of the entries of a YAML file, comments above them included."""

    def __init__(self, text: str) -> None:
        self.lines = text.splitlines()
        self.root = yaml.compose(text, Loader=yaml.SafeLoader)

    def entry(self, path: tuple[str | int, ...], indent: int) -> str:
        """One entry at another indentation. An entry in braces or brackets cannot be cut out: it is written anew."""
        node, pair, is_cut = self.root, (self.root, self.root), True
        for name in path:
            is_cut = is_cut and not node.flow_style
            pair = next(pair for key, pair in _children(node) if key == name)
            node = pair[1]
        if is_cut:
            return textwrap.indent(textwrap.dedent("\n".join(self._lines(*pair))), " " * indent)
        value = yaml.safe_load(yaml.serialize(node, Dumper=yaml.SafeDumper))
        holder = [value] if isinstance(path[-1], int) else {path[-1]: value}
        return textwrap.indent(yaml.safe_dump(holder, sort_keys=False).rstrip(), " " * indent)

    def _lines(self, key: yaml.Node, value: yaml.Node) -> list[str]:
        first = key.start_mark.line
        last = max(first + 1, value.end_mark.line + (value.end_mark.column > 0 and _ends_in_line(value)))
        while last > first + 1 and _is_remark(self.lines[last - 1]):
            last -= 1
        column = len(self.lines[first]) - len(self.lines[first].lstrip())
        while first and self.lines[first - 1].strip().startswith("#") and self.lines[first - 1] != HEADER:
            if len(self.lines[first - 1]) - len(self.lines[first - 1].lstrip()) != column:
                break
            first -= 1
        return self.lines[first:last]


def _children(node: yaml.Node) -> Iterator[tuple[str | int, tuple[yaml.Node, yaml.Node]]]:
    if isinstance(node, yaml.MappingNode):
        return ((key.value, (key, value)) for key, value in node.value)
    return ((index, (item, item)) for index, item in enumerate(node.value))


def _ends_in_line(value: yaml.Node) -> bool:
    """Scalars and things in braces end where their text ends; a block ends at the start of what follows it."""
    return isinstance(value, yaml.ScalarNode) or bool(value.flow_style)


def _is_remark(line: str) -> bool:
    return not line.strip() or line.strip().startswith("#")
