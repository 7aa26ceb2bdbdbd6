"""What ``torch.save`` wrote of a training: read without trust, and held against the training that is to resume from it.

A state may be whole by its digest and hold other things all the same: it may come of other code, or of a person. So
what it holds is compared with what the training has itself, before any of it is put in place.
"""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeGuard

import torch
from torch import Tensor
from torch.optim import Adam, Optimizer

# How an optimizer computes, and not what: each device has its own way.
SWITCHES = frozenset({"foreach", "fused", "capturable"})

LARGEST = 2**53  # above it, not every number of steps is one that a float can hold

Free = Mapping[str, Callable[[Any], bool]]


def unpacked(content: bytes | memoryview) -> Any:
    """What ``torch.save`` wrote: numbers, texts, tensors and what holds them, and nothing that could run.

    Raises:
        ValueError: it is something else; says what, in a line.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            size = sum(part.file_size for part in parts.infolist())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of kinds of tensors that are not ours, and are refused later
            # torch packs nothing: what is larger unpacked would only fill the memory.
            state = torch.load(io.BytesIO(content), "cpu", weights_only=True) if size <= len(content) else None
    except Exception as error:  # a pickle can bring up any
        lines = str(error).strip().splitlines() or [""]
        raise ValueError(f"{type(error).__name__}: {lines[0][:100]}") from error
    if state is None:
        raise ValueError("it says that it is larger than it is")
    return state


def misfit(theirs: object, ours: object, free: Free, at: str = "") -> str:
    """In what a state differs from one of the same training, in words; empty: in nothing but its numbers.

    Args:
        ours: what the training has at the same place. None stands for a number that may come later.
        free: dotted place -> whether its value is sound, where ours does not tell.
        at: the place.
    """
    if at in free:
        return "" if free[at](theirs) else f"{at} is not sound"
    if isinstance(ours, Tensor):
        return "" if _is_alike(theirs, ours) else f"{at} is another tensor"
    if isinstance(ours, (Mapping, list, tuple)):
        named, own = _named(theirs) if isinstance(theirs, (Mapping, list, tuple)) else None, _named(ours)
        if named is None or named.keys() != own.keys():
            return f"{at or 'it'} has other parts"
        places = ((f"{at}.{name}".lstrip("."), named[name], value) for name, value in own.items())
        return next(filter(None, (misfit(their, our, free, place) for place, their, our in places)), "")
    return "" if _is_value(theirs, ours) else f"{at} is not sound"


def misfit_of_optimizer(state: object, optimizer: Optimizer) -> str:
    """The same for what an optimizer has of its settings and remembers of its parameters."""
    own = optimizer.state_dict()
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]

    def are_memories(kept: object) -> bool:
        return isinstance(kept, Mapping) and all(
            type(place) is int
            and 0 <= place < len(parameters)
            and _is_memory(memory, parameters[place], isinstance(optimizer, Adam))
            for place, memory in kept.items()
        )

    def are_groups(groups: object) -> bool:
        ours = own["param_groups"]
        return isinstance(groups, list) and len(groups) == len(ours) and all(map(_is_group, groups, ours))

    return misfit(state, own, {"state": are_memories, "param_groups": are_groups})


def _named(value: Mapping[Any, Any] | Sequence[Any]) -> Mapping[Any, Any]:
    """The parts of what holds some."""
    return value if isinstance(value, Mapping) else dict(enumerate(value))


def _is_group(group: object, ours: Mapping[str, Any]) -> bool:
    """Whether these are settings of an optimizer for the same parameters."""
    if not isinstance(group, Mapping) or not group.keys() <= ours.keys():
        return False
    places = group.get("params")
    if not isinstance(places, list) or not all(type(place) is int for place in places) or places != ours["params"]:
        return False
    lacking = ours.keys() - group.keys()  # another version of torch may have switches that this one has not
    return all(ours[name] is None or isinstance(ours[name], bool) for name in lacking) and all(
        _is_switch(group[name]) if name in SWITCHES else _is_setting(group[name], ours[name])
        for name in group
        if name != "params"
    )


def _is_switch(value: object) -> bool:
    return value is None or isinstance(value, bool)


def with_switches_of(optimizer: Optimizer, state: Mapping[str, Any]) -> dict[str, Any]:
    """An optimizer's state, which may come from another kind of device, to be computed with as this one does."""
    groups = zip(state["param_groups"], optimizer.param_groups, strict=True)
    return {
        **state,
        "param_groups": [
            {**theirs, **{name: value for name, value in ours.items() if name in SWITCHES}} for theirs, ours in groups
        ],
    }


def _is_setting(theirs: object, ours: object) -> bool:
    if isinstance(ours, tuple):
        return isinstance(theirs, tuple) and len(theirs) == len(ours) and all(map(_is_setting, theirs, ours))
    if isinstance(ours, (int, float)) and not isinstance(ours, bool):
        return is_number(theirs) and 0 <= theirs <= LARGEST
    return type(theirs) is type(ours) and theirs == ours


def _is_memory(memory: object, parameter: Tensor, is_adam: bool) -> bool:
    """Whether an optimizer could remember this of a parameter."""
    if not isinstance(memory, Mapping) or (is_adam and not {"step", "exp_avg", "exp_avg_sq"} <= memory.keys()):
        return False
    step = memory.get("step", torch.zeros(()))
    if not _is_alike(step, torch.zeros(())) or not 0 <= float(step) <= LARGEST:
        return False
    others = (value for name, value in memory.items() if name != "step")
    return all(_is_alike(value, parameter) or (value is None and not is_adam) for value in others)


def _is_value(theirs: object, ours: object) -> bool:
    """Whether a value is of the type of another; a float is any number, an integer is none below zero."""
    if ours is None:
        return theirs is None or is_number(theirs)
    if isinstance(ours, float):
        return is_number(theirs)
    return type(theirs) is type(ours) and (not isinstance(theirs, int) or 0 <= theirs <= LARGEST)


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a number that is no more than one can count to, if it is an integer."""
    return type(value) is float or (type(value) is int and abs(value) <= LARGEST)


def _is_alike(theirs: object, ours: Tensor) -> bool:
    """Whether a tensor has the shape and type of another, memory of its own, and numbers in it."""
    if not isinstance(theirs, Tensor) or type(theirs) is not Tensor or theirs.layout is not torch.strided:
        return False
    if (theirs.shape, theirs.dtype, theirs.device.type) != (ours.shape, ours.dtype, "cpu"):
        return False
    is_last = theirs.ndim == 4 and theirs.is_contiguous(memory_format=torch.channels_last)
    return (theirs.is_contiguous() or is_last) and bool(theirs.isfinite().all())
