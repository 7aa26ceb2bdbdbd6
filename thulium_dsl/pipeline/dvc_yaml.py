"""Graph -> dvc.yaml and back. What else the file holds is kept by foreign.py; taken.py finds what is in the way."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from thulium_dsl.grammar import schemas
from thulium_dsl.grammar.idle import Idle
from thulium_dsl.grammar.spec import Experiment
from thulium_dsl.messages.problems import ThuliumError
from thulium_dsl.pipeline import foreign
from thulium_dsl.pipeline import graph as graphs
from thulium_dsl.pipeline.foreign import Kept
from thulium_dsl.pipeline.graph import Graph
from thulium_dsl.pipeline.taken import refuse_taken
from thulium_dsl.text.files import replace_text
from thulium_dsl.text.written import inline

NAME = "dvc.yaml"
HEADER = "# Compiled by Thulium from params.yaml. Do not edit: change params.yaml, then run `thulium compile`."
_TEMPLATE = re.compile(r"\$\{[a-z_.]+(\[\d+\][a-z_.]*)*\}")


@dataclass(frozen=True, slots=True)
class Compiled:
    """What `write` did.

    Attributes:
        is_new: whether the file changed.
        kept: what in it is not ours and stays, in words.
        lost: what stood in our stages and went, in words.
    """

    is_new: bool
    kept: tuple[str, ...]
    lost: tuple[str, ...] = ()


def write(root: Path, experiment: Experiment, idle: Iterable[Idle] = ()) -> Compiled:
    """Bring the dvc.yaml of a project up to date; a file that already says the same is not touched.

    Args:
        idle: options of the document that do nothing, see ``graph.build``.

    Raises:
        ThuliumError: the file that is there cannot be read, or holds a stage of the same name that is not ours; or a
            path that a stage would write is taken by something that no stage has written.
    """
    path = root / NAME
    old = _text(path)
    graph = graphs.build(experiment, root, idle)
    found = _structure(old, path) if old is not None else {}
    kept = foreign.kept(old, found, graph, str(path))
    new = render(graph, kept)
    wanted = _structure(new, path)
    if old is not None and found == wanted:
        return Compiled(False, kept.names)
    refuse_taken(root, graph, found)
    replace_text(path, new)
    return Compiled(True, kept.names, foreign.lost(found, wanted))


def differences(root: Path, experiment: Experiment, idle: Iterable[Idle] = ()) -> tuple[str, ...]:
    """Where a project's dvc.yaml is not what its document compiles to, in words; empty when it is current.

    Raises:
        ThuliumError: the file cannot be read, or holds a stage of the same name that is not ours.
    """
    path = root / NAME
    old = _text(path)
    if old is None:
        return (f"there is no {NAME}",)
    graph, found = graphs.build(experiment, root, idle), _structure(old, path)
    wanted = _structure(render(graph, foreign.kept(old, found, graph, str(path))), path)
    before, after = found.get("stages") or {}, wanted["stages"]
    names = [name for name in {**after, **before} if before.get(name) != after.get(name)]
    # The fingerprint in each stage is that of the whole graph: those are named that differ in more than that.
    own = [name for name in names if _without_meta(before.get(name)) != _without_meta(after.get(name))]
    words = [f"stage {name}" for name in own or names]
    return (*words, *(part for part in ("metrics", "plots") if found.get(part) != wanted.get(part)))


def _without_meta(stage: Any) -> Any:
    return {key: value for key, value in stage.items() if key != "meta"} if isinstance(stage, dict) else stage


def render(graph: Graph, kept: Kept | None = None) -> str:
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
    environment.filters["scalar"] = _scalar
    template = environment.get_template("dvc.yaml.j2")
    return template.render(header=HEADER, graph=graph, kept=kept or Kept(), language=schemas.LANGUAGE)


def _scalar(path: str) -> str:
    """A path as a YAML scalar. A template in it needs no quotes; what a user has named may."""
    return path if inline(bare := _TEMPLATE.sub("x", path)) == bare else inline(path)


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
        if any(not isinstance(stage, dict) for stage in (loaded.get("stages") or {}).values()):
            raise TypeError("a stage is a mapping")
    except (yaml.YAMLError, AttributeError, TypeError, RecursionError) as error:
        place = getattr(error, "problem_mark", None)
        line = f":{place.line + 1}:{place.column + 1}" if place else ""
        what = f"{path}{line}: this is not a dvc.yaml that can be read"
        raise ThuliumError(f"{what}\n  help: mend it, or remove it and run: thulium compile") from None
    return loaded if isinstance(loaded, dict) else {}
