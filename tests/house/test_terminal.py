"""One door to the terminal: text from elsewhere must not steer it."""

from __future__ import annotations

import re
import unicodedata

import lab
import pytest

from thulium_dsl.messages.problems import harmless

DOORS = {"thulium/cli/screen.py", "thulium/cli/group.py", "thulium/runtime/progress.py"}
PRINTS = re.compile(r"(?<![\w.])print\(|click\.s?echo\(|std(?:out|err)\.write\(")


def test_everything_is_printed_through_the_doors() -> None:
    printing = {
        path.relative_to(lab.CHECKOUT).as_posix()
        for package in ("thulium", "thulium_dsl")
        for path in (lab.CHECKOUT / package).rglob("*.py")
        if PRINTS.search(path.read_text(encoding="utf-8"))
    }
    assert printing == DOORS


def test_the_doors_make_text_harmless() -> None:
    for name in DOORS:
        text = (lab.CHECKOUT / name).read_text(encoding="utf-8")
        assert len(PRINTS.findall(text)) == text.count("print(harmless(") + text.count("click.echo(harmless(")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\tb\nc", "a\tb\nc"),
        ("\x1b[31m\x07\x08\r\x7f\x9b", "\\u001b[31m\\u0007\\u0008\\u000d\\u007f\\u009b"),
        ("\u202e\u2066\u2069\u2028\u2029\u0085", "\\u202e\\u2066\\u2069\\u2028\\u2029\\u0085"),
        ("caf\udce9", "caf\\udce9"),
        ("été 字 שלום \u0301\u00a0\u200c\u200d\u200f\ue000 ſ", "été 字 שלום \u0301\u00a0\u200c\u200d\u200f\ue000 ſ"),
    ],
)
def test_what_is_left_of_a_text(text: str, shown: str) -> None:
    assert harmless(text) == shown
    assert harmless(text, is_one_line=True) == shown.replace("\n", "\\n")


def test_no_control_character_is_let_through() -> None:
    every = "".join(map(chr, range(0x110000)))
    left = harmless(every)
    assert {char for char in left if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")} == {"\n", "\t"}
    left.encode("utf-8")
