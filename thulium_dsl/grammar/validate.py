"""Document -> problems, or the complete tree: the schema first, then the rules between settings."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from thulium_dsl.grammar import (
    decoding_rules,
    fold_rules,
    idle,
    include,
    numbers,
    path_rules,
    pretraining_rules,
    resolve,
    rules,
    schemas,
    source_rules,
    words,
)
from thulium_dsl.grammar.building import experiment_in
from thulium_dsl.grammar.local import with_local
from thulium_dsl.grammar.spec import Experiment
from thulium_dsl.messages.problems import DocumentError, Problem
from thulium_dsl.text.document import Document
from thulium_dsl.text.nodes import KeyPath, dotted


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of a document.

    Attributes:
        problems: all of them, by file, line and column; empty for a valid document.
        tree: the experiment with every default filled in; None when there are problems.
    """

    problems: tuple[Problem, ...]
    tree: dict[str, Any] | None


class Loaded(NamedTuple):
    """An experiment, and the document that it was made of, without what the file for this machine changes."""

    experiment: Experiment
    document: Document


def load(path: str | Path) -> Loaded:
    """Read a file into the experiment that it describes.

    Raises:
        DocumentError: with every problem of the document.
    """
    document = include.read(path)
    return Loaded(experiment_of(with_local(document)), document)


def default_experiment() -> Experiment:
    """The experiment that an empty document describes."""
    return experiment_of(Document("defaults"))


def experiment_of(document: Document) -> Experiment:
    """The experiment that a document describes.

    Raises:
        DocumentError: with every problem of the document.
    """
    return experiment_in(complete_tree(document))


def complete_tree(document: Document) -> dict[str, Any]:
    """What a document holds once every default is filled in.

    Raises:
        DocumentError: with every problem of the document.
    """
    checked = check(document)
    if checked.tree is None:
        raise DocumentError(checked.problems)
    return checked.tree


def check(document: Document) -> Checked:
    """All problems of a document, those of its text included; or the complete tree."""
    if document.root is None and document.problems:  # nothing could be read
        return Checked(document.problems, None)
    tree = resolve.with_types(document.tree)
    resting = idle.idle_in(tree)
    document = replace(document, tree=idle.without(tree, resting))
    problems = [*document.problems, *_unfollowed(document), *fold_rules.folds_of_no_split(document, resting)]
    wrong = {str(path[0]) for path in document.suspects if path}
    for path, problem in [*_schema_problems(document), *_spelling_problems(document)]:
        problems.append(problem)
        wrong.add(str(path[0]) if path else "")
    sound = {name: value for name, value in document.tree.items() if name not in wrong and name in schemas.sections()}
    tree = resolve.complete(sound)
    problems += _rule_problems(document, tree, wrong)
    return Checked(tuple(sorted(problems)), None if problems else tree)


def check_kept(tree: dict[str, Any], file: str) -> Checked:
    """Some sections that were kept apart from their document, such as those in a model file.

    Args:
        tree: sections by name, complete: what a document may leave out, what was kept of it may not.
        file: what they stand in.

    Returns:
        All problems; or a complete tree, whose other sections have their defaults.
    """
    document = Document(file, tree=tree)
    problems = [problem for _, problem in _schema_problems(document)]
    if not problems:
        complete = resolve.complete(tree)
        lacking = (path for name in tree for path in _lacking(tree[name], complete[name], (name,)))
        problems = [Problem(file, 0, 0, dotted(path), "is missing") for path in lacking]
    if problems:
        return Checked(tuple(sorted(problems)), None)
    # Rules of the dataset are advice for who prepares it; what was prepared is there.
    passed_over = {*complete, "dataset"} - {name for name in tree if name != "dataset"}
    found = _rule_problems(document, complete, passed_over)
    problems = [replace(problem, what=problem.what.replace(" (default)", "")) for problem in found]
    return Checked(tuple(sorted(problems)), None if problems else complete)


def _lacking(given: Any, complete: Any, path: KeyPath) -> Iterator[KeyPath]:
    if isinstance(complete, dict):
        for name, value in complete.items():
            if name in given:
                yield from _lacking(given[name], value, (*path, name))
            else:
                yield (*path, name)
    elif isinstance(complete, list):
        for place, value in enumerate(complete):
            yield from _lacking(given[place], value, (*path, place))


def _unfollowed(document: Document) -> Iterator[Problem]:
    """A text that was parsed by itself cannot include anything: silence would drop sections."""
    if "include" in document.tree:
        what = "other files are included only by a document that is read from a file"
        yield document.key_place(("include",)).problem(("include",), what, "write the sections out")


@lru_cache(maxsize=1)
def _validator() -> Any:
    """A validator that looks a value's branch up by its ``type``, instead of trying the condition of every branch."""
    from jsonschema import Draft7Validator, validators

    def chosen(validator: Any, branches: list[schemas.Schema], value: Any, _schema: Any) -> Iterator[Any]:
        kind = value.get("type") if isinstance(value, dict) else None
        for index, branch in enumerate(branches):
            if branch["if"]["properties"]["type"]["const"] == kind:
                yield from validator.descend(value, branch, schema_path=index)

    return validators.extend(Draft7Validator, {"allOf": chosen})(schemas.experiment())


def _schema_problems(document: Document) -> Iterator[tuple[KeyPath, Problem]]:
    infinite = dict(_not_finite(document.tree))
    for path, value in infinite.items():
        what = f"must be a finite number, found {words.shown(value)}"
        yield path, document.place(path).problem(path, what)
    grouped = dict(numbers.points_in(document))
    yield from grouped.items()
    hidden = document.suspects.union(infinite, grouped)
    errors = list(_validator().iter_errors(document.tree))
    mistyped = {tuple(error.absolute_path) for error in errors if error.validator == "type"}
    for error in errors:
        path = tuple(error.absolute_path)
        if path in mistyped and error.validator != "type":
            continue
        if any(path[:length] in hidden for length in range(len(path) + 1)):
            continue
        for saying in words.sayings(error):
            whole = path if saying.key is None else (*path, saying.key)
            place = document.place(path) if saying.key is None else document.key_place(whole)
            is_hidden = error.validator == "type" and error.instance is None and re.search(r":\s+#\S", place.source)
            hint = "what follows a '#' is a comment: put the value in quotes" if is_hidden else saying.hint
            yield whole, place.problem(whole, saying.what, hint)


def _spelling_problems(document: Document) -> Iterator[tuple[KeyPath, Problem]]:
    """Two spellings of one setting with two values."""
    for spelling, target in resolve.shorthands():
        second, first = resolve.lookup(document.tree, spelling), resolve.lookup(document.tree, target)
        if resolve.ABSENT in (second, first) or second == first:
            continue
        line = document.place(target).line
        name = dotted(target)
        what = f"another spelling of {name}: {words.shown(second)} here, {words.shown(first)} on line {line}"
        yield spelling, document.place(spelling).problem(spelling, what, f"keep one of them, best {name}")


def _rule_problems(document: Document, tree: dict[str, Any], wrong: set[str]) -> Iterator[Problem]:
    settings = rules.Settings(tree, document)
    for reads, rule in (
        *rules.RULES,
        *decoding_rules.RULES,
        *fold_rules.RULES,
        *source_rules.RULES,
        *pretraining_rules.RULES,
        *path_rules.RULES,
    ):
        if wrong.intersection(reads):
            continue
        for finding in rule(settings):
            culprit = next((name for name in finding.culprits if settings.is_written(name)), finding.culprits[0])
            path = rules.path_of(culprit)
            said = [settings.say(name, is_shown=name == culprit) for name in finding.culprits]
            yield document.place(path).problem(path, finding.what.format(*said), finding.hint)


def _not_finite(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, float]]:
    if isinstance(value, float) and not math.isfinite(value):
        yield path, value
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in parts:
        yield from _not_finite(inner, (*path, name))
