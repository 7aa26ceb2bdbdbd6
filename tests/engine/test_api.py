"""The Python API, as DESIGN section 8 writes it, in a folder with the documents of its section 9."""

import re

import lab
import pytest

from thulium.runtime.errors import DeviceError

SCRIPT = """\
from thulium.training import HTRTrainer, CheckpointManager
from thulium.models.wrappers import HTRModel
from thulium.data import create_dataloader

model = HTRModel.from_config("config/train.yaml")
train_loader = create_dataloader("data/train", batch_size=32)
val_loader = create_dataloader("data/val", batch_size=32)
trainer = HTRTrainer(model=model, lr=3e-4, device="cuda", mixed_precision=True)
for epoch in range(100):
    train_metrics = trainer.train_epoch(train_loader, epoch)
    val_metrics = trainer.validate(val_loader, epoch)      # has "val_cer"

manager = CheckpointManager(save_dir="checkpoints/", save_best=True, best_metric="val_cer")
manager.save(model, optimizer, scheduler, epoch, metrics)
manager.load_best(model, optimizer)
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = lab.write_config(tmp_path, small=False)
    monkeypatch.chdir(folder)
    return folder


def test_the_script_works_as_written(project):
    script = SCRIPT.replace("range(100)", "range(2)").replace('device="cuda"', 'device="auto"')
    # What the script leaves to its reader: which optimizer, scheduler and metrics are saved.
    names = "optimizer, scheduler, metrics = trainer.optimizer, trainer.scheduler, train_metrics | val_metrics\n"
    script = re.sub(r"(?m)^manager = ", names + "manager = ", script)
    scope: dict[str, object] = {}
    exec(compile(script, "script.py", "exec"), scope)
    assert set(scope["val_metrics"]) == {"val_loss", "val_cer", "val_wer", "val_line_accuracy", "val_reads"}
    assert {path.name for path in (project / "checkpoints").iterdir()} == {
        f"{name}.{ending}" for name in ("best", "last") for ending in ("safetensors", "optimizer.pt")
    }


def test_the_page_of_the_documentation_works_as_written(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(lab.write_config(tmp_path))
    page = (lab.CHECKOUT / "docs" / "python.md").read_text(encoding="utf-8")
    scope: dict[str, object] = {}
    for block in re.findall(r"(?s)```python\n(.*?)```", page):
        exec(compile(block.replace("range(100)", "range(1)"), "python.md", "exec"), scope)
    assert len(scope["texts"]) == sum(map(len, lab.TEXTS.values()))
    printed = capsys.readouterr().out.split()
    assert [name for name in printed if name.endswith(".png")] == ["000.png", "001.png", "002.png"]


def test_a_gpu_that_is_not_there_names_auto(project):
    with pytest.raises(DeviceError, match='use device "auto"'):
        exec(compile(SCRIPT, "script.py", "exec"), {})


def test_the_model_takes_its_alphabet_from_the_training_lines(project):
    from thulium.models.wrappers import HTRModel

    model = HTRModel.from_config("config/train.yaml")
    assert "".join(model.charset.symbols) == "".join(sorted(set("".join(lab.TEXTS["train"]))))
    assert (model.preprocessing.height, model.preprocessing.max_width) == (64, 512)
    assert model.spec.head.hidden_size == 256


def test_lines_of_a_folder_are_preprocessed_like_prepared_ones(project, experiment):
    from pathlib import Path

    from thulium.data.folder import FolderSplit
    from thulium.data.shards import Split
    from thulium.runtime.documents import defaults
    from thulium.stages.prepare import prepare

    prepare(
        dataset=defaults().dataset,
        preprocessing=experiment.preprocessing,
        resources=experiment.resources,
        out=Path("prepared"),
    )
    ready, folder = Split(Path("prepared/train")), FolderSplit(Path("data/train"), experiment.preprocessing)
    assert (ready.ids, ready.texts, ready.widths.tolist()) == (folder.ids, folder.texts, folder.widths)
    assert all(ready.image(i).tobytes() == folder.image(i).tobytes() for i in range(len(ready)))
