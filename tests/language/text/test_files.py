"""Files that are whole or not there."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from thulium_dsl.text.files import replace_text


@pytest.mark.parametrize("fault", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")], ids=str)
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_write_that_is_cut_short_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, fault: BaseException
) -> None:
    (tmp_path / "page.xml").write_text("old")

    def cut(*_: object) -> None:
        raise fault

    monkeypatch.setattr(os, step, cut)
    with pytest.raises(type(fault)):
        replace_text(tmp_path / "page.xml", "new")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("page.xml", "old")]


def test_a_full_disk_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_file: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as caught:
        replace_text(tmp_path / "page.xml", "new")
    assert caught.value.filename == str(tmp_path / "page.xml")
