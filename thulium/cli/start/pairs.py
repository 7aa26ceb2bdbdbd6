"""Transcriptions that are not read, or not divided, as they lie: written anew as NAME.gt.txt beside their images."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from thulium.cli.start import counting, metadata
from thulium.cli.start.sight import GT_TXT, Sight, texts_beside

NEARLY_ALL = 0.9  # of the images; where fewer have a text of their name, these texts may be something else
SEVERAL_ROWS = 0.5  # of the texts; where more have several rows, they are not those of lines

Texts = Mapping[Path, bytes]  # image -> its text, as it is in a file


@dataclass(frozen=True, slots=True)
class Form:
    """Transcriptions of some form.

    Attributes:
        called: what a sentence calls them.
        why: they are written anew.
        write: writes all images and their texts into a folder that is there and empty.
    """

    called: str
    why: str
    write: Callable[[Path], None]


def of_labels(folder: Path) -> Form:
    """One folder with labels.txt."""
    why = "one folder with labels.txt is not divided; its rows become NAME.gt.txt, which can be divided"
    return Form("one folder with labels.txt", why, lambda target: _write_labels(folder, target))


def beside_images(sight: Sight) -> Form | None:
    """Texts that lie beside images in a form that is not read, where it is clear that they are transcriptions.

    Raises:
        ThuliumError: they are of such a form, but cannot be used.
    """
    if tables := metadata.tables_of(sight):
        called = f"what {metadata.called(tables)} says of images"
        texts = metadata.texts_of(tables, sight.root)
    elif are_lines(pairs := texts_beside(sight), len(sight.images)):
        called = "NAME.txt beside each image"
        texts = {image: text.read_bytes() for image, text in pairs.items()}
    else:
        return None
    why = f"{called} is not read as it is; each text becomes NAME.gt.txt"
    return Form(called, why, lambda target: _write(sight.root, [*sight.images, *texts], texts, target))


def are_lines(pairs: Mapping[Path, Path], num_images: int) -> bool:
    """Whether images and the texts of their names are lines: nearly all have one, and that is one row."""
    if not pairs or len(pairs) < NEARLY_ALL * num_images:
        return False
    return sum(map(has_rows, pairs.values())) <= SEVERAL_ROWS * len(pairs)


def has_rows(text: Path) -> bool:
    """Whether a file has several rows of text; in whatever encoding, which is judged when it is read."""
    return len([row for row in text.read_bytes().splitlines() if row.strip()]) > 1


def _write_labels(folder: Path, target: Path) -> None:
    for name, image, text in counting.labelled(folder):
        _put(image, target / name)
        _put_text((text + "\n").encode(), target / name)


def _write(root: Path, images: Sequence[Path], texts: Texts, target: Path) -> None:
    for image in dict.fromkeys(images):
        copy = target / image.relative_to(root)
        _put(image, copy)
        if image in texts:
            _put_text(texts[image], copy)


def _put(image: Path, copy: Path) -> None:
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(image, copy)


def _put_text(text: bytes, image: Path) -> None:
    image.with_suffix(GT_TXT).write_bytes(text)
