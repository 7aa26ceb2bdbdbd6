"""Reading parquet tables that are damaged in ways that changing bytes at random brought up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import lab_data

from thulium.data.line import Fault
from thulium.ingest.readers import parquet
from thulium_dsl.grammar.spec import ParquetDataset
from thulium_dsl.grammar.validate import experiment_of
from thulium_dsl.text.document import parse


def dataset(root: Path) -> ParquetDataset:
    found = experiment_of(parse("dataset: {type: parquet}\n")).dataset
    assert isinstance(found, ParquetDataset)
    return replace(found, root=str(root))


def test_a_name_of_a_column_that_is_not_utf8_is_a_fault_of_the_file(tmp_path: Path) -> None:
    lab_data.write_parquet(tmp_path / "tables", pages=1)
    (path,) = (tmp_path / "tables").glob("*.parquet")
    path.write_bytes(path.read_bytes().replace(b"picture", b"\xff\xfecture"))
    (fault,) = parquet.units(dataset(tmp_path / "tables"))
    assert isinstance(fault, Fault)
    assert str(fault).startswith(f"{path}: is no parquet file, or a damaged one ('utf-8' codec can't decode byte 0xff")
