"""What the tests of whole commands share: an environment, ways to run things in it, small documents and small data."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from thulium_dsl.grammar.validate import complete_tree
from thulium_dsl.grammar.zoo import ZooModel
from thulium_dsl.text import written
from thulium_dsl.text.document import parse

CHECKOUT = Path(__file__).resolve().parents[1]
HAS_ENGINE = importlib.util.find_spec("torch") is not None  # or only the language: `make test-pythons`

# What of the small document differs from the defaults.
DIFFERENT = """\
dataset:
  type: synthetic
  lines: {train: 24, val: 8, test: 8}
preprocessing: {height: 32, max_width: 1024}
augmentation:
  transforms: [{type: gaussian_noise, p: 0.5}]
model:
  backbone: {type: resnet, config_name: resnet_tiny}
  head: {type: bilstm, hidden_size: 16, num_layers: 1, dropout: 0.0}
training: {epochs: 1, batch_size: 8, mixed_precision: false, ema_decay: 0.9}
checkpointing: {save_every: 1, keep_last: 1}
evaluation: {worst_lines: 3}
resources: {device: cpu, loader_workers: 0, prepare_workers: 1, threads: 1}
"""


def complete(text: str) -> str:
    """A document with every default, in the form that DVC writes."""
    tree = complete_tree(parse(text))
    return "".join(f"{line}\n" for name, value in tree.items() for line in written.block(name, value))


# Complete, and in the form that DVC writes: `dvc exp run -S` then changes one line of it.
DOCUMENT = complete(DIFFERENT)

# What makes any document quick to train: each pair is looked for and replaced.
SMALL = {
    "resnet_small": "resnet_tiny",
    "hidden_size: 256": "hidden_size: 16",
    "num_layers: 2": "num_layers: 1",
    "epochs: 100\n": "epochs: 1\n",
    "batch_size: 32": "batch_size: 4",
    "warmup_epochs: 5": "warmup_epochs: 0.5",
}

# The smallest documents, word for word as the documentation has them.
DATA_YAML = """\
dataset:
  type: custom
  train_dir: data/train
  val_dir: data/val
  test_dir: data/test

preprocessing:
  height: 64
  min_width: 32
  max_width: 512
  normalize: true
"""

TRAIN_YAML = """\
model:
  backbone:
    type: resnet
    config_name: resnet_small
  head:
    type: bilstm
    hidden_size: 256
    num_layers: 2
    dropout: 0.1
  decoder:
    type: ctc
    blank_index: 0

training:
  epochs: 100
  batch_size: 32
  optimizer:
    type: adamw
    lr: 3e-4
    weight_decay: 0.01
  scheduler:
    type: cosine
    warmup_epochs: 5
  mixed_precision: true
  gradient_clip: 1.0

early_stopping:
  patience: 10
  metric: val_cer
  mode: min

checkpointing:
  save_dir: checkpoints/
  save_every: 5
  keep_last: 3
  save_best: true
"""

TEXTS = {
    "train": ("Anno 1742", "den 3. May", "two hens", "Jan de Wit", "item 14 s", "a barn", "his mark", "No. 27"),
    "val": ("den 14. May", "a hen"),
    "test": ("two barns", "Jan 27", "item 3"),
}


def environment(folder: Path, **more: str) -> dict[str, str]:
    """The variables of a process that works here: this Python's commands, one thread, no GPU, nothing that calls home.

    Args:
        folder: where DVC keeps what it keeps between projects.
    """
    names = {"PYTHONPATH", "PYTHONHOME", "DVC_ROOT", "DVC_STAGE", "DVC_EXP_NAME", "VIRTUAL_ENV"}
    own = {name: value for name, value in os.environ.items() if name not in names and not name.startswith("GIT_")}
    return own | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": str(folder / "dvc-site"),
        "WANDB_MODE": "offline",
        "GIT_AUTHOR_NAME": "A Tester",
        "GIT_AUTHOR_EMAIL": "tester@localhost",
        "GIT_COMMITTER_NAME": "A Tester",
        "GIT_COMMITTER_EMAIL": "tester@localhost",
        **more,
    }


class Shell:
    """Runs commands in one environment."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.variables = dict(variables)

    def __call__(
        self, *command: str | Path, cwd: Path, code: int | None = 0, **more: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; a test that meets another exit code than ``code`` fails and shows the output.

        Args:
            code: the exit code to expect; None expects nothing.
            more: further variables.
        """
        done = subprocess.run(
            [str(word) for word in command],
            cwd=cwd,
            env=self.variables | more,
            capture_output=True,
            text=True,
            timeout=300,
        )
        if code is not None and done.returncode != code:
            words = " ".join(map(str, command))
            raise AssertionError(f"`{words}` ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def start(self, *command: str | Path, cwd: Path) -> subprocess.Popen[str]:
        """Start a command as the leader of a process group of its own."""
        return subprocess.Popen(
            [str(word) for word in command],
            cwd=cwd,
            env=self.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )


def zoo_row(name: str, file: Path) -> ZooModel:
    """The row of a model file that is to be known by a name."""
    return ZooModel(
        name=name,
        summary="Reads little.",
        sha256=sha256(file.read_bytes()).hexdigest(),
        size=file.stat().st_size,
        license="MIT",
        languages=("eng",),
        scripts=("Latn",),
    )


def write_lines_folder(folder: Path, texts: Iterable[str]) -> Path:
    """A folder as ``dataset.type: custom`` reads it: one drawn line image a text, and labels.txt."""
    from PIL import Image, ImageDraw

    (folder / "images").mkdir(parents=True)
    names = {f"{number:03}.png": text for number, text in enumerate(texts)}
    for name, text in names.items():
        image = Image.new("L", (12 * len(text) + 16, 40), 235)
        ImageDraw.Draw(image).text((8, 6), text, fill=20, font_size=22)
        image.save(folder / "images" / name)
    (folder / "labels.txt").write_text("".join(f"{name} {text}\n" for name, text in names.items()), encoding="utf-8")
    return folder


def write_data(folder: Path) -> Path:
    """``train``, ``val`` and ``test`` folders of a few lines."""
    for split, texts in TEXTS.items():
        write_lines_folder(folder / split, texts)
    return folder


def write_config(folder: Path, *, small: bool = True) -> Path:
    """The two smallest documents in ``config/``, and ``data/`` beside it."""
    (folder / "config").mkdir(parents=True)
    (folder / "config" / "data.yaml").write_text(DATA_YAML, encoding="utf-8")
    text = TRAIN_YAML
    for old, new in SMALL.items() if small else ():
        assert old in text
        text = text.replace(old, new)
    (folder / "config" / "train.yaml").write_text(text, encoding="utf-8")
    write_data(folder / "data")
    return folder


def start_project(folder: Path, run: Shell) -> Path:
    """A DVC project with the small document, compiled and committed."""
    folder.mkdir(parents=True)
    (folder / "params.yaml").write_text(DOCUMENT, encoding="utf-8")
    (folder / "requirements.txt").write_text("thulium[training]==0.1.0\n", encoding="utf-8")
    shutil.copy(CHECKOUT / "template" / "{{cookiecutter.project_slug}}" / ".gitignore", folder)
    run("git", "init", "--quiet", "--initial-branch=main", cwd=folder)
    run("dvc", "init", "--quiet", cwd=folder)
    run("dvc", "config", "core.analytics", "false", cwd=folder)
    run("dvc", "config", "core.check_update", "false", cwd=folder)
    run("dvc", "config", "core.autostage", "true", cwd=folder)
    run("dvc", "config", "cache.type", "hardlink,copy", cwd=folder)
    run("thulium", "compile", cwd=folder)
    commit(folder, run)
    return folder


def stages_run(output: str) -> list[str]:
    """The stages that DVC has run, by what it said."""
    return re.findall(r"^Running stage '([\w@]+)'", output, flags=re.MULTILINE)


def commit(folder: Path, run: Shell) -> None:
    run("git", "add", ".", cwd=folder)
    run("git", "commit", "--quiet", "--message", "What is here", cwd=folder)


def edit(file: Path, old: str, new: str) -> None:
    """Replace a text that stands in a file once."""
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
    file.write_text(text.replace(old, new), encoding="utf-8")


def changed(spec: Any, path: Sequence[str], value: Any) -> Any:
    """A spec with another value at a path of names."""
    name, *rest = path
    return replace(spec, **{name: changed(getattr(spec, name), rest, value) if rest else value})


def read_until(process: subprocess.Popen[str], pattern: str) -> list[str]:
    """The lines of a started command's standard error up to one that matches; a test in which none does fails."""
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if re.search(pattern, line):
            return lines
    raise AssertionError(f"`{process.args}` ended without saying {pattern!r}:\n{''.join(lines)}")


def processes_in(folder: Path) -> dict[int, dict[str, str]]:
    """Processes whose working directory is a folder or below it: number -> environment. Linux only."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (entry / "cwd").resolve().is_relative_to(folder.resolve()):
                pairs = (entry / "environ").read_bytes().decode(errors="replace").split("\0")
                found[int(entry.name)] = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
    return found


def wait_until_none_is_left(folder: Path, limit_s: float = 15) -> None:
    """Until no process works in a folder; a test in which one still does after the limit fails."""
    end = time.monotonic() + limit_s
    while left := processes_in(folder):
        assert time.monotonic() < end, f"still there after {limit_s} s: {sorted(left)}"
        time.sleep(0.1)


def wait_for_queue(folder: Path, run: Shell, limit_s: float = 150) -> list[tuple[str, str]]:
    """The (name, state) of each task, when none is waiting or running."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        status = run("dvc", "queue", "status", cwd=folder).stdout
        tasks = re.findall(r"^[0-9a-f]{7} +(\S+) .* (\w+)$", status, flags=re.MULTILINE)
        if tasks and not {"Queued", "Running"} & {state for _, state in tasks}:
            return tasks
        time.sleep(1)
    raise AssertionError(f"the queue did not end in {limit_s} s:\n{status}")


def longer(text: str) -> str:
    """A small document made to train a few seconds, kept every second."""
    for old, new in {
        "train: 24": "train: 80",
        "  epochs: 1\n": "  epochs: 4\n",
        "dropout: 0.0": "dropout: 0.1",
        "num_layers: 1": "num_layers: 2",
        "resume_every_minutes: 5.0": "resume_every_minutes: 0.002",
    }.items():
        assert old in text
        text = text.replace(old, new)
    return text


def digests(folder: Path, *names: str) -> dict[str, str]:
    """Digests of files, and of those in folders: path -> digest."""
    paths = [path for name in names for path in [folder / name, *sorted((folder / name).rglob("*"))]]
    return {str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest() for path in paths if path.is_file()}


RESULTS = ("checkpoints", "plots", "metrics", "metrics.json", "predictions.csv", "reports")
