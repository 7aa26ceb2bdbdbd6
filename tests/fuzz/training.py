"""What a training writes: model files, the state of their optimizer, and states to resume from."""

from __future__ import annotations

import hashlib
import io
import json
import random
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from safetensors.torch import load, save

from fuzz import changes
from fuzz.kind import Kind, pick
from thulium.data.batch import collate
from thulium.data.charset import Charset
from thulium.decoding.ctc.greedy import best_path
from thulium.decoding.hypothesis import texts
from thulium.models import file
from thulium.models.backbones import resnet
from thulium.models.wrappers import HTRModel
from thulium.runtime.documents import defaults
from thulium.runtime.errors import CheckpointError
from thulium.runtime.world import ALONE
from thulium.training import checkpoints
from thulium.training.early_stopping import EarlyStopping
from thulium.training.history import COLUMNS, History
from thulium.training.losses import Losses
from thulium.training.resume import ResumeFolder
from thulium.training.run import Run
from thulium.training.schedule import build as build_schedule
from thulium.training.trainer import HTRTrainer
from thulium_dsl.grammar.validate import experiment_of
from thulium_dsl.text.document import parse

HEADS = {
    "bilstm": "{type: bilstm, hidden_size: 4, num_layers: 1}",
    "transformer": "{type: transformer, hidden_size: 8, num_layers: 1, num_heads: 2, feedforward_size: 8}",
    "none": "{type: none}",
}
SYMBOLS = tuple("abcdé ")
resnet.SIZES["resnet_tiny"] = resnet.Size((2, 3, 4, 5), (1, 1, 1, 1))  # names and kinds of weights count here


@lru_cache
def _spec(head: str) -> Any:
    return experiment_of(
        parse(f"model: {{backbone: {{type: resnet, config_name: resnet_tiny}}, head: {HEADS[head]}}}")
    ).model


def _model(head: str) -> HTRModel:
    torch.manual_seed(1)
    return HTRModel(_spec(head), Charset(SYMBOLS), replace(defaults().preprocessing, height=16))


def _write_models(folder: Path) -> None:
    for head in HEADS:
        model = _model(head)
        facts = {"epoch": 3, "metrics": {"val_cer": 0.5}, "settings": {"training": {"seed": 1}, "augmentation": {}}}
        file.save_model(model, folder / f"{head}.safetensors", facts)


def _change_models(folder: Path, rng: random.Random) -> Mapping[str, bytes]:
    path = pick(folder, rng, "*.safetensors")
    content, choice = path.read_bytes(), rng.randrange(10)
    if choice < 5:
        changed = _retold(content, rng)
    elif choice < 7:
        changed = _reheaded(content, rng)
    elif choice < 9:
        length = struct.unpack_from("<Q", content)[0]
        changed = changes.of_bytes(content, rng, reach=rng.choice([16, length]))
    else:
        changed = changes.of_bytes(content, rng)
    return {"best.safetensors": changed}


def _retold(content: bytes, rng: random.Random) -> bytes:
    """Another header or other weights, and the digest that belongs to them."""
    size = struct.unpack_from("<Q", content)[0]
    header = json.loads(json.loads(content[8 : 8 + size])["__metadata__"]["thulium"])
    weights = load(content)
    if rng.random() < 0.75:
        header = changes.of_tree(header, rng)
    else:
        _change_weights(weights, rng)
    try:
        if rng.random() < 0.95 and isinstance(header, dict):
            header["sha256"] = file._digest(header, weights)
        return save(weights, {"thulium": json.dumps(header, sort_keys=True)})
    except (ValueError, TypeError, UnicodeError):  # no file holds that
        return save(weights, {"thulium": "[" * 100_000})


def _change_weights(weights: dict[str, torch.Tensor], rng: random.Random) -> None:
    name = rng.choice(sorted(weights))
    old, choice = weights[name], rng.randrange(7)
    if choice == 0:
        del weights[name]
    elif choice == 1:
        weights[f"{name}.more"] = old.clone()
    elif choice == 2 and old.is_floating_point():
        old.view(-1)[rng.randrange(old.numel())] = rng.choice([float("nan"), float("inf"), 1e38])
    elif choice == 3:
        weights[name] = old.to(rng.choice([torch.float16, torch.float64, torch.int8, torch.bool, torch.bfloat16]))
    elif choice == 4:
        weights[name] = old.reshape(-1).clone()
    elif choice == 5:
        weights[name] = torch.zeros(0)
    else:
        weights[rng.choice(sorted(weights))] = old.clone()


def _reheaded(content: bytes, rng: random.Random) -> bytes:
    """Another header of safetensors' own, of the right length: shapes, types and places of weights."""
    size = struct.unpack_from("<Q", content)[0]
    header = changes.of_tree(json.loads(content[8 : 8 + size]), rng)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + content[8 + size :]


def _read_model(folder: Path, _number: int) -> None:
    model, _ = file.load_model(folder / "best.safetensors")
    images = torch.full((2, 1, model.preprocessing.height, 40), 200, dtype=torch.uint8)
    with torch.inference_mode():
        output = model(images, torch.tensor([40, 20]))
    texts(best_path, output.logits, output.frames, model.charset)
    checkpoints.CheckpointManager(folder)


@lru_cache
def _run() -> Run:
    """A training as one that goes on would set it up."""
    experiment = defaults()
    trainer = HTRTrainer(
        _model("bilstm"),
        optimizer=lambda module: torch.optim.AdamW(module.parameters(), lr=0.01),
        scheduler=lambda optimizer: build_schedule(
            optimizer, experiment.training.scheduler, epochs=10, steps_per_epoch=2
        ),
        device="cpu",
        mixed_precision=False,
        ema_decay=0.5,
    )
    manager = checkpoints.CheckpointManager("checkpoints", is_new=True)
    return Run(trainer, manager, EarlyStopping(experiment.early_stopping), History(Path("history.csv")))


def _step(run: Run) -> None:
    trainer = run.trainer
    lines = [Image.effect_noise((24, 16), 50) for _ in range(2)]
    batch = collate(lines, ("ab", "c"), ("1", "2"))
    trainer.model.train()
    trainer._step([batch])


def _write_states(folder: Path) -> None:
    torch.manual_seed(1)
    run = _run()
    kept = ResumeFolder(folder / "training", {})
    checkpoint = folder / "last.safetensors"
    file.save_model(run.trainer.model, checkpoint, {"epoch": 1, "metrics": {}})
    for epoch in range(2):
        _step(run)
        run.history.add(epoch, dict.fromkeys(COLUMNS[1:], 0.5))
        run.epochs = epoch
        run.trainer._losses = Losses(epoch, ALONE, steps=1, nats=2.5, symbols=1)
        run.stopping.should_stop({"val_cer": 0.5, "val_loss": 1.0, "val_reads": 1.0})
        kept.save(run.state_dict(), {checkpoint.name: checkpoint})


NEW = (
    *changes.LEAVES,
    *(2.5, b"x", {1: 2}, -5, (1, 2), torch.float16),
    *(torch.zeros(3), torch.zeros(()), torch.tensor([float("nan")]), torch.zeros(2, 2, dtype=torch.int8)),
    *(torch.empty(0), torch.ones(1).expand(4), torch.eye(2).to_sparse()),
)


@lru_cache
def _loaded(content: bytes) -> Any:
    return torch.load(io.BytesIO(content), weights_only=True)


def _change_states(folder: Path, rng: random.Random) -> Mapping[str, bytes]:
    path = pick(folder, rng, "training/*.state")
    content, choice = path.read_bytes().partition(b"\n")[2], rng.randrange(10)
    if choice < 6:
        buffer = io.BytesIO()
        state = changes.of_tree(_loaded(content), rng, NEW)
        try:
            torch.save(state, buffer)
        except (OverflowError, ValueError, UnicodeError):  # no pickle holds that
            torch.save({"files": {}}, buffer)
        content = buffer.getvalue()
    elif choice < 8:
        content = _repickled(content, rng)
    else:
        content = changes.of_bytes(content, rng, reach=rng.choice([None, 2000]))
    seal = hashlib.sha256(content if rng.random() < 0.95 else b"").hexdigest().encode()
    return {path.relative_to(folder).as_posix(): seal + b"\n" + content}


def _repickled(content: bytes, rng: random.Random) -> bytes:
    """The same archive with other bytes in one of its parts, each whole by its check sum; now and then, packed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w") as new:
        wanted = rng.choice([name for name in old.namelist() if rng.random() < 0.1 or name.endswith("data.pkl")])
        for part in old.infolist():
            data = old.read(part)
            if part.filename == wanted:
                data = changes.of_bytes(data, rng) if rng.random() < 0.97 else b"\x00" * 20_000_000
            packing = zipfile.ZIP_STORED if len(data) < 10_000_000 else zipfile.ZIP_DEFLATED
            new.writestr(part.filename, data, packing)
    return buffer.getvalue()


def _read_states(folder: Path, _number: int) -> None:
    run, kept = _run(), ResumeFolder(folder / "training", {})
    newest = max((folder / "training").glob("*.state"))
    state = kept.load(run.misfit)
    if state is not None:
        kept.restore(state, folder / "checkpoints")
        run.load_state_dict(state)
        _step(run)
        assert run.place
    if not newest.exists():
        raise CheckpointError("left out, as it was said")


def _write_optimizer(folder: Path) -> None:
    model = _model("none")
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    manager = checkpoints.CheckpointManager(folder)
    manager.save(model, optimizer, None, 0, {"val_cer": 0.5})


def _change_optimizer(folder: Path, rng: random.Random) -> Mapping[str, bytes]:
    content = (folder / "best.optimizer.pt").read_bytes()
    if rng.random() < 0.6:
        buffer = io.BytesIO()
        torch.save(changes.of_tree(_loaded(content), rng, NEW), buffer)
        content = buffer.getvalue()
    else:
        content = rng.choice([_repickled, changes.of_bytes])(content, rng)
    return {"best.optimizer.pt": content}


def _read_optimizer(folder: Path, _number: int) -> None:
    model = _model("none")
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    checkpoints.CheckpointManager(folder).load_best(model, optimizer)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()


KINDS = (
    Kind(name="models", make=_write_models, change=_change_models, read=_read_model),
    Kind(name="states", make=_write_states, change=_change_states, read=_read_states),
    Kind(name="optimizers", make=_write_optimizer, change=_change_optimizer, read=_read_optimizer),
)
