"""The same counts as other programs that are trusted: rapidfuzz and jiwer, on any pair of texts."""

import jiwer
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from thulium.evaluation.metrics import LineResult, score
from thulium.evaluation.relaxed import RELAXATIONS, relaxed, strict

texts = st.text(st.sampled_from("abc ABÉéſﬁæ’-.,\u0301"), max_size=12)
written = texts.filter(lambda text: text.split())


@given(pairs=st.lists(st.tuples(written, texts), min_size=1, max_size=4))
def test_rates_are_those_of_jiwer_and_rapidfuzz(pairs):
    results = [LineResult(str(place), "p", *pair) for place, pair in enumerate(pairs)]
    references, predictions = ([strict(text) for text in column] for column in zip(*pairs, strict=True))
    results = [LineResult(str(i), "p", *pair) for i, pair in enumerate(zip(references, predictions, strict=True))]
    found = score(results)
    assert found.wer == pytest.approx(jiwer.wer(references, predictions))
    assert found.cer == pytest.approx(jiwer.cer(references, predictions))
    edits = [Levenshtein.distance(*pair) for pair in zip(references, predictions, strict=True)]
    assert [each.characters.edits for each in results] == edits


@given(text=texts, names=st.sets(st.sampled_from(list(RELAXATIONS))))
def test_relaxing_twice_changes_no_more(text, names):
    once = relaxed(text, names)
    assert relaxed(once, names) == once
    assert strict(once) == once


EXAMPLES = {
    "ligatures": ("ﬁne ﬅ Æsop œuvre", "fine ſt AEsop oeuvre"),
    "long_s": ("ſal", "sal"),
    "diacritics": ("Été naïf", "Ete naif"),
    "quotes": ("l’été «x»", 'l\'été "x"'),
    "dashes": ("a–b — c", "a-b - c"),
    "punctuation": ("Ah! l'an, 1742.", "Ah lan 1742"),
    "case": ("ÉTÉ", "été"),
    "spaces": ("a b  c", "abc"),
}


@pytest.mark.parametrize("name", RELAXATIONS)
def test_each_relaxation_does_what_it_says(name):
    before, after = EXAMPLES[name]
    assert relaxed(before, [name]) == after
