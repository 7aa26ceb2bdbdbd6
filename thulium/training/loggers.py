"""Where a run can be watched: TensorBoard and Weights & Biases."""

from __future__ import annotations

import contextlib
import html
import json
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from thulium.data.readers import Lines
from thulium.evaluation.metrics import LineResult
from thulium.runtime.errors import LoggerError, MissingPackage
from thulium.runtime.files import naming, replace_text
from thulium.runtime.progress import say
from thulium.runtime.world import World
from thulium.training.samples import Samples, is_pictured
from thulium.training.trainer import HTRTrainer
from thulium_dsl.grammar.spec import LoggingSpec, WandbSpec

Log = Callable[[int, Mapping[str, float], HTRTrainer], None]
METRICS = ("val/cer", "val/wer", "val/loss")  # what TensorBoard's table of hyperparameters shows beside them
WANDB_RUN = "wandb-run"  # holds the number of the run, so that it can be resumed


def forget_curves(run_dir: Path) -> None:
    """Remove what an earlier training logged into a folder, and nothing else that lies there."""
    for path in (*run_dir.rglob("events.out.tfevents.*"), run_dir / WANDB_RUN):
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def open_loggers(
    spec: LoggingSpec, run_dir: Path, facts: Mapping[str, Any], lines: Lines, num_logged: int, world: World
) -> Iterator[Log]:
    """Open the loggers of a document and close them, also when the run fails.

    Args:
        run_dir: the run's own folder for TensorBoard.
        facts: the experiment: section -> its settings.
        lines: the validation lines, some of which TensorBoard shows.
        num_logged: epochs that a run that is resumed has logged before.
        world: only its main process opens any.

    Yields:
        A function to call after each epoch with its number (from 1), its metrics and the trainer.

    Raises:
        MissingPackage: Weights & Biases is on and not installed.
        LoggerError: it is, and does not start.
    """
    with contextlib.ExitStack() as stack:
        logs: list[Log] = []
        if world.is_main and spec.tensorboard.enabled:
            logs.append(stack.enter_context(_tensorboard(run_dir, facts, Samples.of(lines), num_logged)))
        if world.is_main and spec.wandb.enabled:
            logs.append(stack.enter_context(_wandb(spec.wandb, run_dir, facts)))

        def log(epoch: int, metrics: Mapping[str, float], trainer: HTRTrainer) -> None:
            for each in list(logs):
                try:
                    each(epoch, metrics, trainer)
                except OSError as error:
                    logs.remove(each)
                    _say_full(run_dir, error)

        yield log


@contextlib.contextmanager
def _tensorboard(run_dir: Path, facts: Mapping[str, Any], samples: Samples, num_logged: int) -> Iterator[Log]:
    from torch.utils.tensorboard import SummaryWriter
    from torch.utils.tensorboard.summary import hparams

    experiment, start, end = hparams(_hyperparameters(facts), dict.fromkeys(METRICS, 0.0))
    # What was logged after the state that the run resumes from is logged again.
    purge = num_logged + 1 if num_logged else None
    writer: Any = SummaryWriter(str(run_dir), purge_step=purge)

    def log(epoch: int, metrics: Mapping[str, float], trainer: HTRTrainer) -> None:
        for name, value in _figures(metrics, trainer).items():
            writer.add_scalar(name, value, epoch)
        results = trainer.reading.results if trainer.reading else ()
        writer.add_text("val/lines", _table(samples.read(results)), epoch)
        if results and is_pictured(epoch):
            writer.add_image("val/lines", samples.picture(results), epoch, dataformats="HW")
        writer.flush()

    try:
        if not num_logged:
            with naming(run_dir):
                writer.file_writer.add_summary(experiment)
                writer.file_writer.add_summary(start)
        yield log
    except BaseException:
        with contextlib.suppress(OSError):  # what ended the run says more
            writer.close()
        raise
    try:
        writer.file_writer.add_summary(end)
        writer.close()
    except OSError as error:  # the run itself has come to its end
        _say_full(run_dir, error)


def _say_full(run_dir: Path, error: OSError) -> None:
    say(f"warning: {run_dir} cannot be written to ({error.strerror}): the run is no longer shown there")


@contextlib.contextmanager
def _wandb(spec: WandbSpec, run_dir: Path, facts: Mapping[str, Any]) -> Iterator[Log]:
    try:
        import wandb
    except ImportError:
        raise MissingPackage(
            "logging.wandb.enabled is true, but Weights & Biases is not installed: "
            "pip install 'thulium[wandb]', or set it to false"
        ) from None
    run_dir.mkdir(parents=True, exist_ok=True)
    number = run_dir / WANDB_RUN
    goes_on = number.exists()
    if not goes_on:
        replace_text(number, secrets.token_hex(4))
    try:
        run = wandb.init(
            id=number.read_text(encoding="utf-8"),
            resume="allow" if goes_on else None,
            project=spec.project,
            entity=spec.entity,
            name=run_dir.name,
            dir=str(run_dir),
            config=dict(facts),
        )
    except wandb.errors.Error as error:
        raise LoggerError(
            f"Weights & Biases did not start the run: {error}\n"
            "  help: log in with `wandb login`, work offline with WANDB_MODE=offline, "
            "or set logging.wandb.enabled to false"
        ) from None
    try:
        yield lambda epoch, metrics, trainer: run.log(_figures(metrics, trainer), step=epoch)
    except BaseException:
        run.finish(exit_code=1)
        raise
    run.finish()


def _figures(metrics: Mapping[str, float], trainer: HTRTrainer) -> dict[str, float]:
    return {
        **{_grouped(name): value for name, value in metrics.items()},
        "pace/lines_per_s": trainer.pace.lines_per_s,
        "pace/waiting_for_data": trainer.pace.waiting,
    }


def _grouped(name: str) -> str:
    """val_cer as val/cer, so that boards show a group for each split."""
    split, _, rest = name.partition("_")
    return f"{split}/{rest}" if rest else f"train/{name}"


def _hyperparameters(tree: Mapping[str, Any], prefix: str = "") -> dict[str, int | float | str]:
    """Every setting by its dotted key: numbers and texts, since TensorBoard would show true as 1."""
    flat: dict[str, int | float | str] = {}
    for name, value in tree.items():
        if isinstance(value, Mapping):
            flat |= _hyperparameters(value, f"{prefix}{name}.")
        else:
            is_taken = isinstance(value, (int, float, str)) and not isinstance(value, bool)
            flat[prefix + name] = value if is_taken else json.dumps(value)
    return flat


def _table(results: Iterable[LineResult]) -> str:
    rows = [f"| `{r.id}` | {_cell(r.transcription)} | {_cell(r.prediction)} |" for r in results]
    return "\n".join(["| line | transcription | prediction |", "|---|---|---|", *rows])


def _cell(text: str) -> str:
    """A text as itself in a table of TensorBoard's Markdown."""
    return re.sub(r"([\\`*_{}\[\]()#+.!|~-])", r"\\\1", html.escape(text, quote=False))
