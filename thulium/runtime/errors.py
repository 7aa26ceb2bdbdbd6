"""What the engine refuses, as errors that the user can mend.

ThuliumError (thulium_dsl.messages.problems)
├── DataError         a file or line of the data: names the file, and the line of labels.txt where there is one
│   └── SourceError   the same of one of several sources: names the source
├── CheckpointError   a model file that is missing, damaged, or of another shape: both sides' numbers
├── DeviceError       a device that this machine does not have
├── LoggerError       a service that the run should be sent to and that does not take it
├── RemoteError       what lies elsewhere and cannot be had from there, or cannot be put there: names the address
├── MissingPackage    an optional package that the document asks for: the command that installs it
├── StepError         a training step that went wrong: epoch, step, ids of the lines
├── WorldError        processes that cannot train together
├── LostReader        a process that read lines for this one and is not there any more
└── LostPeer          another process of the training that is not there any more

Interrupted is no error: a signal asked the training to stop, and it has.
"""

from collections.abc import Mapping, Sequence

from thulium_dsl.messages.problems import ThuliumError


class DataError(ThuliumError):
    """Data that cannot be used. The message names every file that is at fault."""


class SourceError(DataError):
    """Data of some of several sources that cannot be used.

    Attributes:
        said: name of each such source -> what is wrong with it.
    """

    def __init__(self, said: Mapping[str, str]) -> None:
        super().__init__("\n".join(f"source {name}: {text}" for name, text in said.items()))
        self.said = said


class CheckpointError(ThuliumError):
    """A model file that cannot be used."""


class DeviceError(ThuliumError):
    """A device that this machine does not have."""


class LoggerError(ThuliumError):
    """A service that the run should be sent to and that does not take it."""


class RemoteError(ThuliumError):
    """What lies elsewhere cannot be had from there, or cannot be put there."""


class MissingPackage(ThuliumError):
    """An optional package that the document asks for and that is not installed."""


class StepError(ThuliumError):
    """A training step that cannot go on: names epoch, step and lines."""


class WorldError(ThuliumError):
    """Processes that cannot train together: too many of them, or with different data."""


class LostReader(ThuliumError):
    """A process that read lines for this one is not there any more, so this one cannot go on."""


class LostPeer(ThuliumError):
    """Another process of the training is not there any more, so this one cannot go on."""


class Interrupted(Exception):
    """A signal asked the training to stop, and it has.

    Attributes:
        number: the signal's.
    """

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.number = number


MAX_LISTED = 20


def list_faults(faults: Sequence[object]) -> str:
    """Some faults, one a line, and how many there are in all."""
    more = len(faults) - MAX_LISTED
    rows = [*map(str, faults[:MAX_LISTED]), *([f"... and {more} more"] if more > 0 else [])]
    return "\n".join(
        [*rows, f"{len(faults)} problem{'s' if len(faults) != 1 else ''} in the data; nothing was written"]
    )


def visible(text: str) -> str:
    """Text for a message: what cannot be seen, or would steer the terminal, is written as its code point."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
