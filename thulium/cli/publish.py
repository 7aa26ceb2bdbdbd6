"""``thulium publish``: a model with all that is known of it, for the Hugging Face Hub and for Zenodo."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from thulium.cli import engine, model_file
from thulium.cli import output_folder as folders
from thulium.cli.command import PATH, argument, command
from thulium.cli.screen import echo
from thulium_dsl.messages.problems import ThuliumError

if TYPE_CHECKING:
    from thulium.exchange.card import Card
    from thulium.exchange.facts import Document, Facts

FOLDER = "publication"
ZENODO = "zenodo"
# What only a person knows: asked for on a terminal, and an error that names it elsewhere.
ASKED = {
    "author": "Who made the model: name, affiliation",
    "license": "Licence of the model, such as CC-BY-4.0",
    "language": "Language of its lines (ISO 639-3), such as fra",
}


F = TypeVar("F", bound=Callable[..., Any])


def _many(name: str, metavar: str, about: str) -> Callable[[F], F]:
    """An option that may be given several times."""
    return click.option(f"--{name}", multiple=True, metavar=metavar, help=about)


def _one(name: str, metavar: str, about: str) -> Callable[[F], F]:
    return click.option(f"--{name}", metavar=metavar, help=about)


@command()
@argument(
    "model",
    default=".",
    about="A model file; a project or a folder that has one; a git revision or a DVC experiment.  [default: .]",
)
@_one("to", "PLACE", "Where to: hf:owner/name, or zenodo.")
@click.option("--output-dir", type=PATH, metavar="DIR", default=FOLDER, help="Write the files into this folder.")
@click.option("--upload/--dry-run", default=False, help="Upload them; otherwise only write them, to be looked at.")
@click.option("--final", is_flag=True, help="Publish the record of Zenodo for good; otherwise it stays a draft.")
@click.option("--private", is_flag=True, help="Make a new repository of the Hub private.")
@_many("author", "TEXT", "Who made it: 'Name, affiliation', with an ORCID or without; once for each.")
@_one("license", "SPDX", "Of the model, such as CC-BY-4.0.")
@_many("language", "CODE", "Of its lines, by ISO 639-3, such as fra; once for each.")
@_many("script", "CODE", "By ISO 15924, such as Latn, if its characters do not tell.")
@_one("title", "TEXT", "Its title.")
@_one("summary", "TEXT", "What it is, in a line.")
@_many("base-model", "URI", "What it was trained from, if its document does not tell.")
@_many("data-url", "URI", "Where the lines are that it was trained on.")
@_many("data-license", "TEXT", "Under which licence these are.")
@_one("benchmark", "OWNER/NAME#TASK", "The data set of the Hub that it was evaluated on, if that is a benchmark.")
@click.option("--notes", type=PATH, metavar="FILE", help="Markdown for its card, such as what it reads badly.")
@_many("community", "NAME", "Of Zenodo.  [default: ocr_models, where HTRMoPo finds it]")
def publish(model: str, **options: Any) -> None:
    """Write a model and its card for others. --upload uploads them."""
    target, out, notes = _target(options), options["output_dir"], _text_of(options["notes"])
    engine.load("publish", "thulium.exchange.facts")
    from thulium.exchange import card as cards
    from thulium.exchange import publication

    publication.refuse_foreign(out)
    with model_file.model_file(model) as path:
        facts = _facts(model, path)
        given = _given(options, needs_script=not facts.scripts)
        card = cards.Card(facts=facts, person=_person(given), place=target if target != ZENODO else "", notes=notes)
        for note in _notes(facts, card):
            echo(f"note: {note}", err=True)
        with folders.alone(f"publish-{out.name}", out.resolve().parent):
            _write(card, out)
            if options["upload"]:
                _upload(card, out, target, options)
    if not options["upload"]:
        echo(_how_to_go_on(target))


def _write(card: Card, out: Path) -> None:
    from thulium.exchange import publication

    written = publication.write(out, card)
    echo(f"wrote {out}: {', '.join(written.names)}")
    if written.kept:
        echo(f"kept as they were changed or added by hand: {', '.join(written.kept)}")


def _target(options: dict[str, Any]) -> str:
    """Where to, as 'hf:owner/name' or 'zenodo'; empty: nowhere.

    Raises:
        ThuliumError: it is no such place, or options do not go with it, or nothing opens its doors.
    """
    from thulium_dsl.grammar import names

    given = options["to"] or ""
    name = names.parse(given) if given else None
    if given and given != ZENODO and (name is None or name.scheme != "hf" or name.file):
        raise ThuliumError(f"--to {given}: is no place for a model: write hf:owner/name, or zenodo")
    if name is not None and "@" in given:
        raise ThuliumError(f"--to {given}: leave the revision out: what is uploaded becomes one")
    if options["upload"] and not given:
        raise ThuliumError("--upload needs a place: add --to hf:owner/name, or --to zenodo")
    if given != ZENODO and (options["final"] or options["community"]):
        raise ThuliumError("--final and --community are for Zenodo: add --to zenodo")
    if name is None and options["private"]:
        raise ThuliumError("--private is for the Hub: add --to hf:owner/name")
    if options["upload"]:
        _refuse_without_token(given)
    return given


def _refuse_without_token(target: str) -> None:
    """Refuse an upload that nothing opens the doors for, before anything is asked."""
    from thulium.exchange import hub, zenodo

    if target == ZENODO and not zenodo.token():
        raise ThuliumError(
            "--upload: ZENODO_TOKEN is not set, so Zenodo would let nobody in\n"
            "  help: make a token with 'deposit:write' and 'deposit:actions' in your account there; without --upload, "
            "the files are written to be looked at"
        )
    if target != ZENODO and not hub.token():
        raise ThuliumError(
            "--upload: there is no token for the Hub: set HF_TOKEN, or run `hf auth login`\n"
            "  help: without --upload, the files are written to be looked at"
        )
    if target != ZENODO:
        engine.load("publish", "huggingface_hub")


def _text_of(notes: Path | None) -> str:
    """What stands in the file of --notes."""
    try:
        return notes.read_text(encoding="utf-8-sig").strip() if notes else ""
    except OSError as error:
        raise ThuliumError(f"--notes {notes}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ThuliumError(f"--notes {notes}: is no text in UTF-8") from None


def _facts(model: str, path: Path) -> Facts:
    from thulium.exchange import facts

    near = [path.parent, path.parent.parent, Path()]
    if not Path(model).exists() and (root := model_file.project_root()):  # a revision: what belongs to it lies in git
        model_file.fetch_metrics(model, root, path.parent)
    near = list({folder.resolve(): folder for folder in near}.values())
    return facts.facts_of(path, near, list(_documents(near)))


def _documents(near: list[Path]) -> Iterator[Document]:
    """The documents that lie near by, and can be read."""
    from thulium.exchange.facts import Document
    from thulium_dsl.grammar.include import read
    from thulium_dsl.grammar.validate import complete_tree

    for file in (folder / name for folder in near for name in ("params.yaml", "experiment.yaml")):
        if not file.is_file():
            continue
        try:
            yield Document(file.read_text(encoding="utf-8-sig"), complete_tree(read(file)))
        except (ThuliumError, OSError, UnicodeDecodeError) as error:
            echo(f"note: {file} is passed over: {str(error).splitlines()[0]}", err=True)


def _given(options: dict[str, Any], *, needs_script: bool) -> dict[str, tuple[str, ...]]:
    """What a person has said, with what was asked for.

    Raises:
        ThuliumError: something is missing, and nobody is there to be asked.
    """
    names = ("author", "license", "language", "script", "title", "summary", "base-model", "data-url", "data-license")
    given = {}
    for name in (*names, "benchmark"):
        value = options[name.replace("-", "_")]
        given[name] = tuple(value) if isinstance(value, tuple) else (value,) if value is not None else ()
    wanted = ASKED | ({"script": "Script of its lines (ISO 15924), such as Latn"} if needs_script else {})
    missing = [name for name in wanted if not given[name]]
    if missing and not sys.stdin.isatty():
        rows = "\n".join(f"  --{name}: {wanted[name]}" for name in missing)
        raise ThuliumError(f"only you know this of the model; add the options:\n{rows}")
    for name in missing:
        said = str(click.prompt(wanted[name], err=True))
        given[name] = tuple(said.replace(",", " ").split()) if name in ("language", "script") else (said,)
    return given


def _person(given: dict[str, tuple[str, ...]]) -> Any:
    from thulium.exchange import person

    if wrong := list(person.faults(given)):
        raise ThuliumError("\n".join([*wrong, f"{len(wrong)} problem{'s' * (len(wrong) > 1)}; nothing was written"]))
    return person.understood(given)


def _notes(facts: Facts, card: Card) -> Iterator[str]:
    """What the card says that it does not know, and what would tell it."""
    if facts.no_metrics:
        yield f"the card has no figures: {facts.no_metrics}"
    if facts.splits is None:
        yield "the card does not say how many lines there were: the prepared lines of this model are not at hand"
    if not facts.is_whole:
        yield "params.yaml holds what the model file records: the document that trained it is not at hand"
    if not card.person.data_licenses:
        yield "the card says that the licence of the lines is not known: --data-license and --data-url tell"
    if facts.start and not card.base_models:
        yield f"the card does not say what {facts.start} is, which the training started from: --base-model names it"
    if card.person.benchmark and not facts.metrics:
        yield "--benchmark is left out, since there are no figures"


def _how_to_go_on(target: str) -> str:
    if not target:
        return "nothing was uploaded; --to hf:owner/name or --to zenodo says where, and --upload does it"
    return f"dry run: nothing was uploaded to {target}; look at the files, then add --upload"


def _upload(card: Card, out: Path, target: str, options: dict[str, Any]) -> None:
    from thulium.exchange import upload

    if target != ZENODO:
        page = upload.to_hub(out, target.removeprefix("hf:"), private=options["private"])
        echo(f"published: {page}")
        return
    communities = [name for name in options["community"] or (upload.COMMUNITY,) if name]
    doi, page = upload.to_zenodo(out, card, communities, is_final=options["final"])
    if options["final"]:
        echo(f"published: https://doi.org/{doi}")
    else:
        echo(f"a draft that only you see: {page}")
        echo(f"the DOI {doi} is reserved for it; look at it, and publish it there")
