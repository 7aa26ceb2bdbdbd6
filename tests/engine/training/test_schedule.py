"""How the learning rate moves over a run."""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from thulium.training import schedule
from thulium_dsl.grammar.spec import CosineSpec, TrapezoidSpec


def test_cosine_rises_and_falls():
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=2.0)
    moved = schedule.build(optimizer, CosineSpec(type="cosine", warmup_epochs=2), epochs=10, steps_per_epoch=10)
    rates = []
    for _ in range(100):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        moved.step()
    assert rates[0] == pytest.approx(2.0 / 20)
    assert rates[19] == pytest.approx(2.0)
    assert rates[60] == pytest.approx(1.0, rel=0.01)
    assert rates[-1] < 0.01
    assert rates[:20] == sorted(rates[:20])
    assert rates[20:] == sorted(rates[20:], reverse=True)


def test_trapezoid_rises_holds_and_falls():
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=2.0)
    spec = TrapezoidSpec(type="trapezoid", warmup_epochs=2, decay_share=0.5)
    moved = schedule.build(optimizer, spec, epochs=10, steps_per_epoch=10)
    rates = []
    for _ in range(101):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        moved.step()
    assert rates[0] == pytest.approx(2.0 / 20)
    assert rates[19:61] == [2.0] * 42  # half of the 80 steps after the warm-up, and the first of the fall
    assert rates[70] == pytest.approx(1.0, rel=0.01)  # 1 - sqrt: a quarter of the fall is half of the way
    assert rates[100] == pytest.approx(2.0 * schedule.FLOOR)


@given(
    step=st.integers(1, 300),
    warmup=st.integers(0, 50),
    decay_share=st.floats(0.01, 0.99),
    epoch=st.integers(1, 20),
)
def test_a_shortened_trapezoid_falls_from_there_in_its_share_and_ends_with_an_epoch(step, warmup, decay_share, epoch):
    step = max(step, warmup)
    trapezoid = schedule.Trapezoid(100_000, warmup, decay_share)
    trapezoid.fall_from(step, epoch)
    assert trapezoid.num_steps % epoch == 0
    start = trapezoid.num_steps - decay_share * (trapezoid.num_steps - warmup)
    assert step - 1e-6 <= start <= step + epoch + 1e-6
    shortened = trapezoid.num_steps
    trapezoid.fall_from(step + 7, epoch)
    assert trapezoid.num_steps == shortened  # never longer


def test_a_shortened_schedule_is_resumed():
    spec = TrapezoidSpec(type="trapezoid", warmup_epochs=0, decay_share=0.5)

    def built():
        optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=2.0)
        return schedule.build(optimizer, spec, epochs=10, steps_per_epoch=10)

    one, other = built(), built()
    schedule.trapezoid_of(one).fall_from(20, 10)
    state = one.state_dict()
    assert schedule.are_factors(state["lr_lambdas"], other.state_dict()["lr_lambdas"])
    other.load_state_dict(state)
    assert schedule.trapezoid_of(other).num_steps == 40
    for steps in (True, 0, 101, "4", None):
        assert not schedule.are_factors(
            [{**state["lr_lambdas"][0], "num_steps": steps}], built().state_dict()["lr_lambdas"]
        )
    assert not schedule.are_factors([{"num_steps": 40}], built().state_dict()["lr_lambdas"])
    assert not schedule.are_factors([], built().state_dict()["lr_lambdas"])


@given(num_steps=st.integers(1, 400), rise=st.floats(0, 0.999), decay_share=st.floats(0, 1, exclude_min=True))
def test_every_trapezoid_rises_to_the_peak_and_falls_from_there_to_the_floor(num_steps, rise, decay_share):
    warmup = int(rise * num_steps)
    parts = {"num_steps": num_steps, "warmup_steps": warmup, "decay_share": decay_share}
    factors = [schedule.trapezoid_factor(step, **parts) for step in range(num_steps + 5)]
    assert max(factors) == 1.0
    peak = factors.index(1.0)
    assert peak == max(0, warmup - 1)
    assert factors[: peak + 1] == sorted(factors[: peak + 1])
    assert factors[peak:] == sorted(factors[peak:], reverse=True)
    assert factors[num_steps:] == pytest.approx([schedule.FLOOR] * 5)
    falling = max(1.0, decay_share * (num_steps - warmup))
    held = sum(factor == 1.0 for factor in factors[peak + 1 :])
    assert held == pytest.approx(num_steps - peak - 1 - falling, abs=1.001)
    largest = max(abs(after - before) for before, after in itertools.pairwise(factors))
    assert largest <= max(1 / max(1, warmup), math.sqrt(1 / falling)) + 1e-9  # no jump but that of a step
