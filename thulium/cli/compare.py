"""``thulium compare``: whether one model reads better than another, or only happens to."""

from __future__ import annotations

from pathlib import Path

import click

from thulium.cli import engine
from thulium.cli.command import PATH, argument, command
from thulium.cli.model_file import project_root
from thulium.cli.outcomes import outcomes
from thulium.cli.own_files import named, refuse_foreign
from thulium.cli.screen import echo
from thulium_dsl.messages.problems import ThuliumError

MARK = b": a comparison</title>"


@command()
@argument(
    "given",
    nargs=-1,
    metavar="[A [B ...]]",
    about="Git revisions, DVC experiments, folders with a predictions.csv, such tables, or `workspace`.  "
    "[default: HEAD and the workspace]",
)
@click.option("--common", is_flag=True, help="Compare on the lines that are the same in all, and count the others.")
@click.option(
    "--unit",
    type=click.Choice(["document", "page", "line"]),
    show_default="pages, where they are known",
    help="What is taken to be independent.",
)
@click.option("--html", type=PATH, metavar="FILE", help="Write a page with the lines that got better and worse.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--md", "as_markdown", is_flag=True, help="Print Markdown, as for a pull request.")
def compare(
    given: tuple[str, ...], common: bool, unit: str | None, html: Path | None, as_json: bool, as_markdown: bool
) -> None:
    """Say which of several models reads better."""
    from thulium_dsl.pipeline.stages import PREPARED

    if as_json and as_markdown:
        raise ThuliumError("--json and --md are two forms of one output: choose one")
    if html:
        refuse_foreign(html, MARK, "compare", "--html")
    with outcomes(given) as found:
        stage = engine.load("compare", "thulium.stages.compare")
        given_to = [stage.Given(*each) for each in found]
        if any(each.seeds for each in given_to):
            _refuse_page(html)
            stage = engine.load("compare", "thulium.stages.compare_seeds")
        done = stage.compare(given_to, common=common, unit=unit, project=project_root())
        form = stage.as_json if as_json else stage.as_markdown if as_markdown else stage.as_text
        echo(form(done), nl=False)
        if html:
            with named(html, "--html"):
                said = stage.write_html(done, html, Path(PREPARED))
            if said:
                echo(said, err=True)
            echo(f"wrote {html}", err=True)


def _refuse_page(html: Path | None) -> None:
    if html:
        raise ThuliumError(
            "--html shows the lines of two models, and there are several seeds: name the folders of two, such as "
            "seeds/1 and seeds/2"
        )
