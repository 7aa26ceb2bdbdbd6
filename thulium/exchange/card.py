"""The card of a model: one text for people, under the head that the Hub reads or the one that HTRMoPo reads.

The two heads cannot be one: they ask for `license`, `metrics`, `datasets` and `base_model` in different forms.

Source: https://huggingface.co/docs/hub/model-cards and docs/hub/eval-results; HTRMoPo's metadata schema, version 1.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

import thulium
from thulium.exchange.facts import Facts
from thulium.exchange.person import Person, hub_id, uri
from thulium.models.header import FORMAT
from thulium_dsl.grammar import names

TAGS = ("handwritten-text-recognition", "htr", "atr", "thulium")
NO_ID = "not published yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a card is made of.

    Attributes:
        place: the name that others fetch the model by, such as hf:owner/name; empty if it is not known yet.
        notes: Markdown of a person's, with headings of the second level.
    """

    facts: Facts
    person: Person
    place: str
    notes: str = ""

    @property
    def scripts(self) -> tuple[str, ...]:
        """Those that a person named, or those of the model's characters."""
        return self.person.scripts or self.facts.scripts

    @property
    def summary(self) -> str:
        """What it is, in a line."""
        made = f"Handwritten text recognition, lines in {', '.join(self.person.languages)} ({', '.join(self.scripts)})"
        return self.person.summary or made

    @property
    def title(self) -> str:
        """Its title."""
        return self.person.title or self.summary

    @property
    def base_models(self) -> tuple[str, ...]:
        """Addresses of the models that it came of, as a person or its document names them."""
        return tuple(filter(None, map(uri, self.person.base_models or (self.facts.start,))))

    @property
    def data_urls(self) -> tuple[str, ...]:
        """Addresses of the lines that it was trained on."""
        return tuple(uri(text, "datasets/") for text in self.person.data_urls)

    @property
    def place_path(self) -> str:
        """Where `thulium fetch` brings it."""
        return names.local_path(self.place)

    @property
    def percents(self) -> dict[str, float]:
        """Error rates in percent; empty if nothing was measured of this model."""
        metrics = self.facts.metrics
        return {name: round(100 * metrics[name], 4) for name in ("cer", "wer")} if metrics else {}


def for_hub(card: Card) -> str:
    """README.md as the Hub reads it."""
    person, measured = card.person, card.percents
    head: dict[str, Any] = {
        "license": person.license.lower(),
        "language": list(person.languages),
        "library_name": "thulium",
        "pipeline_tag": "image-to-text",
        "tags": [*TAGS, *card.scripts],
    }
    if datasets := [found for text in person.data_urls if (found := hub_id(text))]:
        head["datasets"] = datasets
    if bases := [found for text in card.base_models if (found := hub_id(text))]:
        head["base_model"] = bases
    if measured:
        head["metrics"] = list(measured)
        head["model-index"] = [{"name": card.title, "results": [_result(card)]}]
    return _with_head(head, card)


def for_htrmopo(card: Card) -> str:
    """README.md as HTRMoPo reads it in a record of Zenodo, which gives it its id: see ``with_doi``."""
    person = card.person
    head: dict[str, Any] = {
        "id": NO_ID,
        "summary": card.summary,
        "authors": [_author(author.name, author.affiliation, author.orcid) for author in person.authors],
        "license": person.license,
        "software_name": "thulium",
        "software_hints": [f"version>={thulium.__version__}", f"model_format={FORMAT}"],
        "language": list(dict.fromkeys(person.languages)),
        "script": list(dict.fromkeys(card.scripts)),
        "tags": list(TAGS),
        "keywords": list(TAGS),
        "model_type": ["recognition"],
    }
    if card.percents:
        head["metrics"] = card.percents
    if person.data_urls:
        head["datasets"] = list(dict.fromkeys(card.data_urls))
    if card.base_models:
        head["base_model"] = list(dict.fromkeys(card.base_models))
    return _with_head(head, card)


def with_doi(text: str, doi: str) -> str:
    """A card for HTRMoPo, with the DOI of its record."""
    return text.replace(f"\nid: {NO_ID}\n", f"\nid: https://doi.org/{doi}\n", 1)


def evaluation_for_hub(card: Card) -> str:
    """The file of .eval_results for the benchmark that a person names; the Hub takes no other data."""
    dataset, _, task = card.person.benchmark.partition("#")
    notes = f"CER in percent, lower is better; {_conditions(card)}"
    row = {"dataset": {"id": dataset, "task_id": task}, "value": card.percents["cer"], "notes": notes}
    return yaml.safe_dump([row], sort_keys=False, allow_unicode=True)


def _conditions(card: Card) -> str:
    measured = (card.facts.metrics or {})["measured"]
    return f"{measured['decoding']}, {measured['unicode_form']}, {measured['lines']} lines of split {measured['split']}"


def _result(card: Card) -> dict[str, Any]:
    """The figures as a row of the Hub's model-index."""
    measured = (card.facts.metrics or {})["measured"]
    benchmark = card.person.benchmark.partition("#")[0]
    name = benchmark or f"lines that are not published, split {measured['split']}"
    rows = [{"type": key, "value": value, "name": f"{key.upper()}, percent"} for key, value in card.percents.items()]
    return {
        "task": {"type": "image-to-text", "name": "handwritten text recognition"},
        "dataset": {"name": name, "type": benchmark or "unpublished", "split": measured["split"]},
        "metrics": rows,
    }


def _author(name: str, affiliation: str, orcid: str) -> dict[str, str]:
    more = {"affiliation": affiliation, "orcid": f"https://orcid.org/{orcid}" if orcid else ""}
    return {"name": name, **{key: value for key, value in more.items() if value}}


def _with_head(head: dict[str, Any], card: Card) -> str:
    written = yaml.safe_dump(head, sort_keys=False, allow_unicode=True, width=1000)
    return f"---\n{written}---\n\n{body(card)}"


def body(card: Card) -> str:
    """What people read: the same under both heads."""
    environment = Environment(
        loader=PackageLoader("thulium.exchange"),
        autoescape=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"plain": _plain, "percent": "{:.2%}".format, "number": "{:,}".format}
    facts = card.facts
    return environment.get_template("card.md.j2").render(
        card=card,
        facts=facts,
        person=card.person,
        header=facts.header,
        metrics=facts.metrics,
        symbols=_symbols(facts.header.charset.symbols),
        training=facts.settings.get("training") or {},
        version=thulium.__version__,
    )


def _plain(text: object) -> str:
    """A text of a person's as it stands in Markdown: nothing in it is a tag, a table or a line of its own."""
    shown = " ".join(str(text).split())
    return shown.replace("\\", "\\\\").replace("<", "&lt;").replace("|", "\\|").replace("`", "\\`")


def _symbols(symbols: tuple[str, ...]) -> str:
    """Characters for people: those that show nothing alone by their code points."""
    return " ".join(
        f"U+{ord(symbol):04X}"
        if not symbol.isprintable() or symbol in " `" or unicodedata.category(symbol)[0] in "MCZ"
        else symbol
        for symbol in symbols
    )
