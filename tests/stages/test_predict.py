"""``thulium predict``, as people run it: lines and pages that nobody has transcribed, with a model file alone."""

from __future__ import annotations

import json
import os
import shutil
import signal
import unicodedata
from pathlib import Path

import lab
import lab_data
import pytest

pytest.importorskip("torch")

from PIL import Image

from thulium.runtime.tables import read_table

PAGE_2024 = lab_data.PAGE_NS.replace("2019", "2024")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, experiment) -> Path:
    """A model file that has learned nothing and still reads something else in every line."""
    import lab_reading

    from thulium.models.file import save_model

    path = tmp_path_factory.mktemp("model") / "best.safetensors"
    save_model(lab_reading.reader(experiment).model, path)
    return path


def bare(xml: str) -> str:
    """A page whose lines nobody has transcribed."""
    import re

    return re.sub(r"<TextEquiv.*?</TextEquiv>|<Word.*?</Word>|<String[^>]*/>", "", xml)


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """A page in PAGE and one in ALTO, without texts."""
    for kind in ("page", "alto"):
        root = lab_data.write_pages(tmp_path / "pages" / kind, kind, pages=1)
        file = root / "doc0" / "p0.xml"
        file.write_text(bare(file.read_text()), encoding="utf-8")
    return tmp_path / "pages"
