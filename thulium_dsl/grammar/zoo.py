"""The models that Thulium knows by name: what ``zoo:name`` stands for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ZooModel:
    """A model that has a name of ours.

    Attributes:
        summary: what it reads, in a sentence.
        place: its file: an address (https://…), or the package that carries it and the path in that, with '/'.
        sha256: of the file.
        license: of the model, an SPDX identifier.
        languages, scripts: ISO 639-3 and ISO 15924.
    """

    name: str
    summary: str
    place: str
    sha256: str
    license: str
    languages: tuple[str, ...]
    scripts: tuple[str, ...]

    @property
    def is_packaged(self) -> bool:
        """Whether the file travels in a package, so that nothing is downloaded."""
        return "://" not in self.place


MODELS: tuple[ZooModel, ...] = ()


def find(name: str) -> ZooModel | None:
    """The model of a name."""
    return next((model for model in MODELS if model.name == name), None)


def names() -> tuple[str, ...]:
    """All names, in the order of the table."""
    return tuple(model.name for model in MODELS)
