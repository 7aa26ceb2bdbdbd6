"""What may stand in ``evaluation.decoding``; rules as those in rules.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from thulium_dsl.grammar import names, schemas, zoo
from thulium_dsl.grammar.paths import paths_of
from thulium_dsl.grammar.rules import Finding, Settings, as_is

TEXT, MODEL = "evaluation.decoding.more_text", "evaluation.decoding.language_model"


def files_lie_here(settings: Settings) -> Iterator[Finding]:
    """A stage reads files of this machine: what lies elsewhere is brought before."""
    for dotted, path in paths_of("evaluation", settings["evaluation"]).items():
        if found := _misread_word(dotted, path) or _elsewhere(dotted, path):
            yield Finding((dotted,), *found)


def _misread_word(dotted: str, path: str) -> tuple[str, str] | None:
    """A word that is taken for the name of a file."""
    words = [word for key in schemas.find(dotted) for word in key.schema.get("x-words", ())]
    if path.lower() in words:
        return f"'{path}' would be the name of a file", f"did you mean '{path.lower()}'?"
    if dotted == TEXT and path.lower() == "train":
        return "the training lines are learned from anyway", "write none, or name a text to learn from besides"
    return None


def _elsewhere(dotted: str, path: str) -> tuple[str, str] | None:
    scheme = path.partition(":")[0].lower()
    if dotted == TEXT and scheme == "zoo":
        known = " or ".join(f"'zoo:{text.name}'" for text in zoo.TEXTS)
        return f"the zoo has no text of the name '{as_is(path)}'", f"write {known}, or name a file"
    if dotted == MODEL and zoo.text_of(path):
        return f"'{path}' is a text, not a language model", f"write 'language_model: train' and 'more_text: {path}'"
    if "://" in path or (scheme in names.SCHEMES and names.is_name(path)):
        what = f"'{as_is(path)}' lies elsewhere, and stages read what lies here"
        return what, "bring the file into the project, and name it there"
    return None


RULES: tuple[tuple[tuple[str, ...], Callable[[Settings], Iterator[Finding]]], ...] = (
    (("evaluation",), files_lie_here),
)
