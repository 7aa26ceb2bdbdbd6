"""What goes together in ``evaluation.decoding``; rules as those in rules.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from thulium_dsl.grammar.rules import Finding, Settings

DECODING = "evaluation.decoding"


def more_text_is_learned_from(settings: Settings) -> Iterator[Finding]:
    """Only a language model that Thulium makes can learn from more text: a file was made already."""
    more, made = f"{DECODING}.more_text", f"{DECODING}.language_model"
    if settings[DECODING].get("more_text", "none") != "none" and settings[made] != "train":
        hint = "write 'language_model: train', or 'more_text: none'"
        yield Finding((more, made), "nothing learns from {0}, with {1}", hint)


RULES: tuple[tuple[tuple[str, ...], Callable[[Settings], Iterator[Finding]]], ...] = (
    (("evaluation",), more_text_is_learned_from),
)
