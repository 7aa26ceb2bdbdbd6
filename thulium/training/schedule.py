"""How the learning rate moves over a run."""

from __future__ import annotations

import math
from functools import partial

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from thulium_dsl.grammar.spec import CosineSpec

FLOOR = 0.001  # share of the peak that is left at the end


def cosine_factor(step: int, *, num_steps: int, warmup_steps: int) -> float:
    """Share of the peak learning rate at a step: a straight rise, then half a cosine down to FLOOR.

    Source: Loshchilov & Hutter 2017, SGDR (without restarts); warm-up after Goyal et al. 2017.
    """
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    progress = min(1.0, (step - warmup_steps) / max(1, num_steps - warmup_steps))
    return FLOOR + (1 - FLOOR) * (1 + math.cos(math.pi * progress)) / 2


def cosine(optimizer: Optimizer, spec: CosineSpec, *, epochs: int, steps_per_epoch: int) -> LRScheduler:
    """Cosine with warm-up over a whole run, moved at every step."""
    steps = warmup_steps(spec, steps_per_epoch)
    factor = partial(cosine_factor, num_steps=epochs * steps_per_epoch, warmup_steps=steps)
    return LambdaLR(optimizer, factor)


def warmup_steps(spec: CosineSpec, steps_per_epoch: int) -> int:
    """Steps until the learning rate is at its height, that one included: of one or none, nothing is seen."""
    return round(spec.warmup_epochs * steps_per_epoch)


SCHEDULERS = {"cosine": cosine}


def build(optimizer: Optimizer, spec: CosineSpec, *, epochs: int, steps_per_epoch: int) -> LRScheduler:
    """The schedule that a document asks for."""
    return SCHEDULERS[spec.type](optimizer, spec, epochs=epochs, steps_per_epoch=steps_per_epoch)
