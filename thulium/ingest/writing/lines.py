"""A text put into a line of PAGE or ALTO: where there is none, in the place of one, or beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from thulium.data.text import is_blank
from thulium.ingest.writing.spans import ID_NAMES, Element, XmlText, changed_tag, escaped, prefix_of, quoted
from thulium.ingest.writing.words import PLACES, Node, Part, alto_strings, page_words, rendered

# What is done to a line that has a text: it stays as it is; its text goes; or another text is put beside it.
Present = Literal["keep", "replace", "alternative"]

_BEHIND_TEXT = ("TextStyle", "UserDefined", "Labels")  # what follows the texts of a PAGE line
_IN_LINE = ("String", "SP", "HYP")  # of ALTO
_OF_OLD_TEXT = ("CC", "CS", "SUBS_TYPE", "SUBS_CONTENT")  # attributes of a String that say something of its text
_BOX = ("HPOS", "VPOS", "WIDTH", "HEIGHT")


@dataclass(frozen=True, slots=True)
class NewText:
    """A text for a line.

    Attributes:
        confidence: 0 to 1; None where there is none.
        words: those between its spaces, in their order, where their places are wanted; otherwise none.
    """

    text: str
    confidence: float | None
    words: tuple[Part, ...] = ()

    @property
    def conf(self) -> str | None:
        """The confidence as it is written."""
        return None if self.confidence is None else f"{self.confidence:.{PLACES}f}"


def has_text(line: Element) -> bool:
    """Whether something stands in a line, in its words or in its letters, by whomever."""
    return any(_says(element) for element in line.within())


def put(file: XmlText, line: Element, new: NewText, format_name: str, present: Present) -> bool:
    """Write a text into a line of a file.

    Args:
        format_name: "PAGE" or "ALTO".
        present: what is done if it has one.

    Returns:
        Whether it was written.
    """
    return _WRITERS[format_name](file, line, new, present)


def _says(element: Element) -> bool:
    if element.name in ("Unicode", "PlainText"):
        return not is_blank(element.text)
    return element.name in ("String", "Glyph") and not is_blank(element.attributes.get("CONTENT", ""))


def _put_page(file: XmlText, line: Element, new: NewText, present: Present) -> bool:
    equivs = line.own("TextEquiv")
    if not new.text and (present == "alternative" or not has_text(line)):
        return False
    if not has_text(line):
        if new.words:
            _remove(file, line.own("Word"))
        _insert_words(file, line, new)
        if equivs:
            _fill(file, equivs[0], new)
        else:
            _insert_equiv(file, line, new, {"conf": new.conf})
        return True
    if present == "keep":
        return False
    if present == "replace":
        _remove(file, [*equivs, *line.own("Word")])
        _insert_words(file, line, new)
        _insert_equiv(file, line, new, {"conf": new.conf})
        return True
    index = _next_index(equivs)
    for equiv in equivs:
        if "index" not in equiv.attributes:  # else nothing says which of the two is the first
            file.replace(equiv.start, equiv.inner, changed_tag(file.tag(equiv), {"index": "0"}))
    _insert_equiv(file, line, new, {"index": str(index), "conf": new.conf})
    return True


def _remove(file: XmlText, parts: Sequence[Element]) -> None:
    """Take parts of a line out of a file, and their ids."""
    for part in parts:
        file.replace(file.start_with_space(part), part.end, "")
        for element in (part, *part.within()):
            file.ids.difference_update(value for name, value in element.attributes.items() if name in ID_NAMES)


def _insert_words(file: XmlText, line: Element, new: NewText) -> None:
    """Put words in front of the texts of a PAGE line."""
    before = [child for child in line.children if child.name not in ("TextEquiv", *_BEHIND_TEXT)]
    nodes = page_words(new.words, line.attributes.get("id", ""), line.namespace, file.ids)
    _insert(file, line, nodes, before)


def _insert(file: XmlText, line: Element, nodes: Sequence[Node], before: Sequence[Element]) -> None:
    """Add elements behind what precedes them in a line, indented as that is."""
    if not nodes:
        return
    place = before[-1].end if before else line.inner
    prefix, shift = prefix_of(file.tag(line)), file.before(before[-1]) if before else ""
    step = _step(file, line, shift) if shift else ""
    text = "".join(rendered(node, prefix, shift, step) for node in nodes)
    if line.close == line.end:  # it has no end tag
        tag = file.tag(line).removesuffix("/>").rstrip()
        file.replace(line.start, line.end, f"{tag}>{text}</{prefix}{line.name}>")
    else:
        file.replace(place, place, text)


def _next_index(equivs: list[Element]) -> int:
    """One more than the highest index; a line whose text stands in its words alone has 0 for that."""
    indices = [equiv.attributes.get("index", "0").strip() for equiv in equivs]
    return max((int(index) for index in indices if index.lstrip("-").isdecimal()), default=0) + 1


def _fill(file: XmlText, equiv: Element, new: NewText) -> None:
    """Put a text into a TextEquiv that is there and empty."""
    tag = changed_tag(file.tag(equiv), {"conf": new.conf})
    prefix, places = prefix_of(tag), equiv.own("Unicode")
    content = f"<{prefix}Unicode>{escaped(new.text)}</{prefix}Unicode>"
    if equiv.close == equiv.end:  # it has no end tag
        file.replace(equiv.start, equiv.end, f"{tag.removesuffix('/>').rstrip()}>{content}</{prefix}TextEquiv>")
        return
    file.replace(equiv.start, equiv.inner, tag)
    if not places:
        file.replace(equiv.inner, equiv.close, content)
    elif places[0].close == places[0].end:
        file.replace(places[0].start, places[0].end, content)
    else:
        file.replace(places[0].inner, places[0].close, escaped(new.text))


def _insert_equiv(file: XmlText, line: Element, new: NewText, values: Mapping[str, str | None]) -> None:
    """Add a TextEquiv behind what precedes the texts of a line, indented as that is."""
    before = [child for child in line.children if child.name not in _BEHIND_TEXT]
    place = before[-1].end if before else line.inner
    prefix, shift = prefix_of(file.tag(line)), file.before(before[-1]) if before else ""
    inner = shift + _step(file, line, shift) if shift else ""
    attributes = "".join(f" {name}={quoted(value)}" for name, value in values.items() if value is not None)
    content = f"{inner}<{prefix}Unicode>{escaped(new.text)}</{prefix}Unicode>{shift}"
    file.replace(place, place, f"{shift}<{prefix}TextEquiv{attributes}>{content}</{prefix}TextEquiv>")


def _step(file: XmlText, line: Element, shift: str) -> str:
    """By how much what is in an element is indented more than it."""
    outer = file.before(line)
    return shift.removeprefix(outer) if outer and shift.startswith(outer) and shift != outer else "  "


def _put_alto(file: XmlText, line: Element, new: NewText, present: Present) -> bool:
    parts = line.own(*_IN_LINE)
    strings = [part for part in parts if part.name == "String"]
    if has_text(line) and present != "replace":
        return False  # ALTO has other spellings of a word, and no second reading of a line
    if new.words:
        _remove(file, parts)
        before = [child for child in line.children if child not in parts]
        nodes = alto_strings(new.text, new.words, line.attributes.get("ID", ""), line.namespace, file.ids)
        _insert(file, line, nodes, before)
        return True
    if not strings:
        _insert_string(file, line, new, parts)
        return True
    first, *others = strings
    box = dict.fromkeys(_BOX) | {name: line.attributes.get(name) for name in _BOX} if others else {}
    values = {"CONTENT": new.text, "WC": new.conf, **dict.fromkeys(_OF_OLD_TEXT), **box}
    tag = changed_tag(file.tag(first), values)
    if any(child.name in ("Glyph", "ALTERNATIVE") for child in first.children) or others:
        file.replace(first.start, first.end, _alone(tag))
    else:
        file.replace(first.start, first.inner, tag)
    for part in parts:
        if part is not first:
            file.replace(file.start_with_space(part), part.end, "")
    return True


def _alone(tag: str) -> str:
    """A start tag that is a whole element."""
    return tag if tag.endswith("/>") else f"{tag[:-1].rstrip()}/>"


def _insert_string(file: XmlText, line: Element, new: NewText, parts: list[Element]) -> None:
    """Add a String behind the outline of a line, as large as the line."""
    values = {"CONTENT": new.text, **{name: line.attributes.get(name) for name in _BOX}, "WC": new.conf}
    node = Node("String", {name: value for name, value in values.items() if value is not None})
    _insert(file, line, [node], [child for child in line.children if child not in parts])
    _remove(file, parts)


_WRITERS: Mapping[str, Callable[[XmlText, Element, NewText, Present], bool]] = {
    "PAGE": _put_page,
    "ALTO": _put_alto,
}
