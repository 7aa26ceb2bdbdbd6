"""The place of each code point of a text that was read, and how far its letter reaches."""

import pytest

from thulium.data.bidi import to_visual
from thulium.models.code_points import code_points, covering
from thulium.models.recogniser import Character, Reading


def seen(paper: str, step: int = 10) -> tuple[Character, ...]:
    """Symbols that stand from the left to the right, each seen in four pixels."""
    return tuple(Character(symbol, 0.9, 20 + x * step, 24 + x * step) for x, symbol in enumerate(paper))


def test_letters_meet_in_the_middle_and_words_reach_up_to_their_spaces() -> None:
    assert covering(seen("ab cd")) == [(10, 27), (27, 40), (40, 44), (44, 57), (57, 74)]


def test_a_single_letter_has_the_whole_line_and_none_has_nothing() -> None:
    assert covering(seen("a")) == [(0, float("inf"))]
    assert covering(()) == []
    assert code_points(Reading("", 0.5), "logical", is_whole=True) == []


def test_what_a_model_writes_from_the_right_is_covered_as_well() -> None:
    from_left = seen("abc")
    assert covering(from_left[::-1]) == covering(from_left)[::-1]


def test_letters_that_were_seen_in_one_place_end_behind_their_beginning() -> None:
    found = covering((Character("a", 1, 8, 9), Character("b", 1, 8, 9), Character("c", 1, 4, 12)))
    assert all(start <= end for start, end in found)


@pytest.mark.parametrize("text", ["abc 12", "שלום (12) abc", "abc שלום 3", "אבג דה"])
def test_code_points_of_every_direction_lie_where_they_stand_on_paper(text: str) -> None:
    paper = seen(to_visual(text, "visual_rtl"))
    found = code_points(Reading(text, 0.5, paper), "visual_rtl", is_whole=True)
    assert sorted((each.start, each.end) for each in found) == sorted(covering(paper))
    first = found[0]
    assert (first.start == 0 or first.start < 15) == (text[0] == "a" and paper[0].symbol == "a")
