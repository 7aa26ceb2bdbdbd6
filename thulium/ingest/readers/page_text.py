"""Which text of a PAGE line is its transcription: of several TextEquivs, and of its words and glyphs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from lxml import etree

from thulium.data.line import Remark
from thulium.data.text import is_blank
from thulium.ingest.readers.sheet import LineFault, content_of, short

RECOGNISED = "recognised text only"


@dataclass(frozen=True, slots=True)
class _Equiv:
    """A TextEquiv; index is None where it has none."""

    index: int | None
    text: str
    has_confidence: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """A transcription.

    Attributes:
        text: empty where there is none.
        remarks: what a person should know of it.
        is_left_empty: whether its place is there, and empty.
    """

    text: str = ""
    remarks: frozenset[Remark] = frozenset()
    is_left_empty: bool = False


class Transcriptions:
    """What the TextEquivs of one page say.

    PAGE ranks several texts of one line by their index, and programs keep what a person has corrected at one index and
    what a machine has recognised at another. So the lines of a page are compared: which index its transcriptions have
    is seen from all of them, and a line that has none of that index is none that a person has read.
    """

    def __init__(self, page: etree._Element, level: Literal["line", "word"], text_index: str | int) -> None:
        self._level = level
        self._text_index = text_index
        self._main = {name: self._main_index(page.iter(name)) for name in ("TextLine", "Word", "Glyph")}

    def of(self, line: etree._Element) -> Reading:
        """The transcription at the document's level; at the other one where there is none.

        Raises:
            LineFault: there are several, or only what is none.
        """
        if self._level == "word":
            return self._words_first(line)
        whole = self._own(line)
        if whole.text:
            return whole
        words = self._parts(line, "Word", " ")
        if words.text and whole.is_left_empty:
            main = self._main["TextLine"]
            what = f"has no text of index {main}, and those of its words may be what was recognised: transcribe it, "
            raise LineFault(RECOGNISED, what + "or set dataset.level to word", is_error=False)
        return words

    def _words_first(self, line: etree._Element) -> Reading:
        try:
            words = self._parts(line, "Word", " ")
        except LineFault as fault:
            if fault.is_error or not (whole := self._own(line)).text:
                raise
            return whole
        return words if words.text else self._own(line)

    def _parts(self, element: etree._Element, name: str, between: str) -> Reading:
        """The texts of an element's words, or of a word's glyphs, in their order."""
        readings = [self._part(part) for part in element.iterfind(name)]
        texts = [reading.text for reading in readings if reading.text]
        remarks = frozenset[Remark]().union(*(reading.remarks for reading in readings))
        if texts and len(texts) < len(readings):
            remarks |= {"word without text"}
        return Reading(between.join(texts).strip(), remarks)

    def _part(self, part: etree._Element) -> Reading:
        own = self._own(part)
        if own.text or part.tag == "Glyph":
            return own
        glyphs = self._parts(part, "Glyph", "")
        if glyphs.text and own.is_left_empty:
            what = f"has a word without a text of index {self._main['Word']}, and its glyphs may be what was recognised"
            raise LineFault(RECOGNISED, f"{what}: transcribe it", is_error=False)
        return glyphs

    def _own(self, element: etree._Element) -> Reading:
        """What an element's own TextEquivs say."""
        equivs = list(_equivs(element))
        main = self._main[element.tag]
        written = [equiv for equiv in equivs if not is_blank(equiv.text)]
        if isinstance(self._text_index, int):
            accepted = [equiv for equiv in written if equiv.index == main]
        else:
            is_ranked = any(equiv.index is not None for equiv in equivs)
            accepted = [equiv for equiv in written if not is_ranked or equiv.index in (main, None)]
        _check_one(accepted)
        at_main = [equiv for equiv in equivs if equiv.index is not None and equiv.index == main]
        is_left_empty = bool(at_main) and all(is_blank(equiv.text) for equiv in at_main)
        if written and (is_left_empty or not accepted or self._is_recognised(accepted[0])):
            raise self._none_of(main, written)
        if not accepted:
            return Reading(is_left_empty=is_left_empty)
        text = accepted[0].text
        return Reading(text if element.tag == "TextLine" else text.strip(), frozenset(self._remarks(accepted)))

    def _main_index(self, elements: Iterable[etree._Element]) -> int | None:
        if isinstance(self._text_index, int):
            return self._text_index
        found = (_index(equiv) for element in elements for equiv in element.iterfind("TextEquiv"))
        indices = {index for index in found if index is not None}
        return (min if self._text_index == "lowest" else max)(indices, default=None)

    def _is_recognised(self, equiv: _Equiv) -> bool:
        """Whether a text is what programs put there that keep index 0 for what a person corrects."""
        return self._text_index == "lowest" and equiv.has_confidence and (equiv.index or 0) > 0

    def _remarks(self, accepted: list[_Equiv]) -> Iterator[Remark]:
        if any(equiv.has_confidence for equiv in accepted):
            yield "has a confidence"
        if self._text_index == "lowest" and (accepted[0].index or 0) > 0:
            yield "index above 0"

    def _none_of(self, main: int | None, written: list[_Equiv]) -> LineFault:
        indices = sorted({equiv.index for equiv in written if equiv.index is not None})
        others = " and ".join(map(str, indices)) or "none"
        if isinstance(self._text_index, int):
            what = f"has no transcription of index {main}, only of {others}"
            return LineFault("no transcription", what, is_error=False)
        if main in indices:
            what = f"has a text of index {main} only, with a confidence, and index 0 is where corrected text stands"
        else:
            what = f"has a text of index {others}, but the transcriptions of this page have index {main}"
        what += f": transcribe it, or set dataset.text_index to {indices[0] if indices else 0}"
        return LineFault(RECOGNISED, what, is_error=False)


def _equivs(element: etree._Element) -> Iterator[_Equiv]:
    for equiv in element.iterfind("TextEquiv"):
        yield _Equiv(_index(equiv), _content(equiv), bool(equiv.get("conf", "").strip()))


def _index(equiv: etree._Element) -> int | None:
    index = equiv.get("index", "").strip()
    return int(index) if re.fullmatch(r"-?[0-9]{1,9}", index) else None


def _content(equiv: etree._Element) -> str:
    for name in ("Unicode", "PlainText"):
        texts = [text for text in map(content_of, equiv.iterfind(name)) if not is_blank(text)]
        if len({text.strip() for text in texts}) > 1:
            what = f"has a TextEquiv with {len(texts)} {name} elements, which differ: keep one of them"
            raise LineFault("several transcriptions", what)
        if texts:
            return texts[0]
    return ""


def _check_one(accepted: list[_Equiv]) -> None:
    texts = list(dict.fromkeys(equiv.text.strip() for equiv in accepted))
    if len(texts) > 1:
        what = f"has {len(texts)} transcriptions, such as {short(texts[0])} and {short(texts[1])}, and no index says "
        raise LineFault("several transcriptions", what + "which is right: remove the others, or number them")
