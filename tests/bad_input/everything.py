"""All cases, by the sections of the page."""

from __future__ import annotations

from bad_input import images, labels, layouts, outputs, pairs, splits, tables, texts
from bad_input.cases import Case

SECTIONS: dict[str, list[Case]] = {
    "Images": images.CASES,
    "labels.txt": labels.CASES,
    "Transcriptions": texts.CASES,
    "NAME.png and NAME.gt.txt": pairs.CASES,
    "PAGE": layouts.PAGE,
    "ALTO": layouts.ALTO,
    "Parquet": tables.CASES,
    "Splits": splits.CASES,
    "The folder to write to": outputs.CASES,
}
