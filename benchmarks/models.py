"""How large is each backbone and head, and how many lines does it learn from in a second of one core's time?

The engine's own step on one thread, lines of two widths, the other part the default's. Only the processor's time is
counted, since other processes may run.
"""

from __future__ import annotations

import os
import time
from dataclasses import replace

os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "100000")

import torch
from PIL import Image

from thulium.data.batch import Batch, collate
from thulium.data.charset import Charset
from thulium.models.backbones import resnet, vgg
from thulium.models.wrappers import HTRModel
from thulium.runtime import device as devices
from thulium.runtime.documents import defaults
from thulium.training.trainer import HTRTrainer
from thulium_dsl.grammar import schemas
from thulium_dsl.grammar.building import build
from thulium_dsl.grammar.spec import BackboneSpec, HeadSpec, ModelSpec

BATCH, WIDTHS, WARM_UP, STEPS = 4, (640, 1024), 2, 2


def main() -> None:
    devices.keep_memory()
    devices.set_threads(1)
    usual = defaults().model
    backbones = [("resnet", name) for name in resnet.SIZES] + [("vgg", name) for name in vgg.SIZES]
    for kind, name in backbones:
        _measure(name, replace(usual, backbone=build(BackboneSpec, {"type": kind, "config_name": name})))
    for kind, branch in schemas.branches(schemas.find("model.head")[0].schema).items():
        options = {key: part["default"] for key, part in branch["properties"].items() if part}
        _measure(kind, replace(usual, head=build(HeadSpec, {"type": kind, **options})))


def _measure(title: str, spec: ModelSpec) -> None:
    model = HTRModel(spec, Charset(tuple("abcdefghij ")), defaults().preprocessing)
    trainer = HTRTrainer(model, 1e-3, device="cpu", gradient_clip=1.0)
    model.train()
    batches = [_batch(width) for width in WIDTHS]
    for step in range(WARM_UP + STEPS):
        if step == WARM_UP:
            start = time.process_time()
        trainer._step(batches[step % len(batches)])
    seconds = time.process_time() - start
    print(f"{title:14} {model.num_parameters / 1e6:6.2f} M {BATCH * STEPS / seconds:6.1f} lines/s", flush=True)


def _batch(width: int) -> Batch:
    torch.manual_seed(width)
    return collate([Image.effect_noise((width, 64), 60)] * BATCH, ["abc def gh"] * BATCH, ["x"] * BATCH)


if __name__ == "__main__":
    main()
