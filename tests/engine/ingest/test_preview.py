"""The sheet of transforms, and the command that writes it."""

from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from thulium.cli.main import app
from thulium.data.augmentation import preview
from thulium.data.augmentation.augmenter import Augmenter
from thulium.ingest.specimen import synthetic_line
from thulium.runtime.documents import defaults
from thulium_dsl.messages.problems import ThuliumError


@pytest.fixture
def line(experiment):
    return synthetic_line(experiment.preprocessing, experiment.dataset.text, seed=3)


def holds(sheet, image):
    """Whether a picture stands somewhere in a sheet, pixel for pixel."""
    windows = np.lib.stride_tricks.sliding_window_view(np.asarray(sheet), (image.height, 1))[:, :, :, 0]
    first = (windows == np.asarray(image)[:, 0]).all(axis=2)
    corners = zip(*np.nonzero(first))
    return any(sheet.crop((x, y, x + image.width, y + image.height)).tobytes() == image.tobytes() for y, x in corners)


def test_the_sheet_holds_the_line_and_what_training_makes_of_it(line):
    augmentation = defaults().augmentation
    sheet = preview.sheet(line, augmentation, seed=7, draws=3)
    assert holds(sheet, line.image)
    for epoch in range(3):
        assert holds(sheet, Augmenter(augmentation, 7)(line.image, epoch, line.id, line.text))


def test_every_transform_has_its_row_and_its_draws(line):
    augmentation = defaults().augmentation
    rare = tuple(replace(spec, p=0.0) for spec in augmentation.transforms)
    sheet = preview.sheet(line, replace(augmentation, transforms=rare, enabled=False), seed=7, draws=2)
    for spec in augmentation.transforms:
        alone = Augmenter(replace(augmentation, transforms=(replace(spec, p=1.0),)), 7)
        for epoch in range(2):
            assert holds(sheet, alone(line.image, epoch, line.id))


def test_a_prepared_line_of_usual_shape_is_shown_or_the_one_that_is_named(prepared):
    shown = preview.prepared_line(prepared, None)
    assert 3 < shown.image.width / shown.image.height < 12
    assert preview.prepared_line(prepared, "train-00004").id == "train-00004"
    with pytest.raises(ThuliumError, match=r"no training line x9; the first is called train-00000"):
        preview.prepared_line(prepared, "x9")


def test_the_command_writes_a_picture(tmp_path, monkeypatch, prepared):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text("augmentation: {enabled: false}\n")
    run = CliRunner().invoke
    made_up = run(app, ["augment-preview", "--output", "sheets/a.png", "--draws", "1"])
    assert made_up.stdout == "wrote sheets/a.png: line train-00000 of made-up lines, since no data are prepared\n"
    assert "augmentation.enabled is false" in made_up.stderr
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "prepared").symlink_to(prepared)
    shown = run(app, ["augment-preview", "--line", "train-00002", "--draws", "1"])
    assert shown.stdout == "wrote augmentation.png: line train-00002 of data/prepared\n"
    assert Image.open("augmentation.png").height > 10 * 24
    (tmp_path / "data" / "prepared").unlink()
    assert "run `thulium prepare` first" in str(run(app, ["augment-preview", "--line", "x"]).exception)
