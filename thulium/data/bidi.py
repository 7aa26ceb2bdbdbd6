"""Reading order: from the order in which a line is read and typed to the one in which it stands on paper, and back.

A CTC model gives its symbols from the left edge of the image to the right. So lines with right-to-left letters are
taught in the order in which their glyphs stand ("visual"), and what is predicted is turned back ("logical").

A line whose letters all run one way runs that way itself. Only a mixed line, or one without letters, is taken to run as
the order says: so a line of Latin in an Arabic book, and one of Arabic in a French book, come out right.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate, groupby
from typing import Literal

from thulium.runtime.errors import MissingPackage

Order = Literal["logical", "visual_ltr", "visual_rtl"]  # visual: in mixed lines that run to the right, or to the left
Direction = Literal["ltr", "rtl", "mixed", "none"]
Base = Literal["L", "R"]
Levels = tuple[int, ...]  # how deep atoms are embedded: 0 to the right, in 1 to the left, in 2 to the right

# Bidirectional classes.
RTL = ("R", "AL")  # letters: of Hebrew and others, of Arabic and others
STRONG = (*RTL, "L", "AN")  # what is never embedded otherwise; AN: Arabic digits
SEPARATORS = ("CS", "ES", "ET")  # in and beside numbers: 3,5 and 7-9 and 50%
ROUNDS = 8  # steps towards a text that looks like a given line; few lines need more than one


def resolve(order: Literal["auto", "visual", "logical"], symbols: Mapping[str, int]) -> Order:
    """The order in which a model learns its lines.

    Args:
        order: as the document has it.
        symbols: how often each code point stands in the training lines.
    """
    rtl = sum(count for symbol, count in symbols.items() if unicodedata.bidirectional(symbol) in RTL)
    ltr = sum(count for symbol, count in symbols.items() if unicodedata.bidirectional(symbol) == "L")
    if order == "logical" or (order == "auto" and not rtl):
        return "logical"
    return "visual_rtl" if rtl and rtl >= ltr else "visual_ltr"


def to_visual(text: str, order: Order) -> str:
    """A text as its glyphs stand on paper, from left to right.

    Combining marks stay behind their letters, which rule L3 of the algorithm leaves open; a bracket is the one that is
    seen (rule L4).

    Raises:
        MissingPackage: the text needs python-bidi, and it is not installed.

    Source: Unicode Standard Annex 9, as python-bidi has it.
    """
    if not _turns(text, order):
        return text
    atoms = _atoms(text)
    return "".join(_seen(atoms[place], is_rtl) for place, is_rtl in _arrange(atoms, _base(text, order)))


def to_logical(visual: str, order: Order) -> str:
    """A text that stands on paper as this one does: ``to_visual`` of it is this one again.

    There may be several, since a number between a Hebrew word and a Latin one may have been written after either; then
    it is one of them. There may be none, as in a poor prediction; then it is what the algorithm makes of this one.

    Where we differ from others (kraken): they apply the algorithm once more, which is nearly its own inverse. We look
    whether that gives the line, and if it does not, let one number, bracket or gap after another belong to other
    neighbours, keeping what brings the line nearer.
    """
    if not _turns(visual, order):
        return visual
    atoms, base = _atoms(visual), _base(visual, order)
    levels = _levels(_arrange(atoms, base), base)
    first = _logical(atoms, levels)
    if to_visual(first, order) == visual:
        return first
    met = {levels}
    for _ in range(ROUNDS):
        misses: dict[Levels, int] = {}
        for changed in _neighbours(atoms, levels, base):
            if changed not in met:
                text = _logical(atoms, changed)
                misses[changed] = sum(map(str.__ne__, to_visual(text, order), visual))
                if not misses[changed]:
                    return text
        if not misses:
            break
        met.update(misses)
        levels = min(misses, key=misses.__getitem__)
    return first


def places_on_paper(text: str, order: Order) -> list[int]:
    """For each code point of ``to_visual`` of a text, from left to right, its place in the text."""
    if not _turns(text, order):
        return list(range(len(text)))
    atoms = _atoms(text)
    firsts = [0, *accumulate(map(len, atoms))]
    arranged = (place for place, _ in _arrange(atoms, _base(text, order)))
    return [place for atom in arranged for place in range(firsts[atom], firsts[atom + 1])]


def round_trips(text: str, order: Order) -> bool:
    """Whether a text comes back from visual order as it was."""
    return to_logical(to_visual(text, order), order) == text


def with_mirrored(symbols: Collection[str], order: Order) -> frozenset[str]:
    """The symbols, and in a visual order the other bracket of each pair: it is seen where the first is typed."""
    return frozenset(symbols) | {_seen(symbol, True) for symbol in symbols if order != "logical"}


def direction(text: str) -> Direction:
    """Where the letters of a text run; digits, punctuation and marks do not count."""
    classes = set(map(unicodedata.bidirectional, text))
    if classes.isdisjoint(RTL):
        return "ltr" if "L" in classes else "none"
    return "mixed" if "L" in classes else "rtl"


def scripts(text: str) -> Counter[str]:
    """How many letters each script has.

    The script is the first word of a letter's Unicode name, such as LATIN, HEBREW or CJK. That is nearly always the
    one that Unicode gives it, and needs no table; of the exceptions, such as MICRO SIGN, handwriting has few.
    """
    letters = (symbol for symbol in text if unicodedata.category(symbol).startswith("L"))
    return Counter(re.split(r"[ -]", unicodedata.name(letter, "UNNAMED"), maxsplit=1)[0] for letter in letters)


def oddities(text: str) -> list[str]:
    """The characters of a text that are seldom meant, each once, in code point order.

    They are: control characters but for tabs and line breaks; those that steer directions, and other invisible ones
    but for the joiners, which Persian and Indic scripts need; private and unassigned ones; and U+FFFD, which some
    program wrote where it could not read.
    """
    return sorted(filter(_is_odd, set(text)))


def _is_odd(symbol: str) -> bool:
    category = unicodedata.category(symbol)
    if category == "Cf":  # a few are signs that one sees, such as the Arabic mark under a number
        return symbol not in "\u200c\u200d" and unicodedata.bidirectional(symbol) != "AN" and symbol != "\u070f"
    return symbol == "\ufffd" or (category.startswith("C") and symbol not in "\t\n\r")


def _turns(text: str, order: Order) -> bool:
    return order != "logical" and direction(text) != "ltr" and len(text) <= DIGITS**2  # no line is longer


def _base(text: str, order: Order) -> Base:
    return "R" if direction(text) == "rtl" or order == "visual_rtl" else "L"


def _atoms(text: str) -> list[str]:
    """The characters, each with its combining marks."""
    atoms: list[str] = []
    for symbol in text:
        if atoms and unicodedata.bidirectional(symbol) == "NSM":
            atoms[-1] += symbol
        else:
            atoms.append(symbol)
    return atoms


def _seen(atom: str, is_rtl: bool) -> str:
    """An atom as it is drawn: a bracket in right-to-left text is the other one."""
    if not is_rtl or not unicodedata.mirrored(atom[0]):
        return atom
    return _python_bidi()[1].get(atom[0], atom[0]) + atom[1:]


@lru_cache(maxsize=1)
def _python_bidi() -> tuple[Callable[..., str], Mapping[str, str]]:
    # The package's newer half, in Rust: the older one in Python knows neither pairs of brackets (rule N0) nor isolates.
    try:
        from bidi import get_display
        from bidi.mirror import MIRRORED
    except ImportError:
        raise MissingPackage(
            "the lines have right-to-left letters, and python-bidi is not installed: `pip install python-bidi`, or "
            "set dataset.text.order to logical"
        ) from None
    return get_display, MIRRORED


# python-bidi says what a text looks like, not which character went where. So a number is written behind each, in two
# digits of these invisible characters: by rule X9 they count for nothing, and go where the character goes.
DIGITS = 48
HIGH, LOW = 0xE0020, 0xE0020 + DIGITS
NUMBER = re.compile("([\U000e0020-\U000e007f])([\U000e0020-\U000e007f])")


def _arrange(atoms: Sequence[str], base: Base) -> list[tuple[int, bool]]:
    """What stands on paper from left to right: places of atoms, and whether each belongs to right-to-left text."""
    symbols = ("\u200b" if NUMBER.fullmatch(2 * atom[0]) else atom[0] for atom in atoms)
    numbered = [f"{symbol}{chr(HIGH + i // DIGITS)}{chr(LOW + i % DIGITS)}" for i, symbol in enumerate(symbols)]
    end = "\u05d0" if base == "R" else "a"  # keeps rule L1 from parting the last number from its character
    arranged = []
    for first, second in NUMBER.findall(_python_bidi()[0]("".join([*numbered, end]), base_dir=base)):
        high, low = sorted((ord(first), ord(second)))
        arranged.append(((high - HIGH) * DIGITS + low - LOW, first > second))
    return arranged


def _levels(arranged: list[tuple[int, bool]], base: Base) -> Levels:
    levels = [0] * len(arranged)
    for place, is_rtl in arranged:
        levels[place] = 1 if is_rtl else 2 if base == "R" else 0
    if base == "L":  # what moved together with right-to-left text lies in it
        start = reach = 0
        for i, (place, _) in enumerate(arranged):
            reach = max(reach, place)
            if reach == i:
                if 1 in levels[start : i + 1]:
                    levels[start : i + 1] = [level or 2 for level in levels[start : i + 1]]
                start = i + 1
    return tuple(levels)


def _neighbours(atoms: Sequence[str], levels: Levels, base: Base) -> Iterator[Levels]:
    """The levels with one run of atoms at another that it may have."""
    keys = [_key(atom, i, level) for i, (atom, level) in enumerate(zip(atoms, levels, strict=True))]
    start = 0
    for _, run in groupby(keys):
        end = start + len(list(run))
        for level in sorted(_possible(atoms[start], base) - {levels[start]}):
            yield (*levels[:start], *[level] * (end - start), *levels[end:])
        start = end


def _key(atom: str, place: int, level: int) -> tuple[object, ...]:
    """Equal for neighbours that keep together: the digits of a number, or white space and most punctuation."""
    kind = unicodedata.bidirectional(atom[0])
    if kind in SEPARATORS or unicodedata.mirrored(atom[0]):
        return (place,)
    return (kind if kind in (*STRONG, "EN") else "neutral", level)


def _possible(atom: str, base: Base) -> set[int]:
    kind = unicodedata.bidirectional(atom[0])
    if kind in STRONG:
        return set()
    outer = 0 if base == "L" else 2
    return {outer, 2} if kind == "EN" else {outer, 1, 2} if kind in SEPARATORS else {outer, 1}


def _logical(atoms: Sequence[str], levels: Levels) -> str:
    """The way back from paper: rule L2, its reversals in the opposite order."""
    places = list(range(len(levels)))
    for depth in (1, 2):
        start = 0
        for end in range(len(places) + 1):
            if end == len(places) or levels[places[end]] < depth:
                places[start:end] = places[start:end][::-1]
                start = end + 1
    return "".join(_seen(atoms[place], levels[place] == 1) for place in places)
