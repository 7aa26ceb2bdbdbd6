"""How the learning rate moves over a run."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from thulium_dsl.grammar.spec import CosineSpec, SchedulerSpec, TrapezoidSpec

FLOOR = 0.001  # share of the peak that is left at the end

Factor = Callable[[int], float]  # from a step, counted from 0, to the share of the peak learning rate


def cosine_factor(step: int, *, num_steps: int, warmup_steps: int) -> float:
    """Share of the peak learning rate at a step: a straight rise, then half a cosine down to FLOOR.

    Source: Loshchilov & Hutter 2017, SGDR (without restarts); warm-up after Goyal et al. 2017.
    """
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    progress = min(1.0, (step - warmup_steps) / max(1, num_steps - warmup_steps))
    return FLOOR + (1 - FLOOR) * (1 + math.cos(math.pi * progress)) / 2


def trapezoid_factor(step: int, *, num_steps: int, warmup_steps: int, decay_share: float) -> float:
    """Share of the peak learning rate at a step: a straight rise, the peak, then 1 - sqrt down to FLOOR.

    Args:
        decay_share: of the steps after the warm-up, the share in which the rate falls; above 0, at most 1.

    Source: Hägele et al. 2024, Scaling Laws and Compute-Optimal Training Beyond Fixed Training Durations, where this
    fall is better than a straight one.
    """
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    falling = max(1.0, decay_share * (num_steps - warmup_steps))
    progress = min(1.0, max(0.0, (step - (num_steps - falling)) / falling))
    return FLOOR + (1 - FLOOR) * (1 - math.sqrt(progress))


@dataclass
class Trapezoid:
    """``trapezoid_factor`` of a run that may be shortened. LRScheduler keeps these values with its state.

    Attributes:
        num_steps, warmup_steps, decay_share: see ``trapezoid_factor``.
    """

    num_steps: int
    warmup_steps: int
    decay_share: float

    def __call__(self, step: int) -> float:
        """The share of the peak at a step."""
        return trapezoid_factor(step, **asdict(self))

    def falls_at(self, step: int) -> bool:
        """Whether the rate has begun to fall."""
        return step >= self.warmup_steps and self(step) < 1

    def fall_from(self, step: int, steps_per_epoch: int) -> None:
        """Shorten the run, to whole epochs, so that the rate falls from about this step on; it never gets longer."""
        if self.decay_share < 1:
            exact = (step - self.decay_share * self.warmup_steps) / (1 - self.decay_share)
            self.num_steps = min(self.num_steps, max(1, math.ceil(exact / steps_per_epoch)) * steps_per_epoch)


def trapezoid_of(scheduler: LRScheduler) -> Trapezoid | None:
    """The trapezoid of a schedule; None where it is another."""
    factor = scheduler.lr_lambdas[0] if isinstance(scheduler, LambdaLR) else None  # all groups share the one
    return factor if isinstance(factor, Trapezoid) else None


def are_factors(kept: object, own: Sequence[Mapping[str, Any] | None]) -> bool:
    """Whether what LambdaLR keeps of its factors is of the same run, which may have been shortened."""
    if not isinstance(kept, list) or len(kept) != len(own):
        return False
    return all(theirs == ours or _is_shortened(theirs, ours) for theirs, ours in zip(kept, own, strict=True))


def _is_shortened(theirs: object, ours: Mapping[str, Any] | None) -> bool:
    if not isinstance(theirs, dict) or not ours or "num_steps" not in ours:
        return False
    steps = theirs.get("num_steps")
    is_sound = type(steps) is int and 0 < steps <= ours["num_steps"]
    return is_sound and theirs | {"num_steps": ours["num_steps"]} == ours


def _cosine(spec: CosineSpec, num_steps: int, warmup: int) -> Factor:
    return partial(cosine_factor, num_steps=num_steps, warmup_steps=warmup)


def _trapezoid(spec: TrapezoidSpec, num_steps: int, warmup: int) -> Factor:
    return Trapezoid(num_steps, warmup, spec.decay_share)


def warmup_steps(spec: SchedulerSpec, steps_per_epoch: int) -> int:
    """Steps until the learning rate is at its height, that one included: of one or none, nothing is seen."""
    return round(spec.warmup_epochs * steps_per_epoch)


SCHEDULERS: dict[str, Callable[[Any, int, int], Factor]] = {"cosine": _cosine, "trapezoid": _trapezoid}


def build(optimizer: Optimizer, spec: SchedulerSpec, *, epochs: int, steps_per_epoch: int) -> LRScheduler:
    """The schedule that a document asks for, over a whole run; it moves at every step."""
    factor = SCHEDULERS[spec.type](spec, epochs * steps_per_epoch, warmup_steps(spec, steps_per_epoch))
    return LambdaLR(optimizer, factor)
