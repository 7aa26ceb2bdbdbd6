"""Contradictions between the transcriptions of sources, found by counting."""

from collections import Counter

import pytest

from thulium.cli.sources import _conventions
from thulium.ingest.conventions import differences


def words(text, times=10):
    return Counter(text.split() * times)


def found(**texts):
    return {each.written: each for each in differences({name: words(text) for name, text in texts.items()})}


@pytest.mark.parametrize(
    ("one", "other", "written", "plain"),
    [
        ("eſt les", "est les", "ſ", "s"),
        ("ſæpe et", "saepe et", "æ", "ae"),
        ("ꝑte de", "perte de", "ꝑ", "per"),
        ("l’an de", "l'an de", "’", "'"),
        ("a – b", "a - b", "–", "-"),
        ("M^r de", "Mr de", "^", ""),
        ("⁊ de", "et de", "⁊", "et"),
    ],
)
def test_the_same_word_written_in_two_ways_names_the_character(one, other, written, plain):
    (difference,) = [each for name, each in found(one=one, other=other).items() if name == written]
    assert (difference.plain, difference.by, difference.found) == (plain, {"one": 10}, {"other": 0})
    assert difference.expected["other"] == pytest.approx(10)
    assert difference.is_safe
    spelling, otherwise = next(iter(difference.words.items()))
    assert spelling in one.split()
    assert otherwise in other.split() or "ſ" in spelling


def test_with_the_replacement_there_is_no_difference():
    assert "ſ" in found(one="eſt vous", other="est vous")
    assert found(one="eſt vous".replace("ſ", "s"), other="est vous") == {}


def test_a_source_that_writes_both_follows_no_other_convention():
    assert found(one="eſt eſt", other="eſt est") == {}


def test_what_another_source_has_no_word_for_says_nothing():
    assert found(one="ſolus", other="alius") == {}


def test_too_few_of_a_word_say_nothing():
    counts = {"one": words("eſt", 4), "other": words("est", 4)}
    assert differences(counts) == []


def test_accents_differ_in_many_words_or_are_two_languages():
    assert found(one="à la", other="a la") == {}
    difference = found(one="été née dés pré", other="ete nee des pre")["é"]
    assert difference.num_words == 4
    assert not difference.is_safe, "an accent says something: nothing is proposed"


def test_i_and_j_differ_and_no_replacement_is_proposed_where_the_other_source_has_both():
    difference = found(one="ie vn", other="je un jour vous")["j"]
    assert difference.by == {"other": 10}
    assert found(one="vn vous", other="un vous")["v"].is_safe is False


def test_a_sign_that_a_source_never_has_is_named_by_the_rate_of_the_others():
    counts = {"one": words("ab: cd: ef", 20), "other": words("gh ij kl", 20)}
    (sign,) = differences(counts)
    assert (sign.written, sign.words, sign.by, sign.found) == (":", {}, {"one": 40}, {"other": 0})
    assert sign.expected["other"] == pytest.approx(30)


def test_who_writes_a_character_is_named_in_the_order_of_the_document():
    names = [f"{letter}-{number}" for number in range(3) for letter in "qazwsx"]
    (difference,) = found(**dict.fromkeys(names, "eſt les"), plain="est les").values()
    assert list(difference.by) == names


def test_the_remedy_names_every_source_that_writes_it():
    written = differences(
        {"a": words("eſt &"), "b": words("eſt & l’an"), "c": words("eſt &"), "d": words("est et l'an")}
    )
    said = _conventions([each.report() for each in written])
    safe = '{find: "ſ", replace: "s"}, {find: "&", replace: "et"}'
    assert f"in source a and in c: 'text: {{map: [{safe}]}}'" in said
    assert f'in source b: \'text: {{map: [{safe}, {{find: "’", replace: "\'"}}]}}\'' in said
