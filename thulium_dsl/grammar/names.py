"""Names of what lies elsewhere: ``hf:owner/name@revision``, ``doi:10.5281/zenodo.7``, ``zoo:name``.

`thulium fetch` brings what such a name stands for into the project, to a place that the name alone decides. That place
is what DVC tracks, so that no stage ever needs a network.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from thulium_dsl.grammar import zoo

SCHEMES = ("hf", "doi", "zoo")
FOLDER = "models"  # of the project, that models are fetched into
MODEL = "model.safetensors"
MAIN = "main"  # the revision of the Hub that is meant where none is named

_PART = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
_FILE = rf"(?:#(?P<file>{_PART}(?:/{_PART})*))?"
_FORMS = {
    "hf": re.compile(rf"(?P<of>{_PART}/{_PART})(?:@(?P<revision>{_PART}(?:/{_PART})*))?{_FILE}"),
    "doi": re.compile(rf"(?P<of>10\.[0-9]{{4,9}}/zenodo\.[0-9]{{1,18}}){_FILE}"),
    "zoo": re.compile(rf"(?P<of>{_PART})"),
}
_HUB_PAGE = re.compile(
    rf"https?://(?:www\.)?(?:huggingface\.co|hf\.co)/({_PART}/{_PART})(?:/(?:tree|blob)/({_PART}).*)?/?"
)
_DOI_PAGE = re.compile(r"https?://(?:dx\.)?doi\.org/(10\..+)")
_ZENODO_PAGE = re.compile(r"https?://(?:www\.)?zenodo\.org/records?/([0-9]+).*")


@dataclass(frozen=True, slots=True)
class Name:
    """A name that was understood.

    Attributes:
        scheme: one of SCHEMES.
        of: owner/name of the Hub, a DOI, or a name of the zoo.
        revision: of the Hub's repository; empty for others.
        file: of several, the one that is meant; empty where it goes without saying.
    """

    scheme: str
    of: str
    revision: str = ""
    file: str = ""

    def __str__(self) -> str:
        revision = f"@{self.revision}" if self.revision else ""
        return f"{self.scheme}:{self.of}{revision}{f'#{self.file}' if self.file else ''}"

    @property
    def path(self) -> str:
        """Where its model lies when it has been fetched, from the project's folder; another name, another place."""
        parts = (FOLDER, self.scheme, self.of, self.revision, self.file or MODEL)
        return "/".join(part for part in parts if part)


def is_name(text: str) -> bool:
    """Whether a text begins as a name does; one that cannot be understood counts. One letter is a disk of Windows."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", text) is not None


def parse(text: str) -> Name | None:
    """The name that a text is; None if it is not one that can be understood."""
    scheme, _, rest = text.partition(":")
    found = _FORMS[scheme].fullmatch(rest) if scheme in _FORMS else None
    if found is None:
        return None
    parts = found.groupdict()
    revision = (parts.get("revision") or MAIN) if scheme == "hf" else ""
    return Name(scheme, parts["of"], revision, parts.get("file") or "")


def local_path(text: str) -> str:
    """The file that a text stands for: the place of what a name brings, or the text itself where it is a path."""
    name = parse(text) if is_name(text) else None
    return name.path if name else text


def fault(text: str) -> tuple[str, str] | None:
    """What is wrong with the name of a model, and what to do about it; None if nothing is."""
    name = parse(text)
    if name is None:
        return _misspelt(text)
    if zoo.text_of(text):
        hint = f"name it in evaluation.decoding: 'more_text: {text}'; `thulium models` lists the models"
        return f"{text} is a text for language models, and no model", hint
    if name.scheme == "zoo" and zoo.find(name.of) is None:
        close = difflib.get_close_matches(name.of, zoo.names(), 1)
        there = f"there are: {', '.join(zoo.names())}" if zoo.names() else "this version comes with none"
        return f"there is no model '{name.of}' in the zoo", f"did you mean 'zoo:{close[0]}'?" if close else there
    if name.file and not name.file.endswith(".safetensors"):
        return f"'{name.file}' is not the name of a model file", "name a file that ends in .safetensors"
    return None


def _misspelt(text: str) -> tuple[str, str]:
    """The same for a text that is no name."""
    scheme, _, rest = text.partition(":")
    if meant := _meant(text):
        return f"'{text}' is an address, not a name", f"write '{meant}'"
    if scheme in SCHEMES:
        return f"'{text}' is no name of a model", _FORM_HINTS[scheme]
    close = next((_ALIASES[word] for word in difflib.get_close_matches(scheme.lower(), _ALIASES, 1)), None)
    what = f"'{scheme}:' is no kind of name: there are {', '.join(f'{known}:' for known in SCHEMES)}"
    if close and parse(f"{close}:{rest}"):
        return what, f"did you mean '{close}:{rest}'?"
    return what, "name a model as 'hf:owner/name', or a file of the project that ends in .safetensors"


_ALIASES = {**{scheme: scheme for scheme in SCHEMES}, "huggingface": "hf", "hub": "hf", "zenodo": "doi"}
_FORM_HINTS = {
    "hf": "write 'hf:owner/name', or 'hf:owner/name@revision' with a tag, a branch or a commit",
    "doi": "only records of Zenodo are known: write 'doi:10.5281/zenodo.' and the number of the record",
    "zoo": "write 'zoo:' and the name alone; `thulium models` lists them",
}


def _meant(text: str) -> str:
    """The name of what an address shows; empty if there is none."""
    if found := _HUB_PAGE.fullmatch(text):
        return f"hf:{found[1]}@{found[2]}" if found[2] else f"hf:{found[1]}"
    if (found := re.fullmatch(r"hf:/+(.*)", text)) and parse(f"hf:{found[1]}"):
        return f"hf:{found[1]}"
    if (found := _DOI_PAGE.fullmatch(text)) and parse(f"doi:{found[1]}"):
        return f"doi:{found[1]}"
    found = _ZENODO_PAGE.fullmatch(text)
    return f"doi:10.5281/zenodo.{found[1]}" if found else ""
