"""What an evaluation says on the screen; all of it, and more, stands in its files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from thulium.evaluation.report import Evaluation
from thulium.runtime.progress import say


def say_summary(metrics: Mapping[str, Any], page: Evaluation) -> None:
    """Say the figures, and what must be known beside them; ``metrics`` as metrics.json has them."""
    interval, rows = page.cer_interval, page.history
    measured, is_known = metrics["measured"], metrics["cer_low"] is not None
    between = f"95 % interval {metrics['cer_low']:.2%} to {metrics['cer_high']:.2%}" if is_known else "no interval"
    exact = f"{metrics['line_accuracy']:.1%} of {measured['lines']} lines without an error"
    say(f"{measured['split']} CER {metrics['cer']:.2%} ({between}), WER {metrics['wer']:.2%}, {exact}")
    say(f"the interval is {interval.basis}{f': {interval.caveat}' if interval.caveat else ''}")
    if measured["decoding"] != "greedy":
        say(f"read by {measured['decoding']}; the training's val_cer is of greedy reading")
        if metrics["cer"] > 1:
            say("more was read than stands there: where a model reads next to nothing, a search makes texts of its own")
    if left_out := measured.get("lines_left_out"):
        say(f"{left_out} more lines of the split were left out by prepare, and are not in these figures")
    if unfit := measured["lines_that_do_not_fit"]:
        say(f"{unfit} of the lines have more text than the model has frames, and cannot be read right")
    if rows and "val_cer" in rows[0]:
        say(f"before training, the CER on the validation lines was {rows[0]['val_cer']:.1%}")
    _say_by_source(page)
    _say_how_far(page)


def _say_how_far(page: Evaluation) -> None:
    """Say it where lines are harder for the model than its own, or have characters that it cannot write."""
    if page.familiar and page.familiar.is_harder:
        say(page.familiar.verdict)
    if page.new_characters:
        say(page.new_characters)


def _say_by_source(page: Evaluation) -> None:
    groups = next((grouping.groups for grouping in page.groupings if grouping.kind == "source"), ())
    if len(groups) > 1:
        rates = (f"{group.name} {group.scores.cer:.2%} ({group.lines} lines)" for group in groups)
        say(f"CER by source: {', '.join(rates)}")
