"""The command line: parse, call, print. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import errno
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from thulium.cli import augment_preview, clean, group, init, lm, plan, show, stages, upgrade, validate
from thulium.cli.screen import echo
from thulium_dsl.messages.problems import ThuliumError


class Commands(TyperGroup):
    """The commands; an interrupted one says so, and ends with the code that shells use for it."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            echo("interrupted", err=True)
            raise typer.Exit(130) from None


app = typer.Typer(
    cls=Commands,
    help="Thulium: handwritten text recognition experiments as one validated text, run by DVC.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

# A file system that does not let us: no permission, read-only, full, a file where a folder should be.
MENDABLE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR, errno.EEXIST}

Document = Annotated[Path, typer.Argument(help="The document.", metavar="[FILE]", show_default="params.yaml")]


def main() -> None:
    """Run the command line. What the user can mend ends with a message and exit code 2, without a traceback."""
    try:
        app()
    except ThuliumError as error:
        if group.is_member():
            group.report(error)
        echo(str(error), err=True)
        sys.exit(2)
    except OSError as error:
        if error.errno not in MENDABLE:
            raise
        if group.is_member():
            group.report(error)
        echo(f"{error.filename or 'the disk'}: {error.strerror}", err=True)
        sys.exit(2)


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        import thulium

        echo(f"thulium {thulium.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    pass


validate.add_to(app)


@app.command()
def fill(file: Document = Path("params.yaml")) -> None:
    """Write every default that a document leaves out into its text."""
    added = _fill(file)
    echo(_say_added(file, added) if added else f"{file} is complete")


@app.command("compile")
def compile_(
    file: Document = Path("params.yaml"),
    check: Annotated[bool, typer.Option("--check", help="Change nothing; exit 2 if something is out of date.")] = False,
) -> None:
    """Complete params.yaml and write the dvc.yaml that it stands for."""
    from thulium_dsl.grammar import include as compose
    from thulium_dsl.grammar.idle import idle_in
    from thulium_dsl.grammar.validate import load
    from thulium_dsl.pipeline import dvc_yaml, graph

    root = graph.root_of(file)
    compose.refuse_includes(file)
    if check:
        _check(file, root)
        return
    added = _fill(file)
    if added:
        echo(_say_added(file, added))
    loaded = load(file)
    compiled = dvc_yaml.write(root, loaded.experiment, idle_in(loaded.document.tree))
    path = root / dvc_yaml.NAME
    echo(f"wrote {path}" if compiled.is_new else f"{path} is up to date")
    if compiled.is_new and compiled.kept:
        echo(f"kept what is not Thulium's: {', '.join(compiled.kept)}")
    if compiled.lost:
        echo(f"gone from Thulium's stages: {', '.join(compiled.lost)}", err=True)
    validate.say_remarks(file, loaded)


@app.command()
def explain(
    key: Annotated[str | None, typer.Argument(help="A key, such as training.lr.", show_default=False)] = None,
) -> None:
    """Say what a key means, what it may be, and which stages run again when it changes."""
    from thulium_dsl.manual.explain import explain as explained

    echo(explained(key))


def _check(file: Path, root: Path) -> None:
    """Refuse a project whose document is not complete or whose dvc.yaml is not what the document compiles to."""
    from thulium_dsl.grammar.validate import load
    from thulium_dsl.pipeline import dvc_yaml, project

    project.refuse_stale(root, load(file))
    echo(f"{file} and {root / dvc_yaml.NAME} are up to date")


def _fill(file: Path) -> tuple[str, ...]:
    """Complete a file in place, all or nothing; the keys that were added."""
    from thulium.runtime.files import replace_text
    from thulium_dsl.edit.fill import fill as filled
    from thulium_dsl.grammar.include import read

    result = filled(read(file))
    if result.added:
        replace_text(file.resolve(), result.text)  # a link stays a link
    return result.added


def _say_added(file: Path, added: tuple[str, ...]) -> str:
    return f"added to {file}: {', '.join(added)}"


show.add_to(app)
plan.add_to(app)
upgrade.add_to(app)
init.add_to(app)
clean.add_to(app)
stages.add_to(app)
lm.add_to(app)
augment_preview.add_to(app)


if __name__ == "__main__":
    main()
