"""The models and texts that Thulium knows by name: what ``zoo:name`` stands for.

These tables alone say what there is. The files lie in the folder ``zoo`` of the repository, one folder each; they
travel in the package.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]
_PLACES = (_PACKAGE / "_zoo", _PACKAGE.parent / "zoo")
FILE = "model.safetensors"
TEXT_FILE = "text.txt.gz"
LATIN = "Latin script, 15th to 20th century: mostly French, some Italian, Spanish, Catalan and English"


@dataclass(frozen=True, slots=True, kw_only=True)
class ZooModel:
    """A model that has a name of ours.

    Attributes:
        summary: what it reads, in a sentence.
        sha256, size: of the file; bytes.
        license: of the model, an SPDX identifier.
        languages, scripts: ISO 639-3 and ISO 15924.
        url: where the file is; empty: it travels with Thulium, and nothing is downloaded.
    """

    name: str
    summary: str
    sha256: str
    size: int
    license: str
    languages: tuple[str, ...]
    scripts: tuple[str, ...]
    url: str = ""

    @property
    def path(self) -> Path | None:
        """The file on this machine; None if it does not travel with Thulium."""
        return None if self.url else folder() / self.name / FILE


MODELS: tuple[ZooModel, ...] = (
    ZooModel(
        name="latin-tiny",
        summary=LATIN,
        sha256="5181ba23b346c015522e86081142bb266c1d0f2a547e2de76dbf1ffaee515956",
        size=1817424,
        license="CC-BY-4.0",
        languages=("fra", "cat", "spa", "ita", "frm", "eng"),
        scripts=("Latn",),
    ),
    ZooModel(
        name="latin-small",
        summary=LATIN,
        sha256="b3538240f7d5da36c1e2a8e82a57b2dc9535b1c5c1c547b13d430451394ce901",
        size=8920056,
        license="CC-BY-4.0",
        languages=("fra", "cat", "spa", "ita", "frm", "eng"),
        scripts=("Latn",),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ZooText:
    """A text that has a name of ours, for language models.

    Attributes:
        sha256, size: of the file, which is packed with gzip; bytes.
    """

    name: str
    sha256: str
    size: int

    @property
    def path(self) -> Path:
        """The file on this machine: UTF-8, a line of text in each row."""
        return folder() / self.name / TEXT_FILE


TEXTS: tuple[ZooText, ...] = (
    ZooText(
        name="latin",
        sha256="6ac4e6aaa39d2b66f669f6d9b5ff8f05bfd7b25a5d089a1e202010d6729393d0",
        size=402498,
    ),
)


def folder() -> Path:
    """Where the files lie that travel with Thulium: in the package, or beside it in the repository."""
    return next((place for place in _PLACES if place.is_dir()), _PLACES[0])


def find(name: str) -> ZooModel | None:
    """The model of a name."""
    return next((model for model in MODELS if model.name == name), None)


def text_of(given: str) -> ZooText | None:
    """The text that ``zoo:name`` stands for."""
    return next((text for text in TEXTS if given == f"zoo:{text.name}"), None)


def names() -> tuple[str, ...]:
    """The names of all models, in the order of the table."""
    return tuple(model.name for model in MODELS)
