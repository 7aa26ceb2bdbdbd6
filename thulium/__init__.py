"""The engine: lines in, a trained model and its error rates out."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("thulium")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"
