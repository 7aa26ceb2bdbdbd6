"""A case: how a good data set is spoilt, and what is to come of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Result = Literal["refused", "refused or skipped", "left out", "kept and reported", "kept"]
Spoil = Callable[[Path], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One fault.

    Attributes:
        title: what is wrong, as an archivist would say it; unique.
        kind: dataset.type.
        spoil: changes the good data set in a folder.
        result: what prepare does about it. What is "refused or skipped" is skipped where dataset.on_error is skip.
        at: what the message has to name, each.
        skipped: reason -> how many report.json counts.
        lost: split -> lines that are not kept.
        added: split -> lines that are kept besides those of the good data set.
        found: for what is reported, where in report.json, as keys with / between them.
        same_picture: whether the first line of train still looks as in the good data set.
        document: keys below dataset, or with a / below another section, that differ from the good document's.
    """

    title: str
    kind: str
    spoil: Spoil
    result: Result
    at: tuple[str, ...] = ()
    skipped: Mapping[str, int]
    lost: Mapping[str, int]
    added: Mapping[str, int]
    found: str = ""
    same_picture: bool = False
    document: Mapping[str, Any]


class Table:
    """The cases of one module, each a function under a decorator that says what is to come of it."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.cases: list[Case] = []

    def refused(self, title: str, *at: str, **more: Any) -> Callable[[Spoil], Spoil]:
        """Nothing is prepared, whatever the document says."""
        return self._add(title, "refused", at=at, **more)

    def skippable(
        self, title: str, *at: str, skipped: Mapping[str, int], lost: int = 1, **more: Any
    ) -> Callable[[Spoil], Spoil]:
        """Nothing is prepared; with on_error: skip, all but some lines of train."""
        return self._add(title, "refused or skipped", at=at, skipped=skipped, lost={"train": lost}, **more)

    def left_out(
        self, title: str, *at: str, skipped: Mapping[str, int], lost: int = 1, **more: Any
    ) -> Callable[[Spoil], Spoil]:
        """What data sets are expected to have: some lines of train are left out, counted and named."""
        return self._add(title, "left out", at=at, skipped=skipped, lost={"train": lost}, **more)

    def reported(self, title: str, *at: str, found: str, **more: Any) -> Callable[[Spoil], Spoil]:
        """All is kept, and the report says what a person should look at."""
        return self._add(title, "kept and reported", at=at, found=found, **more)

    def kept(self, title: str, **more: Any) -> Callable[[Spoil], Spoil]:
        """No fault at all."""
        return self._add(title, "kept", **more)

    def _add(self, title: str, result: Result, **more: Any) -> Callable[[Spoil], Spoil]:
        whole = {"kind": self.kind, "skipped": {}, "lost": {}, "added": {}, "document": {}} | more

        def add(spoil: Spoil) -> Spoil:
            self.cases.append(Case(title=title, spoil=spoil, result=result, **whole))
            return spoil

        return add
