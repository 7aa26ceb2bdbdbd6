"""What does not go together with folds; rules as those in rules.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from thulium_dsl.grammar.idle import Idle
from thulium_dsl.grammar.rules import Finding, Settings, path_of
from thulium_dsl.messages.problems import Problem
from thulium_dsl.text.document import Document

FOLDS = "dataset.split.folds"


def folds_of_no_split(document: Document, idle: tuple[Idle, ...]) -> Iterator[Problem]:
    """Options of another type may rest in a document; folds may not: who writes them would be judged otherwise."""
    for option in idle:
        if option.path == ("dataset", "split") and isinstance(option.value, dict) and option.value.get("folds"):
            what = f"data of type {option.chosen} say themselves which split a line is in, so nothing can be divided"
            hint = (
                "leave folds empty; or bring the lines into one folder, and read that as gt_txt, page, alto or parquet"
            )
            yield document.place(path_of(FOLDS)).problem(path_of(FOLDS), what, hint)


def _has_folds(settings: Settings) -> bool:
    return "split" in settings["dataset"] and settings[FOLDS] is not None


def folds_make_the_splits(settings: Settings) -> Iterator[Finding]:
    """Where somebody else says what is in which split, there is nothing to divide."""
    if not _has_folds(settings):
        return
    by, listed = "dataset.split.by", "dataset.train_list"
    dataset = settings["dataset"]
    if settings[by] == "given":
        what = "{0} divides the lines anew, and with {1} folders say which split they are in"
        yield Finding((FOLDS, by), what, "write 'by: page', or leave folds empty")
    elif dataset.get("train_list") is not None:
        what = "{0} divides the lines anew, and with {1} lists say which split they are in"
        yield Finding((FOLDS, listed), what, "leave train_list, val_list and test_list empty, or folds")


def folds_have_one_source(settings: Settings) -> Iterator[Finding]:
    if _has_folds(settings) and "sources" in settings["dataset"]:
        what = "{0} divides the lines of one source, and this dataset lists several"
        yield Finding((FOLDS,), what, "leave folds empty, or read one source")


def folds_leave_something(settings: Settings) -> Iterator[Finding]:
    if not _has_folds(settings):
        return
    folds, val = settings[FOLDS], "dataset.split.val"
    if settings[val] + 1 / folds >= 1:
        yield Finding((val, FOLDS), "{0} and {1} leave nothing to learn from", f"keep val below {1 - 1 / folds:.3g}")


def folds_have_one_seed(settings: Settings) -> Iterator[Finding]:
    seeds = "training.seeds"
    if _has_folds(settings) and settings[seeds] is not None:
        what = "{0} and {1} in one document would be a model for each fold and seed, which is not known here"
        yield Finding((seeds, FOLDS), what, "leave seeds empty, and write one into training.seed; or leave folds empty")


def folds_are_tests(settings: Settings) -> Iterator[Finding]:
    split = "evaluation.split"
    if _has_folds(settings) and settings[split] != "test":
        what = "{0} does not judge every line once, as {1} is for: the test of each fold does"
        yield Finding((split, FOLDS), what, "write 'split: test'")


RULES: tuple[tuple[tuple[str, ...], Callable[[Settings], Iterator[Finding]]], ...] = (
    (("dataset",), folds_make_the_splits),
    (("dataset",), folds_have_one_source),
    (("dataset",), folds_leave_something),
    (("dataset", "training"), folds_have_one_seed),
    (("dataset", "evaluation"), folds_are_tests),
)
