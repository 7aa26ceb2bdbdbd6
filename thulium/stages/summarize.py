"""summarize: the figures of a document with several seeds, from what the model of each has read."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from thulium.evaluation import comparing, seeds
from thulium.evaluation.outcomes import read_outcome
from thulium.evaluation.seeds import Group
from thulium.runtime.files import replace_text
from thulium.runtime.progress import say
from thulium.stages.several import DIGEST, agreed, measured, read_json
from thulium.training import history

NOT_MEANT = ("cer_low", "cer_high")  # intervals of one seed: that of their mean is another
AGAIN = "train and evaluate this seed again"


def summarize(*, numbers: Sequence[int], folder: Path, out: Path) -> dict[str, Any]:
    """Sum up the evaluations of all seeds, and say which difference they allow to see.

    Args:
        numbers: the seeds, two or more.
        folder: has a folder for each of them, as evaluate wrote it; others in it are not looked at.
        out: gets metrics.json.

    Returns:
        What metrics.json holds.

    Raises:
        DataError: a seed was not evaluated, or not on the lines of the others.
    """
    own = {seed: read_json(folder / str(seed) / "metrics.json", AGAIN) for seed in numbers}
    read = [
        read_outcome(folder / str(seed) / "predictions.csv", folder / str(seed) / "metrics.json", f"seed {seed}")
        for seed in numbers
    ]
    outcomes, _ = comparing.matched(read, common=False)
    group = Group("", dict(zip(numbers, outcomes, strict=True)))
    val_cers = {seed: _val_cer(folder / str(seed), own[seed]) for seed in numbers}
    metrics = _metrics(group, own, val_cers)
    replace_text(out / "metrics.json", json.dumps(metrics, indent=2) + "\n")
    _say(group, metrics)
    return metrics


def _metrics(group: Group, own: Mapping[int, Mapping[str, Any]], val_cers: Mapping[int, float]) -> dict[str, Any]:
    """The figures, those of one seed's metrics.json under the names that they have there."""
    unit = comparing.unit_of(group.first.lines, None)
    found = seeds.of_rate(*group.table("cer", unit))
    low, high = _interval(found)
    means = {
        name: round(sum(each[name] for each in own.values()) / len(own), 6)
        for name, value in next(iter(own.values())).items()
        if name not in NOT_MEANT and all(isinstance(each.get(name), (int, float)) for each in own.values())
    }
    return {
        **means,
        "cer_low": low,
        "cer_high": high,
        "cer_sd": round(group.sd, 6),
        "cer_least_difference": round(seeds.least_difference(group.sd, len(own)), 6),
        "best_seed": min(val_cers, key=lambda seed: val_cers[seed]),
        "cer_by_seed": {str(seed): each["cer"] for seed, each in own.items()},
        "measured": _measured(own) | {"seeds": list(own)},
    }


def _interval(found: seeds.Crossed) -> tuple[float | None, float | None]:
    """Of the mean CER, over seeds and pages, on the scale of its logarithm as that of one model is."""
    if not math.isfinite(found.width) or found.value <= 0:
        return None, None
    width = min(found.width / found.value, 700.0)
    return round(found.value * math.exp(-width), 6), round(found.value * math.exp(width), 6)


def _measured(own: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    """What the figures are of; where the seeds differ in it, all that they say. Digests are in the order of seeds."""
    facts = measured(own.values())
    digests = [each["measured"].get(DIGEST) for each in own.values()]
    shown = {name: agreed(values) for name, values in facts.items() if name != DIGEST}
    return shown | ({DIGEST: digests} if DIGEST in facts else {})


def _val_cer(folder: Path, own: Mapping[str, Any]) -> float:
    """The CER on the validation lines of the checkpoint that was evaluated: what a seed may be chosen by."""
    rows = history.read(folder / "plots" / "history.csv")
    training = read_json(folder / "metrics" / "train.json", AGAIN)
    is_last = str(own["measured"].get("model", "")).startswith("last")
    epoch = None if is_last else training.get("best_epoch")
    row = next((row for row in rows if row["epoch"] == epoch), rows[-1])
    return row.get("val_cer", math.inf)


def _say(group: Group, metrics: Mapping[str, Any]) -> None:
    low, high, num_seeds = metrics["cer_low"], metrics["cer_high"], len(group.outcomes)
    unit = comparing.unit_of(group.first.lines, None)
    between = "no interval" if low is None else f"95 % interval {low:.2%} to {high:.2%}, over seeds and {unit}s"
    by_seed = ", ".join(f"{seed}: {cer:.2%}" for seed, cer in metrics["cer_by_seed"].items())
    say(f"{metrics['measured']['split']} CER {metrics['cer']:.2%}, the mean of {num_seeds} seeds ({between})")
    for caveat in comparing.caveats(group.first, unit):
        say(caveat)
    say(f"by seed: {by_seed}; standard deviation {100 * metrics['cer_sd']:.2f} points")
    least, more = 100 * metrics["cer_least_difference"], 100 * seeds.least_difference(group.sd, seeds.FEW)
    few = f" ({more:.2f} with {seeds.FEW} that spread as much)" if num_seeds < seeds.FEW else ""
    say(f"with {num_seeds} seeds, a change of the mean by less than {least:.2f} points is not told from chance{few}")
    say(f"lowest CER on the validation lines: seed {metrics['best_seed']}; `thulium predict .` reads with its model")
