"""Several processes: the same lines, the same sums, the same model."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import lab
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from thulium.data.batching import Limits, parts, shuffled_batches
from thulium.data.charset import Charset
from thulium.data.loader import LineLoader
from thulium.data.prepared import open_prepared
from thulium.data.readers import Readers
from thulium.data.shards import Split
from thulium.evaluation.recognise import Judged, judge, merge
from thulium.models.norm import SharedNorm, _shared
from thulium.models.recogniser import Recogniser
from thulium.models.wrappers import HTRModel
from thulium.runtime import device as devices
from thulium.runtime.errors import DeviceError
from thulium.runtime.world import ALONE, World
from thulium.training.trainer import HTRTrainer


@given(
    batch=st.lists(st.integers(0, 999), min_size=1, max_size=40, unique=True),
    size=st.integers(1, 5),
    accumulation=st.integers(1, 4),
)
def test_every_line_of_a_batch_is_computed_once(batch: list[int], size: int, accumulation: int) -> None:
    shares = [parts(batch, rank=rank, size=size, accumulation=accumulation) for rank in range(size)]
    assert {len(share) for share in shares} == {accumulation}
    counted = [line for share in shares for part in share if not part.is_filler for line in part.lines]
    assert sorted(counted) == sorted(batch)
    assert all(part.lines and part.batch == batch for share in shares for part in share)


def test_the_batches_do_not_depend_on_processes_workers_or_where_the_epoch_is_cut(prepared: Path) -> None:
    split = Split(prepared / "train")
    whole = shuffled_batches(split.widths, Limits(5, split.height), seed=1, epoch=3)

    def ids(rank: int, size: int, workers: int, start: int) -> list[tuple[str, ...]]:
        world = World(rank=rank, size=size)
        loader = LineLoader(split, batch_size=5, shuffle=True, seed=1, readers=Readers(workers), world=world)
        loader.set_epoch(3, start)
        return [batch.ids for batch in loader]

    expected = [tuple(split.ids[line] for line in batch) for batch in whole]
    assert ids(0, 1, 0, 0) == expected
    assert ids(0, 1, 2, 1) == expected[1:]
    both = zip(ids(0, 2, 0, 1), ids(1, 2, 1, 1), strict=True)
    assert [set(one) | set(other) for one, other in both] == [set(batch) for batch in expected[1:]]


def model_of(experiment, prepared, *, has_norms: bool = True) -> HTRModel:
    torch.manual_seed(1)
    data = open_prepared(prepared)
    model = HTRModel(experiment.model, Charset(data.symbols), data.preprocessing)
    if not has_norms:
        without_norms(model)
    return model


def without_norms(module: nn.Module) -> None:
    """Leave out what makes a line's output depend on the others of its batch."""
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            setattr(module, name, nn.Identity())
        else:
            without_norms(child)


def trained(experiment, prepared, accumulation: int) -> list[torch.Tensor]:
    model = model_of(experiment, prepared, has_norms=False)
    trainer = HTRTrainer(
        model, optimizer=lambda m: torch.optim.SGD(m.parameters(), lr=0.1), device="cpu", mixed_precision=False
    )
    model.head.dropout.p = 0.0
    loader = LineLoader(Split(prepared / "train"), batch_size=5, shuffle=True, seed=1, accumulation=accumulation)
    loss = trainer.train_epoch(loader, 0)["train_loss"]
    return [torch.tensor(loss), *(p.detach() for p in model.parameters())]


@pytest.mark.parametrize("accumulation", [2, 3, 5])
def test_parts_one_after_the_other_make_the_step_of_a_whole_batch(experiment, prepared, accumulation: int) -> None:
    for one, other in zip(trained(experiment, prepared, 1), trained(experiment, prepared, accumulation), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_a_split_read_in_shares_is_read_once(experiment, prepared) -> None:
    model, cpu = model_of(experiment, prepared).eval(), devices.choose("cpu", mixed_precision=False)
    split = Split(prepared / "val")

    def read(world: World) -> Judged:
        return judge(Recogniser(model, cpu), LineLoader(split, batch_size=2, shuffle=False, world=world))

    whole = read(ALONE)
    for size in (2, 3, 4):
        merged = merge([read(World(rank=rank, size=size)) for rank in range(size)])
        assert merged == whole
        assert merged.loss == whole.loss


def test_shared_normalisation_of_one_process_is_batch_normalisation() -> None:
    torch.manual_seed(1)
    x = torch.randn(3, 4, 5, 6)
    plain, shared = nn.BatchNorm2d(4), nn.Sequential(nn.BatchNorm2d(4))
    with torch.no_grad():
        plain.weight.copy_(torch.rand(4))
        plain.bias.copy_(torch.rand(4))
    shared[0].load_state_dict(plain.state_dict())
    _shared(shared, lambda sums: sums)
    assert isinstance(shared[0], SharedNorm)
    gradients = []
    for module in (plain, shared):
        own = x.clone().requires_grad_()
        y = module(own)
        (y**2 * torch.arange(6)).sum().backward()
        gradients.append([y.detach(), own.grad, *(p.grad for p in module.parameters())])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(value, shared[0].state_dict()[name])


def test_each_process_has_its_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [devices.name_of("auto", (4, 2), rank, 2) for rank in range(2)] == ["cuda:4", "cuda:2"]
    assert devices.name_of("cpu", (), 1, 2) == "cpu"
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert [devices.name_of("auto", (), rank, 2) for rank in range(2)] == ["cuda:0", "cuda:1"]
    assert devices.name_of("cuda:1", (), 0, 1) == "cuda:1"
    with pytest.raises(DeviceError, match="3 processes, but 2 GPUs are named"):
        devices.name_of("auto", (4, 2), 2, 3)


def launched(script: str, folder: Path, run: lab.Shell, processes: int, code: int = 0) -> str:
    """What a script says that runs in several processes, each with ``world``."""
    head = "from thulium.cli.group import member\nfrom thulium.runtime.errors import DataError\n"
    head += "import torch, time, os, signal\n"
    body = f"{head}with member() as world:\n{textwrap.indent(textwrap.dedent(script), '    ')}\n"
    (folder / "script.py").write_text(body)
    start = "import sys; from thulium.cli.group import start\nimport thulium.runtime.world as w\n"
    start += f"end = w.launch(['script.py'], {processes}); print('end', end.code, end.rank, end.killed_by)"
    done = run(sys.executable, "-c", start, cwd=folder, code=code)
    return done.stdout + done.stderr


def test_processes_reduce_gather_and_broadcast(tmp_path: Path, run: lab.Shell) -> None:
    said = launched(
        """
        sent = torch.full((2, 2), float(world.rank))
        world.all_reduce_sum(sent)
        told = (sent[0, 0].item(), world.all_reduce_max(world.rank, 5 - world.rank))
        if world.is_main:
            print(told, world.gather(world.rank * 10), world.broadcast("a"))
        else:
            world.gather(world.rank * 10), world.broadcast("b")
        """,
        tmp_path,
        run,
        3,
    )
    assert said == "(3.0, [2, 5]) [0, 10, 20] a\nend 0 0 \n"


def test_gradients_are_summed_whatever_takes_part(tmp_path: Path, run: lab.Shell) -> None:
    said = launched(
        """
        model = torch.nn.ModuleDict({"used": torch.nn.Linear(1, 1, bias=False), "idle": torch.nn.Linear(1, 1)})
        model.forward = lambda x: model["used"](x).sum()
        parallel = world.data_parallel(model)
        for step in range(2):  # the second one is refused, where a parameter is waited for that has no gradient
            model.zero_grad()
            with parallel.no_sync():
                parallel(torch.ones(1, 1)).backward()
            loss = parallel(torch.tensor([[10.0 ** world.rank]]))
            with world.backward():
                loss.backward()
        if world.is_main:
            print(model["used"].weight.grad.item())
        """,
        tmp_path,
        run,
        3,
    )
    assert said == "114.0\nend 0 0 \n"


def test_an_error_of_one_process_is_shown_once_with_its_rank(tmp_path: Path, run: lab.Shell) -> None:
    said = launched(
        """
        world.barrier()
        if world.rank == 1:
            raise DataError("a.png: is damaged")
        world.barrier()
        """,
        tmp_path,
        run,
        3,
    )
    assert said == "end 2 1 \nrank 1: a.png: is damaged\n"


def test_an_error_of_all_processes_is_shown_once(tmp_path: Path, run: lab.Shell) -> None:
    said = launched("world.barrier()\nraise DataError('bad')", tmp_path, run, 3)
    assert sorted(said.splitlines())[1][:5] == "rank "
    assert said.count("bad") == 1


def test_a_mistake_of_ours_is_shown_with_its_traceback_and_rank(tmp_path: Path, run: lab.Shell) -> None:
    said = launched("world.barrier()\nif world.rank: 1 / 0\nworld.barrier()", tmp_path, run, 2)
    assert said.startswith("end 1 1 \nrank 1: Traceback")
    assert said.endswith("ZeroDivisionError: division by zero\n")


def test_a_process_without_memory_is_no_lost_peer(tmp_path: Path, run: lab.Shell) -> None:
    said = launched(
        "world.barrier()\nif world.rank: raise torch.OutOfMemoryError('CUDA out of memory.')\nworld.barrier()",
        tmp_path,
        run,
        2,
    )
    assert said.startswith("end 2 1 \nrank 1: thulium: too little memory (CUDA out of memory)\n  help: ")


def test_a_process_that_is_killed_stops_the_others_at_once(tmp_path: Path, run: lab.Shell) -> None:
    said = launched("world.barrier()\nif world.rank: os.kill(os.getpid(), 9)\nworld.barrier()", tmp_path, run, 2)
    assert said == "end 137 1 SIGKILL\n"


OTHERS = "{0}/own-{1}/lines: the prepared lines of process {1} and process {2} are not the same"
OTHER_START = "training.init_from: {0}/own-{1}/model is not the same file for process {1} and process {2}"


@pytest.mark.parametrize(("lines", "first", "said"), [("own", "same", OTHERS), ("same", "own", OTHER_START)])
def test_processes_with_other_files_do_not_train_together(
    lines: str, first: str, said: str, tmp_path: Path, run: lab.Shell
) -> None:
    for name in ("same", "own-0", "own-1"):
        (tmp_path / name / "lines").mkdir(parents=True)
        (tmp_path / name / "lines" / "prepared.json").write_text(name)
        (tmp_path / name / "model").write_text(name)
    ends = launched(
        f"""
        from types import SimpleNamespace
        from pathlib import Path
        from thulium.training.same import parts_of
        here = {{"same": "same", "own": f"own-{{world.rank}}"}}
        data = SimpleNamespace(folder=Path("{tmp_path}") / here["{lines}"] / "lines")
        parts_of(data, (), f"{tmp_path}/{{here['{first}']}}/model", world)
        """,
        tmp_path,
        run,
        2,
    )
    assert ends.startswith("end 2 ")
    assert any(said.format(tmp_path, *ranks) in ends for ranks in ((0, 1), (1, 0)))
    assert "help: " in ends
