"""What Thulium itself knows of a model. What it does not know is said, and never made up."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from safetensors import safe_open

from thulium.exchange.scripts import scripts_of
from thulium.models.header import Header, read_header, refuse_unread
from thulium.runtime.files import object_in
from thulium.training.same import digest_of_lines

SECTIONS = ("model", "training", "augmentation", "preprocessing")  # that a model file records
_FOUND_NOT = "# The document of this model was not at hand. This is what the model file records of it.\n"


@dataclass(frozen=True, slots=True)
class Document:
    """A document that may be the one of the model.

    Attributes:
        text: as it was written.
        tree: complete.
    """

    text: str
    tree: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known.

    Attributes:
        path: the model file.
        parameters: numbers that were learned.
        metrics: what evaluate measured of this very model; None: not at hand, ``no_metrics`` says why.
        splits: lines of train, val and test, as prepare reported those that it was trained on; None: not at hand.
        source: ``dataset.type``, of several sources each of theirs once; empty if it is not known.
        replacements: that were made in texts before the training, in all or in those of some source.
        document: the text that trained it, as far as is known; empty if nothing is.
        is_whole: whether that is the document itself.
        start: what the training started from, as the document names it; empty: from nothing.
    """

    path: Path
    header: Header
    sha256: str
    size: int
    parameters: int
    scripts: tuple[str, ...]
    metrics: Mapping[str, Any] | None
    no_metrics: str
    splits: Mapping[str, int] | None
    source: str
    replacements: int
    document: str
    is_whole: bool
    start: str

    @property
    def settings(self) -> Mapping[str, Any]:
        """What the model file records of its document, by section; empty for a model that was saved by other means."""
        return _settings(self.header)

    @property
    def computed(self) -> Mapping[str, Any]:
        """What the model file records of its training's machine and versions."""
        found = self.header.facts.get("computed")
        return found if isinstance(found, dict) else {}


def facts_of(path: Path, near: Sequence[Path], documents: Sequence[Document]) -> Facts:
    """What is known of a model file.

    Args:
        near: folders in which its metrics.json and its prepared lines may lie; which are its own, digests say.
        documents: that may be its own; their settings say which is.

    Raises:
        CheckpointError: it is no model file, or one that cannot read yet.
    """
    header, content = read_header(path), path.read_bytes()
    refuse_unread(path, header)
    digest = hashlib.sha256(content).hexdigest()
    metrics, why = _metrics(digest, near)
    own = next((document for document in documents if _is_of(document, header)), None)
    settings = _settings(header)
    written = own.text if own else f"{_FOUND_NOT}{yaml.safe_dump(settings, sort_keys=False)}" if settings else ""
    return Facts(
        path=path,
        header=header,
        sha256=digest,
        size=len(content),
        parameters=_parameters(path),
        scripts=scripts_of(header.charset.symbols),
        metrics=metrics,
        no_metrics=why,
        splits=_splits(header, near),
        source=", ".join(_kinds(own.tree["dataset"])) if own else "",
        replacements=_replacements(header, own),
        document=written,
        is_whole=own is not None,
        start=str(settings.get("training", {}).get("init_from") or ""),
    )


def _kinds(dataset: Mapping[str, Any]) -> list[str]:
    """The kinds of data that a dataset reads, each once."""
    return list(dict.fromkeys(str(source["type"]) for source in dataset.get("sources", [dataset])))


def _replacements(header: Header, own: Document | None) -> int:
    """How many texts are replaced before training: in all lines, and in those of sources, which its document says."""
    in_all = len(header.text.map) if header.text.on_unknown == "map" else 0
    sources = own.tree["dataset"].get("sources", ()) if own else ()
    return in_all + sum(len(source["text"]["map"]) for source in sources)


def _settings(header: Header) -> dict[str, Any]:
    """The sections that a model file records. What is no section there is left out."""
    found = header.facts.get("settings")
    return {name: row for name, row in found.items() if isinstance(row, dict)} if isinstance(found, dict) else {}


def _parameters(path: Path) -> int:
    """Numbers in a model file, but for the statistics that normalisation keeps."""
    with safe_open(path, framework="pt") as file:
        names = [name for name in file.keys() if ".running_" not in name and "num_batches" not in name]  # noqa: SIM118
        return sum(math.prod(file.get_slice(name).get_shape()) for name in names)


def _metrics(digest: str, near: Sequence[Path]) -> tuple[Mapping[str, Any] | None, str]:
    """What evaluate wrote of the model with a digest; else why there is nothing."""
    why = "no metrics.json is at hand"
    for folder in near:
        found = object_in(folder / "metrics.json") or {}
        measured = found.get("measured")
        if not isinstance(measured, dict) or not all(isinstance(found.get(name), (int, float)) for name in _FIGURES):
            continue
        if not measured.keys() >= _CONDITIONS:
            continue
        judged = str(measured.get("model_sha256", ""))
        if judged and digest.startswith(judged):
            return found, ""
        why = (
            f"{folder / 'metrics.json'} is of another model"
            if judged
            else f"{folder / 'metrics.json'} does not say of which model it is, as those of older versions"
        )
    return None, f"{why}: run `thulium evaluate` to have the figures of this one"


# What must stand in a metrics.json, and in what it says it measured, for the card to say it.
_CONDITIONS = {"split", "lines", "characters", "decoding", "unit", "unicode_form", "words", "interval_unit"}
_CONDITIONS |= {"interval_units"}
_FIGURES = ("cer", "wer", "line_accuracy", "cer_low", "cer_high")


def _splits(header: Header, near: Sequence[Path]) -> Mapping[str, int] | None:
    """Lines by split, of the prepared lines that the model was trained on, if they are at hand."""
    computed = header.facts.get("computed")
    trained_on = computed.get("data") if isinstance(computed, dict) else None
    for folder in _prepared(near):
        if trained_on and (folder / "prepared.json").is_file() and digest_of_lines(folder) == trained_on:
            splits = (object_in(folder / "report.json") or {}).get("splits")
            if isinstance(splits, dict):
                found = {name: int(splits[name]["lines"]) for name in ("train", "val", "test") if name in splits}
                most = _settings(header).get("training", {}).get("lines")
                has_less = isinstance(most, int) and most < found.get("train", 0)
                return found | {"train": most} if has_less else found
    return None


def _prepared(near: Sequence[Path]) -> Iterator[Path]:
    """Where prepared lines may lie; those of a fold lie in a folder of their own."""
    for folder in (folder / name for folder in near for name in ("data/prepared", "prepared")):
        yield folder
        yield from sorted(folder.glob("folds/*"))


def _is_of(document: Document, header: Header) -> bool:
    """Whether the settings of a document are those that a model file records."""
    settings = _settings(header)
    sections = {name: document.tree.get(name) for name in SECTIONS}
    training, seed = sections["training"], settings.get("training", {}).get("seed")
    if isinstance(training, dict) and seed in (training.get("seeds") or ()):  # a model is of one of them
        sections["training"] = training | {"seed": seed, "seeds": None}
    return bool(settings) and all(_plain(section) == _plain(settings.get(name)) for name, section in sections.items())


def _plain(value: object) -> str:
    return json.dumps(value, sort_keys=True)
