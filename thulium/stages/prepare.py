"""prepare: from the data that people have to prepared lines."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from thulium.data import survey
from thulium.data.image import encode_png, is_too_wide, preprocess
from thulium.data.line import Line
from thulium.data.prepared import SPLITS, Prepared, write_manifest
from thulium.data.readers import custom, synthetic
from thulium.data.shards import Row, write_split
from thulium.data.survey import SplitSurvey
from thulium.data.text import normalize
from thulium.errors import DataError, list_faults
from thulium.progress import track
from thulium_dsl.spec import CustomDataset, DatasetSpec, PreprocessingSpec, SyntheticDataset, UnicodeForm


def prepare(*, dataset: DatasetSpec, preprocessing: PreprocessingSpec, out: Path) -> dict[str, Any]:
    """Read, check and scale every line, and write shards, charset.json and report.json.

    Args:
        out: replaced as a whole, and only when everything was read.

    Returns:
        What report.json holds.

    Raises:
        DataError: lines that cannot be used; names each.
    """
    if out.is_file():
        raise DataError(f"{out}: is a file; name a folder")
    if out.exists() and not (out / "prepared.json").exists() and any(out.iterdir()):
        raise DataError(f"{out}: holds other files than prepared lines, and would be replaced: name another folder")
    unfinished = out.resolve().with_name(out.resolve().name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        report = _write(dataset, preprocessing, unfinished)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    shutil.rmtree(out, ignore_errors=True)
    unfinished.rename(out.resolve())
    return report


def _write(dataset: DatasetSpec, preprocessing: PreprocessingSpec, folder: Path) -> dict[str, Any]:
    faults: list[str] = []
    surveys = {name: SplitSurvey() for name in SPLITS}
    for name in SPLITS:
        lines = track(_read(dataset, name, faults), f"prepare {name}")
        rows = _rows(lines, preprocessing, dataset.unicode_form, surveys[name], faults)
        write_split(rows, folder / name)
        if not surveys[name].lines and not faults:
            raise DataError(f"{name}: no line is left; {len(surveys[name].skipped)} were skipped as too wide")
    if faults:
        raise DataError(list_faults(faults))
    report = survey.report(surveys)
    _write_json(folder / "charset.json", survey.charset(surveys))
    _write_json(folder / "report.json", report)
    symbols = tuple(sorted(surveys["train"].symbols))
    write_manifest(Prepared(folder, dataset.unicode_form, preprocessing, symbols))
    return report


def _read_custom(dataset: CustomDataset, split: str, faults: list[str]) -> Iterator[Line]:
    folders = {"train": dataset.train_dir, "val": dataset.val_dir, "test": dataset.test_dir}
    return custom.read(Path(folders[split]), faults)


def _read_synthetic(dataset: SyntheticDataset, split: str, _faults: list[str]) -> Iterator[Line]:
    counts = {"train": dataset.lines.train, "val": dataset.lines.val, "test": dataset.lines.test}
    return synthetic.read(num_lines=counts[split], seed=dataset.seed, split=split)


READERS: dict[str, Any] = {"custom": _read_custom, "synthetic": _read_synthetic}


def _read(dataset: DatasetSpec, split: str, faults: list[str]) -> Iterator[Line]:
    lines: Iterator[Line] = READERS[dataset.type](dataset, split, faults)
    return lines


def _rows(
    lines: Iterable[Line], spec: PreprocessingSpec, unicode_form: UnicodeForm, seen: SplitSurvey, faults: list[str]
) -> Iterator[Row]:
    for line in lines:
        if is_too_wide(line.image.size, spec):
            if spec.wide_lines == "error":
                faults.append(
                    f"{line.source}: {line.id} is wider than preprocessing.max_width "
                    f"({spec.max_width} pixels at height {spec.height}): raise it, "
                    "or set preprocessing.wide_lines to squeeze or skip"
                )
                continue
            (seen.skipped if spec.wide_lines == "skip" else seen.squeezed).append(line.source)
            if spec.wide_lines == "skip":
                continue
        image = preprocess(line.image, spec)
        row = Row(
            id=line.id,
            image=encode_png(image),
            width=image.width,
            height=image.height,
            text=normalize(line.text, unicode_form),
            page=line.page,
            source=line.source,
        )
        seen.add(row)
        yield row


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
