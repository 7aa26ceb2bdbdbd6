"""Where sources write the same thing in two ways: found by counting, with nothing known of language or hand.

Two counts. Of words: two spellings are one word if they are equal once accents, long s, ligatures, quotes, dashes,
u and v, i and j are not told apart. Where a source writes a word with a character that another source, which has the
word as well, writes otherwise, the other would be expected to have it as often as the first does; if it hardly ever has
it, the two follow different conventions. Of signs: a sign that is no letter, and that a source never has although by
the rate of the others it should.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

EXPECTED = 5.0  # times; that none comes has a chance below 1 % then
EXPECTED_SIGNS = 15.0  # of what depends on the kind of text as well
RARE = 0.1  # of what is expected
WRITTEN = 5  # times, by those who write a character; fewer are slips
MOST_SIGNS = 12
ACCENTED_WORDS = 4  # fewer words that differ in an accent may be different words, of two languages
EXAMPLES = 5

# What one character may stand for, where Unicode does not take it apart.
_PLAIN = {
    **dict.fromkeys("’‘ʼ´`‛", "'"),
    **dict.fromkeys("“”„«»‟", '"'),
    **dict.fromkeys("–—‐‑−‒", "-"),
    **{"ſ": "s", "æ": "ae", "œ": "oe", "Æ": "Ae", "Œ": "Oe", "ß": "ss", "ꝛ": "r", "ı": "i"},
    **{"v": "u", "V": "U", "j": "i", "J": "I"},
    "^": "",  # before a letter that stands above the line
    **{"ꝑ": "per", "ꝓ": "pro", "ꝗ": "qui", "⁊": "et", "&": "et", "ꝯ": "con", "ꝰ": "us"},
}
_RAISED = "^"

Words = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Glyph:
    """What stands for some plain characters at one place of a word."""

    start: int
    plain: str
    written: str


@dataclass
class Difference:
    """A character that some sources write and others do not, where they could.

    Attributes:
        written: the character, with its marks.
        plain: what the others have in its place; empty of a sign.
        by: source -> how often it writes it, in words that others have as well; of a sign, in all.
        expected, found: of each source that lacks it, how often it should have it, and has it.
        words: written -> plain, some of them; of a sign none.
        num_words: in which sources differ.
        is_safe: whether it can be replaced: it is no accent, and the sources that lack it have it nowhere else.
    """

    written: str
    plain: str
    by: dict[str, int] = field(default_factory=dict)
    expected: dict[str, float] = field(default_factory=dict)
    found: dict[str, int] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    num_words: int = 0
    is_safe: bool = False

    def report(self) -> dict[str, Any]:
        """What report.json holds of it."""
        return {
            "written": self.written,
            "plain": self.plain,
            "by": self.by,
            "not_by": {
                name: {"expected": round(expected, 1), "found": self.found[name]}
                for name, expected in self.expected.items()
            },
            "words": self.words,
            "num_words": self.num_words,
            "map": {"find": self.written, "replace": self.plain} if self.is_safe else None,
        }


def differences(sources: Mapping[str, Words]) -> list[Difference]:
    """Where the conventions of sources differ, the most frequent first.

    Args:
        sources: name -> what stands between its spaces -> how often.
    """
    symbols = {name: _symbols(words) for name, words in sources.items()}
    found = list(_in_words(sources, symbols))
    known = {difference.written for difference in found}
    signs = sorted((sign for sign in _signs(symbols) if sign.written not in known), key=_by_weight)
    return [*sorted(found, key=_by_weight), *signs[:MOST_SIGNS]]


def _by_weight(difference: Difference) -> float:
    return -sum(difference.expected.values())


def _symbols(words: Words) -> Counter[str]:
    counts: Counter[str] = Counter()
    for word, number in words.items():
        for symbol in word:
            counts[symbol] += number
    return counts


@dataclass
class _Site:
    """A place of a word at which some spelling has a character that can be written plainly."""

    word: str
    glyph: Glyph
    with_it: Counter[str] = field(default_factory=Counter)  # source -> times
    examples: Counter[str] = field(default_factory=Counter)


def _in_words(sources: Mapping[str, Words], symbols: Mapping[str, Counter[str]]) -> Iterator[Difference]:
    spelled: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for name, words in sources.items():
        for word, number in words.items():
            spelled["".join(glyph.plain for glyph in glyphs(word))][name][word] += number
    sites: dict[tuple[str, str], list[_Site]] = defaultdict(list)
    totals: dict[str, dict[str, int]] = {}
    for word, by_source in spelled.items():
        if len(by_source) > 1 and len(set().union(*by_source.values())) > 1:
            totals[word] = {name: spellings.total() for name, spellings in by_source.items()}
            for site in _sites(word, by_source):
                sites[site.glyph.written, site.glyph.plain].append(site)
    for (written, plain), places in sites.items():
        difference = _difference(written, plain, places, totals)
        is_accent = len(plain) == 1 and unicodedata.normalize("NFD", written)[0] == plain
        if sum(difference.by.values()) < WRITTEN or (is_accent and difference.num_words < ACCENTED_WORDS):
            continue
        counts = (symbols[name][written[0]] <= RARE * expected for name, expected in difference.expected.items())
        difference.is_safe = not is_accent and all(counts)
        yield difference


def _sites(word: str, by_source: Mapping[str, Counter[str]]) -> list[_Site]:
    sites: dict[Glyph, _Site] = {}
    for name, spellings in by_source.items():
        for spelling, number in spellings.items():
            for glyph in glyphs(spelling):
                if glyph.written != glyph.plain:
                    site = sites.setdefault(glyph, _Site(word, glyph))
                    site.with_it[name] += number
                    site.examples[spelling] += number
    return list(sites.values())


def _difference(written: str, plain: str, sites: list[_Site], totals: Mapping[str, Mapping[str, int]]) -> Difference:
    """What all places say of one character; ``by`` is empty where no source lacks it."""
    result = Difference(written, plain)
    names = dict.fromkeys(name for site in sites for name in totals[site.word])
    for name in names:
        expected = found = 0.0
        for site in sites:
            total = totals[site.word]
            others = sum(number for other, number in total.items() if other != name)
            if name in total and others:
                expected += total[name] * (site.with_it.total() - site.with_it[name]) / others
                found += site.with_it[name]
        if expected >= EXPECTED and found <= RARE * expected:
            result.expected[name], result.found[name] = expected, round(found)
    lacking = set(result.expected)
    telling = [site for site in sites if lacking & totals[site.word].keys() and site.with_it.keys() - lacking]
    for site in sorted(telling, key=lambda site: -site.with_it.total()):
        for name in (each for each in site.with_it if each not in lacking):  # in their order: the report has it
            result.by[name] = result.by.get(name, 0) + site.with_it[name]
        if len(result.words) < EXAMPLES:
            spelling = site.examples.most_common(1)[0][0]
            result.words.setdefault(spelling, spelling.replace(written, plain))
    result.num_words = len({site.word for site in telling})
    return result


def _signs(symbols: Mapping[str, Counter[str]]) -> Iterator[Difference]:
    sizes = {name: counts.total() for name, counts in symbols.items()}
    whole: Counter[str] = sum(symbols.values(), Counter())
    for sign in sorted(whole):
        if unicodedata.category(sign)[0] in "LNM":
            continue  # of letters and numbers, language and kind of text decide
        result = Difference(sign, "")
        for name, counts in symbols.items():
            others = max(1, sum(sizes.values()) - sizes[name])
            expected = sizes[name] * (whole[sign] - counts[sign]) / others
            if expected >= EXPECTED_SIGNS and counts[sign] <= RARE * expected:
                result.expected[name], result.found[name] = expected, counts[sign]
        if result.expected:
            result.by = {
                name: counts[sign] for name, counts in symbols.items() if counts[sign] and name not in result.found
            }
            yield result


@lru_cache(maxsize=1 << 16)
def glyphs(word: str) -> tuple[Glyph, ...]:
    """A word character by character, each with its marks, and what it may stand for."""
    found: list[Glyph] = []
    start = 0
    for symbol in unicodedata.normalize("NFC", word):
        if unicodedata.combining(symbol) and found:
            last = found.pop()
            found.append(Glyph(last.start, last.plain, last.written + symbol))
        else:
            plain = _plain(symbol) if len(word) > 1 or symbol != _RAISED else symbol
            found.append(Glyph(start, plain, symbol))
            start += len(plain)
    return tuple(found)


def _plain(symbol: str) -> str:
    if symbol in _PLAIN:
        return _PLAIN[symbol]
    apart = unicodedata.normalize("NFKD", symbol)
    plain = "".join(_PLAIN.get(part, part) for part in apart if not unicodedata.combining(part))
    return plain or symbol
