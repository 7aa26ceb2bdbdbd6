"""The race: Thulium and what people use today learn the same lines from nothing, for the same time of one core each.

Every engine is a program of its own, kept on one core, and stopped when it has used its time of the processor: what
else runs on the machine then takes nothing from it. While it runs, its own figures for the validation lines are looked
for, and the time and the processor's time noted when one is new. Then its best model reads the test lines, and all
readings are counted by one scorer; they lie beside the figures as tables, for ``thulium score``. Which commands stands
in the table of engines below; the other programs are installed beside each other as ``DIR/venv-kraken``,
``DIR/venv-pylaia`` and ``DIR/venv-calamari``. What another engine needs before it can start (other folders, other
sizes) is made before its time begins; Thulium's own preparation counts.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from peers_formats import (
    Work,
    calamari_readings,
    kraken_readings,
    prediction_files,
    pylaia_readings,
    pylaia_text,
    thulium_readings,
    thulium_text,
    to_files,
    to_pylaia,
    to_table,
)

from thulium.evaluation.metrics import LineResult, score

GOALS = (0.20, 0.10, 0.07)  # validation CER
LOOK = 1.0  # seconds between two looks at a running engine
WAIT = 4  # times its processor's time, by the clock: an engine that hangs uses none and would never be stopped
# Freed memory is kept, as Thulium does for itself: without, kraken spends two fifths of its time in the kernel.
KEPT = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "100000000000"}
# The small network of kraken's own pages; the large one of its defaults sees each line but six times in half an hour.
DOCUMENTED = "[1,48,0,1 Cr3,3,32 Do0.1,2 Mp2,2 Cr3,3,64 Do0.1,2 Mp2,2 S1(1x12)1,3 Lbx100 Do]"
# The network that PyLaia's own pages give as their example.
NORMED = (
    "--crnn.cnn_num_features [12,24,48,48] --crnn.cnn_poolsize [2,2,0,2] --crnn.cnn_batchnorm [true,true,true,true]"
)


@dataclass(frozen=True)
class Engine:
    """A program that learns to read, as command lines: words in braces are the run's own.

    Attributes:
        home: its virtual environment in the folder of peers; empty for Thulium's own.
        before: what is run before the time begins.
        train: the training, which never ends by itself before its time.
        readings: the CERs that it has found on the validation lines so far, one an epoch.
        read: the commands by which its best model reads the test lines.
        texts: what was read, by the line's id.
    """

    home: str
    train: str
    readings: Callable[[Work], list[float]]
    read: tuple[str, ...]
    texts: Callable[[Work], dict[str, str]]
    before: tuple[str, ...] = ()


def kraken(options: str) -> Engine:
    train = (
        "{bin}/ketos --threads 1 --workers 0 -s {seed} train -f path -t {lines}/train.lst -e {lines}/val.lst"
        f" -q fixed -N 9999 -o {{out}} {options}"
    )
    convert = "{bin}/ketos convert -o {out}/best.safetensors {best}"
    ocr = (
        "{bin}/kraken --threads 1 -I '{read}/*.png' -o .pred.txt ocr -m {out}/best.safetensors -s --num-line-workers 0"
    )
    return Engine("venv-kraken", train, kraken_readings, (convert, ocr), prediction_files)


def pylaia(network: str, training: str, batch_size: int) -> Engine:
    """Its release never shuffles the training lines; the race was run with shuffle_tr=True in its train_ctc.py."""
    folders = "--common.train_path {out} --common.experiment_dirname ctc"
    both = f"{folders} --data.batch_size {batch_size} --data.num_workers 1"
    create = (
        "{bin}/pylaia-htr-create-model {out}/syms.txt --fixed_input_height 64 --common.train_path {out}"
        f" {network}"
    )
    train = (
        "{bin}/pylaia-htr-train-ctc {out}/syms.txt [{out}/img] {out}/train.tok.txt {out}/val.tok.txt"
        " --trainer.max_epochs 9999 --train.early_stopping_patience 9999 --trainer.progress_bar_refresh_rate 0"
        f" {both} {training}"
    )
    decode = (
        f"{{bin}}/pylaia-htr-decode-ctc {{out}}/syms.txt {{out}}/test.ids --img_dirs [{{out}}/img] {both}"
        " --decode.join_string= --decode.convert_spaces true"
    )
    return Engine("venv-pylaia", train, pylaia_readings, (decode,), pylaia_text, before=(create,))


def calamari(options: str) -> Engine:
    train = (
        "{bin}/calamari-train --train File --train.images {lines}/train/*.png --val File --val.images {lines}/val/*.png"
        " --trainer.epochs 9999 --early_stopping.n_to_go -1 --trainer.output_dir {out} --train.batch_size 16"
        f" --val.batch_size 16 --device.gpus None --train.num_processes 1 --trainer.progress_bar_mode 0 {options}"
    )
    predict = (
        "{bin}/calamari-predict --checkpoint {out}/best.ckpt --data File --data.images {read}/*.png --output_dir {read}"
        " --predictor.device.gpus None"
    )
    return Engine("venv-calamari", train, calamari_readings, (predict,), prediction_files)


# "recommended": what the engine's own documentation advises for such lines, where half an hour of one core affords it.
ENGINES = {
    "thulium": Engine(
        "",
        "{bin}/thulium train {document} --output-dir {out}",
        thulium_readings,
        ("{bin}/thulium evaluate {document} --output-dir {out}",),
        thulium_text,
    ),
    "kraken": kraken(""),  # as it comes: batches of one line
    "kraken-recommended": kraken(f"-B 32 --augment --warmup 200 -u NFD -s {DOCUMENTED!r}"),
    "pylaia": pylaia("", "", batch_size=16),
    "pylaia-recommended": pylaia(NORMED, "--train.augment_training true --scheduler.active true", batch_size=8),
    "calamari": calamari(""),
    # An epoch is as many lines as the others' epochs: with five more of each line it would be six times as long. With
    # deep3, a larger network of its documentation, it still read nothing after three of them.
    "calamari-recommended": calamari("--n_augmentations 5 --trainer.scale_epoch_size 0.1667"),
}


@dataclass
class Record:
    """What was seen of a training; seconds since its start."""

    readings: list[tuple[float, float, float]] = field(default_factory=list)  # seconds, CPU seconds, CER
    clock: float = 0.0
    cpu: float = 0.0
    memory: int = 0  # bytes, the most of all its processes together
    ended: str = ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lines", type=Path, help="train, val and test, each with labels.txt and images")
    parser.add_argument("document", type=Path, help="Thulium's document for these lines")
    parser.add_argument("--peers", type=Path, default=Path("peers"), help="where the virtual environments are")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--minutes", type=float, default=30, help="of the processor's time, for each engine")
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("race"))
    options = parser.parse_args()
    for name in options.engines:
        row = race(name, options)
        (options.out / f"{name}.json").write_text(json.dumps(row, indent=1), encoding="utf-8")
        print(say(name, row), flush=True)


def race(name: str, options: argparse.Namespace) -> dict[str, object]:
    """Let one engine learn and read; figures as they are written down."""
    engine = ENGINES[name]
    out = (options.out / name).resolve()
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    work = Work(out=out, log=out.with_suffix(".log"), lines=to_files(options.lines, options.out.resolve() / "lines"))
    if engine.home == "venv-pylaia":
        to_pylaia(work.lines, out, height=64)
    home = options.peers.resolve() / engine.home / "bin" if engine.home else Path(sys.executable).parent
    words = {"bin": home, "out": out, "lines": work.lines, "seed": options.seed, "document": options.document.resolve()}
    work.log.unlink(missing_ok=True)
    run = Runner(options.core, words, work.log)
    for command in engine.before:
        run.whole(command)
    record = run.timed(engine.train, options.minutes * 60, lambda: engine.readings(work))
    shutil.copytree(work.lines / "test", work.read, ignore=shutil.ignore_patterns("*.gt.txt"))
    if not record.readings:  # no epoch came to its end
        return figures(record, None, work)
    words |= {"read": work.read, "best": work.best}
    for command in engine.read:
        run.whole(command)
    texts = engine.texts(work)
    to_table(texts, out.with_suffix(".csv"))
    return figures(record, texts, work)


class Runner:
    """Runs command lines on one core with one thread; what they print goes to a file."""

    def __init__(self, core: int, words: dict[str, object], log: Path) -> None:
        self.core, self.words, self.log = core, words, log
        self.environment = {
            **os.environ,
            **KEPT,
            "OMP_NUM_THREADS": "1",
            "CUDA_VISIBLE_DEVICES": "",
            "WANDB_MODE": "offline",
        }
        self.environment |= {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}

    def start(self, command: str) -> subprocess.Popen[bytes]:
        for word, value in self.words.items():
            command = command.replace(f"{{{word}}}", str(value))
        with self.log.open("ab") as log:
            log.write(f"$ {command}\n".encode())
            log.flush()
            # The shell expands *.png, as the programs' own instructions have it; braces and brackets stay as they are.
            words = ["taskset", "-c", str(self.core), "bash", "-c", f"exec {command}"]
            return subprocess.Popen(
                words, stdout=log, stderr=log, env=self.environment, cwd=self.log.parent, start_new_session=True
            )

    def whole(self, command: str) -> None:
        code = self.start(command).wait()
        if code:
            raise SystemExit(f"exit code {code}, see {self.log}: {command}")

    def timed(self, command: str, seconds: float, readings: Callable[[], list[float]]) -> Record:
        """Run until its processes have computed for so long; look for figures all the while."""
        record, process, start = Record(), self.start(command), time.monotonic()
        watched = psutil.Process(process.pid)
        while process.poll() is None and record.cpu < seconds and record.clock < WAIT * seconds:
            time.sleep(LOOK)
            record.clock = time.monotonic() - start
            _look(record, watched, readings())
        record.ended = "stopped" if process.poll() is None else f"ended by itself, exit code {process.returncode}"
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            _end(process)
        return record


def _look(record: Record, watched: psutil.Process, readings: list[float]) -> None:
    cpu, memory = 0.0, 0
    try:
        for process in [watched, *watched.children(recursive=True)]:
            times = process.cpu_times()
            cpu += times.user + times.system + times.children_user + times.children_system
            memory += process.memory_info().rss
    except psutil.NoSuchProcess:  # ended between two looks: the last figures stand
        pass
    record.cpu, record.memory = max(record.cpu, cpu), max(record.memory, memory)
    record.readings += [(record.clock, record.cpu, cer) for cer in readings[len(record.readings) :]]


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def figures(record: Record, texts: dict[str, str] | None, work: Work) -> dict[str, object]:
    """The row of the table: what was reached when, and what the best model read."""
    read = None if texts is None else _scored(texts, work)
    epochs = len(record.readings)
    lines = epochs * len(list((work.lines / "train").glob("*.gt.txt")))
    return {
        "ended": record.ended,
        "minutes": record.clock / 60,
        "cpu_seconds": record.cpu,
        "epochs": epochs,
        "reached": {f"{goal:.0%}": _reached(record, goal) for goal in GOALS},
        "best_val_cer": min((cer for _, _, cer in record.readings), default=None),
        "test_cer": score(read).cer if read else None,
        "lines_per_cpu_second": lines / record.readings[-1][1] if epochs else None,
        "peak_memory_mib": record.memory / 2**20,
        "readings": record.readings,
    }


def _scored(texts: dict[str, str], work: Work) -> list[LineResult]:
    results = []
    for path in sorted((work.lines / "test").glob("*.gt.txt")):
        name = path.name.removesuffix(".gt.txt")
        results.append(LineResult(name, name, _plain(path.read_text(encoding="utf-8")), _plain(texts[name])))
    return results


def _reached(record: Record, goal: float) -> dict[str, float] | None:
    for seconds, cpu, cer in record.readings:
        if cer < goal:
            return {"minutes": seconds / 60, "cpu_seconds": cpu}
    return None


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def say(name: str, row: dict[str, object]) -> str:
    reached = row["reached"]
    assert isinstance(reached, dict)
    times = [f"{t['minutes']:.1f} min, {t['cpu_seconds']:.0f} s" if t else "not reached" for t in reached.values()]
    rates = [f"{row[key]:.2%}" if row[key] is not None else "none" for key in ("best_val_cer", "test_cer")]
    pace = f"{row['lines_per_cpu_second']:.1f}" if row["lines_per_cpu_second"] else "none"
    cells = [name, *times, str(row["epochs"]), *rates, pace, f"{row['peak_memory_mib']:.0f} MiB"]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
