"""How fast the last training went: a file that neither git nor DVC tracks, since it differs from run to run."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FILE = Path(".thulium") / "pace.json"


@dataclass(frozen=True, slots=True)
class Pace:
    """The pace of a training.

    Attributes:
        lines_per_s: training lines in a second of the run, validation and saving included.
        device: what it ran on, in words.
        digest: of the settings that decide how much there is to compute for a line.
    """

    lines_per_s: float
    device: str
    digest: str


def digest(tree: Mapping[str, Any]) -> str:
    """Of what is computed for a line: the model, the size of the images, the number of bits."""
    parts = [tree["model"], tree["preprocessing"], tree["training"]["mixed_precision"]]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def write(root: Path, pace: Pace) -> None:
    """Keep a pace for the project at ``root``."""
    path = root / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(asdict(pace), indent=2) + "\n", encoding="utf-8")
    os.replace(temporary, path)


def sweep(root: Path) -> None:
    """Remove what is left of writes that were cut; a process that is just writing loses an estimate."""
    for path in (root / FILE).parent.glob(f".{FILE.name}.*"):
        path.unlink(missing_ok=True)


def read(root: Path) -> Pace | None:
    """The last pace of the project at ``root``; None if there is none that can be read."""
    try:
        return Pace(**json.loads((root / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
