"""What the loss of some lines is: nats by symbols, both of the same lines."""

from dataclasses import replace

import lab
import pytest
import torch
from PIL import Image

from thulium.data.batch import collate
from thulium.data.charset import Charset
from thulium.data.loader import create_dataloader
from thulium.evaluation.recognise import judge, merge
from thulium.models.recogniser import Recogniser
from thulium.models.wrappers import HTRModel
from thulium.runtime import device as devices
from thulium.runtime.world import ALONE
from thulium.training.losses import Losses
from thulium.training.trainer import HTRTrainer

TEXTS = ("a hen", "two barns", "Jan 27")
DENSE = "i" * 40  # more than the model has frames for on the image below


@pytest.fixture
def model(experiment):
    torch.manual_seed(1)
    return HTRModel(experiment.model, Charset.from_texts([*TEXTS, DENSE]), experiment.preprocessing)


@pytest.fixture
def folder(tmp_path):
    """Lines that fit, and, as the last one, a text that does not fit its image."""
    folder = lab.write_lines_folder(tmp_path / "lines", [*TEXTS, "i"])
    labels = folder / "labels.txt"
    labels.write_text(labels.read_text().replace("003.png i\n", f"003.png {DENSE}\n"))
    return folder


def read(model, folder, experiment, batch_size=2):
    loader = create_dataloader(folder, batch_size=batch_size, shuffle=False, preprocessing=experiment.preprocessing)
    return judge(Recogniser(model.eval(), devices.choose("cpu", mixed_precision=False)), loader)


def test_an_unreadable_line_does_not_move_the_loss(model, folder, experiment, tmp_path):
    without = lab.write_lines_folder(tmp_path / "without", TEXTS)
    fine, spoilt = read(model, without, experiment), read(model, folder, experiment)
    assert spoilt.num_symbols == fine.num_symbols == sum(map(len, TEXTS))
    assert spoilt.loss == pytest.approx(fine.loss, rel=1e-4)
    assert (fine.unfit, spoilt.unfit) == ((), ("003.png",))
    assert len(spoilt.results) == 4  # it is read all the same, and its errors count


def test_lines_that_do_not_fit_are_named_over_all_processes(model, folder, experiment):
    reading = read(model, folder, experiment)
    assert merge([reading, replace(reading, unfit=("001.png",))]).unfit == ("001.png", "003.png")


def test_a_training_step_divides_by_the_symbols_that_it_learns_from(model, folder, experiment):
    trainer = HTRTrainer(model, 1e-9, device="cpu", mixed_precision=False)
    loader = create_dataloader(folder, batch_size=4, preprocessing=experiment.preprocessing)
    assert trainer.train_epoch(loader, 0)["train_loss"] > 0
    assert trainer.state_dict()["losses"]["symbols"] == sum(map(len, TEXTS))


def test_a_line_fits_if_its_symbols_and_the_blanks_between_equal_ones_do(model):
    stride = model.backbone.stride
    images = [Image.new("L", (width * stride, model.preprocessing.height), 255) for width in (5, 5, 6)]
    batch = collate(images, ["a hen", "a nni", "a nni"], ["1", "2", "3"])
    assert model.fits(batch).tolist() == [True, False, True]


def test_the_loss_of_an_epoch_is_summed_first_and_divided_last():
    losses = Losses(0, ALONE)
    for nats_a_symbol, num_symbols in ((1.0, 10), (3.0, 30)):
        losses.add(torch.tensor(nats_a_symbol), num_symbols, ())
    assert losses.mean() == 2.5
    again = Losses(**losses.state_dict(), world=ALONE)
    again.add(torch.tensor(5.0), 60, ())
    assert again.mean() == 4.0


def test_a_text_is_encoded_once_in_a_step_and_once_where_it_is_judged(model, folder, experiment, monkeypatch):
    encoded, encode = [], Charset.encode
    monkeypatch.setattr(Charset, "encode", lambda charset, text: encoded.append(text) or encode(charset, text))
    trainer = HTRTrainer(model, 1e-9, device="cpu", mixed_precision=False)
    loader = create_dataloader(folder, batch_size=2, preprocessing=experiment.preprocessing)
    trainer.train_epoch(loader, 0)
    assert len(encoded) == len(loader.lines)
    trainer.validate(loader, 0)
    assert len(encoded) == 2 * len(loader.lines)
