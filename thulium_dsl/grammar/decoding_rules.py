"""What may stand in ``evaluation.decoding``; rules as those in rules.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from thulium_dsl.grammar import names, zoo
from thulium_dsl.grammar.paths import paths_of
from thulium_dsl.grammar.rules import Finding, Settings, as_is

TEXT = "evaluation.decoding.more_text"


def files_lie_here(settings: Settings) -> Iterator[Finding]:
    """A stage reads files of this machine: what lies elsewhere is brought before."""
    for dotted, path in paths_of("evaluation", settings["evaluation"]).items():
        scheme = path.partition(":")[0]
        if dotted == TEXT and scheme == "zoo":
            known = " or ".join(f"'zoo:{text.name}'" for text in zoo.TEXTS)
            yield Finding(
                (dotted,), f"the zoo has no text of the name '{as_is(path)}'", f"write {known}, or name a file"
            )
        elif "://" in path or (scheme in names.SCHEMES and names.is_name(path)):
            what = f"'{as_is(path)}' lies elsewhere, and stages read what lies here"
            yield Finding((dotted,), what, "bring the file into the project, and name it there")


RULES: tuple[tuple[tuple[str, ...], Callable[[Settings], Iterator[Finding]]], ...] = (
    (("evaluation",), files_lie_here),
)
