"""What only a person knows of a model: who made it, how others may use it, in which languages its lines are written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from thulium.exchange import licenses
from thulium.exchange.scripts import CODES
from thulium.runtime.errors import visible
from thulium_dsl.grammar import names

# Codes of two letters that people write for those of three. Source: ISO 639-1 and ISO 639-3.
_SHORT = {
    "ar": "ara",
    "bg": "bul",
    "ca": "cat",
    "cs": "ces",
    "cy": "cym",
    "da": "dan",
    "de": "deu",
    "el": "ell",
    "en": "eng",
    "es": "spa",
    "et": "est",
    "fa": "fas",
    "fi": "fin",
    "fr": "fra",
    "ga": "gle",
    "he": "heb",
    "hr": "hrv",
    "hu": "hun",
    "is": "isl",
    "it": "ita",
    "ja": "jpn",
    "la": "lat",
    "nl": "nld",
    "no": "nor",
    "pl": "pol",
    "pt": "por",
    "ro": "ron",
    "ru": "rus",
    "sk": "slk",
    "sl": "slv",
    "sr": "srp",
    "sv": "swe",
    "tr": "tur",
    "uk": "ukr",
    "yi": "yid",
    "zh": "zho",
}
_ORCID = re.compile(r"(?:https?://orcid\.org/)?\b([0-9]{4}-[0-9]{4}-[0-9]{4}-[0-9]{3}[0-9X])\b")
_HUB_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*/[A-Za-z0-9_][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Author:
    name: str
    affiliation: str
    orcid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What a person has said. Texts are single lines.

    Attributes:
        license: one of LICENSES.
        languages: ISO 639-3.
        scripts: ISO 15924; empty: those of the model's characters.
        title, summary: empty: made of what is known.
        base_models, data_urls: addresses, or names such as hf:owner/name.
        data_licenses: of the lines that it was trained on.
        benchmark: a data set of the Hub that is one, and its task, as 'owner/name#task'; empty: none.
    """

    authors: tuple[Author, ...]
    license: str
    languages: tuple[str, ...]
    scripts: tuple[str, ...] = ()
    title: str = ""
    summary: str = ""
    base_models: tuple[str, ...] = ()
    data_urls: tuple[str, ...] = ()
    data_licenses: tuple[str, ...] = ()
    benchmark: str = ""


def faults(given: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """What is wrong with what a person has said, a sentence each.

    Args:
        given: by the names of the options: "author", "license" …
    """
    for option, texts in given.items():
        for text in texts:
            what = _empty(text) or (_CHECKS[option](text) if option in _CHECKS else "")
            if what:
                yield f"--{option}: '{visible(text)}' {what}"


def _empty(text: str) -> str:
    return "" if text.strip() and text.isprintable() else "is no line of text"


def _author(text: str) -> str:
    return "" if author(text).name else "has no name: write 'Name, affiliation'"


def _license(text: str) -> str:
    return "" if licenses.find(text) else f"is none that all places know: {licenses.advice(text)}"


def _language(text: str) -> str:
    if re.fullmatch("[a-z]{3}", text):
        return ""
    meant = f"did you mean {_SHORT[text.lower()]}?" if text.lower() in _SHORT else "such as fra or lat"
    return f"is no code of ISO 639-3, three small letters: {meant}"


def _script(text: str) -> str:
    if re.fullmatch("[A-Z][a-z]{3}", text):
        return ""
    known = {**CODES, **{code.upper(): code for code in CODES.values()}}
    meant = known.get(text.upper())
    return f"is no code of ISO 15924: {f'did you mean {meant}?' if meant else 'such as Latn or Arab'}"


def _address(text: str) -> str:
    return "" if uri(text) else "is no address, nor a name such as hf:owner/name"


def _benchmark(text: str) -> str:
    is_one = re.fullmatch(rf"{_HUB_ID.pattern}#[\w.-]+", text)
    return "" if is_one else "is no data set of the Hub with its task: write owner/name#task"


_CHECKS: Mapping[str, Callable[[str], str]] = {
    "author": _author,
    "license": _license,
    "language": _language,
    "script": _script,
    "base-model": _address,
    "data-url": _address,
    "benchmark": _benchmark,
}


def understood(given: Mapping[str, tuple[str, ...]]) -> Person:
    """What a person has said, once nothing is wrong with it."""
    return Person(
        authors=tuple(author(text) for text in given["author"]),
        license=licenses.find(given["license"][0]) or "",
        languages=given["language"],
        scripts=given["script"],
        title="".join(given["title"]).strip(),
        summary="".join(given["summary"]).strip(),
        base_models=given["base-model"],
        data_urls=given["data-url"],
        data_licenses=given["data-license"],
        benchmark="".join(given["benchmark"]),
    )


def author(text: str) -> Author:
    """An author of 'Name, affiliation', with an ORCID anywhere in it."""
    found = _ORCID.search(text)
    bare = _ORCID.sub("", text) if found else text
    name, _, affiliation = bare.partition(",")
    return Author(name.strip(), re.sub(r"\s*,\s*$|^\s*,\s*", "", affiliation).strip(), found[1] if found else "")


def uri(text: str, kind: Literal["", "datasets/"] = "") -> str:
    """The address that a text is or stands for; empty if there is none.

    Args:
        kind: where the Hub has it, if it is one of its names.
    """
    if name := names.parse(text):
        known = {"hf": f"https://huggingface.co/{kind}{name.of}", "doi": f"https://doi.org/{name.of}"}
        return known.get(name.scheme, str(name))
    parts = urlsplit(text)
    return text if parts.scheme in ("http", "https") and parts.netloc else ""


def hub_id(text: str) -> str:
    """What the Hub calls the model or data set of an address; empty if it is not one of its own."""
    bare = uri(text).removeprefix("https://huggingface.co/")
    return found[0] if bare != uri(text) and (found := _HUB_ID.match(bare.removeprefix("datasets/"))) else ""
