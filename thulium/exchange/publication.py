"""The folder of a published model: its file as it is, a card, and what trained and judged it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import thulium
from thulium.decoding.lm import arpa
from thulium.exchange import card as cards
from thulium.exchange.card import Card
from thulium.runtime.errors import DataError
from thulium.runtime.files import PART
from thulium_dsl.grammar.names import MODEL

MARK = "publication.json"
HUB_CARD, HTRMOPO_CARD = "README.md", "README.htrmopo.md"
RESULTS = ".eval_results/thulium.yaml"


def refuse_foreign(folder: Path) -> None:
    """Refuse a folder that publish has not written.

    Raises:
        DataError: names it.
    """
    if outer := next((place for place in folder.resolve().parents if _about_old(place)), None):
        raise DataError(f"{folder}: lies in {outer}, which `thulium publish` has written: name a folder beside it")
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise DataError(f"{folder}: is no folder: name another with --output-dir")
    if folder.exists() and any(folder.iterdir()) and not _about_old(folder):
        raise DataError(
            f"{folder}: was not written by `thulium publish`, and would be replaced\n"
            "  help: name another folder with --output-dir, or move this one away"
        )


@dataclass(frozen=True, slots=True)
class Written:
    """The names of the files of a publication, and which of them a person has changed or added."""

    names: tuple[str, ...]
    kept: tuple[str, ...]


def _about_old(folder: Path) -> dict[str, Any]:
    """What stands in a folder that publish has written; empty for others."""
    try:
        found = json.loads((folder / MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    is_ours = isinstance(found, dict) and str(found.get("written_by", "")).startswith("thulium publish")
    return found if is_ours else {}


def write(folder: Path, card: Card) -> Written:
    """Write the folder, whole or not at all. What a person has changed or added in it stays.

    Raises:
        DataError: the folder is of other origin, or a person has changed it for another model.
    """
    refuse_foreign(folder)
    old = folder.with_name(f".{folder.name}.old{PART}")
    if old.is_dir() and not folder.exists():  # the one before this was killed between two renames
        os.replace(old, folder)
    kept = _changed(folder, card)
    part = folder.with_name(f".{folder.name}{PART}")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        _fill(part, card)
        for name in kept:
            (part / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / name, part / name)
        names = _names(part)
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            os.replace(folder, old)
        os.replace(part, folder)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return Written(names, kept)


def _names(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()))


def _changed(folder: Path, card: Card) -> tuple[str, ...]:
    """The files that are not as publish wrote them."""
    about = _about_old(folder)
    if not about:
        return ()
    files, model = (found if isinstance(found := about.get(key), dict) else {} for key in ("files", "model"))
    names = [name for name in _names(folder) if name not in (MARK, MODEL, arpa.BESIDE)]
    changed = tuple(name for name in names if files.get(name) != _sha256(folder / name))
    if changed and model.get("sha256") != card.facts.sha256:
        raise DataError(
            f"{folder}: {', '.join(changed)} was changed or added by hand, for another model\n"
            "  help: name another folder with --output-dir, or remove this one"
        )
    return changed


def _fill(part: Path, card: Card) -> None:
    facts = card.facts
    shutil.copyfile(facts.path, part / MODEL)
    if _sha256(part / MODEL) != facts.sha256:
        raise DataError(f"{facts.path}: has changed while it was read: run it again")
    texts = {HUB_CARD: cards.for_hub(card), HTRMOPO_CARD: cards.for_htrmopo(card), "LICENSE": _license(card)}
    if (own := facts.path.with_name(arpa.BESIDE)).is_file():
        shutil.copyfile(own, part / arpa.BESIDE)
    if facts.document:
        texts["params.yaml"] = facts.document
    if facts.metrics:
        texts["metrics.json"] = json.dumps(facts.metrics, indent=2) + "\n"
        if card.person.benchmark:
            texts[RESULTS] = cards.evaluation_for_hub(card)
    digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}
    texts[MARK] = json.dumps(_about(card) | {"files": digests}, indent=2, ensure_ascii=False) + "\n"
    for name, text in texts.items():
        (part / name).parent.mkdir(exist_ok=True)
        (part / name).write_bytes(text.encode())


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _license(card: Card) -> str:
    names = ", ".join(author.name for author in card.person.authors)
    lines = [f"{MODEL} is of {names}, under the licence {card.person.license} (an SPDX identifier):"]
    lines.append(f"https://spdx.org/licenses/{card.person.license}.html")
    if card.person.data_licenses:
        lines.append(f"The lines that it was trained on are under: {', '.join(card.person.data_licenses)}.")
    return "\n".join(lines) + "\n"


def _about(card: Card) -> dict[str, Any]:
    """What the card says, for programs; null where nothing is known."""
    facts, person = card.facts, card.person
    return {
        "written_by": f"thulium publish {thulium.__version__}",
        "title": card.title,
        "authors": [author.name for author in person.authors],
        "license": person.license,
        "languages": list(person.languages),
        "scripts": list(card.scripts),
        "model": {"file": MODEL, "sha256": facts.sha256, "bytes": facts.size, "parameters": facts.parameters},
        "lines": None if facts.splits is None else dict(facts.splits),
        "data": {"type": facts.source or None, "urls": list(person.data_urls), "licenses": list(person.data_licenses)},
        "base_models": list(card.base_models),
        "metrics": None if facts.metrics is None else dict(facts.metrics),
        "settings": dict(facts.settings) or None,
        "computed": dict(facts.computed) or None,
        "document_is_whole": facts.is_whole,
    }
