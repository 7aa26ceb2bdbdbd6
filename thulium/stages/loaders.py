"""Who reads and augments the lines that a model learns from, by what the document and this machine say."""

from __future__ import annotations

from thulium.data.loader import Place
from thulium.data.readers import Readers
from thulium.runtime import device as devices
from thulium.runtime import processor
from thulium.runtime.world import World
from thulium_dsl.grammar.spec import AugmentationSpec, ResourcesSpec

# Lines of a batch that is only read: some times as many as are learnt from at once, since each of them needs less
# memory; what is read does not depend on it.
READ_AT_ONCE, MOST_AT_ONCE = 4, 128


def readers_of(resources: ResourcesSpec, world: World) -> Readers:
    """Those that read for the loaders of this process."""
    is_gpu = devices.may_be_gpu(resources.device)
    workers = processor.readers(resources.loader_workers, feeds_gpu=is_gpu, processes=world.local_size)
    return Readers(workers, pinned=is_gpu)


def place_of(augmentation: AugmentationSpec, resources: ResourcesSpec, world: World) -> Place:
    """Where lines are augmented: in all processes the same, whose machines may have other numbers of cores."""
    if not (augmentation.enabled and augmentation.transforms):
        return "loader"
    is_gpu = devices.may_be_gpu(resources.device)
    own = processor.augment_on(resources.augment_on, feeds_gpu=is_gpu, processes=world.local_size)
    return world.broadcast(own)


def lines_to_read(batch_size: int, resources: ResourcesSpec) -> int:
    """The most lines of a batch that is read and not learnt from: on a GPU more, which waits for launches otherwise."""
    if not devices.may_be_gpu(resources.device):
        return batch_size
    return max(batch_size, min(READ_AT_ONCE * batch_size, MOST_AT_ONCE))
