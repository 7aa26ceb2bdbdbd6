"""Model files: weights with everything that reading a line needs.

A model file is safetensors: weights, and in its header the model section, the charset with its reading order, and what
is done to images and texts, so that it can be used without the document it came from. It is written under another name
and then renamed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from thulium.models.header import ANEW, FORMAT, Header, first_line, read_header, refuse_unread
from thulium.models.wrappers import HTRModel
from thulium.runtime.errors import CheckpointError, visible
from thulium.runtime.files import replace_bytes

FLOATS, INTEGERS = ("F64", "F32", "F16", "BF16"), ("I64",)  # types of weights, as safetensors calls them


def save_model(
    model: HTRModel, path: Path, facts: Mapping[str, Any] | None = None, *, in_16_bits: bool = False
) -> None:
    """Write a model file, whole or not at all.

    Args:
        model: its weights are copied to the CPU.
        path: should end in .safetensors.
        facts: JSON values to keep in the header, such as epoch and metrics.
        in_16_bits: see ``packed``.

    Raises:
        CheckpointError: a weight is too large for 16 bits.
    """
    replace_bytes(path, packed(model, facts or {}, in_16_bits=in_16_bits))


def packed(model: HTRModel, facts: Mapping[str, Any], *, in_16_bits: bool = False) -> bytes:
    """A model file as bytes; ``model.calibration`` and ``model.own_lines`` stand in it if they are there.

    Args:
        in_16_bits: write matrices and filters as float16, which halves the file; whoever loads it computes in 32 bits
            all the same. Vectors keep their bits: they are few, and a variance may be too small for 16.

    Raises:
        CheckpointError: a weight is too large for 16 bits.
    """
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    if in_16_bits:
        weights = {name: _in_16_bits(name, tensor) for name, tensor in weights.items()}
    header = {
        "format": FORMAT,
        "model": asdict(model.spec),
        "preprocessing": asdict(model.preprocessing),
        "charset": list(model.charset.symbols),
        "order": model.charset.order,
        "text": asdict(model.text),
        "facts": dict(facts),
    }
    if model.calibration is not None:
        header["calibration"] = model.calibration.written()
    if model.own_lines is not None:
        header["own_lines"] = model.own_lines.written()
    header["sha256"] = _digest(header, weights)
    return save(weights, {"thulium": json.dumps(header, sort_keys=True)})  # one entry: several have no fixed order


def _in_16_bits(name: str, tensor: Tensor) -> Tensor:
    """A weight in 16 bits, if it is a matrix or has more dimensions."""
    if tensor.dim() < 2 or not tensor.is_floating_point():
        return tensor
    small = tensor.half()
    if not small.isfinite().all():
        raise CheckpointError(f"{name} has weights beyond what 16 bits hold (65504): keep the file with 32 bits")
    return small


def _digest(header: Mapping[str, Any], weights: Mapping[str, Tensor]) -> str:
    described = {name: value for name, value in header.items() if name != "sha256"}
    digest = hashlib.sha256(json.dumps(described, sort_keys=True).encode())
    for name in sorted(weights):
        digest.update(f"{name} {weights[name].dtype} {tuple(weights[name].shape)}".encode())
        digest.update(weights[name].reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def load_model(path: Path, *, must_read: bool = True) -> tuple[HTRModel, dict[str, Any]]:
    """A model and the facts kept with it.

    Args:
        must_read: whether a model that was only pretrained is refused.

    Raises:
        CheckpointError: the file is missing, damaged, or not a model file of Thulium's.
    """
    header = read_header(path)
    if must_read:
        refuse_unread(path, header)
    parts = (header.spec, header.charset, header.preprocessing, header.text)
    with torch.device("meta"):  # shapes without memory: a file decides how large they are
        check_shapes(HTRModel(*parts), path)
    model = HTRModel(*parts)
    load_weights(model, path, header)
    return model.eval(), header.facts


def check_shapes(model: HTRModel, path: Path) -> None:
    """Refuse a file whose weights are not those of a model. No weight is read for that."""
    wanted = {name: (tuple(tensor.shape), tensor.is_floating_point()) for name, tensor in model.state_dict().items()}
    try:
        with safe_open(path, framework="pt") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
            found = {name: (tuple(part.get_shape()), part.get_dtype()) for name, part in slices.items()}
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: is damaged ({first_line(error)})") from error
    odd = [
        *(f"{name} is missing" for name in wanted if name not in found),
        *(f"{name} belongs to none of its parts" for name in found if name not in wanted),
        *(f"{name} {why}" for name in wanted if name in found and (why := _misfit(*wanted[name], *found[name]))),
    ]
    if odd:
        more = f", and {len(odd) - 1} more" if odd[1:] else ""
        raise CheckpointError(f"{path}: its weights do not fit the model ({visible(odd[0])}{more}): {ANEW}")


def _misfit(wanted: tuple[int, ...], is_float: bool, found: tuple[int, ...], kind: str) -> str:
    """In what a weight differs from what the model has there, in words."""
    if found != wanted:
        return f"has the shape {found}, not {wanted}"
    if kind not in (FLOATS if is_float else INTEGERS):
        return f"is of the type {kind}"
    return ""


def load_weights(model: HTRModel, path: Path, header: Header) -> None:
    """Put the weights of a file, and what was measured of them, into a model whose shapes are theirs."""
    try:
        with safe_open(path, framework="pt") as file:
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: is damaged ({first_line(error)})") from error
    if header.written["sha256"] != _digest(header.written, weights):
        raise CheckpointError(f"{path}: is damaged (its weights are not those that were saved)")
    if odd := next((name for name, tensor in weights.items() if not tensor.isfinite().all()), None):
        raise CheckpointError(f"{path}: holds weights that are no numbers ({odd}): train again")
    model.load_state_dict(weights)
    model.calibration, model.own_lines = header.calibration, header.own_lines
