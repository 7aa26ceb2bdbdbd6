"""The processes that share a training: who is who, and what they tell each other.

The only file that reads RANK or calls torch.distributed. A World alone sends nothing, so the code that uses one is the
same for one process and for many.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from thulium.errors import LostPeer

T = TypeVar("T")

TIMEOUT_S = 60  # how long a process waits for one that says nothing
PREPARING_S = 7 * 24 * 3600  # how long processes wait for the one that prepares the data


@dataclass(frozen=True, slots=True)
class World:
    """The processes of a training, seen from one of them.

    Attributes:
        rank: this one's number, from 0.
        size: how many there are.
        local_rank, local_size: the same, among those on this machine.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes and speaks."""
        return self.rank == 0

    @property
    def is_main_here(self) -> bool:
        """Whether this is the first process on its machine."""
        return self.local_rank == 0

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Put the sum over all processes into tensors of one type and device.

        They are sent as one, always laid out the same way: so a sum has the same last bit whenever it is made again.
        """
        if self.size == 1:
            return
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        self.total(flat)
        for tensor, part in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(part.view(tensor.shape))

    def total(self, values: Tensor) -> Tensor:
        """The sum over all processes, put into the tensor."""
        if self.size > 1:
            with _waiting():
                dist.all_reduce(values)
        return values

    def most(self, *values: int) -> list[int]:
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

    def share(self, value: T) -> T:
        """The main process's value."""
        if self.size == 1:
            return value
        values = [value]
        with _waiting():
            dist.broadcast_object_list(values, src=0)
        return values[0]

    def wait(self) -> None:
        """Until all are here."""
        self.most(0)


ALONE = World()


def here(environment: Mapping[str, str] = os.environ) -> World:
    """What torchrun, or ``launch``, says of this process."""
    names = {"rank": "RANK", "size": "WORLD_SIZE", "local_rank": "LOCAL_RANK", "local_size": "LOCAL_WORLD_SIZE"}
    if "RANK" not in environment:
        return ALONE
    return World(**{field: int(environment[name]) for field, name in names.items()})


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
    try:
        return bool(_store().add("thulium/failed", 1) == 1)
    except RuntimeError:  # the store is gone with the process that held it
        return True


def wait_for(what: str, world: World) -> contextlib.AbstractContextManager[None]:
    """Work of the main process that the others wait for, however long it takes."""
    return _wait_for(f"thulium/{what}", world)


@contextlib.contextmanager
def _wait_for(key: str, world: World) -> Iterator[None]:
    if world.size > 1 and not world.is_main:
        with _waiting():
            _store().wait([key], timedelta(seconds=PREPARING_S))
    yield
    if world.size > 1 and world.is_main:
        _store().set(key, "done")


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
    except RuntimeError as error:  # what gloo and the store raise has no name of its own
        raise LostPeer(f"the connection to the other processes broke: {_first_line(error)}") from error
    finally:
        _waits_since = None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
