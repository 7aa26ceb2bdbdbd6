"""What `dvc repro` would do, and why: DVC's own status in words.

DVC says which stages changed and in what; the values that stood there before come from dvc.lock. DVC names only what
changed by itself, so the stages after a changed one are added here. Nothing is run and nothing is written.
"""

from __future__ import annotations

import itertools
import posixpath
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import yaml

from thulium_dsl.grammar.hints import plain
from thulium_dsl.grammar.resolve import ABSENT
from thulium_dsl.pipeline.graph import PARAMS
from thulium_dsl.text import scalars

Kind = Literal["param", "dep", "out", "command", "always", "new", "upstream"]
Tree = Mapping[str, Any]

LONGEST_VALUE = 60  # characters in a sentence

_TEMPLATE = re.compile(r"\$\{\s*([^}\s]+)\s*\}")
_STATES = {
    "deleted": "is missing",
    "not in cache": "is not in the cache (dvc pull may bring it)",
    "update available": "has an update",
}
FEWEST_TOGETHER = 3  # paths in one state are counted, not all named


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that makes a stage run.

    Attributes:
        kind: what it is.
        name: a dotted key, a path, or for ``upstream`` the stage before; empty where there is nothing to name.
        before, after: values of a key, ABSENT where it has none; of a path, ``after`` is the state that DVC gives it.
    """

    kind: Kind
    name: str = ""
    before: Any = ABSENT
    after: Any = ABSENT

    def __str__(self) -> str:
        if self.kind == "param":
            return f"{self.name} {_written(self.before)} → {_written(self.after)}"
        if self.kind in ("dep", "out"):
            return f"{self.name} {_STATES.get(self.after, 'changed')}"
        return {"command": "its command changed", "always": "it runs always", "new": "it never ran"}[self.kind]

    def as_data(self) -> dict[str, Any]:
        """The reason for a machine; an absent value has no entry."""
        parts = {"kind": self.kind, "name": self.name, "before": self.before, "after": self.after}
        return {name: value for name, value in parts.items() if value is not ABSENT and value != ""}


@dataclass(frozen=True, slots=True)
class Step:
    """A stage that would run, and why."""

    name: str
    reasons: tuple[Reason, ...]

    def __str__(self) -> str:
        before = [reason.name for reason in self.reasons if reason.kind == "upstream"]
        words = list(self._own_words())
        for names, verb in (
            ([name for name in before if not name.endswith(".dvc")], "run"),
            ([name for name in before if name.endswith(".dvc")], "change"),  # of `dvc add`: nothing runs there
        ):
            if names:
                *others, last = names
                all_of_them = f"{', '.join(others)} and {last}" if others else last
                words.append(f"because {all_of_them} {verb}{'' if others else 's'}")
        return f"{self.name}: {'; '.join(words)}"

    def _own_words(self) -> Iterator[str]:
        """The reasons that are the stage's own; of many paths in one state, the first is named."""
        own = [reason for reason in self.reasons if reason.kind != "upstream"]
        kinds = Counter((reason.kind, reason.after) for reason in own if reason.kind in ("dep", "out"))
        said = set()
        for reason in own:
            kind = (reason.kind, reason.after) if reason.kind in ("dep", "out") else None
            if kind is None or kinds[kind] < FEWEST_TOGETHER:
                yield str(reason)
            elif kind not in said:
                said.add(kind)
                yield f"{reason} and {kinds[kind] - 1} more like it"


def plan(status: Tree, pipeline: Tree, lock: Tree, tree: Tree) -> tuple[Step, ...]:
    """The stages that would run, in the order of the pipeline.

    Args:
        status: what `dvc status --json` prints.
        pipeline: what dvc.yaml holds.
        lock: what dvc.lock holds; empty when nothing ran yet.
        tree: the complete document.
    """
    locked = lock.get("stages") or {}
    changed = {name: tuple(_reasons(name, entries, locked, tree)) for name, entries in status.items()}
    stages = pipeline.get("stages") or {}
    names = [name for name in changed if _base(name) not in stages]  # not of this file: they come first
    stages = _one_by_one(stages, tree)
    writers = {name: _outs_of_file(changed[name]) for name in names}
    steps = [Step(name, changed[name]) for name in names]
    for base in _ordered(stages, tree):
        reads, writes = _paths(stages[base], ("deps",), tree), _paths(stages[base], ("outs", "metrics", "plots"), tree)
        before = [Reason("upstream", name) for name, outs in writers.items() if _touch(outs, reads)]
        own = [name for name in changed if base in (name, _base(name))] or ([base] if before else [])
        for name in own:
            steps.append(Step(name, (*changed.get(name, ()), *before)))
            writers[name] = writes
    return tuple(steps)


def read_yaml(text: str) -> dict[str, Any]:
    """A file that DVC wrote, as DVC reads it: 1e-05 is a number."""
    value = _value(yaml.compose(text, Loader=yaml.SafeLoader))
    return value if isinstance(value, dict) else {}


def differences(before: Any, after: Any, name: str) -> Iterator[Reason]:
    """The keys in which two values differ, down to the last one."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in {**after, **before}:
            yield from differences(before.get(key, ABSENT), after.get(key, ABSENT), f"{name}.{key}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from differences(old, new, f"{name}.{index}")
    elif before != after:
        yield Reason("param", name, before, after)


def _reasons(name: str, entries: Any, locked: Tree, tree: Tree) -> Iterator[Reason]:
    """DVC's entries for a stage, each ``{"changed deps": {path: state}}`` or a word such as ``"changed command"``."""
    is_elsewhere = name.endswith(".dvc") or ":" in name  # of `dvc add`, or of the dvc.yaml of another folder
    if not is_elsewhere and name not in locked:
        yield Reason("new")
        return
    for entry in entries:
        if not isinstance(entry, Mapping):
            yield Reason("always" if "always" in entry else "command")
            continue
        for path, state in entry.get("changed deps", {}).items():
            if isinstance(state, Mapping):
                yield from _changed_params(path, state, locked.get(name, {}), tree)
            else:
                yield Reason("dep", path, after=state)
        for path, state in entry.get("changed outs", {}).items():
            yield Reason("out", path, after=state)


def _changed_params(file: str, states: Tree, locked: Tree, tree: Tree) -> Iterator[Reason]:
    values = (locked.get("params") or {}).get(file) or {}
    for key, state in states.items():
        before = values.get(key, ABSENT)
        is_known = file == PARAMS and before is not ABSENT
        found = list(differences(before, _at(tree, key), key)) if is_known else []
        yield from found or [Reason("dep", f"{file}: {key}", after=state)]


def _at(tree: Any, dotted: str) -> Any:
    for name in re.findall(r"[^.\[\]]+", dotted):  # DVC writes the place in a list in brackets
        if isinstance(tree, list) and name.isdigit() and int(name) < len(tree):
            tree = tree[int(name)]
        elif isinstance(tree, Mapping) and name in tree:
            tree = tree[name]
        else:
            return ABSENT
    return tree


def _written(value: Any) -> str:
    if value is ABSENT:
        return "(nothing)"
    text = plain(value)
    if len(text) <= LONGEST_VALUE:
        return text
    return f"({len(value)} items)" if isinstance(value, list) else text[:LONGEST_VALUE] + "…"


def _value(node: yaml.Node | None) -> Any:
    if isinstance(node, yaml.MappingNode):
        return {key.value: _value(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_value(item) for item in node.value]
    if not isinstance(node, yaml.ScalarNode):
        return None
    return node.value if node.style in ("'", '"', "|", ">") else scalars.value_of(node.value)


def _base(name: str) -> str:
    """A stage of a ``foreach`` or ``matrix`` is called ``stage@item``."""
    return name.partition("@")[0]


def _one_by_one(stages: Tree, tree: Tree) -> dict[str, Any]:
    """The stages, one with a ``matrix`` as all that DVC makes of it: ``train@1``, its values in place of templates."""
    found: dict[str, Any] = {}
    for name, stage in stages.items():
        lists = {key: _listed(value, tree) for key, value in (stage.get("matrix") or {}).items()}
        for values in itertools.product(*lists.values()):
            filled = {f"${{item.{key}}}": str(value) for key, value in zip(lists, values, strict=True)}
            item = f"@{'-'.join(filled.values())}" if filled else ""
            found[name + item] = _filled(stage, filled)
    return found


def _listed(value: Any, tree: Tree) -> list[Any]:
    template = _TEMPLATE.fullmatch(value) if isinstance(value, str) else None
    found = _at(tree, template[1]) if template else value
    return found if isinstance(found, list) else []


def _filled(value: Any, words: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {_filled(key, words): _filled(inner, words) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, words) for inner in value]
    for template, word in words.items() if isinstance(value, str) else ():
        value = value.replace(template, word)
    return value


def _ordered(stages: Tree, tree: Tree) -> list[str]:
    """The stages with each after those whose outputs it reads; else as they stand in the file."""
    writes = {name: _paths(stage, ("outs", "metrics", "plots"), tree) for name, stage in stages.items()}
    reads = {name: _paths(stage, ("deps",), tree) for name, stage in stages.items()}
    left, done = list(stages), []
    while left:
        free = (n for n in left if not any(_touch(writes[other], reads[n]) for other in left if other != n))
        done.append(next(free, left[0]))  # DVC itself refuses a circle
        left.remove(done[-1])
    return done


def _paths(stage: Any, parts: tuple[str, ...], tree: Tree) -> list[str]:
    """Paths of a stage, templates such as ``${checkpointing.save_dir}`` looked up."""
    stage = stage.get("do", stage)
    entries = [entry for part in parts for entry in stage.get(part) or ()]
    named = [str(entry) for one in entries for entry in (one if isinstance(one, dict) else [one])]
    filled = [_TEMPLATE.sub(lambda found: str(_at(tree, found[1])), name) for name in named]
    return [posixpath.normpath(posixpath.join(stage.get("wdir") or "", name)) for name in filled]


def _outs_of_file(reasons: tuple[Reason, ...]) -> list[str]:
    return [posixpath.normpath(reason.name) for reason in reasons if reason.kind == "out"]


def _touch(outs: list[str], deps: list[str]) -> bool:
    """Whether one of the paths is, holds or lies in one of the others."""
    return any(
        one == other or one.startswith(other + "/") or other.startswith(one + "/") for one in outs for other in deps
    )
