"""What was read of a data set, and the files that say it beside the lines."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thulium.data import bidi
from thulium.data.charset import alphabet
from thulium.data.prepared import Prepared, write_manifest
from thulium.ingest import survey
from thulium.ingest.report import write_page
from thulium.ingest.sources import weights_of
from thulium.ingest.survey import Survey
from thulium.runtime.files import replace_text
from thulium_dsl.grammar.spec import DatasetSpec, PreprocessingSpec


@dataclass(frozen=True, slots=True)
class Found:
    """What was read.

    Attributes:
        symbols: the characters that a model will be able to write.
        order: in which it will learn them.
    """

    survey: Survey
    symbols: frozenset[str]
    order: bidi.Order

    @classmethod
    def of(cls, seen: Survey, dataset: DatasetSpec, given: frozenset[str] | None) -> Found:
        """What follows from lines that were seen; ``given``: the characters that the document allows."""
        train = seen.splits["train"].symbols
        return cls(seen, frozenset(train) if given is None else given, bidi.resolve(dataset.text.order, train))

    def report(self) -> dict[str, Any]:
        """What report.json holds."""
        return survey.report(self.survey, self.order)

    def write_reports(self, report: dict[str, Any], folder: Path) -> None:
        """Write what people read."""
        charset = survey.charset(self.survey)
        # The report first: where this is cut, it says that the rest is ours to replace.
        _write_json(folder / "report.json", report)
        _write_json(folder / "charset.json", charset)
        write_page(self.survey, report, charset, folder / "report.html")

    def write_manifest(self, dataset: DatasetSpec, preprocessing: PreprocessingSpec, folder: Path) -> None:
        """Write what belongs to the lines; the last file of all."""
        symbols = alphabet(self.symbols, self.order)
        write_manifest(Prepared(folder, dataset.text, self.order, preprocessing, symbols, weights_of(dataset)))


def _write_json(path: Path, value: Any) -> None:
    replace_text(path, json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True) + "\n")
