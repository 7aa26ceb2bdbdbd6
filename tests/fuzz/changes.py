"""Changes that a valid file may suffer, as bytes, text, tree of values or XML; the same from the same generator."""

from __future__ import annotations

import copy
import json
import random
import re
import struct
from collections.abc import Callable, Iterator
from typing import Any

from lxml import etree

NUMBERS = (0, 1, -1, 2, 127, 255, 256, 65535, 2**31 - 1, -(2**31), 2**31, 2**32 - 1, 2**32, 2**53, 2**63 - 1, -(2**63))
LEAVES: tuple[Any, ...] = (
    *(*NUMBERS, 10**18, 10**30, 0.5, 1e308, -1e308, 1e-320, float("nan"), float("inf"), float("-inf")),
    *(True, False, None, [], {}, [[]], {"type": "x"}, [None], [0] * 1000),
    *("", " ", "0", "x", "/nowhere/at/all", "../../x", "é", "手", "\ud800", "\x00", "\x1b[31m", "\ufdd0"),
    *("a" * 5000, "9" * 5000),
)
WORDS = (
    *(str(leaf) for leaf in LEAVES if isinstance(leaf, (int, float, str)) and leaf != "\ud800"),
    *("-0", "+1", "1e999", "0x10", "1_000", "１２", "1.5.5", "-", ",", ";", "\t", "\u2028", "\ufeff"),
    *("&amp;", "&#0;", "<", "]]>"),
)


def few(rng: random.Random) -> int:
    """How many changes at once."""
    return rng.choice([1, 1, 1, 2, 4])


def of_bytes(data: bytes, rng: random.Random, other: bytes = b"", reach: int | None = None) -> bytes:
    """Bytes with some flipped, cut, doubled, moved in from elsewhere, or overwritten by integers that go too far.

    Args:
        other: where bytes may be taken from too.
        reach: changes begin within the first so many bytes, where the structure is; None: anywhere.
    """
    changed = bytearray(data)
    for _ in range(few(rng)):
        at = rng.randrange(min(len(changed), reach or len(changed)) + 1)
        choice = rng.randrange(9)
        if choice == 0 and at < len(changed):
            changed[at] ^= 1 << rng.randrange(8)
        elif choice == 1 and at < len(changed):
            changed[at] = rng.choice([0, 0xFF, 0x7F, 0x80, rng.randrange(256)])
        elif choice == 2:
            del changed[at : at + rng.choice([1, 2, 4, 8, 64, 1000])]
        elif choice == 3:
            del changed[at:]
        elif choice == 4:
            changed[at:at] = bytes([rng.choice([0, 0xFF, 0x20, 0x41])]) * rng.choice([1, 8, 300, 5000])
        elif choice == 5:
            source = rng.choice([bytes(changed), other or data])
            begin = rng.randrange(len(source) + 1)
            run = source[begin : begin + rng.choice([4, 16, 64, 1024])]
            changed[at : at + rng.choice([0, len(run)])] = run
        else:
            _overwrite(changed, at - at % 4, rng)
    return bytes(changed)


def _overwrite(changed: bytearray, at: int, rng: random.Random) -> None:
    size, order = rng.choice([2, 4, 8]), rng.choice("<>")
    number = rng.choice(NUMBERS) % 2 ** (8 * size)
    if at + size <= len(changed):
        changed[at : at + size] = struct.pack(order + {2: "H", 4: "I", 8: "Q"}[size], number)


def of_text(data: bytes, rng: random.Random, other: bytes = b"") -> bytes:
    """UTF-8 text whose lines, words and numbers have changed; now and then, its bytes."""
    if rng.random() < 0.3:
        return of_bytes(data, rng, other)
    text = data.decode("utf-8")
    for _ in range(few(rng)):
        text = rng.choice([_lines, _tokens, _numbers, _numbers])(text, rng)
    return text.encode("utf-8", "surrogatepass")


def _lines(text: str, rng: random.Random) -> str:
    lines = text.splitlines(keepends=True) or [""]
    at, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    choice = rng.randrange(5)
    if choice == 0:
        lines.insert(at, lines[other])
    elif choice == 1:
        lines[at], lines[other] = lines[other], lines[at]
    elif choice == 2:
        del lines[at : at + rng.choice([1, 1, 3])]
    elif choice == 3:
        lines[at] = lines[at].rstrip("\n") + rng.choice(["", "\r\n", "\r", "\u2028", "\x85", " x\n", "\t\n"])
    else:
        lines[at : at + 1] = [lines[at]] * rng.choice([2, 20, 300])
    return "".join(lines)


def _tokens(text: str, rng: random.Random) -> str:
    tokens = re.findall(r"\w+|[^\w\s]|\s+", text) or [""]
    at, other = rng.randrange(len(tokens)), rng.randrange(len(tokens))
    tokens[at] = rng.choice([rng.choice(WORDS), tokens[other], tokens[at] + tokens[other], ""])
    return "".join(tokens)


def _numbers(text: str, rng: random.Random) -> str:
    places = [found.span() for found in re.finditer(r"-?[0-9]+(\.[0-9]+)?", text)]
    if not places:
        return _tokens(text, rng)
    start, end = rng.choice(places)
    return text[:start] + rng.choice(WORDS) + text[end:]


def of_tree(tree: Any, rng: random.Random, leaves: tuple[Any, ...] = LEAVES) -> Any:
    """Dictionaries, lists and values with some replaced, removed, doubled or moved; the tree itself stays as it is."""
    tree = copy.deepcopy(tree)
    for _ in range(few(rng)):
        holders = list(_holders(tree))
        holder = rng.choice(holders) if holders else None
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder or ())))
        if not keys:
            continue
        key, choice = rng.choice(keys), rng.randrange(6)
        if choice == 0:
            del holder[key]
        elif choice == 1:
            holder[key] = copy.deepcopy(rng.choice(holders))
        elif choice == 2:
            holder[key] = [holder[key]] if rng.random() < 0.5 else {"type": holder[key]}
        elif choice == 3 and isinstance(holder, dict):
            holder[rng.choice(["zebra", "", "type", *map(str, keys)])] = holder.pop(key)
        elif choice == 3:
            holder.insert(key, copy.deepcopy(holder[key]))
        else:
            holder[key] = copy.deepcopy(rng.choice(leaves))
    return tree


def _holders(value: Any) -> Iterator[Any]:
    """Dictionaries and lists that hold something."""
    if isinstance(value, (dict, list)):
        yield value
        for inner in list(value.values()) if isinstance(value, dict) else value:
            yield from _holders(inner)


def of_json(data: bytes, rng: random.Random) -> bytes:
    """A JSON text whose values or whose letters have changed."""
    if rng.random() < 0.3:
        return of_text(data, rng)
    if rng.random() < 0.05:
        return rng.choice([b"[" * 100_000, b'{"a":' * 5000, b"1" * 5000, b"null", b"[]", b'"\\ud800"', b""])
    return json.dumps(of_tree(json.loads(data), rng)).encode()


def of_xml(data: bytes, rng: random.Random) -> bytes:
    """XML whose elements, attributes and texts have changed; now and then, its letters."""
    if rng.random() < 0.4:
        return of_text(data, rng)
    root = etree.fromstring(data)
    for _ in range(few(rng)):
        elements = list(root.iter("*"))
        element, other = rng.choice(elements), rng.choice(elements)
        rng.choice(XML_CHANGES)(element, other, rng)
    return etree.tostring(root, xml_declaration=rng.random() < 0.9, encoding=rng.choice(["UTF-8", "UTF-8", "UTF-16"]))


def _attribute(element: etree._Element, _other: etree._Element, rng: random.Random) -> None:
    if not element.attrib:
        return
    name = rng.choice(sorted(element.attrib))
    value = element.get(name, "")
    with_number = re.sub(r"-?[0-9]+", lambda found: rng.choice([found[0], found[0], rng.choice(WORDS)]), value)
    _set(element, name, rng.choice([rng.choice(WORDS), with_number, with_number, value * 2, value * 300, ""]))


def _set(element: etree._Element, name: str, value: str) -> None:
    try:
        element.set(name, value)
    except ValueError:  # no XML can hold it
        del element.attrib[name]


def _text(element: etree._Element, _other: etree._Element, rng: random.Random) -> None:
    try:
        element.text = rng.choice(WORDS)
    except ValueError:
        element.text = None


def _removed(element: etree._Element, _other: etree._Element, _rng: random.Random) -> None:
    if element.getparent() is not None:
        element.getparent().remove(element)


def _copied(element: etree._Element, other: etree._Element, _rng: random.Random) -> None:
    if len(etree.tostring(element.getroottree())) < 200_000:
        other.append(copy.deepcopy(element))


def _renamed(element: etree._Element, other: etree._Element, rng: random.Random) -> None:
    local = etree.QName(element).localname
    element.tag = rng.choice([other.tag, local, f"{{urn:x}}{local}"])


def _nested(element: etree._Element, _other: etree._Element, rng: random.Random) -> None:
    parent = element.getparent()
    if parent is None:
        return
    place = parent.index(element)
    for _ in range(rng.choice([1, 30, 300])):
        wrapper = etree.Element(parent.tag)
        wrapper.append(element)
        element = wrapper
    parent.insert(place, element)


XML_CHANGES: tuple[Callable[[etree._Element, etree._Element, random.Random], None], ...] = (
    _attribute, _attribute, _attribute, _text, _removed, _copied, _renamed, _nested,
)  # fmt: skip
