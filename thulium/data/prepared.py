"""The folder that prepare writes and the other stages read: a folder of shards a split, and what belongs to them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from thulium.data import subset
from thulium.data.bidi import Order
from thulium.data.charset import characters
from thulium.data.shards import Split
from thulium.runtime.errors import DataError, visible
from thulium_dsl.grammar.spec import PreprocessingSpec, TextSpec, UnicodeForm

SPLITS = ("train", "val", "test")
MANIFEST = "prepared.json"
FOLDS, FOLD_TABLE = "folds", "folds.csv"  # a folder for each fold, and what is in which
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
        sources: the weight of each source, where the data are of several: ids and pages begin with the name of theirs,
            see ``source_of``.
        lines, seed: how many of the training lines are there for a training, and which; None: all of them.
    """

    folder: Path
    text: TextSpec
    order: Order
    preprocessing: PreprocessingSpec
    symbols: tuple[str, ...]
    sources: Mapping[str, float] = field(default_factory=dict)
    lines: int | None = None
    seed: int = 0

    @property
    def unicode_form(self) -> UnicodeForm:
        """Of the transcriptions."""
        return self.text.unicode_form

    def split(self, name: str) -> Split:
        """The lines of train, val or test; of train, as many as there are to be.

        Raises:
            DataError: they are missing, damaged, or of another size than they were prepared in.
        """
        split, spec = Split(self.folder / name), self.preprocessing
        if split.height != spec.height or split.widths.max() > max(spec.max_width, spec.min_width):
            raise DataError(
                f"{split.folder}: its lines are not of the size that {MANIFEST} has: prepare the data again"
            )
        if name != "train" or self.lines is None or self.lines >= len(split):
            return split
        kept = set(subset.places(split.pages, self.lines, self.seed))
        return split.without(place for place in range(len(split)) if place not in kept)

    def lines_left_out(self, name: str) -> int | None:
        """How many lines of a split were found and are not in it: filtered out, or skipped as an error.

        Those that nobody has transcribed do not count, nor those of which it is not known where they would have been.
        None where the report is not there, or does not say, as that of an older version.

        Raises:
            DataError: the report is damaged.
        """
        accounting = self._reported("accounting", "splits")
        try:
            counts = None if accounting is None else accounting[name]
            return None if counts is None else int(counts["filtered"] + counts["skipped"])
        except (ValueError, LookupError, TypeError) as error:
            raise self._damaged(visible(str(error)[:80])) from None

    def of_pages(self, what: Literal["documents", "writers"], name: str) -> dict[str, str]:
        """Page -> document or writer, of the pages of val or test where the data say it, and not only their names.

        Empty where the report does not have it, as that of an older version.

        Raises:
            DataError: the report is damaged.
        """
        found = self._reported(what, name)
        if found is None:
            return {}
        if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
            raise self._damaged(f"its {what} are none")
        return found

    def _reported(self, entry: str, name: str) -> Any:
        """What report.json has of a split in one of its entries; None where it, or the file, has no such entry."""
        file = self.folder / "report.json"
        if not file.is_file():
            return None
        try:
            report = json.loads(file.read_text(encoding="utf-8"))
            return report[entry][name] if entry in report else None
        except (ValueError, LookupError, TypeError, RecursionError, OSError) as error:
            raise self._damaged(visible(str(error)[:80])) from None

    def _damaged(self, why: str) -> DataError:
        return DataError(f"{self.folder / 'report.json'}: is damaged ({why}): prepare the data again")


def write_manifest(prepared: Prepared) -> None:
    """Write what belongs to the shards; the last file of a data set, so its presence says that the rest is there."""
    manifest = {
        "format": FORMAT,
        "text": asdict(prepared.text),
        "order": prepared.order,
        "preprocessing": asdict(prepared.preprocessing),
        "symbols": list(prepared.symbols),
        **({"sources": dict(prepared.sources)} if prepared.sources else {}),
    }
    text = json.dumps(manifest, indent=2, ensure_ascii=False, sort_keys=True)
    (prepared.folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def write_fold_manifest(folder: Path, folds: int) -> None:
    """The same for a folder that has the lines of folds, each in a folder of its own."""
    (folder / MANIFEST).write_text(json.dumps({"format": FORMAT, "folds": folds}) + "\n", encoding="utf-8")


def open_prepared(folder: Path) -> Prepared:
    """Open a prepared data set.

    Raises:
        DataError: it is not there, of another format, or damaged.
    """
    file = folder / MANIFEST
    if not file.is_file():
        said = f"`dvc repro` (without DVC: `thulium prepare` with --output-dir {folder})"
        raise DataError(f"{folder}: holds no prepared data: run {said} first")
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
        if manifest["format"] == FORMAT and "folds" not in manifest:
            return _checked(folder, manifest)
        found = visible(str(manifest["format"])[:20])
    except (ValueError, LookupError, TypeError, RecursionError, OSError) as error:
        raise DataError(f"{file}: is damaged ({error}): prepare the data again") from None
    if "folds" in manifest:
        what = f"holds lines in {visible(str(manifest['folds'])[:20])} folds"
        raise DataError(f"{folder}: {what}: name one of them, such as {folder / FOLDS / '1'}")
    raise DataError(f"{file}: has format {found}, this version reads {FORMAT}: prepare the data again")


def _checked(folder: Path, manifest: dict[str, Any]) -> Prepared:
    from thulium.runtime.documents import kept  # late: it reaches for the language

    document = kept(str(folder / MANIFEST), preprocessing=manifest["preprocessing"], text=manifest["text"])
    if manifest["order"] not in get_args(Order):
        raise ValueError("its reading order is none")
    symbols = characters(manifest["symbols"])
    sources = manifest.get("sources", {})
    if not isinstance(sources, dict) or not all(isinstance(each, float) and each > 0 for each in sources.values()):
        raise ValueError("the weights of its sources are none")
    return Prepared(folder, document.dataset.text, manifest["order"], document.preprocessing, symbols, sources)
