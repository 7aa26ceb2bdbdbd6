"""What a model file says of itself: read, and held against the language, before anything is made of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from safetensors import SafetensorError, safe_open

from thulium.data.bidi import Order
from thulium.data.charset import Charset, characters
from thulium.models.calibration import Calibration, calibration_in
from thulium.models.own_lines import OwnLines, own_lines_in
from thulium.runtime.documents import kept
from thulium.runtime.errors import CheckpointError, DataError, visible
from thulium.runtime.pointers import SIZE, absent, pointer_at
from thulium_dsl.grammar.spec import ModelSpec, PreprocessingSpec, TextSpec

FORMAT = 2
ENTRY = "thulium"  # of the metadata of safetensors
LARGEST = 2**24  # bytes; an alphabet of all Unicode has a few million
ANEW = "train again, or use the version of thulium that wrote it"


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a model file.

    Attributes:
        facts: JSON values that were kept in it; where they name an epoch and metrics, these are numbers.
        calibration, own_lines: None in a file that was written before there was one, or of a model that nobody has
            measured.
        written: all of it, as it stands in the file.
    """

    spec: ModelSpec
    charset: Charset
    preprocessing: PreprocessingSpec
    text: TextSpec
    facts: dict[str, Any]
    calibration: Calibration | None
    own_lines: OwnLines | None
    written: Mapping[str, Any]


def read_header(path: Path) -> Header:
    """The header of a model file.

    Raises:
        CheckpointError: there is no such file, or it is none of Thulium's; no weight has been read by then.
    """
    written = _written(path)
    if not isinstance(written, dict) or "format" not in written:
        raise CheckpointError(f"{path}: is a safetensors file, but not a model of Thulium's")
    if written["format"] != FORMAT:
        raise CheckpointError(
            f"{path}: has format {visible(str(written['format'])[:20])}, this version reads {FORMAT}: {ANEW}"
        )
    try:
        return _checked(path, written)
    except (ValueError, DataError) as error:
        raise CheckpointError(f"{path}: is no model that this version can use ({first_line(error)}): {ANEW}") from None


def refuse_unread(path: Path, header: Header) -> None:
    """Refuse a model that was only pretrained: it has no alphabet, so there is nothing that it could write.

    Raises:
        CheckpointError: it is one.
    """
    if not header.charset.symbols:
        raise CheckpointError(
            f"{path}: was pretrained on lines without transcriptions, and cannot read yet\n"
            "  help: train from it: name it in training.init_from"
        )


def _written(path: Path) -> Any:
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {})[ENTRY]
        if len(text) > LARGEST:
            raise ValueError
        return json.loads(text)
    except FileNotFoundError:
        raise CheckpointError(f"{path}: {_why_not_opened(path)}") from None
    except (SafetensorError, OSError) as error:
        if said := pointer_at(path):
            raise CheckpointError(f"{path}: {said}") from None
        if kind := _kind_of(path):
            do = "name a model file, such as checkpoints/best.safetensors"
            raise CheckpointError(f"{path}: is {kind}, not a model file\n  help: {do}") from None
        what = f"is damaged or not a safetensors file ({first_line(error)})"
        raise CheckpointError(f"{path}: {what}\n  help: put a whole copy back, or train again") from error
    except (KeyError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: is a safetensors file, but not a model of Thulium's") from error


_KINDS = {
    ".yaml": "a document",
    ".yml": "a document",
    ".json": "JSON",
    ".csv": "a table",
    ".tsv": "a table",
    ".txt": "a text",
    ".md": "a text",
    ".lock": "a text",
    ".arpa": "a language model",
}


def _kind_of(path: Path) -> str:
    """What a file that is no safetensors file is by its look; empty where it may be a damaged one."""
    if path.suffix == ".safetensors":
        return ""
    with path.open("rb") as file:
        head = file.read(SIZE)
    if head.startswith(b"PK\3\4"):
        return "an archive in ZIP format, as PyTorch writes weights"
    return "" if b"\0" in head else _KINDS.get(path.suffix.lower(), "")


def _why_not_opened(path: Path) -> str:
    """What keeps a file from being opened: safetensors calls everything missing that it cannot open."""
    try:
        path.open("rb").close()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        return f"cannot be read ({error.strerror}): change its permissions"
    return absent(path) or "no such checkpoint; train first, or name another"


def _checked(path: Path, written: Mapping[str, Any]) -> Header:
    names = ("model", "preprocessing", "charset", "order", "text", "facts", "sha256")
    if lacking := [name for name in names if name not in written]:
        raise ValueError(f"its header has no {' and no '.join(lacking)}")
    if written["order"] not in get_args(Order):
        raise ValueError("its reading order is none")
    sections = {name: written[name] for name in ("model", "preprocessing", "text")}
    document = kept(str(path), **sections)
    charset = Charset(characters(written["charset"]), document.model.decoder.blank_index, written["order"])
    facts = _facts(written["facts"])
    calibration = calibration_in(written["calibration"]) if "calibration" in written else None
    own_lines = own_lines_in(written["own_lines"]) if "own_lines" in written else None
    text = document.dataset.text
    return Header(document.model, charset, document.preprocessing, text, facts, calibration, own_lines, written)


def _facts(written: object) -> dict[str, Any]:
    if not isinstance(written, dict):
        raise ValueError("its facts are none")
    metrics = written.get("metrics", {})
    if not isinstance(metrics, dict) or not all(_is_number(value) for value in metrics.values()):
        raise ValueError("its metrics are no numbers")
    epoch = written.get("epoch", 1)
    if not isinstance(epoch, int) or isinstance(epoch, bool):
        raise ValueError("its epoch is no number")
    return written


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def first_line(error: Exception) -> str:
    """What another package says of a file, without what the file made it say."""
    return visible(str(error).split("\n")[0][:200])
