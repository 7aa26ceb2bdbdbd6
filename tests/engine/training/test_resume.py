"""A training that is cut anywhere ends as one that never was."""

from __future__ import annotations

import csv
import errno
import hashlib
import io
import json
import multiprocessing
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from lab_cut import Cut, cutting

from thulium.data.charset import Charset
from thulium.data.prepared import open_prepared
from thulium.models import own_lines
from thulium.models.file import load_model
from thulium.models.wrappers import HTRModel
from thulium.runtime.errors import CheckpointError, Interrupted, WorldError
from thulium.runtime.unfinished import forget_finished, unfinished
from thulium.runtime.world import World
from thulium.stages.train import train
from thulium.training import checkpoints, resume
from thulium.training.early_stopping import EarlyStopping
from thulium.training.resume import held
from thulium.training.run import Keeper, say_division
from thulium.training.trainer import HTRTrainer
from thulium_dsl.grammar.spec import Experiment, TrapezoidSpec

SECTIONS = ("model", "training", "augmentation", "early_stopping", "checkpointing", "logging", "resources")
EVERY_STEP = 1e-9  # minutes
EMPTY = {"checkpoints": {"pending": {}, "periodic": []}}  # as much of a state as its folder looks at


@pytest.fixture(scope="module")
def small(experiment: Experiment) -> Experiment:
    """Three epochs of three steps and a validation of two batches; everything on that draws or remembers."""
    return replace(
        experiment,
        model=replace(experiment.model, head=replace(experiment.model.head, dropout=0.3, num_layers=2)),
        training=replace(experiment.training, epochs=3, batch_size=3, mixed_precision=False, lr=0.01),
        augmentation=replace(experiment.augmentation, enabled=True),
        checkpointing=replace(experiment.checkpointing, save_every=1, keep_last=2, resume_every_minutes=EVERY_STEP),
    )


def run(experiment: Experiment, prepared: Path, out: Path, **more: object) -> None:
    parts = {name: getattr(experiment, name) for name in SECTIONS}
    places = {"prepared": prepared, "out": out, "run_dir": out / "logs", "resume_dir": out / ".thulium" / "resume"}
    train(**parts, **places, **more)


def outcome(out: Path) -> dict[str, str]:
    """Digests of everything that a training leaves."""
    files = [path for path in sorted(out.rglob("*")) if path.is_file() and "logs" not in path.parts]
    return {path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def unbroken(small: Experiment, prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    out = tmp_path_factory.mktemp("unbroken")
    run(small, prepared, out)
    found = outcome(out)
    names = ("best", "epochs/epoch-00002", "epochs/epoch-00003", "last")
    files = {f"checkpoints/{name}.safetensors" for name in names} | {"metrics/train.json", "plots/history.csv"}
    assert set(found) == files
    return found


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Cuts the next training after so many steps and batches read."""
    return cutting(monkeypatch)


def cut_run(small: Experiment, prepared: Path, out: Path, cut: Callable[[int], None], steps: int) -> None:
    cut(steps)
    with pytest.raises(Cut):
        run(small, prepared, out)
    shutil.rmtree(out / "checkpoints", ignore_errors=True)  # as DVC does before it runs a stage again
    shutil.rmtree(out / "plots", ignore_errors=True)


# The first two are batches of the validation before training; an epoch is three steps and two batches read.
@pytest.mark.parametrize("steps", [1, 3, 4, 5, 6, 8, 13, 16, 17])
def test_a_training_is_kept_within_an_epoch(small, prepared, unbroken, tmp_path, cut, capsys, steps: int) -> None:
    cut_run(small, prepared, tmp_path, cut, steps)
    run(small, prepared, tmp_path)
    assert "resuming from" in capsys.readouterr().err
    assert outcome(tmp_path) == unbroken


@pytest.mark.parametrize("steps", [6, 8])
def test_processes_that_read_ahead_change_nothing_of_it(small, prepared, unbroken, tmp_path, cut, steps: int) -> None:
    small = replace(small, resources=replace(small.resources, loader_workers=2))
    cut_run(small, prepared, tmp_path, cut, steps)
    assert not multiprocessing.active_children()
    run(small, prepared, tmp_path)
    assert not multiprocessing.active_children()
    assert outcome(tmp_path) == unbroken


def test_a_training_that_is_cut_again_and_again_ends_the_same(small, prepared, unbroken, tmp_path, cut) -> None:
    for _ in range(5):
        cut_run(small, prepared, tmp_path, cut, 2)
    run(small, prepared, tmp_path)
    assert outcome(tmp_path) == unbroken
    assert unfinished(tmp_path) == []


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_signal_after_the_last_step_stops_and_loses_nothing(
    small, prepared, unbroken, tmp_path, monkeypatch, capsys, is_kept: bool
) -> None:
    """DVC may be gone by then, and would not know of a training that finished without it."""
    end_epoch = Keeper.end_epoch

    def asked(keeper: Keeper, *, is_last: bool) -> None:
        if is_last:
            keeper.signals.catch(signal.SIGTERM, None)
        end_epoch(keeper, is_last=is_last)

    with monkeypatch.context() as patch:
        patch.setattr(Keeper, "end_epoch", asked)
        if not is_kept:  # on a full disk; else the training would be lost, which is all there
            patch.setattr(Keeper, "save", lambda _keeper: False)
            run(small, prepared, tmp_path)
            assert outcome(tmp_path) == unbroken
            return
        with pytest.raises(Interrupted, match="stopped by SIGTERM at the end of epoch 3; the same command resumes"):
            run(small, prepared, tmp_path)
    assert not (tmp_path / "metrics" / "train.json").exists()
    run(small, prepared, tmp_path)
    assert "resuming from the end of epoch 3\n" in capsys.readouterr().err
    assert outcome(tmp_path) == unbroken


def test_a_run_that_was_shortened_ends_where_it_would_have(small, prepared, tmp_path, cut, monkeypatch, capsys) -> None:
    def should_stop(stopping: EarlyStopping, metrics: dict[str, float]) -> bool:
        stopping.best = stopping.ranking.figures(metrics)
        return True

    monkeypatch.setattr(EarlyStopping, "should_stop", should_stop)
    scheduler = TrapezoidSpec(type="trapezoid", warmup_epochs=0, decay_share=0.7)
    small = replace(small, training=replace(small.training, epochs=9, scheduler=scheduler))
    run(small, prepared, tmp_path / "a")
    assert "the learning rate falls from here, and the run ends with epoch 4\n" in capsys.readouterr().err
    cut_run(small, prepared, tmp_path / "b", cut, 14)  # in the third epoch
    run(small, prepared, tmp_path / "b")
    assert "resuming from epoch 3, step 2" in capsys.readouterr().err
    assert outcome(tmp_path / "b") == outcome(tmp_path / "a")


def test_without_minutes_only_whole_epochs_are_kept(small, prepared, tmp_path, cut, capsys) -> None:
    small = replace(small, checkpointing=replace(small.checkpointing, resume_every_minutes=0))
    cut_run(small, prepared, tmp_path, cut, 9)
    run(small, prepared, tmp_path)
    assert "resuming from the end of epoch 1" in capsys.readouterr().err


@pytest.mark.parametrize("kept", [1, 2])
def test_short_epochs_are_kept_now_and_then(
    small, prepared, unbroken, tmp_path, cut, capsys, monkeypatch, kept: int
) -> None:
    monkeypatch.setattr("thulium.training.run.MOST", {1: 1e-9, 2: 1e9}[kept])
    small = replace(small, checkpointing=replace(small.checkpointing, resume_every_minutes=5))
    cut_run(small, prepared, tmp_path, cut, 13)  # in the third epoch
    run(small, prepared, tmp_path)
    assert f"resuming from the end of epoch {kept}" in capsys.readouterr().err
    assert outcome(tmp_path) == unbroken


@pytest.fixture(scope="module")
def fine(small: Experiment, unbroken: dict[str, str], prepared: Path, tmp_path_factory: pytest.TempPathFactory):
    """A training from another's weights, its backbone at rest for an epoch, its batches ended by their pixels."""
    start = tmp_path_factory.mktemp("start")
    run(small, prepared, start)
    path = str(start / "checkpoints" / "best.safetensors")
    training = replace(small.training, init_from=path, freeze=("backbone",), freeze_epochs=1, max_pixels=12000)
    return replace(small, training=training)


@pytest.mark.parametrize("steps", [2, 5, 9])
def test_a_fine_tuning_is_gone_on_with(fine, prepared, tmp_path, cut, steps) -> None:
    run(fine, prepared, tmp_path / "unbroken")
    cut_run(fine, prepared, tmp_path / "cut", cut, steps)
    run(fine, prepared, tmp_path / "cut")
    assert outcome(tmp_path / "cut") == outcome(tmp_path / "unbroken")


def test_other_first_weights_are_another_training(fine, prepared, tmp_path, cut, capsys) -> None:
    other = tmp_path / "other.safetensors"
    best = Path(fine.training.init_from)
    periodic = best.with_name("epochs").iterdir()
    shutil.copy(next(file for file in sorted(periodic) if file.read_bytes() != best.read_bytes()), other)
    own = replace(fine, training=replace(fine.training, init_from=str(other)))
    cut_run(own, prepared, tmp_path / "run", cut, 5)
    shutil.copy(fine.training.init_from, other)
    run(own, prepared, tmp_path / "run")
    said = capsys.readouterr().err
    assert "of other first weights: this one starts anew" in said
    assert "going on" not in said


def test_a_finished_training_leaves_nothing_to_go_on_from(small, prepared, tmp_path) -> None:
    run(small, prepared, tmp_path)
    assert unfinished(tmp_path) == []


def states(out: Path) -> list[Path]:
    return sorted(out.rglob("*.state"))


def halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [halve, flip])
def test_a_damaged_state_is_named_and_the_one_before_it_used(
    small, prepared, unbroken, tmp_path, cut, capsys, damage: Callable[[Path], None]
) -> None:
    cut_run(small, prepared, tmp_path, cut, 9)
    damage(states(tmp_path)[-1])
    run(small, prepared, tmp_path)
    assert f"{states(tmp_path) or '.state'}" == ".state"
    assert ".state is damaged or not complete: it is left out, and the state before it" in capsys.readouterr().err
    assert outcome(tmp_path) == unbroken


def retell(path: Path, change: Callable[[dict], object]) -> None:
    """Write a state that holds something else, with the digest that belongs to it."""
    state = torch.load(io.BytesIO(path.read_bytes().partition(b"\n")[2]), weights_only=True)
    content = io.BytesIO()
    changed = change(state)
    torch.save(state if changed is None else changed, content)
    path.write_bytes(hashlib.sha256(content.getvalue()).hexdigest().encode() + b"\n" + content.getvalue())


def put(dotted: str, value: object) -> Callable[[dict], None]:
    def change(state: dict) -> None:
        *path, name = dotted.split(".")
        for part in path:
            state = state[part]
        if value is None:
            del state[name]
        else:
            state[name] = value

    return change


def lose_a_moment(state: dict) -> None:
    del state["trainer"]["optimizer"]["state"][0]["exp_avg"]


def narrow_a_moment(state: dict) -> None:
    state["trainer"]["optimizer"]["state"][0]["exp_avg"] = torch.zeros(1)


def narrow_a_weight(state: dict) -> None:
    state["trainer"]["model"]["decoder.classify.bias"] = torch.zeros(1)


def raise_the_rate(state: dict) -> None:
    state["trainer"]["optimizer"]["param_groups"][0]["lr"] = "high"


STATES: dict[str, tuple[Callable[[dict], object], str]] = {
    "a list": (lambda _: [1, 2], "is damaged or not complete"),
    "no files": (put("files", None), "is damaged or not complete"),
    "a file elsewhere": (put("files", {"../../x": "y"}), "is damaged or not complete"),
    "a copy elsewhere": (put("files", {"x": "/nowhere/at/all"}), "is damaged or not complete"),
    "no trainer": (put("trainer", None), "is whole, but no state of this training (it has other parts)"),
    "a trainer of text": (put("trainer", "x"), "(it has other parts)"),
    "epochs of text": (put("epochs", "2"), "(epochs is not sound)"),
    "epochs without end": (put("epochs", 10**400), "(epochs is not sound)"),
    "epochs that history does not have": (put("epochs", 7), "(history is not sound)"),
    "a history of text": (put("history", ["x"]), "(history is not sound)"),
    "a history without a figure": (put("history", [(0, {}), (1, {})]), "(history is not sound)"),
    "weights that lack": (put("trainer.model", {}), "(model has other parts)"),
    "a weight of another shape": (narrow_a_weight, "(model.decoder.classify.bias is another tensor)"),
    "no average": (put("trainer.ema", 1.0), "(ema has other parts)"),
    "an optimizer without memory": (lose_a_moment, "(optimizer is not sound)"),
    "a memory of another shape": (narrow_a_moment, "(optimizer is not sound)"),
    "a rate of text": (raise_the_rate, "(optimizer is not sound)"),
    "a schedule of text": (put("trainer.scheduler.last_epoch", "x"), "(scheduler.last_epoch is not sound)"),
    "a precision": (put("trainer.amp_dtype", ("cpu", torch.int8)), "(amp_dtype is not sound)"),
    "random numbers": (put("trainer.random", [{"cpu": torch.zeros(5056, dtype=torch.uint8)}]), "(random is not sound)"),
    "losses": (put("trainer.losses", {"epoch": 0}), "(losses is not sound)"),
    "a checkpoint elsewhere": (put("checkpoints.pending", {"../x": torch.zeros(1)}), "is damaged or not complete"),
    "a checkpoint of numbers": (put("checkpoints.pending", {"best.safetensors": torch.zeros(1)}), "(pending is not"),
    "a periodic one elsewhere": (put("checkpoints.periodic", ["../x"]), "is damaged or not complete"),
    "a periodic one that is not": (put("checkpoints.periodic", ["best"]), "(periodic is not sound)"),
    "a best one of text": (put("checkpoints.best", "x"), "(best is not sound)"),
    "patience of text": (put("stopping.waited", "x"), "(stopping.waited is not sound)"),
}


@pytest.fixture(scope="module")
def cut_once(small: Experiment, prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training that was cut in its second epoch."""
    out = tmp_path_factory.mktemp("cut") / "out"
    on_step, left = Keeper.on_step, [9]

    def watched(keeper: Keeper) -> None:
        on_step(keeper)
        left[0] -= 1
        if not left[0]:
            raise Cut

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Keeper, "on_step", watched)
        with pytest.raises(Cut):
            run(small, prepared, out)
    return out


def stop(*_parts: object) -> None:
    raise Cut


@pytest.mark.parametrize("name", STATES)
def test_a_whole_state_of_other_things_is_named_and_the_one_before_it_used(
    small, prepared, cut_once, tmp_path, capsys, monkeypatch, name: str
) -> None:
    out = Path(shutil.copytree(cut_once, tmp_path / "out"))
    change, says = STATES[name]
    retell(states(out)[-1], change)
    monkeypatch.setattr("thulium.stages.train.fit", stop)
    with pytest.raises(Cut):
        run(small, prepared, out)
    said = capsys.readouterr().err
    assert says in said
    assert ".state is " in said
    assert "it is left out, and the state before it is used" in said
    assert "resuming from epoch 2, step 1" in said


def test_a_training_goes_on_as_if_a_state_of_other_things_had_never_been(
    small, prepared, unbroken, cut_once, tmp_path
) -> None:
    out = Path(shutil.copytree(cut_once, tmp_path / "out"))
    retell(states(out)[-1], lose_a_moment)
    run(small, prepared, out)
    assert outcome(out) == unbroken


def test_where_all_states_hold_other_things_a_new_start_is_said(
    small, prepared, unbroken, cut_once, tmp_path, capsys
) -> None:
    out = Path(shutil.copytree(cut_once, tmp_path / "out"))
    for path in states(out):
        retell(path, put("trainer", None))
    run(small, prepared, out)
    said = capsys.readouterr().err
    assert said.count("it is left out, and the training starts anew") == 1
    assert "resuming from" not in said
    assert outcome(out) == unbroken


def test_a_state_that_names_files_elsewhere_touches_none(small, prepared, cut_once, tmp_path, monkeypatch) -> None:
    out, other = Path(shutil.copytree(cut_once, tmp_path / "out")), tmp_path / "mine.txt"
    other.write_text("mine")
    for path in states(out):
        retell(path, put("files", {"x": str(other), "../../../mine.txt": "y"}))
    monkeypatch.setattr("thulium.stages.train.fit", stop)
    with pytest.raises(Cut):
        run(small, prepared, out)
    assert other.read_text() == "mine"


def test_without_a_whole_state_the_training_starts_anew(small, prepared, unbroken, tmp_path, cut, capsys) -> None:
    cut_run(small, prepared, tmp_path, cut, 9)
    for path in states(tmp_path):
        halve(path)
    run(small, prepared, tmp_path)
    assert "before training: val_cer" in capsys.readouterr().err.rpartition("is damaged")[2]
    assert outcome(tmp_path) == unbroken


def test_a_damaged_checkpoint_of_a_state_is_found_out(small, prepared, unbroken, tmp_path, cut, capsys) -> None:
    cut_run(small, prepared, tmp_path, cut, 9)
    for path in tmp_path.rglob("*-best.safetensors"):
        halve(path)
    run(small, prepared, tmp_path)
    assert "-best.safetensors is damaged" in capsys.readouterr().err
    assert outcome(tmp_path) == unbroken


def test_other_settings_start_anew_and_say_so(small, prepared, tmp_path, cut, capsys) -> None:
    cut_run(small, prepared, tmp_path, cut, 9)
    other = replace(small, training=replace(small.training, lr=0.02, epochs=1))
    run(other, prepared, tmp_path)
    said = capsys.readouterr().err
    assert "an unfinished training is there, but of another section training: this one starts anew" in said
    assert "going on" not in said
    (kept,) = unfinished(tmp_path)
    assert (kept.at, kept.is_held) == ("epoch 2, step 2", False)


def test_restart_starts_anew(small, prepared, unbroken, tmp_path, cut, capsys) -> None:
    cut_run(small, prepared, tmp_path, cut, 9)
    run(small, prepared, tmp_path, restart=True)
    assert "going on" not in capsys.readouterr().err
    assert outcome(tmp_path) == unbroken


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """disk[0]: whether it is full, for checkpoints and states."""
    is_full = [False]
    write = checkpoints.replace_bytes

    def checked(path: Path, *content: bytes) -> None:
        if is_full[0]:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        write(path, *content)

    monkeypatch.setattr(checkpoints, "replace_bytes", checked)
    monkeypatch.setattr(resume, "replace_bytes", checked)
    return is_full


def test_a_full_disk_is_said_and_made_up_for(small, prepared, unbroken, tmp_path, disk, capsys) -> None:
    def fill(lines_per_s: float, _device: str) -> None:
        disk[0] = epochs.pop(0)

    disk[0], epochs = True, [True, False, False]  # full while the first two epochs are saved
    run(small, prepared, tmp_path, on_pace=fill)
    said = capsys.readouterr().err
    assert "warning: the checkpoints could not be saved (No space left on device); the training goes on" in said
    assert outcome(tmp_path) == unbroken


def test_a_disk_that_stays_full_fails_at_the_end_and_loses_nothing(
    small, prepared, unbroken, tmp_path, disk, capsys
) -> None:
    def fill(_lines_per_s: float, _device: str) -> None:
        disk[0] = True

    with pytest.raises(OSError, match="No space left"):
        run(small, prepared, tmp_path, on_pace=fill)
    assert not (tmp_path / "metrics" / "train.json").exists()
    disk[0] = False
    run(small, prepared, tmp_path)
    assert "resuming from" in capsys.readouterr().err
    assert outcome(tmp_path) == unbroken


def copy_of(folder: resume.ResumeFolder, checkpoint: Path) -> Path:
    (copy,) = (folder.path / "files").glob(f"*-{checkpoint.name}")
    return copy


def test_checkpoints_get_a_second_name_and_no_copy(tmp_path) -> None:
    checkpoint = tmp_path / "last.safetensors"
    checkpoint.write_bytes(b"one")
    with held(tmp_path / "resume", {}, tmp_path) as folder:
        folder.save(EMPTY, {checkpoint.name: checkpoint})
        assert copy_of(folder, checkpoint).samefile(checkpoint)
        checkpoints.replace_bytes(checkpoint, b"two")
        assert copy_of(folder, checkpoint).read_bytes() == b"one"


def test_where_there_are_no_second_names_checkpoints_are_copied(tmp_path, monkeypatch) -> None:
    def refuse(*_paths: Path) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("os.link", refuse)
    checkpoint = tmp_path / "last.safetensors"
    checkpoint.write_bytes(b"one")
    with held(tmp_path / "resume", {}, tmp_path) as folder:
        folder.save(EMPTY, {checkpoint.name: checkpoint})
        assert copy_of(folder, checkpoint).read_bytes() == b"one"
        assert not copy_of(folder, checkpoint).samefile(checkpoint)


def test_two_trainings_of_the_same_settings_do_not_touch_each_other(tmp_path) -> None:
    parts = {"training": "a"}
    with held(tmp_path, parts, tmp_path / "one") as one, held(tmp_path, parts, tmp_path / "two") as two:
        assert one.path != two.path
        two.save(EMPTY | {"of": "two"}, {})
        one.save(EMPTY | {"of": "one"}, {})
    with held(tmp_path, parts, tmp_path / "three") as again:
        assert (again.path, again.load()["of"]) == (one.path, "one")
        with held(tmp_path, parts, tmp_path / "four") as other:
            assert (other.path, other.load()["of"]) == (two.path, "two")


def test_a_folder_is_removed_at_once(tmp_path, monkeypatch) -> None:
    removed = []

    def watched(path: Path, **_more: object) -> None:
        removed.append(path.name)
        assert not folder.path.exists()  # nobody can lock what is left of it
        assert unfinished(tmp_path) == []

    root = tmp_path / ".thulium" / "resume"
    monkeypatch.setattr("shutil.rmtree", watched)
    with held(root, {}, tmp_path) as folder:
        folder.save(EMPTY, {})
        folder.remove()
    assert len(removed) == 1
    monkeypatch.undo()
    with held(root, {}, tmp_path) as folder:
        folder.remove()
    assert list(root.iterdir()) == []  # also of the removal before, which was cut


def test_what_a_finished_training_could_not_remove_goes_and_no_unfinished_one(
    small, prepared, tmp_path, monkeypatch
) -> None:
    root = tmp_path / ".thulium" / "resume"
    with held(root, {"training": "another"}, tmp_path) as other:
        other.save(EMPTY, {})
    monkeypatch.setattr(resume.ResumeFolder, "remove", stop)
    with pytest.raises(Cut):
        run(small, prepared, tmp_path)
    assert (tmp_path / "metrics" / "train.json").exists()
    assert len(unfinished(tmp_path)) == 2
    forget_finished(root)
    assert [training.path for training in unfinished(tmp_path)] == [other.path]


def test_a_state_is_looked_at_without_the_other_processes(small, prepared, cut_once, tmp_path, monkeypatch) -> None:
    out, misfit, gather, asked = tmp_path / "out", HTRTrainer.misfit, World.gather, []

    def watched(trainer: HTRTrainer, state: object) -> str:
        def ask(world: World, value: object) -> list[object]:
            if world is trainer.world:
                asked.append(value)
            return [value]

        monkeypatch.setattr(World, "gather", ask)
        said = misfit(trainer, state)
        monkeypatch.setattr(World, "gather", gather)
        return said

    shutil.copytree(cut_once, out)
    monkeypatch.setattr(HTRTrainer, "misfit", watched)
    monkeypatch.setattr(Keeper, "on_step", stop)
    with pytest.raises(Cut):
        run(small, prepared, out, world=World())
    assert World.gather is gather
    assert asked == []  # they would never answer: they wait for the state


def test_a_training_that_is_gone_on_with_is_no_finished_one(tmp_path) -> None:
    with held(tmp_path, {}, tmp_path) as folder:
        folder.save(EMPTY, {})
        folder.note_end()
    with held(tmp_path, {}, tmp_path) as folder:
        pass
    forget_finished(tmp_path)
    assert folder.path.exists()


def test_a_second_training_of_one_folder_is_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(resume, "WAIT_S", 0.5)
    with (
        held(tmp_path, {}, tmp_path / "one"),
        pytest.raises(WorldError, match=r"one: another process trains there already \(number \d+\)"),
        held(tmp_path, {}, tmp_path / "one"),
    ):
        pass


def test_a_checkpoint_with_one_wrong_bit_is_damaged(small, prepared, tmp_path) -> None:
    run(replace(small, training=replace(small.training, epochs=1)), prepared, tmp_path)
    path = tmp_path / "checkpoints" / "last.safetensors"
    load_model(path)
    flip(path)
    with pytest.raises(CheckpointError, match=r"last\.safetensors: is damaged"):
        load_model(path)


@pytest.mark.parametrize("steps", [8, 17])  # within the second epoch; in the validation of the last
def test_an_epoch_that_was_cut_says_nothing_of_the_pace(small, prepared, tmp_path, cut, steps: int) -> None:
    seen: list[float] = []
    cut_run(small, prepared, tmp_path, cut, steps)
    run(small, prepared, tmp_path, on_pace=lambda pace, _device: seen.append(pace))
    assert len(seen) == {8: 1, 17: 0}[steps]


def test_a_state_without_a_scale_is_gone_on_with_where_gradients_are_scaled(small, prepared) -> None:
    model = HTRModel(small.model, Charset(open_prepared(prepared).symbols), small.preprocessing)
    state = HTRTrainer(model, 1e-3, device="cpu").state_dict()
    other = HTRTrainer(model, 1e-3, device="cpu")
    other._scaler = torch.amp.GradScaler("cpu", enabled=True)  # as on a GPU without bfloat16
    other.load_state_dict(state)
    assert other.state_dict()["scaler"]["scale"] == torch.amp.GradScaler("cpu").get_scale()


def test_going_on_with_another_number_of_threads_is_said(small, prepared, tmp_path, cut, capsys) -> None:
    torch.set_num_threads(1)
    cut_run(small, prepared, tmp_path, cut, 5)
    other = replace(small, resources=replace(small.resources, threads=2))
    capsys.readouterr()
    try:
        run(other, prepared, tmp_path)
    finally:
        torch.set_num_threads(1)
    said = capsys.readouterr().err
    assert "it was cut with 1 thread and is resumed with 2" in said
    assert "resources.threads: 1 keeps them" in said


@pytest.mark.parametrize(("before", "now", "words"), [(1, 2, "1 process"), (3, 1, "3 processes")])
def test_going_on_with_another_number_of_processes_is_said(small, prepared, capsys, before, now, words) -> None:
    model = HTRModel(small.model, Charset(open_prepared(prepared).symbols), small.preprocessing)
    trainer = HTRTrainer(model, 1e-3, device="cpu")
    state = trainer.state_dict()
    say_division(state, trainer)
    assert capsys.readouterr().err == ""
    trainer.world = World(size=now)
    say_division(state | {"random": state["random"] * before, "threads": 99}, trainer)
    said = capsys.readouterr().err
    assert said.startswith(f"it was cut with {words} and is resumed with {now}: dropout leaves out other values")
    assert f"(resources.processes: {before} keeps them)" in said
    assert "thread" not in said


@pytest.fixture(scope="module")
def deferred(small: Experiment) -> Experiment:
    """The default transforms, applied where the model computes."""
    return replace(small, resources=replace(small.resources, augment_on="device"))


@pytest.fixture(scope="module")
def unbroken_on_the_device(deferred: Experiment, prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("on-the-device")
    run(deferred, prepared, out)
    return out


def test_lines_augmented_on_the_device_are_learnt_from_as_well(
    small, prepared, unbroken, unbroken_on_the_device, tmp_path
) -> None:
    assert outcome(unbroken_on_the_device) != unbroken
    run(small, prepared, tmp_path)
    there, here = (history(out) for out in (unbroken_on_the_device, tmp_path))
    assert there["train_loss"][-1] < 0.9 * there["train_loss"][0]
    for name in ("train_loss", "val_loss"):
        assert there[name] == pytest.approx(here[name], rel=0.05)
    facts = [load_model(out / "checkpoints" / "last.safetensors")[1] for out in (unbroken_on_the_device, tmp_path)]
    assert [own["computed"]["augment_on"] for own in facts] == ["device", "loader"]


@pytest.mark.parametrize("workers", [0, 1])
def test_lines_augmented_on_the_device_are_the_same_after_a_cut(
    deferred, prepared, unbroken_on_the_device, tmp_path, cut, capsys, workers: int
) -> None:
    own = replace(deferred, resources=replace(deferred.resources, loader_workers=workers))
    cut_run(own, prepared, tmp_path, cut, 8)
    run(own, prepared, tmp_path)
    said = capsys.readouterr().err
    assert "resuming from epoch 2" in said
    assert "augmented on" not in said
    assert outcome(tmp_path) == outcome(unbroken_on_the_device)


def test_going_on_with_lines_augmented_elsewhere_is_said(deferred, small, prepared, tmp_path, cut, capsys) -> None:
    cut_run(deferred, prepared, tmp_path, cut, 5)
    run(small, prepared, tmp_path)
    said = capsys.readouterr().err
    assert "it was cut with lines augmented on the device and is resumed with them augmented on the loader" in said
    assert "(resources.augment_on: device keeps them)" in said


def history(out: Path) -> dict[str, list[float]]:
    """The columns of plots/history.csv that have a number in each epoch that was trained."""
    with open(out / "plots" / "history.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[1:]
    return {name: [float(row[name]) for row in rows] for name in ("train_loss", "val_loss")}


def test_what_it_was_computed_with_stands_in_model_and_metrics(small, prepared, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(own_lines, "FEWEST", 2)
    run(small, prepared, tmp_path)
    computed = json.loads((tmp_path / "metrics" / "train.json").read_text())["computed"]
    assert computed["device"] == "cpu"
    assert computed["precision"] in ("bfloat16", "float32")
    assert (computed["threads"], computed["processes"]) == (1, 1)
    model, facts = load_model(tmp_path / "checkpoints" / "last.safetensors")
    assert facts["computed"] == computed
    assert model.calibration is not None
    assert model.own_lines is not None
    assert 0 <= model.own_lines.low <= model.own_lines.median <= 1
