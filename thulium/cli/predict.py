"""``thulium predict``: what a model reads in images and pages that nobody has transcribed."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from thulium.cli import engine
from thulium.cli import output_folder as folders
from thulium.cli.command import PATH, argument, command
from thulium.cli.model_file import PARAMS, model_file, save_dir_in, text_of
from thulium.cli.screen import echo
from thulium_dsl.messages.problems import ThuliumError
from thulium_dsl.pipeline.stages import FOLDS, SEEDS

UP = 4  # folders above a model in which its document may lie: those of a seed's are seeds/1/checkpoints
BEAM_ONLY = ("beam_size", "language_model", "alpha", "beta")


@command()
@argument(
    "model",
    about="A model file; a project or a folder that has one; a git revision or a DVC experiment.  [required]",
)
@argument(
    "inputs",
    nargs=-1,
    required=True,
    metavar="INPUT...",
    about="Line images, PAGE or ALTO files, folders of them, or with labels.txt, prepared lines, tables.  [required]",
)
@click.option("--output-dir", type=PATH, metavar="DIR", help="Write into this folder, not on the screen.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["txt", "json", "csv", "page", "alto"]),
    show_default="txt; of pages, with --output-dir, their own XML",
    help="What is written.",
)
@click.option("--replace", is_flag=True, help="Write over the text of lines of pages that have one.")
@click.option("--alternative", is_flag=True, help="Put a second reading beside the text of PAGE lines that have one.")
@click.option("--decoding", type=click.Choice(["greedy", "beam"]), default="greedy", help="How the text is looked for.")
@click.option("--beam-size", type=click.IntRange(1, 1000), metavar="N", help="Texts that beam search keeps.")
@click.option("--language-model", metavar="FILE", help="For beam search, as `thulium lm` writes it, or none.")
@click.option("--alpha", type=float, metavar="X", help="How much the language model counts.")
@click.option("--beta", type=float, metavar="X", help="How much each character is worth beside it.")
@click.option("--alternatives", type=click.IntRange(1, 100), metavar="N", help="Also up to N other readings, in json.")
@click.option("--review", type=click.IntRange(1), metavar="N", help="Name the N lines most worth a look, on stderr.")
@click.option(
    "--positions",
    type=click.Choice(["word", "glyph"]),
    help="Also where words, or letters as well, stand: in PAGE and ALTO.",
)
@click.option("--device", metavar="NAME", default="auto", help="auto, cpu, cuda or cuda:N.")
@click.option("--no-straighten", is_flag=True, help="Cut lines of pages as for dataset.straighten: false.")
@click.option(
    "--on-error",
    type=click.Choice(["fail", "skip"]),
    default="fail",
    help="What to do about what cannot be read.",
)
def predict(model: str, inputs: tuple[str, ...], **options: Any) -> None:
    """Read lines that nobody has transcribed. The model file is all that is needed."""
    out: Path | None = options["output_dir"]
    _check(options)
    if not model or not all(inputs):
        raise ThuliumError("MODEL or an INPUT is an empty text, as of a variable that is not set: name it")
    with contextlib.ExitStack() as stack:
        path = stack.enter_context(model_file(model))
        if click.get_current_context().get_parameter_source("decoding") is ParameterSource.DEFAULT:
            _say_how_evaluate_reads(path)
        module = engine.load("predict", "thulium.stages.predict")
        if out is not None:
            stack.enter_context(folders.held(out))
        present = "replace" if options["replace"] else "alternative" if options["alternative"] else "keep"
        request = module.Request(
            given=tuple(map(Path, inputs)),
            out=out,
            format=options["format_"],
            present=present,
            skips=options["on_error"] == "skip",
            straighten=not options["no_straighten"],
            decoding=_decoding(options),
            device=options["device"],
            alternatives=options["alternatives"] or 0,
            review=options["review"] or 0,
            positions=options["positions"],
        )
        module.predict(model_file=path, request=request, write=lambda text: echo(text, nl=False))


def _check(options: dict[str, Any]) -> None:
    """Refuse options that do not go together."""
    out: Path | None = options["output_dir"]
    if out is None and options["format_"] in ("page", "alto"):
        raise ThuliumError(f"--format {options['format_']} writes a file for each page: add --output-dir DIR")
    if options["replace"] and options["alternative"]:
        raise ThuliumError("--replace and --alternative are two ways with one text: choose one")
    is_rows = options["format_"] in ("txt", "json", "csv") or out is None
    if is_rows and (options["replace"] or options["alternative"]):
        raise ThuliumError("--replace and --alternative are about texts in PAGE and ALTO: add --output-dir DIR")
    if options["alternatives"] and options["format_"] != "json":
        raise ThuliumError("--alternatives: only json has a place for several readings of a line: add --format json")
    if options["positions"]:
        _check_positions(options)
    if options["decoding"] != "beam" and any(options[name] is not None for name in BEAM_ONLY):
        named = ", ".join(f"--{name.replace('_', '-')}" for name in BEAM_ONLY if options[name] is not None)
        raise ThuliumError(f"{named}: for beam search only: add --decoding beam")
    if out is not None and (out / "dvc.yaml").exists():
        raise ThuliumError(f"{out} is a DVC project, whose files would be mixed up: name a folder of its own")


def _say_how_evaluate_reads(model: Path) -> None:
    """Say that lines are read greedily, where the document beside a model has ``evaluate`` ask a language model."""
    from thulium_dsl.text.document import parse

    document = next((folder / PARAMS for folder in model.absolute().parents[:UP] if (folder / PARAMS).is_file()), None)
    if document is None or not _is_trained_by(document, model.absolute()):
        return
    section = (parse(text_of(document)).tree or {}).get("evaluation")
    decoding = section.get("decoding") if isinstance(section, dict) else None
    if not isinstance(decoding, dict) or decoding.get("type") != "beam":
        return
    own = model.with_name("language_model.arpa.gz")
    do = f"add --decoding beam, which reads with {own}"
    if not own.is_file():
        do = f"for that, run `thulium lm {document} --output {own}` once, and add --decoding beam"
    echo(f"reading greedily; `thulium evaluate` reads as {document} says, by beam search\n  help: {do}", err=True)


def _is_trained_by(document: Path, model: Path) -> bool:
    """Whether a model lies where the training of a document writes it; others are below a project too, as a start."""
    folder, own = document.parent, Path(save_dir_in(text_of(document)))
    below = model.parent.relative_to(folder)
    if below.parts[:1] in ((SEEDS,), (FOLDS,)):
        below = Path(*below.parts[2:])
    return below == own


def _check_positions(options: dict[str, Any]) -> None:
    """Refuse positions where they have no place."""
    chosen = options["format_"]
    if chosen == "json":
        raise ThuliumError("--positions: json has the start and end of each character already: leave it out")
    if chosen in ("txt", "csv"):
        raise ThuliumError(
            f"--positions: {chosen} has no place for them: choose --format page or alto, or json without it"
        )
    if options["output_dir"] is None:
        raise ThuliumError("--positions is about words in PAGE and ALTO: add --output-dir DIR")
    if options["alternative"]:
        raise ThuliumError(
            "--positions: a second reading beside another has no words of its own: leave out --alternative"
        )


def _decoding(options: dict[str, Any]) -> dict[str, Any]:
    """``evaluation.decoding`` with the keys that were given."""
    if options["decoding"] != "beam":
        return {"type": "greedy"}
    return {"type": "beam", **{name: options[name] for name in BEAM_ONLY if options[name] is not None}}
