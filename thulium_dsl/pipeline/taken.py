"""Paths that the stages would write and that hold something of another origin: refused before DVC sees them."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from thulium_dsl.messages.problems import ThuliumError
from thulium_dsl.pipeline import graph as graphs
from thulium_dsl.pipeline.graph import Graph

LOCK = "dvc.lock"


def refuse_taken(root: Path, graph: Graph, before: Mapping[str, Any]) -> None:
    """Refuse paths that hold something which no stage has written: DVC and the stages would replace it.

    Args:
        root: the project.
        graph: what would be compiled.
        before: the dvc.yaml that is there, as data. What it or dvc.lock names as an output was written by a stage.

    Raises:
        ThuliumError: names them.
    """
    ours = {*outputs(before), *outputs(lock_of(root))}
    written = graphs.written(graph)
    new = [path for path in written if "${" not in path and not any(is_within(path, known) for known in ours)]
    of_seeds = {_folder_of_seeds(path) for path in written if "${" in path}
    new += [folder for folder in sorted(of_seeds) if not any(is_within(known, folder) for known in ours)]
    taken = [path for path in new if os.path.lexists(root / path) and not _is_empty(root / path)]
    if taken:
        raise ThuliumError(
            f"{', '.join(str(root / path) for path in taken)}: a stage would write here, but something is there that "
            "no stage has written; nothing was compiled\n  help: move it away; or, where checkpoints would be written, "
            "name another folder in checkpointing.save_dir"
        )


def outputs(data: Mapping[str, Any]) -> Iterator[str]:
    """What the stages of a dvc.yaml or a dvc.lock write."""
    for stage in (data.get("stages") or {}).values():
        for name in ("outs", "metrics", "plots"):
            for entry in stage.get(name) or ():
                path = entry.get("path") or next(iter(entry), "") if isinstance(entry, dict) else entry
                yield posixpath.normpath(str(path))


def _folder_of_seeds(path: str) -> str:
    return path.partition("/${")[0]


def is_within(path: str, known: str) -> bool:
    """Whether a path is another, or lies in it."""
    return path == known or path.startswith(known + "/")


def _is_empty(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and not any(path.iterdir())


def lock_of(root: Path) -> Mapping[str, Any]:
    """What DVC has noted of the stages that ran; empty where it is not there, or cannot be read."""
    try:
        loaded = yaml.load((root / LOCK).read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}
    return loaded if isinstance(loaded, dict) else {}
