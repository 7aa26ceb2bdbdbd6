"""Transcriptions that are not read, or not divided, as they lie: written anew as NAME.gt.txt beside their images."""

from __future__ import annotations

import shutil
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from thulium.cli.start import counting, metadata
from thulium.cli.start.sight import GT_TXT, WORDS, Sight, texts_beside
from thulium_dsl.messages.problems import ThuliumError

NEARLY_ALL = 0.9  # of the images; where fewer have a text of their name, these texts may be something else
SEVERAL_ROWS = 0.5  # of the texts; where more have several rows, they are not those of lines

Texts = Mapping[Path, bytes]  # image -> its text, as it is in a file


@dataclass(frozen=True, slots=True)
class Form:
    """Transcriptions of some form.

    Attributes:
        called: what a sentence calls them.
        why: they are written anew.
        write: writes images and their texts into a folder that is there and empty.
        remarks: what to know of it.
    """

    called: str
    why: str
    write: Callable[[Path], None]
    remarks: tuple[str, ...] = ()


def of_labels(folder: Path) -> Form:
    """One folder with labels.txt."""
    why = "one folder with labels.txt is not divided; its rows become NAME.gt.txt, which can be divided"
    return Form("one folder with labels.txt", why, lambda target: _write_labels(folder, target))


def beside_images(sight: Sight) -> Form | None:
    """Texts that lie beside images in a form that is not read, where it is clear that they are transcriptions.

    Raises:
        ThuliumError: they are of such a form, but cannot be used.
    """
    pairs, tables = texts_beside(sight), metadata.tables_of(sight)
    of_images = metadata.naming_images(tables, sight)
    are_texts = are_lines(pairs, len(sight.images))
    if of_images or (tables and not are_texts):
        return _of_tables(of_images or tables, [table for table in tables if table not in of_images], sight)
    if not are_texts:
        return None
    called = "NAME.txt beside each image"
    texts = {image: text.read_bytes() for image, text in pairs.items()}
    return Form(called, _why(called), lambda target: _write(sight.root, sight.images, texts, target))


def _of_tables(tables: Sequence[Path], others: Sequence[Path], sight: Sight) -> Form:
    called, found = f"what {metadata.called(tables)} says of images", metadata.texts_of(tables, sight)
    named = {image.with_suffix("") for image in found.texts}
    images = [image for image in sight.images if image.with_suffix("") not in named]
    more = [image for image in sight.images if image.with_suffix("") in named and image not in found.texts]
    _check_places([*images, *found.texts], found.folders, sight.root)
    remarks = [*found.said, *(f"{table.name}: no row of it names an image, and it is not read" for table in others)]
    if more:
        shown = more[0].relative_to(sight.root)
        has = "1 image is" if len(more) == 1 else f"{len(more):,} images are"
        remarks.append(f"{has} left out, whose name has a text that is another image's, such as {shown}")

    def write(target: Path) -> None:
        _write(sight.root, [*images, *found.texts], found.texts, target, found.folders)

    return Form(called, _why(called), write, tuple(remarks))


def _check_places(images: Sequence[Path], folders: Mapping[Path, Sequence[str]], root: Path) -> None:
    """Refuse two images that would come to one place: one would be lost, or both would share a text."""
    taken: dict[str, Path] = {}
    for image in sorted(images, key=lambda image: image not in folders):  # those with a text first
        place = _place(image, folders, root)
        other = taken.setdefault(unicodedata.normalize("NFC", str(place.with_suffix(""))), image)
        if other != image and other in folders:
            both = f"{other.relative_to(root)} and {image.relative_to(root)}"
            raise ThuliumError(f"{root}: {both} would both become {place}: rename one of the two, also in its row")


def _place(image: Path, folders: Mapping[Path, Sequence[str]], root: Path) -> Path:
    """Where an image goes, below the folder that is written."""
    own = image.relative_to(root)
    return own.parent.joinpath(*folders.get(image, ()), own.name)


def _why(called: str) -> str:
    return f"{called} is not read as it is; each text becomes NAME.gt.txt"


def unread(sight: Sight, kind: str) -> Iterator[str]:
    """What there is besides the data of a kind that may be transcriptions, and is not read."""
    if tables := metadata.tables_of(sight):
        yield (
            f"{metadata.called(tables)} may name images and their texts, and is not read, since {WORDS[kind]} is: to "
            "have it read, name a folder that holds it and the images alone"
        )
    if kind == "gt_txt":
        read = {file.with_name(file.name[: -len(GT_TXT)]) for file in sight.found[kind]}
        texts = [text for image, text in texts_beside(sight).items() if image.with_suffix("") not in read]
        if texts:
            shown = texts[0].relative_to(sight.root)
            yield (
                f"{len(texts):,} images have NAME.txt beside them and no NAME.gt.txt, such as {shown}: if these are "
                "their transcriptions, call them NAME.gt.txt"
            )


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


def _write(
    root: Path, images: Sequence[Path], texts: Texts, target: Path, folders: Mapping[Path, Sequence[str]] = {}
) -> None:
    for image in images:
        copy = target / _place(image, folders, root)
        _put(image, copy)
        if image in texts:
            _put_text(texts[image], copy)


def _put(image: Path, copy: Path) -> None:
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(image, copy)


def _put_text(text: bytes, image: Path) -> None:
    image.with_suffix(GT_TXT).write_bytes(text)
