"""Models that travel with Thulium, read where they lie: no network, and no file that is not the one of the table."""

from __future__ import annotations

import hashlib
from pathlib import Path

from thulium.runtime.errors import CheckpointError
from thulium_dsl.grammar import names, zoo
from thulium_dsl.grammar.zoo import ZooModel


def file_of(given: str | Path) -> Path:
    """The model file that is meant: that of ``zoo:name``, or the path as it is.

    Raises:
        CheckpointError: there is no such model, its file is not on this machine, or is not the one of the table.
    """
    text = str(given)
    if not text.startswith("zoo:"):
        return Path(given)
    name = names.parse(text)
    model = zoo.find(name.of) if name else None
    if name is None or model is None:
        what, do = names.fault(text) or ("", "")
        raise CheckpointError(f"{what}\n  help: {do}")
    if model.path is None:
        raise CheckpointError(
            f"{text}: does not travel with Thulium\n  help: `thulium fetch {text}` brings {name.path}"
        )
    check(model, model.path)
    return model.path


def check(model: ZooModel, path: Path) -> None:
    """Refuse a file that is not the one of the table.

    Raises:
        CheckpointError: says what to do.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(
            f"zoo:{model.name}: its file cannot be read ({path}: {error.strerror}): install Thulium anew"
        ) from None
    digest = hashlib.sha256(content).hexdigest()
    if digest != model.sha256:
        raise CheckpointError(
            f"zoo:{model.name}: its file is not the one that this version of Thulium knows: {path} has sha256 "
            f"{digest[:16]}…, and should have {model.sha256[:16]}…: install Thulium anew"
        )
