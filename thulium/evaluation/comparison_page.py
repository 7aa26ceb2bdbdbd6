"""The page of a comparison: what it says, and the lines that got better and worse, with their pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from markupsafe import Markup

from thulium.evaluation.comparing import Change, Outcome
from thulium.evaluation.report import data_uri, diff, environment
from thulium.runtime.files import replace_text

SHOWN = 40  # lines of each kind; the page stays below 2 MB
LineImages = Callable[[str], bytes | None]


class Compared(Protocol):
    """What the page needs of a comparison."""

    @property
    def outcomes(self) -> Sequence[Outcome]: ...
    @property
    def changed(self) -> Sequence[Change]: ...


@dataclass(frozen=True, slots=True)
class ShownChange:
    """A line as the page shows it: its picture as a data URI, and for each reading the transcription and it as HTML."""

    change: Change
    image: str
    a: tuple[Markup, Markup]
    b: tuple[Markup, Markup]


def write_page(
    found: Compared, said: Sequence[str], table: Sequence[Sequence[str]], path: Path, images: LineImages
) -> None:
    """Write the page, whole or not at all.

    Args:
        said: sentences.
        table: its rows, the head first.
        images: line id -> bytes of its PNG, if it is there.
    """
    better = [change for change in found.changed if change.edits < 0]
    worse = [change for change in found.changed if change.edits > 0]
    text = (
        environment()
        .get_template("comparison.html.j2")
        .render(
            names=[outcome.name for outcome in found.outcomes],
            num_lines=len(found.outcomes[0].results),
            said=said,
            table=table,
            kinds=[
                ("worse", len(worse), [_shown(each, images) for each in worse[:SHOWN]]),
                ("better", len(better), [_shown(each, images) for each in better[:SHOWN]]),
            ],
        )
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_text(path, text)


def _shown(change: Change, images: LineImages) -> ShownChange:
    a, b = (diff(result.transcription, result.prediction) for result in (change.a, change.b))
    return ShownChange(change, data_uri(images(change.a.id) or b""), a, b)
