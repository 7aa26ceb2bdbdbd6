"""The command line: parse, call, print. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

from thulium.cli import interrupt

with interrupt.at_once():
    import errno
    import os
    import sys
    from pathlib import Path
    from typing import Any

    import click

    from thulium.cli import (
        augment_preview,
        clean,
        compare,
        curve,
        engine,
        export,
        fetch,
        group,
        init,
        lm,
        plan,
        pool,
        predict,
        pretrain,
        publish,
        score,
        show,
        stages,
        summarize,
        upgrade,
        validate,
    )
    from thulium.cli.command import Group, argument, command, document
    from thulium.cli.screen import echo
    from thulium_dsl.messages.problems import ThuliumError


class Commands(Group):
    """The commands; an interrupted one says so, and ends with the code that shells use for it."""

    def make_context(self, *args: Any, **more: Any) -> click.Context:
        try:
            return super().make_context(*args, **more)
        except KeyboardInterrupt:
            echo("interrupted", err=True)
            sys.exit(interrupt.CODE)

    def invoke(self, ctx: click.Context) -> object:
        try:
            with engine.faults_named():
                return super().invoke(ctx)
        except KeyboardInterrupt:
            echo("interrupted", err=True)
            raise click.exceptions.Exit(interrupt.CODE) from None


_ALLOW = "change the permissions of the file or of its folder, or work in a copy of your own"
_MAKE_ROOM = "make room, and run the same command again"
_MOVE_AWAY = "move away what stands where a folder should be"
# What to do where a file system does not let us; other errors of it are ours to look into.
MENDABLE = {
    errno.EACCES: _ALLOW,
    errno.EPERM: _ALLOW,
    errno.EROFS: "work in a copy on a disk that can be written to",
    errno.ENOSPC: _MAKE_ROOM,
    errno.EDQUOT: _MAKE_ROOM,
    errno.ENOTDIR: _MOVE_AWAY,
    errno.EEXIST: _MOVE_AWAY,
    errno.EISDIR: "move away the folder that stands where a file should be",
}


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
        echo(
            f"{error.filename2 or error.filename or 'the disk'}: {error.strerror}\n  help: {MENDABLE[error.errno]}",
            err=True,
        )
        _drop_output()
        sys.exit(2)


def _drop_output() -> None:
    """Let go of what could not be printed: some versions of Python try it again at the end, and exit with 120."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_version(ctx: click.Context, _: click.Parameter, is_wanted: bool) -> None:
    if is_wanted and not ctx.resilient_parsing:
        import thulium

        echo(f"thulium {thulium.__version__}")
        ctx.exit()


@click.group(cls=Commands, no_args_is_help=True, context_settings={"show_default": True})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the version and stop.",
)
def app() -> None:
    """Thulium: handwritten text recognition experiments as one validated text, run by DVC."""


@command()
@document
def fill(file: Path) -> None:
    """Write the defaults that a document leaves out into it."""
    added = _fill(file)
    echo(_say_added(file, added) if added else f"{file} is complete")


@command("compile")
@document
@click.option("--check", is_flag=True, help="Change nothing; exit 2 if something is out of date.")
def compile_(file: Path, check: bool) -> None:
    """Complete params.yaml and write the dvc.yaml for it."""
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


@command()
@argument("key", required=False, about="A key, such as training.lr.")
def explain(key: str | None) -> None:
    """Say what a key means and what it may be. Also which stages run again when it changes."""
    from thulium_dsl.manual.explain import explain as explained

    echo(explained(key))


def _check(file: Path, root: Path) -> None:
    """Refuse a project whose document is not complete or whose dvc.yaml is not what the document compiles to."""
    from thulium_dsl.grammar.validate import load
    from thulium_dsl.pipeline import dvc_yaml, project

    loaded = load(file)
    project.refuse_stale(root, loaded)
    echo(f"{file} and {root / dvc_yaml.NAME} are up to date")
    for remark in project.unused(loaded.experiment):
        echo(f"warning: {remark}", err=True)


def _fill(file: Path) -> tuple[str, ...]:
    """Complete a file in place, all or nothing; the keys that were added."""
    from thulium.runtime.files import replace_text
    from thulium_dsl.edit.fill import fill as filled
    from thulium_dsl.grammar.include import read
    from thulium_dsl.text.document import misnamed

    if file.exists() and (fault := misnamed(file)):  # an empty table is a document that leaves out everything
        raise ThuliumError(fault)
    result = filled(read(file))
    if result.added:
        replace_text(file.resolve(), result.text)  # a link stays a link
    return result.added


def _say_added(file: Path, added: tuple[str, ...]) -> str:
    return f"added to {file}: {', '.join(added)}"


COMMANDS = (  # in the order of --help
    validate.validate,
    fill,
    compile_,
    explain,
    show.show,
    plan.plan,
    upgrade.upgrade,
    init.init,
    clean.clean,
    stages.prepare,
    pretrain.pretrain,
    stages.train,
    stages.evaluate,
    summarize.summarize,
    pool.pool,
    compare.compare,
    curve.curve,
    score.score,
    predict.predict,
    export.export,
    fetch.fetch,
    fetch.models,
    publish.publish,
    lm.lm,
    lm.tune_decoding,
    augment_preview.augment_preview,
)
for each in COMMANDS:
    app.add_command(each)


if __name__ == "__main__":
    main()
