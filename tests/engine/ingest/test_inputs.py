"""What is named to be read, and cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from thulium.ingest.inputs import find
from thulium.runtime.errors import DataError
from thulium_dsl.grammar.validate import experiment_of
from thulium_dsl.text.document import parse


@pytest.mark.parametrize("name", ["export.zip", "EXPORT.ZIP", "lines.tar.gz"])
def test_an_archive_is_to_be_unpacked(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"PK\x03\x04")
    preprocessing = experiment_of(parse("dataset: {type: synthetic}\n")).preprocessing
    with pytest.raises(DataError, match=r": is an archive, which is not read: unpack it, and name the folder$"):
        find([tmp_path / name], preprocessing)
