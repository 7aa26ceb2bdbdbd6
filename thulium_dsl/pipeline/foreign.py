"""What a dvc.yaml holds that is not ours: stages without our mark, metrics, plots, artifacts, settings of a stage.

It is kept, in its own words; what cannot be kept is named.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from thulium_dsl.messages.problems import ThuliumError
from thulium_dsl.pipeline.graph import CURVES, METRICS, Graph
from thulium_dsl.pipeline.stages import PRETRAIN

_HEADER = "# Compiled by Thulium"  # ours, at the top of the file
MARK = "thulium"  # in the meta of a stage that we have written
SETTINGS = ("frozen", "always_changed")  # that people set in a stage of ours, and that stay there
_LISTS = ("deps", "params", "outs", "metrics", "plots")  # of a stage
_COMPILED = ("desc", "cmd", "matrix", "meta", *_LISTS, *SETTINGS)


@dataclass(frozen=True, slots=True)
class Kept:
    """What a dvc.yaml holds beside the graph, as source text at the indentation that it is written at again.

    Attributes:
        settings: stage of ours -> lines that people added to it and that stay.
        names: of all of it, for a message.
    """

    stages: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    plots: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    settings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    names: tuple[str, ...] = ()


def kept(text: str | None, data: Mapping[str, Any], graph: Graph, name: str) -> Kept:
    """What stays of a dvc.yaml beside a graph.

    Args:
        text, data: of the file that is there, as text and as data; None and {} if there is none.
        name: of the file, for a message.

    Raises:
        ThuliumError: a stage that is not ours has the name of one that is.
    """
    if text is None:
        return Kept()
    ours = {node.name for node in graph.nodes}
    curves, figures = {entry.name for entry in CURVES}, {*graph.metrics, *METRICS, *PRETRAIN.metrics}
    found = data.get("stages") or {}
    stages = [stage for stage, content in found.items() if MARK not in (content.get("meta") or {})]
    for stage in ours.intersection(stages):
        raise ThuliumError(
            f"{name}: the stage '{stage}' was not compiled by Thulium, and would be overwritten\n"
            f"  help: give it another name"
        )
    chunks = _Chunks(text)
    metrics = [index for index, path in enumerate(data.get("metrics") or []) if path not in figures]
    plots = [index for index, plot in enumerate(data.get("plots") or []) if not curves.intersection(_ids(plot))]
    others = [key for key in data if key not in ("stages", "metrics", "plots")]
    settings = {stage: _settings(found[stage]) for stage in found if stage in ours}
    named = [f"{key} of stage {stage}" for stage in settings for key in SETTINGS if key in found[stage]]
    return Kept(
        stages=tuple(chunks.entry(("stages", stage), 2) for stage in stages),
        metrics=tuple(chunks.entry(("metrics", index), 0) for index in metrics),
        plots=tuple(chunks.entry(("plots", index), 0) for index in plots),
        others=tuple(chunks.entry((key,), 0) for key in others),
        settings=settings,
        names=(
            *(f"stage {stage}" for stage in stages),
            *(f"metrics {data['metrics'][index]}" for index in metrics),
            *(f"plot {index + 1}" for index in plots),
            *others,
            *named,
        ),
    )


def lost(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """What people had written into our stages and compiling does not keep, in words."""
    words: list[str] = []
    for name, stage in (before.get("stages") or {}).items():
        new = after["stages"].get(name, {})
        words += [f"{key} of stage {name}" for key in stage if key not in _COMPILED]
        # Only where it is the same graph: otherwise we ourselves name other paths than before.
        for part in _LISTS if stage.get("meta") == new.get("meta") else ():
            entries = {_name(entry) for entry in new.get(part) or ()}
            gone = [_name(entry) for entry in stage.get(part) or () if _name(entry) not in entries]
            words += [f"{entry} in {part} of stage {name}" for entry in gone]
    return tuple(words)


def _settings(stage: Mapping[str, Any]) -> tuple[str, ...]:
    lines = yaml.safe_dump({key: stage[key] for key in SETTINGS if key in stage}).splitlines()
    return tuple(line for line in lines if line != "{}")


def _name(entry: Any) -> str:
    return str(next(iter(entry), "")) if isinstance(entry, dict) else str(entry)


def _ids(plot: Any) -> list[str]:
    return list(plot) if isinstance(plot, dict) else [str(plot)]


class _Chunks:
    """Source text of the entries of a YAML file, comments above them included."""

    def __init__(self, text: str) -> None:
        self.lines = text.splitlines()
        self.root = yaml.compose(text, Loader=yaml.SafeLoader)

    def entry(self, path: tuple[str | int, ...], indent: int) -> str:
        """One entry at another indentation. An entry in braces or brackets cannot be cut out: it is written anew."""
        assert self.root is not None, "a text that has entries has a root"
        node, pair, is_cut = self.root, (self.root, self.root), True
        for name in path:
            is_cut = is_cut and not _is_flow(node)
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
        while first and self.lines[first - 1].strip().startswith("#") and not self.lines[first - 1].startswith(_HEADER):
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
    return isinstance(value, yaml.ScalarNode) or _is_flow(value)


def _is_flow(node: yaml.Node) -> bool:
    """Whether it stands in braces or brackets."""
    return isinstance(node, yaml.CollectionNode) and bool(node.flow_style)


def _is_remark(line: str) -> bool:
    return not line.strip() or line.strip().startswith("#")
