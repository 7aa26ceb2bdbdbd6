"""What a path may hold; rules as those in rules.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from thulium_dsl.grammar.hints import unseen_in
from thulium_dsl.grammar.paths import oddity, paths_of
from thulium_dsl.grammar.rules import Finding, Settings, as_is, path_of

_FOLDERS = {"checkpointing": "checkpointing.save_dir", "logging": "logging.tensorboard.log_dir"}  # no "x-path" each
_SECTIONS = ("dataset", "pretraining", "training", "evaluation", *_FOLDERS)


def _of(section: str) -> Callable[[Settings], Iterator[Finding]]:
    """The rule for the paths of one section: it is asked whatever is wrong in others."""

    def paths_are_plain(settings: Settings) -> Iterator[Finding]:
        if section not in settings.tree:
            return
        folder = _FOLDERS.get(section)
        own = {folder: settings[folder]} if folder else {}
        for dotted, path in (paths_of(section, settings[section]) | own).items():
            if (found := oddity(path)) and not _is_escaped(settings, dotted, path):
                yield Finding((dotted,), as_is(found[0]), found[1])

    return paths_are_plain


def _is_escaped(settings: Settings, dotted: str, path: str) -> bool:
    """Whether what cannot be seen in a path can be seen where it is written: then it was meant."""
    place = settings.document.place(path_of(dotted))
    written = place.source[place.column - 1 :][: place.length]
    return unseen_in(path) != "" and unseen_in(written) == ""


RULES: tuple[tuple[tuple[str, ...], Callable[[Settings], Iterator[Finding]]], ...] = tuple(
    ((section,), _of(section)) for section in _SECTIONS
)
