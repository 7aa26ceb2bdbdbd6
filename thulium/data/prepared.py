"""The folder that prepare writes and the other stages read: a folder of shards a split, and what belongs to them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from thulium.data.order import Order
from thulium.data.shards import Split
from thulium.errors import DataError
from thulium_dsl.spec import PreprocessingSpec, TextSpec, UnicodeForm, build

SPLITS = ("train", "val", "test")
MANIFEST = "prepared.json"
FORMAT = 2


@dataclass(frozen=True, slots=True)
class Prepared:
    """A prepared data set.

    Attributes:
        folder: holds train/, val/ and test/.
        text: what was done to the transcriptions.
        order: in which a model is to learn them; they themselves are in logical order.
        preprocessing: what was done to the images.
        symbols: the code points that a model is to write, in their order: see ``charset.alphabet``.
    """

    folder: Path
    text: TextSpec
    order: Order
    preprocessing: PreprocessingSpec
    symbols: tuple[str, ...]

    @property
    def unicode_form(self) -> UnicodeForm:
        """Of the transcriptions."""
        return self.text.unicode_form

    def split(self, name: str) -> Split:
        """The lines of train, val or test."""
        return Split(self.folder / name)


def write_manifest(prepared: Prepared) -> None:
    """Write what belongs to the shards; the last file of a data set, so its presence says that the rest is there."""
    manifest = {
        "format": FORMAT,
        "text": asdict(prepared.text),
        "order": prepared.order,
        "preprocessing": asdict(prepared.preprocessing),
        "symbols": list(prepared.symbols),
    }
    text = json.dumps(manifest, indent=2, ensure_ascii=False, sort_keys=True)
    (prepared.folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def open_prepared(folder: Path) -> Prepared:
    """Open a prepared data set.

    Raises:
        DataError: it is not there, or of another format.
    """
    file = folder / MANIFEST
    if not file.is_file():
        raise DataError(f"{folder}: holds no prepared data: run `dvc repro` or `thulium prepare` first")
    manifest = json.loads(file.read_text(encoding="utf-8"))
    if manifest["format"] != FORMAT:
        raise DataError(f"{file}: has format {manifest['format']}, this version reads {FORMAT}: prepare the data again")
    return Prepared(
        folder,
        build(TextSpec, manifest["text"]),
        manifest["order"],
        build(PreprocessingSpec, manifest["preprocessing"]),
        tuple(manifest["symbols"]),
    )
