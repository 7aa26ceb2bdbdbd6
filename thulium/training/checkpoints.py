"""The manager that keeps the right checkpoints of a training."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from thulium.models.file import check_shapes, load_weights, packed
from thulium.models.header import first_line, read_header
from thulium.models.wrappers import HTRModel
from thulium.runtime.errors import CheckpointError
from thulium.runtime.files import PART, replace_bytes
from thulium.training.best import Ranking
from thulium.training.state import Free, misfit, misfit_of_optimizer, unpacked

PERIODIC = "epochs"  # the folder of the periodic checkpoints
OURS = re.compile(rf"(best|last|{PERIODIC}/epoch-\d{{5,}})\.(safetensors|optimizer\.pt)")  # below save_dir


def clear(folder: Path) -> None:
    """Remove the checkpoints of an earlier training from a folder, and nothing else.

    Raises:
        CheckpointError: a file of such a name is no checkpoint, or the folder is a link; nothing was removed.
    """
    if folder.is_symlink():
        raise CheckpointError(
            f"{folder}: is a link, and checkpoints would be removed where it leads: name a folder in "
            "checkpointing.save_dir"
        )
    found = [path for path in _files_of(folder) if OURS.fullmatch(path.relative_to(folder).as_posix())]
    foreign = [path for path in found if path.suffix == ".safetensors" and not _is_ours(path)]
    if foreign:
        raise CheckpointError(
            f"{foreign[0]}: has the name of a checkpoint, but was not written by Thulium, and would be replaced: "
            "move it away, or name another folder in checkpointing.save_dir"
        )
    for path in (*found, *(path for path in _files_of(folder) if path.name.endswith(PART))):
        path.unlink()


def _files_of(folder: Path) -> list[Path]:
    """What lies where checkpoints lie: in the folder, and in that of the periodic ones."""
    return [path for place in (folder, folder / PERIODIC) if place.is_dir() for path in sorted(place.iterdir())]


def _is_ours(path: Path) -> bool:
    """Whether a file is a model of Thulium's, whole or damaged; an empty one is nobody's."""
    with open(path, "rb") as file:
        start = file.read(1 << 16)
    return not start or b'"thulium"' in start


class CheckpointManager:
    """Keeps the last checkpoint, the best, and every so many epochs one.

    Files in ``save_dir``: ``last.safetensors``, ``best.safetensors``, ``epochs/epoch-00005.safetensors`` …; beside
    each, where an optimizer was given, ``….optimizer.pt`` with its state. What a full disk does not take is kept in
    memory, and written with what comes after it, or by ``flush``.
    """

    def __init__(
        self,
        save_dir: str | Path,
        *,
        save_best: bool = True,
        best_metric: str = "val_cer",
        mode: str = "min",
        save_every: int = 0,
        keep_last: int = 1,
        about: Mapping[str, Any] | None = None,
        is_new: bool = False,
    ) -> None:
        """Open a folder for checkpoints, made when the first is saved.

        A best checkpoint that it holds is the one to beat, unless ``is_new`` says that they belong to another training.

        Args:
            save_dir: the folder.
            save_best: keep the epoch with the best metric.
            best_metric: its name in the metrics given to ``save``; see ``Ranking`` for what decides where it cannot.
            mode: "min" if lower is better, "max" if higher.
            save_every: epochs between periodic checkpoints; 0 keeps none.
            keep_last: how many periodic checkpoints stay.
            about: JSON values to keep in every model file, such as the settings that it was trained with.
            is_new: whether what the folder holds is of no concern.
        """
        if mode not in ("min", "max"):
            raise ValueError(f'mode is "min" or "max", not {mode!r}')
        if keep_last < 1:
            raise ValueError(f"keep_last is at least 1, not {keep_last}")
        self.save_dir = Path(save_dir)
        self.save_best, self.ranking = save_best, Ranking(best_metric, mode)
        self.save_every, self.keep_last, self.about = save_every, keep_last, dict(about or {})
        self.best_epoch: int | None = None
        self._best: dict[str, float] | None = None  # its figures
        self._periodic: list[str] = []  # those of this run, oldest first
        self._pending: dict[str, bytes] = {}  # file name -> what has to be written
        self._written: set[str] = set()  # names of files
        if save_best and not is_new and self._path("best").exists():
            facts = read_header(self._path("best")).facts
            if best_metric in facts.get("metrics", {}) and "epoch" in facts:
                self._best, self.best_epoch = self.ranking.figures(facts["metrics"]), facts["epoch"] - 1

    @property
    def best_metric(self) -> str:
        """The name of the figure that chooses the best epoch."""
        return self.ranking.metric

    @property
    def best(self) -> float | None:
        """That figure of the best epoch; None as long as there is none."""
        return None if self._best is None else self._best[self.best_metric]

    def save(
        self,
        model: HTRModel,
        optimizer: Optimizer | None,
        scheduler: LRScheduler | None,
        epoch: int,
        metrics: Mapping[str, float],
    ) -> None:
        """Keep what is due after an epoch.

        Args:
            model: what is saved.
            optimizer, scheduler: their state is saved too, if given.
            epoch: 0 is the first one.
            metrics: of the validation; must hold ``best_metric`` if ``save_best``.

        Raises:
            ValueError: ``best_metric`` is not there.
        """
        state = {name: part.state_dict() for name, part in (("optimizer", optimizer), ("scheduler", scheduler)) if part}
        names = ["last"]
        if self.save_best:
            figures = self.ranking.figures(metrics)
            if self.ranking.is_better(figures, self._best):
                self._best, self.best_epoch = figures, epoch
                names.append("best")
        if self.save_every and (epoch + 1) % self.save_every == 0:
            names.append(f"{PERIODIC}/epoch-{epoch + 1:05}")
            self._periodic.append(names[-1])
        content = packed(model, {"epoch": epoch + 1, "metrics": dict(metrics), **self.about})
        for name in names:
            self._pending[_file(name)] = content
            if state:
                self._pending[_state_file(name)] = _packed_state(state)
        self.flush()
        self._remove_old()

    def flush(self) -> None:
        """Write what is not written yet.

        Raises:
            OSError: the disk is full; what it did not take is still kept.
        """
        for name in list(self._pending):
            (self.save_dir / name).parent.mkdir(parents=True, exist_ok=True)
            replace_bytes(self.save_dir / name, self._pending[name])
            del self._pending[name]
            self._written.add(name)

    @property
    def files(self) -> dict[str, Path]:
        """By their names, the files of this run that are written: a training that is cut has to find them again.

        Raises:
            CheckpointError: one of them is gone.
        """
        written = {name: self.save_dir / name for name in sorted(self._written - self._pending.keys())}
        for path in written.values():
            if not path.exists():
                raise CheckpointError(
                    f"{path}: was written by this training, and is gone: something else has removed it\n"
                    "  help: run the same command again, which goes on from the newest state that has it"
                )
        return written

    def state_dict(self) -> dict[str, Any]:
        """What ``load_state_dict`` needs to resume from here, beside the files."""
        pending = {name: _as_tensor(content) for name, content in self._pending.items()}
        return {"best": self._best, "best_epoch": self.best_epoch, "periodic": list(self._periodic), "pending": pending}

    def misfit(self, state: object) -> str:
        """In what a state differs from one of such a manager, in words; empty: ``load_state_dict`` can take it."""
        free: Free = {
            "best": self.ranking.is_sound,
            "periodic": lambda names: isinstance(names, list) and all(map(_is_periodic, names)),
            "pending": lambda files: isinstance(files, dict) and all(map(_is_pending, files.items())),
        }
        return misfit(state, {"best": None, "best_epoch": None, "periodic": None, "pending": None}, free)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Resume from where ``state_dict`` was asked; the files must be there again."""
        self._best, self.best_epoch, self._periodic = state["best"], state["best_epoch"], list(state["periodic"])
        self._pending = {name: content.numpy().tobytes() for name, content in state["pending"].items()}
        names = [file for name in ("last", "best", *self._periodic) for file in (_file(name), _state_file(name))]
        self._written = {name for name in names if (self.save_dir / name).exists()}

    def load_best(self, model: HTRModel, optimizer: Optimizer | None = None) -> dict[str, Any]:
        """Put the best checkpoint's weights into a model, and its state into an optimizer; returns its facts.

        Raises:
            CheckpointError: there is none, it does not fit the model, or it holds no optimizer state.
        """
        path = self._path("best")
        header = read_header(path)
        theirs, ours = header.charset, model.charset
        if theirs != ours:
            raise CheckpointError(
                f"{path}: was trained with {len(theirs.symbols)} symbols (blank {theirs.blank_index}, {theirs.order} "
                f"order), this model has {len(ours.symbols)} (blank {ours.blank_index}, {ours.order} order): they must "
                "be the same"
            )
        check_shapes(model, path)
        load_weights(model, path, header)
        if optimizer is not None:
            _load_optimizer(optimizer, self._state_path("best"))
        return header.facts

    def _remove_old(self) -> None:
        while len(self._periodic) > self.keep_last:
            name = self._periodic.pop(0)
            for file in (_file(name), _state_file(name)):
                self._pending.pop(file, None)
                self._written.discard(file)
                (self.save_dir / file).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self.save_dir / _file(name)

    def _state_path(self, name: str) -> Path:
        return self.save_dir / _state_file(name)


def _file(name: str) -> str:
    return f"{name}.safetensors"


def _state_file(name: str) -> str:
    return f"{name}.optimizer.pt"


def _has_optimizer(state: object) -> bool:
    return isinstance(state, dict) and "optimizer" in state


def _is_periodic(name: object) -> bool:
    return isinstance(name, str) and name.startswith(PERIODIC) and OURS.fullmatch(_file(name)) is not None


def _is_pending(file: tuple[object, object]) -> bool:
    name, content = file
    is_content = type(content) is Tensor and content.dtype == torch.uint8 and content.ndim == 1
    return isinstance(name, str) and OURS.fullmatch(name) is not None and is_content


def _as_tensor(content: bytes) -> Tensor:
    return torch.frombuffer(bytearray(content), dtype=torch.uint8)


def _packed_state(state: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


def _load_optimizer(optimizer: Optimizer, path: Path) -> None:
    if not path.exists():
        raise CheckpointError(f"{path}: no such file; the checkpoint was saved without its optimizer")
    try:
        state = unpacked(path.read_bytes())
    except ValueError as error:
        raise CheckpointError(f"{path}: is damaged ({first_line(error)})") from error
    why = misfit_of_optimizer(state["optimizer"], optimizer) if _has_optimizer(state) else "it holds other things"
    if why:
        raise CheckpointError(f"{path}: is not of this optimizer ({why})")
    optimizer.load_state_dict(state["optimizer"])
