"""Commands on a GPU, as people run them; and what they say when it has too little memory, or fails."""

from __future__ import annotations

import json
import os
import sys

import pytest
import torch
from gpu.conftest import untrained

from thulium.data.batch import Batch
from thulium.runtime.errors import StepError
from thulium.training.trainer import HTRTrainer

TRAIN = ("thulium", "train", "config/train.yaml", "--output-dir", "runs/one")
SEEN = {"CUDA_VISIBLE_DEVICES": os.environ.get("CUDA_VISIBLE_DEVICES", ",".join(map(str, range(8))))}
# The caching allocator takes 2 MiB at the least, so that hardly anything fits.
STARVED = "import sys, torch; torch.cuda.set_per_process_memory_fraction({share}); sys.argv = {argv}\n"
MAIN = "from thulium.cli.main import main; main()"
BROKEN = """\
import torch
from thulium.runtime import faults
with faults.named("thulium train", "-"):
    torch.zeros(1, device="cuda")[torch.tensor([5], device="cuda")].cpu()
"""


def test_a_run_trains_on_the_gpu_that_is_named_and_is_judged(config, run, device) -> None:
    gpus = ("--gpus", "0") if device == "cuda" else ()
    said = run(*TRAIN, *gpus, cwd=config, **SEEN).stderr
    assert f" on {'cuda:0' if gpus else 'cpu'} (" in said
    assert "epoch 1/1" in said
    metrics = config / "runs" / "one" / "metrics.json"
    found = []
    for seen in (SEEN["CUDA_VISIBLE_DEVICES"], ""):
        run("thulium", "evaluate", *TRAIN[2:], cwd=config, CUDA_VISIBLE_DEVICES=seen)
        found.append(json.loads(metrics.read_text(encoding="utf-8"))["cer"])
    assert found[0] == pytest.approx(found[1], abs=0.02)


def test_a_gpu_that_is_not_there_is_named(config, run, on_gpu) -> None:
    done = run(*TRAIN, "--gpus", "63", cwd=config, code=2, **SEEN)
    assert 'resources.device: device "cuda:63": there are ' in done.stderr


def test_several_gpus_train_together(config, run, on_gpu) -> None:
    if torch.cuda.device_count() < 2:
        pytest.skip("there is one GPU here")
    said = run(*TRAIN, "--gpus", "0,1", cwd=config, **SEEN).stderr
    assert said.count("epoch 1/1") == 1


def test_a_gpu_without_room_ends_the_command_with_words(config, run, on_gpu) -> None:
    script = STARVED.format(share=1e-5, argv=list(TRAIN)) + MAIN
    said = run(sys.executable, "-c", script, cwd=config, code=2, **SEEN).stderr
    assert "too little memory" in said
    assert "Traceback" not in said


def test_a_step_without_room_says_which_and_what_to_do(experiment, data, device, on_gpu) -> None:
    trainer = HTRTrainer(untrained(experiment, data), 0.003, device=device)
    images = torch.full((256, 1, 32, 1024), 200, dtype=torch.uint8)
    names = tuple(str(number) for number in range(256))
    batch = Batch(images, torch.full((256,), 1000), ("a b",) * 256, names, step_lines=256)

    class Loader:
        accumulation, lines = 1, data.split("train")

        def set_epoch(self, epoch: int, start: int = 0) -> None: ...
        def __len__(self) -> int:
            return 1

        def __iter__(self):
            return iter((batch,))

    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + 2**26) / total)
    try:
        with pytest.raises(StepError, match=r"^epoch 1, step 1: the GPU has too little memory for 256 lines at once"):
            trainer.train_epoch(Loader(), 0)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
        torch.cuda.empty_cache()


def test_a_kernel_that_fails_is_called_so(run, tmp_path, on_gpu) -> None:
    said = run(sys.executable, "-c", BROKEN, cwd=tmp_path, code=1, **SEEN).stderr
    assert "DeviceError: thulium train: the GPU failed: CUDA error: device-side assert triggered" in said
