"""``thulium score``: what any program read, counted as ``thulium evaluate`` counts."""

from __future__ import annotations

from pathlib import Path

import click

from thulium.cli import engine
from thulium.cli.command import PATH, argument, command
from thulium.cli.own_files import named, refuse_foreign
from thulium.cli.screen import echo
from thulium_dsl.messages.problems import ThuliumError

MARK = b"id,page,transcription,prediction,edits,characters\n"  # evaluate's own table has more columns


@command()
@argument("reference", type=PATH, about="What is written there; see below.  [required]")
@argument("hypothesis", type=PATH, about="What was read; see below.  [required]")
@click.option("--relax", metavar="NAME,NAME", help="Declare what is to be passed over, by the names in the table.")
@click.option("--common", is_flag=True, help="Leave out lines that only one of them has, and count them.")
@click.option("--unread-is-empty", is_flag=True, help="Count lines that nothing was read of as read as nothing.")
@click.option("--output", type=PATH, metavar="FILE", help="Write the lines as a table for `thulium compare`.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--md", "as_markdown", is_flag=True, help="Print Markdown.")
def score(
    reference: Path,
    hypothesis: Path,
    relax: str | None,
    common: bool,
    unread_is_empty: bool,
    output: Path | None,
    as_json: bool,
    as_markdown: bool,
) -> None:
    """Count the errors in what any program read.

    That may be kraken, Transkribus, eScriptorium, Tesseract or a language model.

    REFERENCE and HYPOTHESIS are tables (a name and a text in each row), JSON or JSON Lines, a text file, a folder of
    text files, labels.txt, prepared lines, or PAGE or ALTO files.
    """
    if as_json and as_markdown:
        raise ThuliumError("--json and --md are two forms of one output: choose one")
    if common and unread_is_empty:
        raise ThuliumError("--common leaves lines out that --unread-is-empty counts: choose one")
    if output:
        if output.resolve() in (reference.resolve(), hypothesis.resolve()):
            raise ThuliumError(f"--output {output}: is what is scored, and would be replaced: name another file")
        refuse_foreign(output, MARK, "score")
    stage = engine.load("score", "thulium.stages.score")
    declared = _declared(relax)
    found = stage.score_texts(
        reference=reference, hypothesis=hypothesis, declared=declared, common=common, unread_is_empty=unread_is_empty
    )
    form = stage.as_json if as_json else stage.as_markdown if as_markdown else stage.as_text
    echo(form(found), nl=False)
    if output:
        with named(output):
            stage.write_results(found, output)
        echo(f"wrote {output}", err=True)


def _declared(relax: str | None) -> list[str]:
    from thulium.evaluation.relaxed import RELAXATIONS, unknown

    names = [name.strip() for name in (relax or "").split(",") if name.strip()]
    if wrong := unknown(names):
        raise ThuliumError(f"--relax {', '.join(wrong)}: is no relaxation; there are {', '.join(RELAXATIONS)}")
    return names
