"""The engine: lines in, a trained model and its error rates out."""

from typing import Any


def __getattr__(name: str) -> Any:
    """``__version__`` is looked up when it is asked for: doing so takes longer than many a command."""
    if name != "__version__":
        raise AttributeError(name)
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("thulium")
    except PackageNotFoundError:  # a source tree that was never installed
        return "0+unknown"
