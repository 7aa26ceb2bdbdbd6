"""A project made from an export: looked at, brought in, and handed over to DVC. What goes wrong leaves nothing."""

from __future__ import annotations

import os
import re
import shutil
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thulium.cli.screen import echo
from thulium.cli.start import archive, nothing, pairs, starting, tell
from thulium.cli.start.choice import Choice, choose, custom_splits, kind_of
from thulium.cli.start.making import Making, making
from thulium.cli.start.sight import Sight, look
from thulium_dsl.messages.problems import ThuliumError

if TYPE_CHECKING:
    from thulium.ingest.overview import Overview

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
class Order:
    """What is made of what.

    Attributes:
        source, copies: see ``begin``.
        making: where the project is made, and where data can lie meanwhile.
    """

    source: Path
    copies: bool | None
    making: Making


def name_of(source: Path) -> str:
    """A name for a project of this data."""
    name = source.resolve().name
    stem = name[:-4] if name.lower().endswith(".zip") else name
    # As people spell them in ASCII; what NFKD takes accents off keeps its letter.
    spelt = {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss", "æ": "ae", "œ": "oe"}
    composed = "".join(spelt.get(letter, letter) for letter in unicodedata.normalize("NFC", stem))
    plain = unicodedata.normalize("NFKD", composed).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip("-._") or "lines"


def begin(
    source: Path,
    folder: Path,
    kind: str | None,
    copies: bool | None,
    make: Callable[[Making, str], None],
    start: str = "",
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
    check_places(source, folder, copies)
    with making(folder) as place:
        order = Order(source, copies, place)
        model = starting.bring(start, place.new()) if start else None
        data = ready(order, kind)
        is_copy = data.is_ours or is_copied(data.sight, order)
        echo(tell.saw(data.shown, data.choice, source))
        make(place, data.choice.kind)
        bring(data, place, is_copy)
        if model:
            start_from(model, place, data.choice, [data.choice.seen])
        else:
            start_from_nothing(data.choice, [data.choice.seen])
        committed = keep(data.choice, place, "The data, and a document that fits them", is_copy=is_copy)
        echo(tell.chose(data.choice, folder))
    echo(tell.next_steps(folder, committed))


def check_places(source: Path, folder: Path, copies: bool | None) -> None:
    """Refuse a source that is none, or that the project would lie in."""
    if not os.path.lexists(source):
        raise ThuliumError(f"{source}: no such folder or ZIP archive")
    if not source.is_dir() and not source.is_file():
        raise ThuliumError(f"{source}: is neither a folder nor a ZIP archive")
    if source.is_file() and copies is False:
        raise ThuliumError(f"{source}: is an archive, and cannot stay where it is: unpack it, and name the folder")
    if folder.resolve().is_relative_to(source.resolve()):
        raise ThuliumError(f"{folder}: lies in {source}, of which it would be made: name a place outside of it")


def ready(order: Order, wanted: str | None) -> Data:
    """Look, and choose. A message names what the user has named, not where it was unpacked or written anew."""
    source, new = order.source, order.making.new
    root, target = source, None
    remarks, is_ours = list[str](), not source.is_dir()
    try:
        if is_ours:
            root = new()
            remarks = archive.unpack(source, root)
        sight = shown = look(root)
        form = _form_of(sight, wanted, source)
        if form:
            if not is_ours and not is_copied(sight, order):
                raise ThuliumError(f"{source}: {form.called} is written anew as NAME.gt.txt: leave out --in-place")
            target = new()
            form.write(target)
            sight, is_ours = look(target), True
        kind, why = ("gt_txt", form.why) if form else kind_of(sight, wanted, source)
        choice = choose(sight, kind, why)
        choice.remarks[:0] = [*remarks, *(form.remarks if form else pairs.unread(sight, kind))]
    except ThuliumError as error:
        said = str(error).replace(str(target), str(source)) if target else str(error)
        raise ThuliumError(said.replace(str(root), str(source))) from None
    return Data(sight, choice, is_ours, shown)


def _form_of(sight: Sight, wanted: str | None, source: Path) -> pairs.Form | None:
    """The form of data that are written anew; None of those that are read as they are."""
    if not sight.found and wanted in (None, "gt_txt"):
        return pairs.beside_images(sight)
    if kind_of(sight, wanted, source)[0] == "custom" and _is_undivided(sight):
        return pairs.of_labels(sight.found["custom"][0].parent)
    return None


def _is_undivided(sight: Sight) -> bool:
    """Whether there is one folder with labels.txt, of no split."""
    found = custom_splits(sight)
    return len(sight.found["custom"]) == 1 and not set(found) & {"val", "test"}


def is_copied(sight: Sight, order: Order) -> bool:
    """Whether a folder is copied: never a large one unasked."""
    source, folder, copies = order.source, order.making.folder, order.copies
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


def bring(data: Data, making: Making, is_copy: bool) -> None:
    """Bring the data into a project."""
    for source, place in data.choice.folders.items():
        target = making.project / place
        if data.is_ours:
            target.parent.mkdir(parents=True, exist_ok=True)
            os.rename(source, target)
        elif is_copy:
            echo(f"copying {source} to {making.folder / place}", err=True)
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


def start_from(start: starting.Start, making: Making, choice: Choice, seen: Sequence[Overview | None]) -> None:
    """Put a model into a project, and choose a document that fits it and the lines, as far as they are known."""
    shutil.copytree(start.folder, making.project, dirs_exist_ok=True)
    making.run("dvc", "add", "--quiet", start.place)
    lines = starting.lines_of(seen)
    choice.values |= starting.values(start, lines)
    choice.reasons += starting.reasons(start, lines)
    choice.remarks += starting.remarks(start, lines)


def start_from_nothing(choice: Choice, seen: Sequence[Overview | None]) -> None:
    """Choose a training that few lines are enough for, where there are few."""
    lines = starting.lines_of(seen)
    choice.values |= nothing.values(lines)
    choice.reasons += nothing.reasons(lines)
    choice.remarks += nothing.remarks(lines)


def keep(choice: Choice, making: Making, message: str, *, is_copy: bool) -> bool:
    """Write the document and let DVC and git keep all of it; whether it is committed."""
    from thulium.runtime.files import replace_text
    from thulium_dsl.edit.fill import fill
    from thulium_dsl.grammar.idle import idle_in
    from thulium_dsl.grammar.include import read
    from thulium_dsl.grammar.validate import load
    from thulium_dsl.pipeline import dvc_yaml

    file = making.project / "params.yaml"
    sections = {key: value for key, value in choice.values.items() if isinstance(value, dict)}
    for key, value in _leaves(file, sections):
        replace_text(file, with_value(file, key, value))
    replace_text(file, fill(read(file)).text)  # a section of another type has other keys, which have comments then
    for key in choice.values.keys() - sections.keys():
        replace_text(file, with_value(file, key, choice.values[key]))
    loaded = load(file)
    dvc_yaml.write(making.project, loaded.experiment, idle_in(loaded.document.tree))
    if is_copy:
        making.run("dvc", "add", "--quiet", *choice.folders.values())
    if not making.has_own_repository:
        return False
    making.run("git", "add", ".")
    making.run("git", "commit", "--quiet", "--message", message, may_have_none=True)
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
