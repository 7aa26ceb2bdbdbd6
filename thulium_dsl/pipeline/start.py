"""How new the training lines are to the model that a training starts from, as far as characters tell.

A model file is safetensors: its header is JSON behind eight bytes that say how long it is, so no torch is needed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import punctuation
from typing import Any

from thulium_dsl.grammar.names import local_path
from thulium_dsl.pipeline.stages import folds_in, prepared_folder

ENTRY = "thulium"  # of the metadata of safetensors
LARGEST = 2**25  # bytes of a header
NAMED = 40  # characters in a message
LITTLE = 0.001  # a share of characters below which no figure is said


@dataclass(frozen=True, slots=True)
class Start:
    """What a model that is trained further knows of the training lines.

    Attributes:
        model: as the document names it.
        known: how many different characters of the training lines it can write.
        new: those that it cannot, the most frequent first.
        new_share: how much of the text they are, 0 to 1.
        is_stale: whether the data are prepared anew before, so that all of this may change.
        is_pretrained: whether it has learned no characters at all yet.
    """

    model: str
    known: int
    new: tuple[str, ...]
    new_share: float
    is_stale: bool
    is_pretrained: bool = False

    def __str__(self) -> str:
        stale = "; counted on the data as they are prepared now" if self.is_stale else ""
        if self.is_pretrained:
            return f"starting from {self.model}: pretrained on lines without transcriptions; it can write nothing yet"
        if not self.new:
            return f"starting from {self.model}: it knows all {self.known} characters of the training lines{stale}"
        shown = " ".join(s if s.isalnum() or s in punctuation else f"U+{ord(s):04X}" for s in self.new[:NAMED])
        more = f" and {len(self.new) - NAMED} more" if len(self.new) > NAMED else ""
        share = f"{self.new_share:.1%}" if self.new_share >= LITTLE else f"less than {LITTLE:.1%}"
        return (
            f"starting from {self.model}: known characters: {self.known}, {len(self.new)} new ({shown}{more}); "
            f"{share} of the characters in the training lines are new to it{stale}"
        )


def start(root: Path, tree: Mapping[str, Any], *, is_stale: bool) -> Start | None:
    """How new the training lines are to ``training.init_from``.

    None where the document starts from nothing, where no data are prepared, and where the file is not there or is no
    model: DVC says what is missing, and the training what is wrong with a file.

    Args:
        root: the folder of the document.
        tree: the complete document.
        is_stale: whether the data would be prepared anew first.
    """
    model = tree["training"].get("init_from")
    if not model:
        return None
    prepared = root / prepared_folder(folds_in(tree))
    counts, alphabet = _counts(prepared / "charset.json"), _alphabet(root / local_path(model))
    if counts is None or alphabet is None:
        return None
    new = sorted((symbol for symbol in counts if symbol not in alphabet), key=lambda symbol: (-counts[symbol], symbol))
    share = sum(counts[symbol] for symbol in new) / sum(counts.values())
    return Start(model, len(counts) - len(new), tuple(new), share, is_stale, is_pretrained=not alphabet)


def _counts(path: Path) -> dict[str, int] | None:
    """How often each character stands in the training lines; None where that is not known."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        counts = {str(row["character"]): int(row["train"]) for row in rows if row["train"]}
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return counts or None


def _alphabet(path: Path) -> frozenset[str] | None:
    """What the model of a file can write; None where it is no model file that can be read."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(length)) if length <= LARGEST else {}
        return frozenset(json.loads(header["__metadata__"][ENTRY])["charset"])
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
