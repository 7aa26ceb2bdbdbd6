"""Reading order: lines as they stand on paper, and back."""

import random
import sys
from collections import Counter
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from thulium.data import bidi as order
from thulium.data.batch import Batch
from thulium.data.bidi import direction, oddities, resolve, round_trips, scripts, to_logical, to_visual, with_mirrored
from thulium.data.charset import Charset, alphabet
from thulium.data.text import plain
from thulium.decoding.ctc.greedy import best_path
from thulium.decoding.hypothesis import texts
from thulium.models.file import load_model, save_model
from thulium.models.wrappers import HTRModel
from thulium.runtime.errors import MissingPackage

VISUAL = ("visual_ltr", "visual_rtl")
# Hebrew, pointed Hebrew, Arabic, Latin, both kinds of digits, what stands in and beside numbers, brackets, a joiner.
LETTERS = "אבשسعكabcé\u05b8\u0651123٣٤,.:/-+$%()[]«»  \"'!?\u200c"
lines = st.text(st.sampled_from(LETTERS), max_size=16)
orders = st.sampled_from(VISUAL)

# As one types it, and as it stands on paper from left to right, in a line that runs to the left.
ON_PAPER = [
    ("שלום עולם", "םלוע םולש"),
    ("סלאם (אב), 12 ספר!", "!רפס 12 ,(בא) םאלס"),
    ("ספר 3,5% עוד abc def. כך", "ךכ .abc def דוע 3,5% רפס"),
    ("פרק [Genesis 12:3] שם", "םש [Genesis 12:3] קרפ"),
    ("שָׁלוֹם", "םוֹלשָׁ"),  # marks stay behind their letters
    ("كتاب ١٩٤٥ (١٢٫٥)", "(١٢٫٥) ١٩٤٥ باتك"),
    ("كتاب 7-9 سلام", "مالس 9-7 باتك"),  # after Arabic letters a hyphen parts two numbers
    ("«كتاب»", "«باتك»"),
    ("12 - 15", "15 - 12"),  # no letters: as the order says
]


@pytest.mark.parametrize(("typed", "seen"), ON_PAPER)
def test_a_line_is_seen_from_its_left_edge_and_comes_back(typed, seen):
    assert to_visual(typed, "visual_rtl") == seen
    assert to_logical(seen, "visual_rtl") == typed


def test_in_a_line_that_runs_to_the_right_only_the_hebrew_is_turned():
    assert to_visual("see ספר (אב) 12, p. 3", "visual_ltr") == "see 12 (בא) רפס, p. 3"
    assert to_visual("12 - 15", "visual_ltr") == "12 - 15"


def test_a_line_with_letters_of_one_kind_runs_their_way_in_any_order():
    for reading in VISUAL:
        assert to_visual("Moses, 12.", reading) == "Moses, 12."
        assert to_visual("ספר, 12.", reading) == ".12 ,רפס"


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_logical_order_is_the_text_itself(text):
    assert to_visual(text, "logical") == to_logical(text, "logical") == text


@given(text=st.one_of(lines, st.text(st.characters(exclude_categories=["Cs"]), max_size=20)), reading=orders)
def test_nothing_is_lost_and_nothing_added(text, reading):
    for turned in (to_visual(text, reading), to_logical(text, reading)):
        assert len(turned) == len(text)
        assert Counter(turned) - Counter(with_mirrored(text, reading)) <= Counter(turned)
        assert set(turned) <= with_mirrored(text, reading)


def test_more_letters_than_a_line_has_are_left_alone():
    text = "א" * 5000
    assert to_visual(text, "visual_rtl") == text


def words(generator: random.Random) -> str:
    """Some words in two or three scripts, numbers among them, some in brackets or with punctuation."""
    kinds = ("שלום", "בְּרֵאשִׁית", "ספר", "كتاب", "سلام", "Moses", "p", "12", "3,5", "10/12", "7-9", "50%", "١٩٤٥")
    around = ("{}",) * 6 + ("({})", "[{}]", "«{}»", "{},", "{}.", "{}:", "{} -", "({}", "{}!")
    return " ".join(generator.choice(around).format(generator.choice(kinds)) for _ in range(generator.randrange(1, 9)))


@pytest.mark.parametrize("reading", VISUAL)
def test_what_comes_back_from_wild_mixes_looks_as_it_should_and_is_mostly_the_same(reading):
    generator = random.Random(5)
    mixes = [words(generator) for _ in range(1000)]
    seen = [to_visual(text, reading) for text in mixes]
    back = [to_logical(text, reading) for text in seen]
    # The algorithm applied once more, as other programs do it, is the first of what is tried.
    again = [to_logical_once(text, reading) for text in seen]
    same_look = sum(to_visual(text, reading) == visual for text, visual in zip(back, seen, strict=True))
    assert same_look >= 994
    assert sum(map(str.__eq__, back, mixes)) >= max(800, 100 + sum(map(str.__eq__, again, mixes)))


def to_logical_once(visual: str, reading: order.Order) -> str:
    """The algorithm applied to what it gave."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(order, "ROUNDS", 0)
        return to_logical(visual, reading)


def test_two_texts_that_look_alike_cannot_both_come_back():
    after_hebrew, after_latin = "ספר 12 abc עוד", "ספר abc 12 עוד"
    assert to_visual(after_hebrew, "visual_rtl") == to_visual(after_latin, "visual_rtl")
    assert [round_trips(text, "visual_rtl") for text in (after_hebrew, after_latin)] == [False, True]


@pytest.mark.parametrize(
    ("asked", "texts", "found"),
    [
        ("auto", ["Moses, 12."], "logical"),
        ("auto", ["٣٤ 12"], "logical"),
        ("auto", ["שלום", "abc"], "visual_rtl"),
        ("auto", ["שלום", "abc def"], "visual_ltr"),
        ("visual", ["abc"], "visual_ltr"),
        ("visual", ["12"], "visual_ltr"),
        ("logical", ["שלום"], "logical"),
    ],
)
def test_the_order_is_found_in_the_training_lines(asked, texts, found):
    assert resolve(asked, Counter("".join(texts))) == found


def test_direction_and_scripts_go_by_letters():
    assert [direction(text) for text in ("a1", "אב, 1", "كa", "1.", "٣", "")] == [
        "ltr",
        "rtl",
        "mixed",
        "none",
        "none",
        "none",
    ]
    assert scripts("aé αж שָׁ ك 漢 12٣!") == {
        "LATIN": 2,
        "GREEK": 1,
        "CYRILLIC": 1,
        "HEBREW": 1,
        "ARABIC": 1,
        "CJK": 1,
    }


def test_oddities_are_what_nobody_means_to_type():
    assert oddities("aé\tb\r\n שָׁ\u200c\u200d ,\u0601") == []
    odd = ["\0", "\x85", "\xad", "\u200b", "\u200e", "\u2067", "\ue000", "\ufeff", "\ufffd", "\U000e0fff"]
    assert oddities("a".join(reversed(odd)) + "\u200e") == odd


def test_a_charset_knows_the_bracket_that_is_seen():
    symbols = alphabet("(אב 1", "visual_rtl")
    charset = Charset(symbols, order="visual_rtl")
    assert symbols == (" ", "(", ")", "1", "א", "ב")
    assert not charset.unknown("(אב 1")
    assert alphabet("(אב", "logical") == ("(", "א", "ב")


@given(text=lines, reading=st.sampled_from([*VISUAL, "logical"]))
def test_each_code_point_on_paper_knows_its_place_in_the_text(text, reading):
    seen, places = to_visual(text, reading), order.places_on_paper(text, reading)
    assert sorted(places) == list(range(len(text)))
    assert all(symbol in with_mirrored(text[place], reading) for symbol, place in zip(seen, places, strict=True))


@given(text=lines, data=st.data(), reading=orders)
def test_a_charset_takes_texts_as_they_are_typed_and_gives_them_so(text, data, reading):
    blank = data.draw(st.integers(0, len(set(text))))
    charset = Charset(alphabet(text, reading), blank, reading)
    assert charset.decode(charset.encode(text)) == to_logical(to_visual(text, reading), reading)


def test_frames_are_counted_where_the_glyphs_stand():
    charset = Charset(alphabet("אּב", "visual_rtl"), order="visual_rtl")
    text = "אּא"  # the second letter follows a mark; on paper it stands to the left of the first
    assert charset.frames_needed(text) == 4
    assert Charset(charset.symbols).frames_needed(text) == 3


@pytest.fixture
def model(experiment):
    rules = replace(plain("NFC"), order="visual")
    charset = Charset.from_document(rules, ["שלום (12)", "ספר"])
    assert charset.order == "visual_rtl"
    return HTRModel(experiment.model, charset, experiment.preprocessing, rules)


def test_targets_run_from_the_left_edge_of_the_image(model, monkeypatch):
    targets = []
    monkeypatch.setattr(model.decoder, "loss", lambda *parts: targets.append(parts[1].classes.tolist()))
    images = torch.full((1, 1, model.preprocessing.height, 64), 255, dtype=torch.uint8)
    batch = Batch(images, torch.tensor([64]), ("שלום (12)",), ("line",))
    model.loss(batch, model(batch.images, batch.widths))
    drawn = "(12) םולש"
    assert targets == [[model.charset.symbols.index(glyph) + 1 for glyph in drawn]]


def test_what_is_read_from_the_left_edge_is_given_as_it_is_typed(model):
    path = [model.charset.symbols.index(glyph) + 1 for glyph in "(12) םולש"]
    logits = torch.nn.functional.one_hot(torch.tensor([path]), model.charset.num_classes).float()
    assert texts(best_path, logits, torch.tensor([len(path)]), model.charset) == ["שלום (12)"]


def test_a_model_file_holds_order_and_rules(model, tmp_path):
    save_model(model, tmp_path / "model.safetensors")
    loaded, _ = load_model(tmp_path / "model.safetensors")
    assert (loaded.charset, loaded.text) == (model.charset, model.text)


def test_without_python_bidi_only_lines_that_need_it_are_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "bidi", None)
    order._python_bidi.cache_clear()
    assert to_visual("Moses", "visual_rtl") == "Moses"
    with pytest.raises(MissingPackage, match="pip install python-bidi"):
        to_visual("שלום", "visual_rtl")
    order._python_bidi.cache_clear()
