"""``thulium upgrade``: a document of an older language version, rewritten for this one."""

from __future__ import annotations

import difflib
from pathlib import Path

import click

from thulium.cli.command import command, document
from thulium.cli.screen import echo


@command()
@document
@click.option("--dry-run", is_flag=True, help="Print what would change, and change nothing.")
def upgrade(file: Path, dry_run: bool) -> None:
    """Rewrite a document of an older language version. Comments are kept, and keys that the language had once go."""
    from thulium.runtime.files import replace_text
    from thulium_dsl.edit import upgrade as upgrades
    from thulium_dsl.grammar import include, schemas

    read = include.read(file)
    result = upgrades.upgrade(read, upgrades.MIGRATIONS)
    if result.version == schemas.LANGUAGE and not result.changes:
        echo(f"{file} is in version {schemas.LANGUAGE} of the language, the current one")
        return
    if dry_run:
        before, after = (text.splitlines(keepends=True) for text in (read.text, result.text.removeprefix("\ufeff")))
        echo("".join(difflib.unified_diff(before, after, str(file), f"{file} (upgraded)")), nl=False)
        return
    replace_text(file.resolve(), result.text)  # a link stays a link
    is_old = result.version < schemas.LANGUAGE
    echo(f"upgraded {file}" + (f" from version {result.version} to {schemas.LANGUAGE}" if is_old else ""))
    for change in result.changes:
        echo(f"  {change}")
