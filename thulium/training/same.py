"""What makes two trainings the same: digests of settings, data, first weights and engine."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

import thulium
from thulium.data.prepared import Prepared
from thulium.runtime.errors import WorldError
from thulium.runtime.world import World
from thulium.training.resume import digest_of
from thulium_dsl.grammar.names import local_path

VERSIONS = {"thulium": thulium.__version__, "torch": torch.__version__}


def digest_of_lines(prepared: Path) -> str:
    """Of the prepared lines that a training sees."""
    return digest_of([prepared / "prepared.json", prepared / "train", prepared / "val"])


OF_TRAINING = ("model", "training", "augmentation", "early_stopping", "checkpointing")


def parts_of(
    data: Prepared,
    sections: tuple[Any, ...],
    init_from: str | None,
    world: World,
    names: tuple[str, ...] = OF_TRAINING,
) -> dict[str, str]:
    """A digest of everything that a training depends on, by name.

    Args:
        sections: of the document, by ``names``.

    Raises:
        WorldError: not all processes see the same data, or the same first weights.
    """
    own, start = digest_of_lines(data.folder), digest_of([Path(local_path(init_from))]) if init_from else ""
    for rank, (theirs, their_start) in enumerate(world.gather((own, start))):
        if their_start != start:
            raise WorldError(
                f"training.init_from: {init_from} is not the same file for process {world.rank} and process {rank}\n"
                "  help: copy it to all machines"
            )
        if theirs != own:
            raise WorldError(
                f"{data.folder}: the prepared lines of process {world.rank} and process {rank} are not the same\n"
                "  help: prepare them on one machine and copy the folder to the others"
            )
    texts = (json.dumps(asdict(section), sort_keys=True) for section in sections)
    engine = Path(thulium.__file__).parent
    code = [path for path in sorted(engine.iterdir()) if path.name != "cli" and path.name != "__pycache__"]
    return {
        **{name: hashlib.sha256(text.encode()).hexdigest()[:16] for name, text in zip(names, texts, strict=True)},
        "data": own,
        **({"init_from": start} if start else {}),
        "engine": f"{digest_of([file for path in code for file in _sources(path)])} torch {torch.__version__}",
    }


def _sources(path: Path) -> list[Path]:
    return [path] if path.suffix == ".py" else sorted(path.rglob("*.py"))
