"""A folder that a command writes into: one command at a time, and nothing of another origin replaced.

Outside of a DVC project, it is also known here what DVC knows inside of one: whether the data have changed since they
were prepared, and whether the training is finished.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from thulium_dsl.messages.problems import ThuliumError

if TYPE_CHECKING:
    from thulium_dsl.grammar.spec import Experiment

KEPT = "experiment.yaml"  # the complete document beside what came of it
STATE = Path(".thulium")  # below the folder: what is no result
SOURCES = STATE / "sources.json"
WAIT_S = 60  # for a command that is about to end


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep a folder for this command until the block ends; one that it makes and that stays empty goes again.

    Raises:
        ThuliumError: it is a file; or another command is at work there, and does not end.
    """
    if folder.exists() and not folder.is_dir():
        raise ThuliumError(f"{folder}: is a file; name a folder")
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    place = folder / STATE
    lock = _claim(folder, place)
    try:
        with lock:
            lock.truncate(0)
            lock.write(f"{os.getpid()}\n".encode())
            lock.flush()
            try:
                yield
            finally:
                # While it is held, and only then: who waits for it looks for a new one, which is not ours to remove.
                with contextlib.suppress(OSError):
                    (place / "lock").unlink(missing_ok=True)
    finally:
        with contextlib.suppress(OSError):
            place.rmdir()
            for path in made:
                path.rmdir()


@contextlib.contextmanager
def alone(name: str, beside: Path) -> Iterator[None]:
    """Let a second command of this kind wait until the first has ended.

    Args:
        name: of the kind.
        beside: the folder that it works in; what says so stands there in ``.thulium``, and goes again.
    """
    place = beside / STATE / name
    _make(place.parent)
    try:
        with held(place):
            yield
    finally:
        for folder in (place, place.parent):
            with contextlib.suppress(OSError):
                folder.rmdir()  # unless there is more in it


def _claim(folder: Path, place: Path) -> IO[bytes]:
    from thulium.runtime.progress import say
    from thulium.runtime.unfinished import lock_of

    give_up, has_waited = time.monotonic() + WAIT_S, False
    while True:
        _make(place)
        if lock := lock_of(place):
            return lock
        holder = _holder(place)
        if time.monotonic() > give_up:
            raise ThuliumError(
                f"{folder}: another command is at work there{holder}\n"
                "  help: wait until it has ended, or name another --output-dir"
            )
        if not has_waited:
            say(f"waiting for another command that is at work in {folder}{holder}")
            has_waited = True
        time.sleep(0.2)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileNotFoundError:  # below /proc, and in a folder that was removed meanwhile
        raise ThuliumError(f"{folder}: no folder can be made there: name another --output-dir") from None


def _holder(place: Path) -> str:
    try:
        number = (place / "lock").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        number = ""
    return f" (process {number})" if number else ""


def refuse_foreign(experiment: Experiment, out: Path) -> None:
    """Refuse an output folder that no training has written and in which results would replace something.

    Raises:
        ThuliumError: names what is there.
    """
    from thulium_dsl.grammar import include
    from thulium_dsl.pipeline import graph, stages

    if (out / KEPT).exists():
        kept = include.read(out / KEPT)
        if kept.problems or not kept.tree:
            raise ThuliumError(f"{out / KEPT}: was not written by a training: name another --output-dir")
        return
    alone = replace(experiment, pretraining=None)  # which looks itself at where it writes
    written = [path for path in graph.written(graph.build(alone, out)) if not path.startswith(stages.PREPARED)]
    results = [
        path for path in written if not path.endswith((".safetensors", stages.PERIODIC))
    ]  # the stage looks there
    taken = [path for path in results if os.path.lexists(out / path)]
    if taken:
        raise ThuliumError(
            f"{out}: holds {', '.join(taken)}, which no training has written and results would replace\n"
            "  help: name another --output-dir"
        )


def keep_document(file: Path, folder: Path) -> None:
    """Put the complete document beside what comes of it."""
    from thulium.runtime.files import replace_text
    from thulium_dsl.edit.fill import fill
    from thulium_dsl.grammar.include import read

    folder.mkdir(parents=True, exist_ok=True)
    replace_text(folder / KEPT, fill(read(file)).text)


def check_same(experiment: Experiment, out: Path) -> None:
    """Refuse a folder whose finished run came of other settings.

    Raises:
        ThuliumError: names the sections that differ.
    """
    from thulium_dsl.grammar.validate import load
    from thulium_dsl.pipeline.plan import differences
    from thulium_dsl.pipeline.stages import STAGES

    kept = out / KEPT
    if not kept.exists():
        return
    before, now = asdict(load(kept).experiment), asdict(experiment)
    tracked = [section for stage in STAGES if stage.name != "evaluate" for section in stage.sections]
    changed = [change for section in tracked for change in differences(before[section], now[section], section)]
    if changed:
        raise ThuliumError(
            f"{out} holds a finished run of another document, {kept}: {'; '.join(map(str, changed))}\n"
            "  help: name another --output-dir, or add --restart to train anew"
        )


def is_prepared(experiment: Experiment, out: Path) -> bool:
    """Whether the lines that are prepared in a folder are those that the document names, as they are now."""
    try:
        known = json.loads((out / SOURCES).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return (out / "prepared" / "prepared.json").exists() and known == {"digest": digest_of_data(experiment)}


def have_changed(experiment: Experiment, out: Path) -> bool:
    """Whether the data are not those that were prepared in a folder; if they are not there at all, nobody can tell."""
    from thulium_dsl.grammar.paths import paths_of

    are_there = all(os.path.exists(path) for path in paths_of("dataset", asdict(experiment.dataset)).values())
    return are_there and not is_prepared(experiment, out)


@contextlib.contextmanager
def preparing(experiment: Experiment, out: Path) -> Iterator[None]:
    """Note what the lines are prepared from, when the block has prepared them."""
    from thulium.runtime.files import replace_text

    (out / SOURCES).unlink(missing_ok=True)
    digest = digest_of_data(experiment)  # before: what changes meanwhile may have been read already
    yield
    (out / STATE).mkdir(parents=True, exist_ok=True)
    replace_text(out / SOURCES, json.dumps({"digest": digest}) + "\n")


def digest_of_data(experiment: Experiment) -> str:
    """A digest of what is prepared, and how: by names, sizes and times."""
    from thulium_dsl.grammar.paths import paths_of

    dataset = asdict(experiment.dataset)
    return digest_of_files([dataset, asdict(experiment.preprocessing)], paths_of("dataset", dataset).values())


@contextlib.contextmanager
def unchanged(digest: Callable[[], str], data: str, again: str) -> Iterator[None]:
    """Refuse to call the block done where files are others at its end: DVC would note that it has read these.

    Args:
        digest: of the files.
        data: what they are, for the message.
        again: the command that reads them again.

    Raises:
        ThuliumError: says so.
    """
    before = digest()
    yield
    if digest() != before:
        raise ThuliumError(
            f"{data}: files have changed since they were read: what was made is not of what is there now\n"
            f"  help: run {again}: they are read again"
        )


def digest_of_files(settings: list[dict[str, Any]], paths: Iterable[str]) -> str:
    """A digest of settings, the engine's version, and the names, sizes and times of files and of those in folders."""
    import thulium

    digest = hashlib.sha256(json.dumps([thulium.__version__, *settings], sort_keys=True).encode())
    for path in paths:
        for file in [Path(path)] if os.path.isfile(path) else _files(path):
            with contextlib.suppress(OSError):  # a link that leads nowhere is seen when it is read
                stat = file.stat()
                digest.update(f"\0{file}\0{stat.st_size}\0{stat.st_mtime_ns}".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _files(folder: str) -> Iterator[Path]:
    entered: set[str] = set()
    for where, folders, names in os.walk(folder, followlinks=True):
        entered.add(os.path.realpath(where))
        folders[:] = [name for name in sorted(folders) if os.path.realpath(os.path.join(where, name)) not in entered]
        yield from (Path(where, name) for name in sorted(names))
