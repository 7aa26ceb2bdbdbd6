"""How the learning rate moves over a run."""

from __future__ import annotations

import math
from collections.abc import Callable
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


def _cosine(spec: CosineSpec, num_steps: int, warmup: int) -> Factor:
    return partial(cosine_factor, num_steps=num_steps, warmup_steps=warmup)


def _trapezoid(spec: TrapezoidSpec, num_steps: int, warmup: int) -> Factor:
    return partial(trapezoid_factor, num_steps=num_steps, warmup_steps=warmup, decay_share=spec.decay_share)


def warmup_steps(spec: SchedulerSpec, steps_per_epoch: int) -> int:
    """Steps until the learning rate is at its height, that one included: of one or none, nothing is seen."""
    return round(spec.warmup_epochs * steps_per_epoch)


SCHEDULERS: dict[str, Callable[[Any, int, int], Factor]] = {"cosine": _cosine, "trapezoid": _trapezoid}


def build(optimizer: Optimizer, spec: SchedulerSpec, *, epochs: int, steps_per_epoch: int) -> LRScheduler:
    """The schedule that a document asks for, over a whole run; it moves at every step."""
    factor = SCHEDULERS[spec.type](spec, epochs * steps_per_epoch, warmup_steps(spec, steps_per_epoch))
    return LambdaLR(optimizer, factor)
