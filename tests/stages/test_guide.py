"""docs/guides/from-pages-to-text.md, command by command, with the real DVC."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import lab
import pytest

if not lab.HAS_ENGINE:
    pytest.skip("trains", allow_module_level=True)

import lab_data

GUIDE = lab.CHECKOUT / "docs" / "guides" / "from-pages-to-text.md"
EDITS = (  # to learn for a moment only
    (r"(?m)^  epochs: \d+", "  epochs: 1"),
    (r"config_name: \w+", "config_name: resnet_tiny"),
    (r"hidden_size: \d+", "hidden_size: 16"),
    (r"num_layers: \d+", "num_layers: 1"),
    (r"(?m)^  batch_size: \d+", "  batch_size: 4"),
    (r"(?m)^  height: \d+", "  height: 24"),
)


def pages(folder: Path, numbers: range, *, with_texts: bool = True) -> Path:
    """Pages in PAGE with their images, each with a name of its own."""
    lab_data.write_pages(folder, "page", pages=numbers.stop)
    for number in range(numbers.start):
        for file in folder.rglob(f"p{number}.*"):
            file.unlink()
    for file in folder.rglob("*.xml"):
        if not with_texts:
            bare = re.sub(r"<TextEquiv.*?</TextEquiv>|<Word.*?</Word>", "", file.read_text("utf-8"))
            file.write_text(bare, encoding="utf-8")
    return folder


@pytest.mark.long
def test_the_commands_of_the_guide_do_what_it_says(run: lab.Shell, tmp_path: Path) -> None:
    shutil.make_archive(str(tmp_path / "letters"), "zip", pages(tmp_path / "export", range(0, 6)))
    pages(tmp_path / "new", range(6, 8), with_texts=False)
    pages(tmp_path / "corrected", range(6, 8))
    said: dict[str, str] = {}
    here = tmp_path
    for command in re.findall(r"(?m)^\$ (.*)$", GUIDE.read_text(encoding="utf-8")):
        if command.startswith("cd "):
            here = here / command.removeprefix("cd ")
            continue
        done = run("bash", "-c", command, cwd=here)
        said[command] = done.stdout + done.stderr
        if " init " in command:
            text = (tmp_path / "letters" / "params.yaml").read_text(encoding="utf-8")
            for old, new in EDITS:
                text = re.sub(old, new, text, count=1)
            (tmp_path / "letters" / "params.yaml").write_text(text, encoding="utf-8")
    assert sorted(path.name for path in (here / "read").rglob("*.xml")) == ["p6.xml", "p7.xml"]
    assert "most worth a look" in said["thulium predict . ../new --output-dir read --review 20"]
    assert "workspace" in said["thulium compare --common"]
    assert (here / "checkpoints" / "language_model.arpa.gz").exists()
    assert sorted(path.name for path in (here / "texts").rglob("*.txt")) == ["p6.txt", "p7.txt"]
    assert (here / "publication" / "README.md").exists()
    assert re.search(r"\d+ files? pushed", said["dvc push"])
