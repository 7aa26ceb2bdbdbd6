"""Whether an output folder holds a finished training. In a project, DVC knows that."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from thulium.cli.screen import echo
from thulium_dsl.messages.problems import ThuliumError
from thulium_dsl.text.files import object_in

if TYPE_CHECKING:
    from thulium_dsl.grammar.spec import CheckpointingSpec

METRICS = Path("metrics") / "train.json"


def is_finished(out: Path, checkpointing: CheckpointingSpec, digest: str) -> bool:
    """Whether there is nothing to train in a folder, and says so.

    Args:
        digest: of the lines that there are now.

    Raises:
        ThuliumError: a training was finished there, but of other lines, or what it left is damaged.
    """
    from thulium.runtime.unfinished import FOLDER, forget_finished

    if not (out / METRICS).exists():
        return False
    computed = (object_in(out / METRICS) or {}).get("computed")
    if not isinstance(computed, dict):
        raise ThuliumError(f"{out / METRICS}: is damaged\n  help: put it back, or add --restart to train anew")
    if computed.get("data") != digest:
        raise ThuliumError(
            f"{out} holds a finished run of other lines: the data have changed since\n"
            "  help: add --restart to train anew on them, or name another --output-dir"
        )
    for name in ("best", "last") if checkpointing.save_best else ("last",):
        _check_model(out, out / checkpointing.save_dir / f"{name}.safetensors")
    forget_finished(out / FOLDER)
    echo(f"{out} holds a finished run; nothing was done (add --restart to train anew)")
    return True


def _check_model(out: Path, file: Path) -> None:
    """A finished run without its model would be called finished by one command, and not by the next."""
    from thulium.models.header import read_header

    try:
        read_header(file)
    except ThuliumError as error:
        what = str(error).partition("\n")[0]
        raise ThuliumError(
            f"{out} holds a finished run, but not its model\n  {what}\n"
            "  help: put the file back, or add --restart to train anew"
        ) from None
