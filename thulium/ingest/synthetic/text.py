"""Text of the synthetic lines: a small grammar of registers, account books, letters, inventories and journals.

A rule is a list of alternatives; in one, ``{name}`` stands for a rule and ``{3..28}`` for a number of that range.
Which split may hold a text is written in the text itself (its digest), so that no text is ever in two splits.
"""

from __future__ import annotations

import hashlib
import re
import textwrap
from collections.abc import Sequence
from random import Random

from thulium.ingest.synthetic import words

ALPHABET = " !&'(),-./0123456789:;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz£ÄÉÖÜßàâäçèéêëîôöüœ"
KINDS = ("register", "register", "accounts", "accounts", "letter", "letter", "inventory", "journal")
SHORTEST, LONGEST = 15, 45  # characters
SHARES = {"train": range(0, 6), "val": range(6, 8), "test": range(8, 10)}  # of the tenths of all texts, by their digest

_RULES: dict[str, Sequence[str]] = {
    "male": words.MALE,
    "female": words.FEMALE,
    "surname": words.SURNAMES,
    "place": words.PLACES,
    "trade": words.TRADES,
    "month": words.MONTHS,
    "short_month": words.SHORT_MONTHS,
    "weekday": words.DAYS,
    "goods": words.GOODS,
    "measure": words.MEASURES,
    "thing": words.THINGS,
    "quality": words.QUALITIES,
    "room": words.ROOMS,
    "kin": words.KIN,
    "work": words.WORKS,
    "ill": words.ILLS,
    "feeling": words.FEELINGS,
    "year": ["{1650..1899}", "{1780..1899}"],
    "date": [
        "{1..28} {month} {year}",
        "{month} {4..20}th, {year}",
        "the {4..20}th of {month}",
        "{1..28} {short_month} {year}",
        "{1..28}/{1..12} {year}",
        "{weekday}, {1..28} {month}",
    ],
    "man": ["{male} {surname}", "{male} {male} {surname}", "{initial}. {surname}", "{male} {surname} of {place}"],
    "initial": list("ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    "woman": ["{female} {surname}", "{female} {female} {surname}", "{female}, born {surname}"],
    "person": ["{man}", "{woman}", "{title} {surname}", "{title} {surname}", "{title} {surname}"],
    "title": ["Mr.", "Mrs.", "M.", "Mme.", "Frau", "Herr", "Dr."],
    "child": ["{female} {female}", "{male} {male}", "{female}", "{male}"],
    "sum": [
        "£ {1..98} {1..19}s. {1..11}d.", "£{1..400}", "{1..19}s. {1..11}d.", "{2..96} fl. {1..59} kr.",
        "{1..19}/{1..11}",
    ],
    "register": [
        "Baptised {date}, {child}, {descent} of {man}, {trade} at {place}, and {woman}.",
        "{date}: {child}, {descent} of {man} & {female}; sponsors {person} and {person}.",
        "Married {date}, {man}, {trade}, and {woman}, {spinster} of {place}.",
        "Buried {date}, {person}, {trade}, aged {2..94} years, of {ill}.",
        "Died at {place}, {date}, {person}; age {20..91} y. {1..11} m.",
        "No. {1..940}. {man} ({trade}), of {place}",
        "Banns of {man} & {woman}, both of {place}",
        "Fol. {2..399}: {surname}, {male}; see also {surname}",
        "Witnesses: {man}, {man}, {trade} of this town.",
        "{child}, {kin} of the {trade} {surname}; confirmed {year}",
    ],
    "descent": ["son", "daughter", "natural son", "eldest daughter", "twin son", "posthumous daughter"],
    "spinster": ["spinster", "widow", "daughter", "servant"],
    "accounts": [
        "To {person} for {2..60} {measure} of {goods}  {sum}",
        "Paid {person} for {work} the {thing}  {sum}",
        "Rec'd of {person} for {goods}  {sum}",
        "{2..144} {measure} {goods} at {1..19}s. {1..11}d.",
        "{date}. {person}, {goods} & {goods}  {sum}",
        "Item, {2..40} {measure} of {goods}, {state}: {sum}",
        "For {work} & {work}, {2..12} days  {sum}",
        "Carried over, fol. {2..290}: {sum}",
        "Balance due to {person}: {sum}",
        "Lent to my {kin} at {place}, {sum}",
        "Rent of the {room} at {place}, {1..4} qrs.  {sum}",
    ],
    "letter": [
        "{place}, {date}",
        "My dear {kin}, {reply}",
        "{greeting}, {reply}",
        "{statement} {statement}",
        "{statement} {question}",
        "{question} {statement}",
        "{closing}, {man}",
        "P.S. {statement}",
    ],
    "greeting": [
        "Dear {male}", "Dearest {female}", "Honoured Sir", "Reverend Sir", "Dear Madam", "Monsieur {surname}",
        "Lieber {male}", "Chère {female}", "My dearest {kin}", "Gentlemen", "Esteemed Herr {surname}",
    ],
    "reply": [
        "your letter of {date} came to hand only yesterday.",
        "I have received with joy the {thing} which you sent by the {trade}.",
        "we were {feeling} to hear that your {kin} is recovered from the {ill}.",
        "I take up my pen to tell you that we are all {feeling} & in good health, God be praised!",
        "it is now {2..11} weeks since I wrote to you from {place}.",
    ],
    "statement": [
        "The {trade} {surname} has promised to bring the {quality} {thing} before {weekday}.",
        "We left {place} early and reached {place} at {2..11} o'clock; the roads were very bad.",
        "My {kin} is {feeling}, and begs to be remembered to your {kin}.",
        "I enclose {sum} for the {goods}, and shall send the rest by {male} {surname}.",
        "The harvest is poor; {goods} and {goods} are dearer than in {year}.",
        "{male} is bound apprentice to {man}, the {trade}.",
        "Pray send me {2..30} {measure} of {goods} by the next coach (or by water).",
        "{female} was safely delivered of a {descent} on {weekday} last.",
        "I was {feeling} to find the {room} empty and the {thing} {quality}.",
        "The whole village speaks of nothing but the {trade}'s {quality} {thing}.",
        "No one here believes a word of what the {trade} said about the {thing}!",
        "Nous attendons {female} à {place}; elle sera bientôt là, s'il plaît à Dieu.",
        "Herr {surname} läßt grüßen und hofft auf eine baldige Antwort.",
        "Le notaire {surname} a reçu ma lettre; il viendra peut-être après la fête.",
        "La forêt de {place} a flambé; même l'église, le château et l'hôtel sont détruits.",
        "Über die Äcker bei {place} weiß der {surname} nichts Gewisses.",
    ],
    "question": [
        "Have you any news of {person}?",
        "When shall we see you again at {place}?",
        "Who is to pay for {work} the {thing}?",
        "What has become of the {quality} {thing} that stood in the {room}?",
        "Is it true that your {kin} has sold the {room} to {man}?",
        "Will you not come before {weekday}?",
        "How could I refuse him?",
    ],
    "closing": [
        "Your obedient servant", "Your affectionate {kin}", "Yours very truly", "In haste",
        "I remain, dear Sir, your {feeling} {kin}",
        "Votre dévoué", "Ihr ergebener", "With my best love to {female}", "Ever your loving {kin}",
    ],
    "inventory": [
        "In the {room}: {2..9} {quality} {thing}s",
        "Item, one {quality} {thing}, {quality}  {sum}",
        "a {quality} {thing} and a {quality} {thing}",
        "{2..30} {measure} of {goods}, in the {room}",
        "{2..12} {thing}s, {1..6} {thing} & {2..8} {quality} {thing}s",
        "Lot {1..390}: {quality} {thing}, {sum}",
        "In a {quality} chest: {thing}, {thing}, {thing}",
        "Bequeathed to {person}, my {quality} {thing}",
        "Sold to {person}: {quality} {thing}, {sum}",
        "In the {room} of {person}, a {thing} ({quality})",
    ],
    "journal": [
        "{weekday}. Rain & wind from the {wind}; {work} in the {room}.",
        "{date}. Dined with {person}; much talk of the {ill} at {place}.",
        "Rode to {place} with {male} {surname} to see the {quality} {thing}.",
        "{weekday}, hard frost; {goods} sold at {sum} the {measure}.",
        "Began {work} the {room}; {man}, the {trade}, with {2..9} men.",
        "Hail ruined the {goods} between {place} and {place}, the damage being {sum}.",
        "The council of {place} met; {man} chosen in place of {man}.",
        "{male} fell from the {thing}, but was only bruised. Deo gratias!",
        "Thunder in the night. The {trade} lost {2..40} sheep & a {quality} cow.",
        "Übersee, {date}. Öfen und Öl für Ägidius {surname}; {sum}",
        "Fire broke out at {place}; {2..80} houses burnt, and {person} is missing.",
    ],
    "state": ["fresh", "spoilt", "damp", "second quality", "best sort", "unsold"],
    "wind": ["north", "south", "east", "west", "north-east", "south-west"],
}  # fmt: skip
_SLOT = re.compile(r"\{(?:(\d+)\.\.(\d+)|(\w+))\}")


def line(rng: Random, *, kind: str, split: str) -> str:
    """One line of a document of that kind, SHORTEST..LONGEST characters of ALPHABET, which only this split may hold."""
    while True:
        text = _cut(rng, _expand(rng, kind))
        if len(text) >= SHORTEST and belongs(text, split):
            return text


def belongs(text: str, split: str) -> bool:
    """Whether a split may hold this text: true for exactly one of the splits."""
    return hashlib.sha256(text.encode()).digest()[0] % 10 in SHARES[split]


def _expand(rng: Random, rule: str) -> str:
    def fill(slot: re.Match[str]) -> str:
        low, high, name = slot.groups()
        return _expand(rng, name) if name else str(rng.randint(int(low), int(high)))

    text = _SLOT.sub(fill, rng.choice(_RULES[rule]))
    return re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", text)


def _cut(rng: Random, text: str) -> str:
    """The text itself where it fits; else one of its lines, broken as a writer would at the edge of the paper."""
    text = re.sub(r" +", " ", text).replace("..", ".")  # a sum that ends in "d." may end a sentence
    if len(text) <= rng.randint(30, LONGEST):
        return text
    return rng.choice(textwrap.wrap(text, rng.randint(22, LONGEST - 3)))
