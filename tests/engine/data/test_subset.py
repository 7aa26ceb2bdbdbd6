"""Some of the training lines: which, by what, and that they are what the stages learn from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thulium.data.prepared import open_prepared
from thulium.data.subset import places

PAGES = st.lists(st.sampled_from([f"p{number}" for number in range(9)]), max_size=60)


@given(PAGES, st.integers(1, 60), st.integers(1, 60), st.integers(0, 5))
def test_fewer_lines_stand_among_more_of_them(pages: list[str], one: int, other: int, seed: int) -> None:
    few, many = (set(places(pages, number, seed)) for number in sorted((one, other)))
    assert few <= many
    assert len(few) == min(one, other, len(pages))


@given(PAGES, st.integers(1, 60), st.integers(0, 5))
def test_all_pages_but_one_are_there_as_a_whole_or_not_at_all(pages: list[str], lines: int, seed: int) -> None:
    kept = {pages[place] for place in places(pages, lines, seed)}
    left = {page for place, page in enumerate(pages) if place not in places(pages, lines, seed)}
    assert len(kept & left) <= 1


@given(PAGES, st.integers(0, 5))
def test_pages_that_come_later_leave_the_order_of_the_others(pages: list[str], seed: int) -> None:
    def order(given: list[str]) -> list[str]:
        kept = [{given[place] for place in places(given, number, seed)} for number in range(1, len(given) + 1)]
        return list(dict.fromkeys(page for each in kept for page in sorted(each - {"new"})))

    assert order([*pages, "new"])[: len(set(pages))] == order(pages)


def test_another_seed_takes_other_pages() -> None:
    pages = [f"p{number}" for number in range(20)]
    assert places(pages, 5, seed=1) != places(pages, 5, seed=2)


def test_training_lines_are_fewer_and_the_others_stay(prepared: Path) -> None:
    data = open_prepared(prepared)
    some = replace(data, lines=9, seed=3)
    ids = list(some.split("train").ids)
    assert len(ids) == 9
    assert [line for line in data.split("train").ids if line in ids] == ids
    for name in ("val", "test"):
        assert list(some.split(name).ids) == list(data.split(name).ids)


@pytest.mark.parametrize("lines", [None, 10_000])
def test_as_many_as_there_are_or_more_are_all(prepared: Path, lines: int | None) -> None:
    data = open_prepared(prepared)
    assert list(replace(data, lines=lines).split("train").ids) == list(data.split("train").ids)
