"""The folder that prepare writes and the other stages read: a folder of shards a split, and what belongs to them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from thulium.data.shards import Split
from thulium.errors import DataError
from thulium_dsl.spec import PreprocessingSpec, UnicodeForm, build

SPLITS = ("train", "val", "test")
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Prepared:
    """A prepared data set.

    Attributes:
        folder: holds train/, val/ and test/.
        unicode_form: of the transcriptions.
        preprocessing: what was done to the images.
        symbols: the code points of the training transcriptions, in order.
    """

    folder: Path
    unicode_form: UnicodeForm
    preprocessing: PreprocessingSpec
    symbols: tuple[str, ...]

    def split(self, name: str) -> Split:
        """The lines of train, val or test."""
        return Split(self.folder / name)


def write_manifest(prepared: Prepared) -> None:
    """Write what belongs to the shards; the last file of a data set, so its presence says that the rest is there."""
    manifest = {
        "format": FORMAT,
        "unicode_form": prepared.unicode_form,
        "preprocessing": asdict(prepared.preprocessing),
        "symbols": list(prepared.symbols),
    }
    text = json.dumps(manifest, indent=2, ensure_ascii=False, sort_keys=True)
    (prepared.folder / "prepared.json").write_text(text + "\n", encoding="utf-8")


def open_prepared(folder: Path) -> Prepared:
    """Open a prepared data set.

    Raises:
        DataError: it is not there, or of another format.
    """
    file = folder / "prepared.json"
    if not file.is_file():
        raise DataError(f"{folder}: holds no prepared data: run `dvc repro` or `thulium prepare` first")
    manifest = json.loads(file.read_text(encoding="utf-8"))
    if manifest["format"] != FORMAT:
        raise DataError(f"{file}: has format {manifest['format']}, this version reads {FORMAT}: prepare the data again")
    return Prepared(
        folder,
        manifest["unicode_form"],
        build(PreprocessingSpec, manifest["preprocessing"]),
        tuple(manifest["symbols"]),
    )
