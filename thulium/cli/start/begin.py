"""A project made from an export: looked at, brought in, and handed over to DVC. What goes wrong leaves nothing."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thulium.cli.screen import echo
from thulium.cli.start import archive, counting, starting, tell
from thulium.cli.start.choice import Choice, choose, custom_splits, kind_of
from thulium.cli.start.sight import Sight, look
from thulium_dsl.messages.problems import ThuliumError

COPIED_AT_MOST = 2_000_000_000  # bytes; a larger folder is only copied, or left where it is, by the user's word
ROOM = 3  # the share of the disk's free room, one in so many, that stays free: DVC and prepare need some


@dataclass(frozen=True, slots=True)
class Data:
    """Data that are ready to come into a project.

    Attributes:
        shown: what lay there at first; ``sight`` is what will be read, where that was written anew.
        is_ours: whether they were unpacked, so they can be moved.
    """

    sight: Sight
    choice: Choice
    is_ours: bool
    shown: Sight


@dataclass(frozen=True, slots=True)
class Staging:
    """What is made of what, and where data can lie meanwhile.

    Attributes:
        source, folder, copies: see ``begin``.
        stack: when it ends, what was staged is removed.
    """

    source: Path
    folder: Path
    copies: bool | None
    stack: contextlib.ExitStack

    def new(self) -> Path:
        """A hidden folder on the disk of the project."""
        return self.stack.enter_context(beside(self.folder))


def name_of(source: Path) -> str:
    """A name for a project of this data."""
    name = source.resolve().name
    stem = name[:-4] if name.lower().endswith(".zip") else name
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip("-._") or "lines"


def begin(
    source: Path, folder: Path, kind: str | None, copies: bool | None, make: Callable[[str], None], start: str = ""
) -> None:
    """Make a project of an export.

    Args:
        source: a folder or a ZIP archive.
        folder: of the project; not there yet.
        kind: of data, where the user has named one.
        copies: whether a folder is copied or left where it is; None: copied, unless it is large.
        make: makes a project of a kind of data there.
        start: the model that its training starts from, as the user has named it; empty: none.
    """
    _check_places(source, folder, copies)
    with undone_on_failure(folder), contextlib.ExitStack() as stack:
        staging = Staging(source, folder, copies, stack)
        model = starting.bring(start, staging.new()) if start else None
        data = _ready(staging, kind)
        is_copy = data.is_ours or _is_copied(data.sight, staging)
        echo(tell.saw(data.shown, data.choice, source))
        make(data.choice.kind)
        _bring(data, folder, is_copy)
        if model:
            start_from(model, folder, data.choice)
        committed = keep(data.choice, folder, "The data, and a document that fits them", is_copy=is_copy)
        echo(tell.chose(data.choice, folder))
    echo(tell.next_steps(folder, committed))


def _check_places(source: Path, folder: Path, copies: bool | None) -> None:
    if not os.path.lexists(source):
        raise ThuliumError(f"{source}: no such folder or ZIP archive")
    if not source.is_dir() and not source.is_file():
        raise ThuliumError(f"{source}: is neither a folder nor a ZIP archive")
    if source.is_file() and copies is False:
        raise ThuliumError(f"{source}: is an archive, and cannot stay where it is: unpack it, and name the folder")
    if folder.resolve().is_relative_to(source.resolve()):
        raise ThuliumError(f"{folder}: lies in {source}, of which it would be made: name a place outside of it")


@contextlib.contextmanager
def undone_on_failure(folder: Path) -> Iterator[None]:
    """Remove what the block has made of a folder that was not there, when it fails or is interrupted."""
    missing = [path for path in (folder, *folder.parents) if not os.path.lexists(path)]
    try:
        yield
    except BaseException:
        if os.path.lexists(folder) and not (folder / ".git").exists():
            # In a repository that was there before, what was added to its index is taken back.
            words = ["git", "rm", "-r", "--cached", "--quiet", "--force", "--ignore-unmatch", "--", folder.name]
            with contextlib.suppress(OSError):
                subprocess.run(words, cwd=folder.parent, capture_output=True, check=False)
        shutil.rmtree(folder, ignore_errors=True)
        for path in missing[1:]:
            with contextlib.suppress(OSError):
                path.rmdir()
        raise


@contextlib.contextmanager
def beside(folder: Path) -> Iterator[Path]:
    """A hidden folder on the disk of a project."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise ThuliumError(f"{folder} was not made: {folder.parent}: {error.strerror}: name another place") from None
    try:
        inside = (
            staging / "data"
        )  # with the permissions that folders have here; the other is for nobody else to look into
        inside.mkdir()
        yield inside
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _ready(staging: Staging, wanted: str | None) -> Data:
    """Look, and choose. A message names what the user has named, not where it was unpacked."""
    root, remarks, is_ours = staging.source, list[str](), not staging.source.is_dir()
    try:
        if is_ours:
            root = staging.new()
            remarks = archive.unpack(staging.source, root)
        sight = shown = look(root)
        kind, why = kind_of(sight, wanted, staging.source)
        if kind == "custom" and _is_undivided(sight):
            if not is_ours and not _is_copied(sight, staging):
                raise ThuliumError(
                    f"{staging.source}: one folder with labels.txt is written anew: leave out --in-place"
                )
            sight, kind, is_ours = look(_as_pairs(sight.found["custom"][0].parent, staging.new())), "gt_txt", True
            why = "one folder with labels.txt is not divided; its rows become NAME.gt.txt, which can be divided"
        choice = choose(sight, kind, why)
    except ThuliumError as error:
        raise ThuliumError(str(error).replace(str(root), str(staging.source))) from None
    choice.remarks[:0] = remarks
    return Data(sight, choice, is_ours, shown)


def _is_undivided(sight: Sight) -> bool:
    """Whether there is one folder with labels.txt, of no split."""
    found = custom_splits(sight)
    return len(sight.found["custom"]) == 1 and not set(found) & {"val", "test"}


def _as_pairs(folder: Path, target: Path) -> Path:
    """Write the rows of a folder with labels.txt as images with texts beside them."""
    for name, image, text in counting.labelled(folder):
        copy = target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(image, copy)
        with copy.with_suffix(".gt.txt").open("x", encoding="utf-8") as file:
            file.write(text + "\n")
    return target


def _is_copied(sight: Sight, staging: Staging) -> bool:
    """Whether a folder is copied: never a large one unasked."""
    source, folder, copies = staging.source, staging.folder, staging.copies
    if copies is False:
        return False
    size = f"{source}: is {tell.size_of(sight.size)}"
    options = "--in-place leaves it where it is"
    if copies is None and sight.size > COPIED_AT_MOST:
        raise ThuliumError(
            f"{size} in {sight.num_files:,} files, which nobody wants twice by chance\n"
            f"  help: --copy copies it into the project, where DVC keeps it and can push it; {options}, and DVC only "
            "notes what it holds"
        )
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(there).free
    if sight.size > free - free // ROOM:
        raise ThuliumError(f"{size}, and the disk has {tell.size_of(free)} left\n  help: make room; or {options}")
    return True


def _bring(data: Data, folder: Path, is_copy: bool) -> None:
    """Bring the data into a project."""
    for source, place in data.choice.folders.items():
        target = folder / place
        if data.is_ours:
            target.parent.mkdir(parents=True, exist_ok=True)
            os.rename(source, target)
        elif is_copy:
            echo(f"copying {source} to {target}", err=True)
            _copy(source, target)
        else:
            name = f"{Path(place).name}_dir" if data.choice.kind == "custom" else "root"
            data.choice.values[f"dataset.{name}"] = str(source.resolve())


def _copy(source: Path, target: Path) -> None:
    """Copy what readers would see: links by what they lead to, nothing hidden."""
    from thulium.data import places

    for path in places.walk(source):
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
        shutil.copystat(path, copy)
        copy.chmod(0o644)


def start_from(start: starting.Start, folder: Path, choice: Choice) -> None:
    """Put a model into a project, and choose a document that fits it and the number of lines."""
    shutil.copytree(start.folder, folder, dirs_exist_ok=True)
    _run(folder, "dvc", "add", "--quiet", start.place)
    lines = choice.seen.lines["train"] if choice.seen else None
    choice.start = start.init_from
    choice.values |= starting.values(start, lines)
    choice.reasons += starting.reasons(start, lines)
    choice.remarks += starting.remarks(start, choice.seen)


def keep(choice: Choice, folder: Path, message: str, *, is_copy: bool) -> bool:
    """Write the document and let DVC and git keep all of it; whether it is committed."""
    from thulium.runtime.files import replace_text
    from thulium_dsl.grammar.idle import idle_in
    from thulium_dsl.grammar.validate import load
    from thulium_dsl.pipeline import dvc_yaml

    file = folder / "params.yaml"
    for key, value in _leaves(file, choice.values):
        replace_text(file, with_value(file, key, value))
    loaded = load(file)
    dvc_yaml.write(folder, loaded.experiment, idle_in(loaded.document.tree))
    if is_copy:
        _run(folder, "dvc", "add", "--quiet", *choice.folders.values())
    _run(folder, "git", "add", ".")
    if not (folder / ".git").exists():
        return False
    _run(folder, "git", "commit", "--quiet", "--message", message, may_have_none=True)
    return True


def _leaves(file: Path, values: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Values to write one by one: also those of a section whose type stays, so that its comments stay."""
    from thulium_dsl.text.document import parse

    document = parse(file.read_text(encoding="utf-8"), str(file))
    for key, value in values.items():
        there: Any = document.tree
        for name in key.split("."):
            there = there[name]
        if isinstance(value, dict) and there.get("type") == value["type"]:
            yield from ((f"{key}.{name}", inner) for name, inner in value.items())
        else:
            yield key, value


def with_value(file: Path, key: str, value: Any) -> str:
    """The text of a complete document with another value for a key.

    Args:
        value: a number, a text, a list of texts; or a whole section, whose comments go with the one that was there.
    """
    from thulium_dsl.text import edits, written
    from thulium_dsl.text.document import parse

    document = parse(file.read_text(encoding="utf-8"), str(file))
    pair = edits.find(document, tuple(key.split(".")))
    assert pair is not None, "a new project is complete"
    text = document.text
    if isinstance(value, dict):
        column = pair.holder.column
        rows = "\n".join(written.block(pair.key.value, value, column)).lstrip()
        return text[: pair.key.start] + rows + text[edits.line_end(text, edits.last(pair.value)) :]
    end = max(pair.value.end, text.index(":", pair.key.end) + 1)
    return f"{text[: pair.key.end]}: {written.inline(value)}{text[end:]}"


def _run(folder: Path, *words: str, may_have_none: bool = False) -> None:
    try:
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    except OSError as error:
        raise ThuliumError(f"{folder} was not made: {words[0]}: {error.strerror}") from None
    if done.returncode and not (may_have_none and "nothing to commit" in done.stdout):
        raise ThuliumError(f"{folder} was not made: {' '.join(words[:2])} failed:\n{done.stdout}{done.stderr}".rstrip())
