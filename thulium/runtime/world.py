"""The processes that share a training: who is who, and what they tell each other.

The only file that reads RANK or calls torch.distributed. A World alone sends nothing, so the code that uses one is the
same for one process and for many.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import tempfile
import threading
import time
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from thulium.runtime import faults
from thulium.runtime.errors import LostPeer

T = TypeVar("T")

TIMEOUT_S = 60  # how long a process waits for one that says nothing
ANSWER_S = 5  # how long it waits for the store that all can reach, or could
PREPARING_S = 7 * 24 * 3600  # how long processes wait for the one that prepares the data


@dataclass(frozen=True, slots=True)
class World:
    """The processes of a training, seen from one of them.

    Attributes:
        rank: this one's number, from 0.
        size: how many there are.
        local_rank, local_size: the same, among those on this machine.
        machine, machines: the number of this machine, from 0, and how many there are.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1
    machine: int = 0
    machines: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes and speaks."""
        return self.rank == 0

    @property
    def is_main_here(self) -> bool:
        """Whether this is the first process on its machine."""
        return self.local_rank == 0

    def data_parallel(self, module: nn.Module) -> nn.Module:
        """The module, its gradients summed over all processes while the backward pass still runs.

        torch's DistributedDataParallel; alone, the module itself. It is made anew where other parameters than before
        ask for gradients.
        """
        if self.size == 1:
            return module
        # It lays its buckets out anew after its first step, unless it looks for parameters without a gradient in each:
        # then a sum has the same last bits in a training that was cut (decision 6).
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # newer versions of torch have another word for buffers
            parallel = DistributedDataParallel(module, find_unused_parameters=True, broadcast_buffers=False)
        # It would divide by the number of processes. (A lambda, since torch takes annotations for what they say.)
        parallel.register_comm_hook(None, lambda _state, bucket: _summed(bucket))
        return parallel

    @contextlib.contextmanager
    def backward(self) -> Iterator[None]:
        """Around a backward pass through what ``data_parallel`` gave.

        Raises:
            LostPeer: the others are not there any more.
        """
        global _waits_since
        if self.size == 1:
            yield
            return
        try:
            yield
        except LostPeer:
            raise
        except RuntimeError as error:
            if not faults.is_of_peer(error):
                raise
            raise _lost(error) from error
        finally:
            _waits_since = None

    def all_reduce_sum(self, values: Tensor) -> Tensor:
        """The sum over all processes, put into the tensor."""
        if self.size > 1:
            with _waiting():
                dist.all_reduce(values)
        return values

    def all_reduce_max(self, *values: int) -> list[int]:
        """Of each value the greatest that any process has."""
        if self.size == 1:
            return list(values)
        sent = torch.tensor(values)
        with _waiting():
            dist.all_reduce(sent, op=dist.ReduceOp.MAX)
        return [int(value) for value in sent]

    def gather(self, value: T) -> list[T]:
        """Everyone's value, by rank."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        with _waiting():
            dist.all_gather_object(values, value)
        return values

    def broadcast(self, value: T) -> T:
        """The main process's value."""
        if self.size == 1:
            return value
        values = [value]
        with _waiting():
            dist.broadcast_object_list(values, src=0)
        return values[0]

    def barrier(self) -> None:
        """Until all are here."""
        self.all_reduce_max(0)


ALONE = World()


def here(environment: Mapping[str, str] = os.environ) -> World:
    """What torchrun, or ``launch``, says of this process."""
    if "RANK" not in environment:
        return ALONE
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "GROUP_RANK", "GROUP_WORLD_SIZE")
    return World(*(int(environment[name]) for name in names))


@contextlib.contextmanager
def joined() -> Iterator[World]:
    """Meet the other processes; leaves them when the block ends well.

    Raises:
        LostPeer: they are not there.
    """
    world = here()
    if world.size == 1:
        yield world
        return
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    with _waiting():
        dist.init_process_group(backend, timeout=timedelta(seconds=TIMEOUT_S))
    yield world
    dist.destroy_process_group()  # after an error, the process ends instead: the others may not be there any more


def is_joined() -> bool:
    """Whether this process has met the others."""
    return dist.is_available() and dist.is_initialized()


def speaks_first() -> bool:
    """Whether no other process has reported a failure before this one; asking is reporting."""
    answers: list[int] = []

    def ask() -> None:
        with contextlib.suppress(RuntimeError):  # the store is gone with the process that held it
            answers.append(_store().add("thulium/failed", 1))

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(ANSWER_S)
    return answers in ([], [1])


def in_turns(work: Callable[[], str], is_needed: Callable[[str], bool], world: World) -> None:
    """Work that is done once on each machine, while its other processes wait, however long it takes.

    Args:
        work: what to do; returns what identifies the outcome.
        is_needed: given the outcome of the main process, whether another machine has to do the work too; it need not
            where both see the same files.
    """
    if world.size == 1:
        work()
        return
    if world.is_main:
        _store().set("thulium/outcome", work())
    with _waiting():
        _store().wait(["thulium/outcome"], timedelta(seconds=PREPARING_S))
        outcome = _store().get("thulium/outcome").decode()
    if world.is_main_here:
        if not world.is_main and is_needed(outcome):
            work()
        _store().set(f"thulium/machine-{world.machine}", "done")
    with _waiting():
        machines = [f"thulium/machine-{number}" for number in range(world.machines)]
        _store().wait(machines, timedelta(seconds=PREPARING_S))


@dataclass(frozen=True, slots=True)
class End:
    """How a group of processes ended.

    Attributes:
        code: for the command line; 0: all is well.
        rank: of the process that failed first.
        killed_by: the signal that did that, if one did that nobody here had sent.
    """

    code: int = 0
    rank: int = 0
    killed_by: str = ""


def launch(words: Sequence[str], processes: int) -> End:
    """Run a Python command in several processes of this machine, and wait for them.

    Signals that ask to stop are passed on. When a process fails, the others are stopped.

    Args:
        words: what follows the name of the interpreter.
        processes: how many.
    """
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import DefaultLogsSpecs, LaunchConfig, elastic_launch

    def stop(number: int, _frame: object) -> None:
        raise SignalException("asked to stop", sigval=signal.Signals(number))

    signal.signal(signal.SIGUSR1, stop)  # those that it knows itself, it passes on
    for name in list(logging.root.manager.loggerDict):
        if name.startswith("torch.distributed"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # we say ourselves what went wrong
    if Path("/sys/class/net/lo").exists():
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # no network is needed, so none should be able to fail
    with tempfile.TemporaryDirectory(prefix="thulium-") as logs:
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=processes,
            run_id=uuid.uuid4().hex,
            rdzv_backend="c10d",
            rdzv_endpoint="localhost:0",
            local_addr="localhost",
            max_restarts=0,
            logs_specs=DefaultLogsSpecs(log_dir=logs),
        )
        try:
            elastic_launch(config, sys.executable)(*words)
        except SignalException as error:
            return End(128 + error.sigval)
        except ChildFailedError as error:
            rank, failure = error.get_first_failure()
            if failure.exitcode < 0:
                return End(128 - failure.exitcode, rank, signal.Signals(-failure.exitcode).name)
            return End(failure.exitcode, rank)
    return End()


def _store() -> dist.Store:
    return dist.distributed_c10d._get_default_store()


_waits_since: float | None = None


def waited_s() -> float:
    """How long this process has been waiting for others by now."""
    return 0.0 if _waits_since is None else time.monotonic() - _waits_since


@contextlib.contextmanager
def _waiting() -> Iterator[None]:
    global _waits_since
    _waits_since = time.monotonic()
    try:
        yield
    except RuntimeError as error:
        if not faults.is_of_peer(error):  # out of memory, a kernel that failed, a mistake of ours: it says so itself
            raise
        raise _lost(error) from error
    finally:
        _waits_since = None


def _summed(bucket: dist.GradBucket) -> torch.futures.Future[Tensor]:
    """Send a bucket of gradients; what comes of it is their sum."""
    global _waits_since
    with _waiting():
        work = dist.all_reduce(bucket.buffer(), async_op=True)
    if bucket.is_last():  # from here on, nothing is left to do but to wait
        _waits_since = time.monotonic()
    summed: torch.futures.Future[Tensor] = work.get_future().then(lambda future: future.value()[0])
    return summed


def _lost(error: Exception) -> LostPeer:
    return LostPeer(f"the connection to the other processes broke: {_first_line(error)}")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
