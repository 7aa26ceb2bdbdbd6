"""Lines: where they come from, how they are kept, and how they become batches."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from thulium.data.loader import LineLoader, create_dataloader

__all__ = ["LineLoader", "create_dataloader"]


def __getattr__(name: str) -> Any:
    """The loader comes with torch; preparing data does without it."""
    if name not in __all__:
        raise AttributeError(name)
    from thulium.data import loader

    return getattr(loader, name)
