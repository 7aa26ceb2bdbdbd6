"""What does a training reach on this machine's GPU, and what does it wait for? Markdown on standard output.

`python benchmarks/gpu.py [LINES] [--out FILE]`: LINES is a folder with train/, val/ and test/ (images/ and labels.txt);
without one, lines are rendered. No network is needed. Where there is no GPU, less is measured on the CPU, and the
tables say so. Each measurement is a process of its own, with a limit of its own, and the whole ends within --budget
seconds: what there was no time for, or what failed, is named at the end.

A training goes through `thulium.stages.train`, as `thulium train` does. Its first epochs, in which torch chooses
kernels and records the network for each shape of batch, are not counted. "Waiting" is the share of a training epoch in
which the model waits for lines; "kernels" is the share in which kernels run, from the time that they take in one more
epoch, under torch's profiler.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

BUDGET_S = 460.0  # of the whole: below the 8 minutes that it may take
LEAST_S = 20.0  # a measurement is not begun with less
IAM_LINES, IAM_EPOCHS = 6482, 150
TOP = 15
FEW = 96  # training lines of an epoch on a CPU, so that several end in time
FIRST_EPOCHS = 4  # not counted: on a GPU, most shapes of batches are met often enough to be recorded

DOCUMENT = """
version: 1
dataset: {dataset}
model: {{backbone: {{type: resnet, config_name: {network}}}}}
training: {{batch_size: {batch}, epochs: 1000{few}}}
augmentation: {{enabled: {augments}}}
early_stopping: {{enabled: false}}
checkpointing: {{resume_every_minutes: 0}}
logging: {{tensorboard: {{enabled: false}}}}
resources: {{{resources}}}
"""


@dataclass(frozen=True)
class Case:
    """A measurement.

    Attributes:
        title: of its row.
        network, batch, augments: of the document.
        workers: loader processes; None: as the document comes.
        augment_on: where lines are augmented; None: as the document comes.
        profiles: whether one more epoch runs under the profiler.
        width: of the lines, pixels, where the model is measured alone, on batches that lie in memory; 0: a training.
        seconds: how long whole epochs, or steps, are counted.
        limit_s: for the whole measurement, the start of its process included.
        gpus: of a training in several processes, through the command line; 0: one process.
    """

    title: str
    network: str = "resnet_small"
    batch: int = 32
    augments: bool = True
    workers: int | None = None
    augment_on: str | None = None
    profiles: bool = True
    width: int = 0
    seconds: float = 10.0
    limit_s: float = 75.0
    gpus: int = 0


def cases(is_gpu: bool, cores: int, gpus: int) -> list[Case]:
    """What is measured, the most telling first."""
    most = max(1, min(cores - 2, 14))
    if not is_gpu:
        few = {"network": "resnet_tiny", "seconds": 8.0}
        return [
            Case("resnet_tiny, the rest as it comes", batch=8, **few),
            Case("no augmentation", batch=8, augments=False, **few),
            Case("augmented on the device", batch=8, augment_on="device", **few),
            Case("the model alone, batch 8 at 800 px", batch=8, width=800, **few),
            Case("resnet_small", batch=8, seconds=8.0),
        ]
    rows = [
        Case("batch 32, the rest as it comes"),
        Case("batch 128", batch=128),
        Case("the document as it comes, batch 8", batch=8, profiles=False, limit_s=45.0),
        Case("the model alone, batch 32 at 800 px", width=800, seconds=6.0),
        Case("the model alone, batch 128 at 800 px", batch=128, width=800, seconds=6.0),
        *_places(most),
        Case(f"batch 128, {most} loader processes", batch=128, workers=most),
        Case("no augmentation, 4 loader processes", augments=False, workers=min(4, most)),
        Case("resnet_tiny", network="resnet_tiny"),
        Case("resnet_base", network="resnet_base"),
    ]
    if gpus > 1:
        rows.insert(4, Case("2 GPUs, a process each, batch 64", batch=64, gpus=2))
    return rows


def _places(most: int) -> list[Case]:
    """Lines augmented in the loader and on the device, with few loader processes and with many."""
    return [
        Case(
            f"augmented {words}, {workers} loader processes",
            workers=workers,
            augment_on=place,
            profiles=False,
            seconds=5.0,
            limit_s=45.0,
        )
        for workers in dict.fromkeys(min(number, most) for number in (2, 4, 14))
        for place, words in (("loader", "in the loader"), ("device", "on the device"))
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lines", nargs="?", type=Path)
    parser.add_argument("--out", type=Path, help="a file for all figures, as JSON")
    parser.add_argument("--budget", type=float, default=BUDGET_S, help="seconds for the whole")
    parser.add_argument(
        "--rendered",
        type=int,
        default=0,
        help=f"training lines to render where LINES is absent; on a CPU, {FEW} are learnt from",
    )
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(Case(**json.loads(options.worker[0])), options.worker[1], Path(options.worker[2]))
        return
    end = time.monotonic() + options.budget
    machine = about()
    print(
        f"{machine['device']}, {machine['cores']} cores, torch {machine['torch']}, {machine['revision']}\n", flush=True
    )
    chosen = cases(machine["is_gpu"], machine["cores"], machine["gpus"])
    with tempfile.TemporaryDirectory(prefix="thulium-bench-") as folder:
        dataset = dataset_of(options.lines, options.rendered or (640 if machine["is_gpu"] else FEW))
        prepare(dataset, Path(folder) / "prepared")
        found = list(measured(chosen, dataset, Path(folder), end))
    print(report(machine, found))
    if options.out:
        options.out.write_text(json.dumps({"machine": machine, "measured": found}, indent=2) + "\n", encoding="utf-8")


def about() -> dict[str, Any]:
    """The machine, and the code."""
    import torch

    from thulium.runtime import processor

    is_gpu = torch.cuda.is_available()
    git = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    revision = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    return {
        "is_gpu": is_gpu,
        "gpus": torch.cuda.device_count() if is_gpu else 0,
        "device": torch.cuda.get_device_name(0) if is_gpu else f"CPU ({processor.name()})",
        "memory_gib": round(torch.cuda.get_device_properties(0).total_memory / 2**30, 1) if is_gpu else None,
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "revision": revision or "no git",
    }


def dataset_of(lines: Path | None, rendered: int) -> str:
    """The section of the document."""
    if lines is None:
        few = max(8, rendered // 6)
        return f"{{type: synthetic, lines: {{train: {rendered}, val: {few}, test: 8}}}}"
    places = ", ".join(f"{split}_dir: '{lines.resolve() / split}'" for split in ("train", "val", "test"))
    return f"{{type: custom, {places}}}"


def document(case: Case, dataset: str) -> str:
    """The document of a case."""
    resources = {"loader_workers": case.workers, "augment_on": case.augment_on}
    return DOCUMENT.format(
        dataset=dataset,
        network=case.network,
        batch=case.batch,
        augments=str(case.augments).lower(),
        few="" if torch_has_gpu() else f", lines: {FEW}",
        resources=", ".join(f"{key}: {value}" for key, value in resources.items() if value is not None),
    )


def prepare(dataset: str, out: Path) -> None:
    from thulium.stages.prepare import prepare as stage
    from thulium_dsl.grammar.validate import experiment_of
    from thulium_dsl.text.document import parse

    whole = experiment_of(parse(document(Case(""), dataset)))
    stage(dataset=whole.dataset, preprocessing=whole.preprocessing, resources=whole.resources, out=out)


def measured(chosen: Sequence[Case], dataset: str, folder: Path, end: float) -> Iterator[dict[str, Any]]:
    """What each case gave, or why it gave nothing."""
    for number, case in enumerate(chosen):
        left = end - time.monotonic()
        if left < LEAST_S:
            yield {"case": asdict(case), "failed": "left out: no time was left"}
            continue
        print(f"{case.title} ...", file=sys.stderr, flush=True)
        limit = min(case.limit_s, left)
        short = replace(case, seconds=min(case.seconds, limit / 3))
        yield {"case": asdict(case), **_in_a_process(short, dataset, folder, folder / f"{number}.json", limit)}


def _in_a_process(case: Case, dataset: str, folder: Path, result: Path, limit_s: float) -> dict[str, Any]:
    """A case in a process of its own, whose children end with it."""
    words = [sys.executable, __file__, "--worker", json.dumps(asdict(case)), dataset, str(result)]
    with open(folder / "log", "w", encoding="utf-8") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log, start_new_session=True, cwd=folder)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(limit_s)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if result.exists():
        found: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
        return found
    said = (folder / "log").read_text(encoding="utf-8").strip().splitlines() or ["without a word"]
    why = f"did not end in {limit_s:.0f} s" if process.returncode == -signal.SIGKILL else f"failed: {said[-1][:200]}"
    return {"failed": why, "log": said[-20:]}


# In the process of a measurement.


Keep = Callable[[Mapping[str, Any]], None]


class Enough(BaseException):
    """All has been measured."""


def work(case: Case, dataset: str, result: Path) -> None:
    """Measure a case, and write what came out."""
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "100000")  # as the command line sets them
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")

    def keep(found: Mapping[str, Any]) -> None:  # also before a profile, which may take longer than there is time
        result.write_text(json.dumps(found), encoding="utf-8")

    if case.gpus:
        keep(_on_several(case, dataset, result.parent))
    elif case.width:
        keep(_model_alone(case, result.parent, keep))
    else:
        keep(_training(case, dataset, result.parent, keep))


def _training(case: Case, dataset: str, folder: Path, keep: Keep) -> dict[str, Any]:
    """A training as the stage runs it, of which whole epochs are counted."""
    from thulium.stages.train import train
    from thulium.training.trainer import HTRTrainer
    from thulium_dsl.grammar.validate import experiment_of
    from thulium_dsl.text.document import parse

    whole = experiment_of(parse(document(case, dataset)))
    watch = Watch(HTRTrainer.train_epoch, case.seconds, keep, case.profiles)
    HTRTrainer.train_epoch = lambda *arguments: watch(*arguments)  # type: ignore[method-assign]
    names = ("model", "training", "augmentation", "early_stopping", "checkpointing", "logging", "resources")
    with tempfile.TemporaryDirectory(dir=folder) as out:
        places = {"prepared": folder / "prepared", "out": Path(out), "run_dir": Path(out) / "logs"}
        with contextlib.suppress(Enough):
            train(**{name: getattr(whole, name) for name in names}, **places)
    return watch.found


class Watch:
    """Stands before ``HTRTrainer.train_epoch``: warms up, counts epochs for some seconds, profiles one, and ends it."""

    def __init__(self, epoch: Callable[..., dict[str, float]], seconds: float, keep: Keep, profiles: bool) -> None:
        self.epoch, self.seconds, self.keep, self.profiles = epoch, seconds, keep, profiles
        self.found: dict[str, Any] = {}
        self.paces: list[Any] = []
        self.start, self.not_counted = 0.0, FIRST_EPOCHS if torch_has_gpu() else 1

    def __call__(self, trainer: Any, loader: Any, epoch: int) -> dict[str, float]:
        if self.start and time.perf_counter() - self.start >= self.seconds and self.paces:
            self._sum_up(len(loader.lines))
            self.keep(self.found)
            if self.profiles:
                self.found |= profiled(lambda: self.epoch(trainer, loader, epoch), len(loader.lines))
            raise Enough
        values = self.epoch(trainer, loader, epoch)
        if self.start:
            self.paces.append(trainer.pace)
        elif epoch + 1 >= self.not_counted:
            self.start = time.perf_counter()
        return values

    def _sum_up(self, lines: int) -> None:
        now, training = time.perf_counter(), sum(pace.seconds for pace in self.paces)
        self.found = {
            "lines_per_s": len(self.paces) * lines / training,
            "lines_per_s_with_validation": len(self.paces) * lines / (now - self.start),
            "waiting": sum(pace.waiting * pace.seconds for pace in self.paces) / training,
            "epochs": len(self.paces),
            "lines": lines,
            **memory(),
        }


def torch_has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def memory() -> dict[str, float]:
    """The most that was held so far, MiB: of the GPU's memory, or of the machine's."""
    import resource

    import torch

    if torch.cuda.is_available():
        return {"peak_mib": torch.cuda.max_memory_allocated() / 2**20}
    return {"peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10}


def profiled(work: Callable[[], object], lines: int) -> dict[str, Any]:
    """Seconds in kernels for each line, and the operations that take most: of a GPU's kernels, or of a CPU's calls."""
    import torch
    from torch.profiler import ProfilerActivity, profile

    is_gpu = torch.cuda.is_available()
    with profile(activities=[ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if is_gpu else [])]) as profiler:
        work()
        if is_gpu:
            torch.cuda.synchronize()
    rows = []
    for event in profiler.key_averages():
        is_kernel = event.device_type == torch.autograd.DeviceType.CUDA
        is_mark = getattr(event, "is_user_annotation", False) or event.key.startswith(("Optimizer.", "ProfilerStep"))
        if is_kernel == is_gpu and not is_mark:
            micros = event.self_device_time_total if is_gpu else event.self_cpu_time_total
            rows.append({"name": event.key, "calls": event.count, "seconds": micros / 1e6})
    rows.sort(key=lambda row: -row["seconds"])
    whole = sum(row["seconds"] for row in rows)
    return {"kernel_s_per_line": whole / lines if is_gpu else None, "profiled_s": whole, "top": rows[:TOP]}


def _model_alone(case: Case, folder: Path, keep: Keep) -> dict[str, Any]:
    """Steps of the trainer on batches of one width that lie in memory."""
    import torch

    from thulium.data.charset import Charset
    from thulium.data.prepared import open_prepared
    from thulium.models.wrappers import HTRModel
    from thulium.runtime import device as devices
    from thulium.training import optimizer
    from thulium.training.trainer import HTRTrainer
    from thulium_dsl.grammar.validate import experiment_of
    from thulium_dsl.text.document import parse

    whole = experiment_of(parse(document(case, "{type: synthetic}")))
    data = open_prepared(folder / "prepared")
    devices.keep_memory()
    devices.set_threads(0)
    torch.manual_seed(1)
    model = HTRModel(whole.model, Charset(data.symbols), data.preprocessing)
    spec = whole.training
    trainer = HTRTrainer(
        model,
        optimizer=lambda module: optimizer.build(module, spec.optimizer, spec.lr),
        gradient_clip=spec.gradient_clip,
        ema_decay=spec.ema_decay,
    )
    steps = 4 if trainer.device.torch_device.type == "cpu" else 40
    loader = InMemory(case, data.preprocessing.height, data.symbols, steps)
    trainer.train_epoch(loader, 0)  # type: ignore[arg-type]
    taken, epoch, start = [], 1, time.perf_counter()
    while not taken or time.perf_counter() - start < case.seconds:
        trainer.train_epoch(loader, epoch)  # type: ignore[arg-type]
        taken.append(trainer.pace.seconds / steps)
        epoch += 1
    step = sorted(taken)[len(taken) // 2]
    found = {"step_ms": 1000 * step, "lines_per_s": case.batch / step, "waiting": 0.0, **memory()}
    keep(found)
    return found | profiled(lambda: trainer.train_epoch(loader, epoch), case.batch * steps)  # type: ignore[arg-type]


class InMemory:
    """The same batch again and again, as a loader hands it out."""

    accumulation = 1

    def __init__(self, case: Case, height: int, symbols: Sequence[str], steps: int) -> None:
        from PIL import Image

        from thulium.data.batch import collate

        length = case.width // 16  # of handwriting about as wide as it is high, a character has so many pixels
        text = "".join(symbols[number % len(symbols)] for number in range(length))
        image, names = Image.effect_noise((case.width, height), 60), [str(number) for number in range(case.batch)]
        self.batch = collate([image] * case.batch, [text] * case.batch, names)
        self.height, self.steps, self.lines = height, steps, self

    def set_epoch(self, epoch: int, start: int = 0) -> None:
        """Each epoch is the same."""

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[Any]:
        return iter([self.batch] * self.steps)


def _on_several(case: Case, dataset: str, folder: Path) -> dict[str, Any]:
    """The pace that `thulium train` says of itself on several GPUs."""
    path = folder / "several.yaml"
    path.write_text(document(case, dataset), encoding="utf-8")
    gpus = ",".join(map(str, range(case.gpus)))
    words = [sys.executable, "-m", "thulium.cli.main", "train", str(path), "--output-dir", str(folder / "several")]
    process = subprocess.Popen([*words, "--gpus", gpus], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    rows, end = [], None
    for line in process.stderr:
        if found := re.search(r"(\d+) lines/s +(\d+) s \((\d+)% waiting", line):
            end = end or time.monotonic() + case.seconds
            rows.append((float(found[1]), float(found[3]) / 100))
            if len(rows) > 2 and time.monotonic() > end:
                break
    process.terminate()
    process.wait()
    if not rows[1:]:
        raise SystemExit("the training said nothing of its pace")
    paces, waits = zip(*rows[1:], strict=True)
    return {"lines_per_s": sum(paces) / len(paces), "waiting": sum(waits) / len(waits), "epochs": len(paces)}


# The tables.


def report(machine: Mapping[str, Any], found: Sequence[Mapping[str, Any]]) -> str:
    """All that was measured, as Markdown."""
    parts = [table(found), projection(found)]
    for row in found:
        if "top" in row and (row is found[0] or "batch 128" in row["case"]["title"]):
            parts.append(top(row, "kernels" if machine["is_gpu"] else "calls on the CPU"))
    lost = [f"- {row['case']['title']}: {row['failed']}" for row in found if "failed" in row]
    if lost:
        parts.append("Not measured:\n\n" + "\n".join(lost))
    return "\n\n".join(parts)


def table(found: Sequence[Mapping[str, Any]]) -> str:
    """A row a case."""
    rows = ["| | lines/s | with validation | waiting | kernels | ms a step | peak memory |", "|---|" + "---:|" * 6]
    for row in found:
        if "failed" in row:
            continue
        per_line = row.get("kernel_s_per_line")
        cells = (
            f"{row['lines_per_s']:,.0f}",
            _or_none(row.get("lines_per_s_with_validation"), "{:,.0f}"),
            f"{row['waiting']:.0%}",
            _or_none(per_line and per_line * row["lines_per_s"], "{:.0%}"),
            _or_none(row.get("step_ms"), "{:.1f}"),
            _or_none(row.get("peak_mib"), "{:,.0f} MiB"),
        )
        rows.append(f"| {row['case']['title']} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def _or_none(value: float | None, form: str) -> str:
    return "" if value is None else form.format(value)


def projection(found: Sequence[Mapping[str, Any]]) -> str:
    """How long the lines of IAM would take at the paces that were measured, validation included."""
    rows = [
        f"At these paces, {IAM_LINES:,} lines × {IAM_EPOCHS} epochs would take (a projection, not a measurement):",
        "",
    ]
    for row in found:
        if pace := row.get("lines_per_s_with_validation"):
            rows.append(f"- {row['case']['title']}: {IAM_LINES * IAM_EPOCHS / pace / 60:,.0f} minutes")
    return "\n".join(rows)


def top(row: Mapping[str, Any], what: str) -> str:
    """The operations that take most of the time."""
    rows = [f"{row['case']['title']}: the {what} that take most of {row['profiled_s']:.2f} s", ""]
    rows += ["| share | calls | ms a call | |", "|---:|---:|---:|---|"]
    for part in row["top"]:
        share, each = part["seconds"] / row["profiled_s"], 1000 * part["seconds"] / max(1, part["calls"])
        name = part["name"].replace("|", "\\|")
        rows.append(f"| {share:.1%} | {part['calls']:,} | {each:.3f} | `{name[:90]}` |")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
