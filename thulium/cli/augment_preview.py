"""``thulium augment-preview``: what the transforms of a document do to a line, as a picture."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from thulium.cli import engine
from thulium.cli.command import PATH, command, document
from thulium.cli.own_files import named, refuse_foreign
from thulium.cli.screen import echo
from thulium_dsl.messages.problems import ThuliumError

if TYPE_CHECKING:
    from PIL.Image import Image

    from thulium_dsl.grammar.spec import Experiment


MARK = "thulium augment-preview"  # stands in each picture that it writes


@command("augment-preview")
@document
@click.option("--output", type=PATH, metavar="FILE", default="augmentation.png", help="The picture to write.")
@click.option("--line", metavar="ID", help="The prepared training line to show.")
@click.option("--draws", type=click.IntRange(1, 20), metavar="N", default=4, help="Pictures of each transform.")
def augment_preview(file: Path, output: Path, line: str | None, draws: int) -> None:
    """Draw a line under each transform of a document. It is a prepared line, or a made-up one where there is none."""
    from thulium_dsl.grammar.validate import load

    refuse_foreign(output, MARK.encode(), "augment-preview")
    experiment, _ = load(file)
    preview = engine.load("augment-preview", "thulium.data.augmentation.preview")
    shown, source = _line(file, experiment, line)
    sheet = preview.sheet(shown, experiment.augmentation, experiment.training.seed, draws)
    _save(sheet, output)
    echo(f"wrote {output}: line {shown.id} of {source}")
    if not experiment.augmentation.enabled:
        echo("augmentation.enabled is false: training changes no line", err=True)


def _save(sheet: Image, output: Path) -> None:
    from PIL.PngImagePlugin import PngInfo

    from thulium.runtime.files import replace_bytes

    facts, png = PngInfo(), io.BytesIO()
    facts.add_text("Software", MARK)
    sheet.save(png, "PNG", pnginfo=facts)
    with named(output):
        output.parent.mkdir(parents=True, exist_ok=True)
        replace_bytes(output, png.getvalue())


def _line(file: Path, experiment: Experiment, line_id: str | None) -> tuple[Any, str]:
    """The line to show, and where it comes from: the data of the project, of a run without DVC, or made up."""
    from thulium.data.augmentation import preview
    from thulium_dsl.pipeline.graph import folds_of
    from thulium_dsl.pipeline.stages import prepared_folder

    for folder in (file.parent / prepared_folder(folds_of(experiment)), Path("runs") / file.stem / "prepared"):
        if (folder / "prepared.json").exists():
            return preview.prepared_line(folder, line_id), str(folder)
    if line_id is not None:
        raise ThuliumError(f"there are no prepared data to take line {line_id} from: run `thulium prepare` first")
    from thulium.ingest.specimen import synthetic_line

    made_up = synthetic_line(experiment.preprocessing, experiment.dataset.text, experiment.training.seed)
    return made_up, "made-up lines, since no data are prepared"
