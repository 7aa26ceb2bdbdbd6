"""How many comparisons were made on the same lines: who makes many finds a winner by chance."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from thulium.evaluation.comparing import Outcome
from thulium.runtime.files import replace_text
from thulium.runtime.progress import say

LOOKS = Path(".thulium") / "looks.json"  # digest of the lines -> digests of what was compared on them
UNKNOWN = "?"  # a comparison of which only the number was kept


def count(outcomes: Iterable[Outcome], project: Path) -> int:
    """Note that these readings were compared, and say how many comparisons on their lines were different ones.

    The same one again, as for a page after the screen, is no other; nor is it in another order. 0: it was not counted.
    """
    readings = list(outcomes)
    lines = _digest(f"{line.id}\0{line.transcription}\0" for line in readings[0].lines)
    compared = _digest(sorted({_digest(f"{line.id}\0{line.prediction}\0" for line in each.lines) for each in readings}))
    path = project / LOOKS
    known = _read(path)
    if compared not in (made := known.setdefault(lines, [])):
        made.append(compared)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_text(path, json.dumps(known, indent=2, sort_keys=True) + "\n")
        except OSError as error:  # as where a project may only be read: the comparison holds without its number
            say(f"note: this comparison was not counted: {path}: {error.strerror}")
            return 0
    return len(made)


def words(number: int) -> str:
    """What is said of the second one and of those after it."""
    return f"{number} different comparisons were made on these lines here: with many, one of them wins by chance"


def _read(path: Path) -> dict[str, list[str]]:
    try:
        tree: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(lines): _made(value) for lines, value in tree.items()} if isinstance(tree, dict) else {}


def _made(value: Any) -> list[str]:
    if isinstance(value, int):  # the form of an earlier version
        return [UNKNOWN] * max(0, min(value, 1000))
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _digest(parts: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode())
    return digest.hexdigest()[:16]
