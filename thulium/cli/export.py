"""``thulium export``: a model in the format of another program."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from thulium.cli import engine
from thulium.cli.command import PATH, argument, command
from thulium.cli.model_file import model_file
from thulium.cli.own_files import named, refuse_foreign
from thulium.cli.screen import echo

if TYPE_CHECKING:
    from thulium.stages.export import Exported
    from thulium.stages.exporting.comparing import Read

MARK = b"thulium export"  # stands in the head of each file that it writes


@command()
@argument(
    "model",
    about="A model file; a project or a folder that has one; a git revision or a DVC experiment.  [required]",
)
@click.option("--format", "format_", type=click.Choice(["onnx"]), default="onnx", help="What to write.")
@click.option(
    "--output", type=PATH, metavar="FILE", show_default="the model's name with .onnx, here", help="Where to write it."
)
@click.option(
    "--quantize",
    type=click.Choice(["int8"]),
    help="Write a second file whose sequence model is in 8 bits: smaller, faster, and not quite the same.",
)
@click.option(
    "--check",
    "check_on",
    type=PATH,
    metavar="LINES",
    show_default="validation lines near by",
    help="Compare on these lines: prepared ones, a folder that has them, or a folder of line images.",
)
def export(model: str, format_: str, output: Path | None, quantize: str | None, check_on: Path | None) -> None:
    """Write a model for ONNX Runtime. It is written only if that reads what PyTorch reads."""
    with model_file(model) as path:
        target = output or Path(f"{_stem(model, path)}.{format_}")
        small = target.with_name(f"{target.stem}.{quantize}{target.suffix}") if quantize else None
        for file in (target, small):
            if file:
                refuse_foreign(file, MARK, "export")
        stage = engine.load("export", "thulium.stages.export")
        near = _folders_near(model, path)
        with named(target):
            done = stage.export_onnx(model_file=path, output=target, int8_output=small, check_on=check_on, near=near)
        _say(done)


def _stem(model: str, path: Path) -> str:
    """What a file made of a model is called: as the model's, or by its name in the zoo, where all files are alike."""
    from thulium_dsl.grammar import names

    name = names.parse(model)
    return name.of if name and name.scheme == "zoo" else path.stem


def _folders_near(model: str, path: Path) -> list[Path]:
    """Where prepared lines of a model may lie: beside it or its folder, or in the project that is here."""
    from thulium_dsl.pipeline.stages import FOLDS, PREPARED, prepared_folder

    is_here = Path(model).exists()  # and no copy out of another revision
    tops = (*((path.parent, path.parent.parent) if is_here else ()), Path())
    of_fold = [
        Path(prepared_folder(1, int(top.name))) for top in tops if top.parent.name == FOLDS and top.name.isdigit()
    ]
    return [*of_fold, *(top / name for top in tops for name in ("prepared", PREPARED))]


def _say(done: Exported) -> None:
    reference, lines = done.read["PyTorch"], done.lines
    num_lines = len(reference.results)
    echo(f"compared on {_count(num_lines, lines.kind)} {lines.origin}")
    for name, read in done.read.items():
        pace = f"{read.seconds:.1f} s, {num_lines / read.seconds:.0f} lines/s on {_count(done.threads, 'thread')}"
        cer = f"; CER {read.cer:.2%}" if lines.has_texts else ""
        echo(
            f"PyTorch: {pace}{cer}"
            if read is reference
            else f"ONNX Runtime, {name}: {pace}{cer}; {_off(read, reference)}"
        )
    if "int8" in done.read and lines.has_texts:
        change = round(100 * (done.read["int8"].cer - reference.cer), 2) + 0.0  # no -0.00
        echo(f"8 bits change the CER by {change:+.2f} points")
    for path, size in done.sizes.items():
        echo(f"wrote {path}: {size / 1e6:.1f} MB")


def _off(read: Read, reference: Read) -> str:
    differing = len(reference.differing(read))
    texts = f"{_count(differing, 'text')} differ{'s' if differing == 1 else ''}"
    return f"{texts}, log-probabilities by up to {read.deviation:.1g}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
