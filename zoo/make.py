"""Make the starting models: prepare, train, write 16-bit weights, judge those on unseen hands, and write the card.

    python zoo/make.py data/lines-open latin-tiny latin-small
    python zoo/make.py data/lines-open latin-small --trained runs/latin-small

The first argument is the folder with the tables of `sources.yaml`. With ``--trained`` nothing is trained: the folder is
one that the second of its trainings has filled, here or elsewhere, `thulium train zoo/NAME/params.yaml --output-dir
FOLDER`.

The texts that they learned from, for language models, are written beside them. At the end the rows for the tables in
`thulium_dsl/grammar/zoo.py` are printed.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from thulium.data.prepared import open_prepared
from thulium.models.file import load_model, save_model
from thulium_dsl.grammar.zoo import LATIN

ZOO = Path(__file__).resolve().parent
KEPT = ("model.safetensors", "README.md", "metrics.json", "publication.json")  # of a publication, beside the document
TEXT = ZOO / "latin"  # the text of the same name
LICENSE = "CC-BY-4.0"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lines", type=Path, help="the folder with the tables of lines")
    parser.add_argument("names", nargs="*", default=["latin-tiny", "latin-small"], help="which models")
    parser.add_argument("--work", type=Path, default=Path("build/zoo"), help="a folder for all that is not kept")
    parser.add_argument("--trained", type=Path, help="the output folder of a training of the only model that is named")
    given = parser.parse_args()
    if given.trained and len(given.names) != 1:
        parser.error("--trained is the folder of one model: name one")
    work = workplace(given.lines.resolve(), given.work.resolve())
    trained = given.trained.resolve() if given.trained else None
    for name in given.names:
        make(name, work, trained)
    print(write_text(trained or work / given.names[-1]))


def workplace(lines: Path, work: Path) -> Path:
    """A folder in which the paths of the documents lead to the lines and to the lists of the splits."""
    for link, target in ((work / "data" / "lines-open", lines), (work / "split", ZOO / "split")):
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    return work


def make(name: str, work: Path, trained: Path | None) -> None:
    """One model, from lines to its folder here."""
    document, out = ZOO / name / "params.yaml", trained or work / name
    if trained is None:
        train(name, work, out)
    model = out / "model.safetensors"
    network, facts = load_model(out / "checkpoints" / "best.safetensors")
    save_model(network, model, facts, in_16_bits=True)
    thulium(work, "evaluate", document, "--output-dir", out)
    in_32_bits = readings(out)
    thulium(work, "evaluate", document, "--output-dir", out, "--model", model)
    notes, publication = out / "notes.md", out / "publication"
    notes.write_text(card_notes(name, out, in_32_bits), encoding="utf-8")
    thulium(work, "publish", model, "--output-dir", publication, "--notes", notes, *said(name))
    for file in KEPT:
        shutil.copyfile(publication / file, ZOO / name / file)
    print(row(name, ZOO / name / KEPT[0]))


def train(name: str, work: Path, out: Path) -> None:
    """Both parts: with the rate at its height, and, from the best of that, with a rate that falls."""
    first = work / f"{name}-held"
    thulium(work, "train", ZOO / name / "held.yaml", "--output-dir", first)
    held = work / "held" / f"{name}.safetensors"
    held.parent.mkdir(exist_ok=True)
    shutil.copyfile(first / "checkpoints" / "best.safetensors", held)
    thulium(work, "train", ZOO / name / "params.yaml", "--output-dir", out)


def write_text(out: Path) -> str:
    """The transcriptions that a training learned from, as it learned them; returns the row of the table of texts."""
    lines = open_prepared(out / "prepared").split("train").texts
    file = TEXT / "text.txt.gz"
    file.parent.mkdir(exist_ok=True)
    # Without a time and a name the same lines are the same bytes.
    file.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode("utf-8"), 9, mtime=0))
    characters = sum(map(len, lines))
    (TEXT / "README.md").write_text(
        f"# zoo:latin, text for language models\n\n{LATIN}: the {len(lines):,} lines ({characters:,} characters) that "
        "the models of the zoo learned from, as they learned them: plain letters, signs of abbreviation as they stand, "
        "one apostrophe, one dash (`lines-open.yaml`). One line in a row, packed with gzip.\n\n"
        "How to use it: [decoding](../../docs/decoding.md).\n\n## Sources and credits\n\n"
        f"Licence: {LICENSE}. The texts are of these projects; we thank their authors.\n\n{credits_of()}\n",
        encoding="utf-8",
    )
    content = file.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return f"""    ZooText(
        name="{TEXT.name}",
        sha256="{digest}",
        size={len(content)},
    ),"""


def thulium(cwd: Path, *words: str | Path) -> None:
    subprocess.run([Path(sys.executable).with_name("thulium"), *map(str, words)], cwd=cwd, check=True)


def sources() -> list[dict[str, Any]]:
    """The table of the sources."""
    found: list[dict[str, Any]] = yaml.safe_load((ZOO / "sources.yaml").read_text(encoding="utf-8"))
    return found


def languages() -> list[str]:
    """Of all sources, those of most sources first."""
    return [code for code, _ in Counter(code for row in sources() for code in row["languages"]).most_common()]


def said(name: str) -> Iterator[str]:
    """What `thulium publish` asks of a person."""
    yield from ("--author", "The Thulium authors", "--license", LICENSE)
    yield from ("--title", name, "--summary", LATIN)
    for code in languages():
        yield from ("--language", code)
    for row in sources():
        yield from ("--data-url", row["repository"])
    yield from ("--data-license", LICENSE)


def readings(out: Path) -> list[dict[str, str]]:
    """The lines of the test, as the last evaluation read them."""
    with (out / "predictions.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def card_notes(name: str, out: Path, in_32_bits: list[dict[str, str]]) -> str:
    """What the card says beside what `thulium publish` knows: how to start, limits, figures and credits by source.

    Args:
        in_32_bits: readings of the test lines before the weights were written in 16.
    """
    differing = sum(a["prediction"] != b["prediction"] for a, b in zip(in_32_bits, readings(out), strict=True))
    before, after = (sum(int(read["edits"]) for read in each) for each in (in_32_bits, readings(out)))
    return "\n\n".join(
        [
            "## In Thulium",
            f"`thulium init NAME --start zoo:{name} --from EXPORT` starts a project from it, "
            f"`thulium predict zoo:{name} line.png` reads with it as it is.",
            (ZOO / "limits.md").read_text(encoding="utf-8").strip(),
            "## Two trainings",
            "The first (`held.yaml`, on a GPU) held the learning rate at its height. Its best checkpoint is what the "
            "second (`params.yaml`, on a CPU) started from, in which the rate fell to nothing. Both learned from the "
            "same lines; `How it was trained` above is of the second.",
            "## Weights in 16 bits",
            f"The figures are those of this file. With 32 bits, {differing} of {len(in_32_bits):,} lines of the test "
            f"are read otherwise, with {before:,} edits in all in place of {after:,}.",
            "## By source",
            "Lines that it learned from, and its errors on documents that it has not seen: other hands, as far as the "
            f"sources tell.\n\n{by_source(out)}",
            "## Sources and credits",
            "The lines were cut from the pages of these projects; their texts were brought to one spelling, as "
            f"`params.yaml` says. We thank their authors.\n\n{credits_of()}",
        ]
    )


def by_source(out: Path) -> str:
    """A table: lines of training, lines and CER of the test, for each source."""
    learned = Counter(line_id.split("/")[0] for line_id in open_prepared(out / "prepared").split("train").ids)
    lines, edits, characters = Counter[str](), Counter[str](), Counter[str]()
    for read in readings(out):
        source = read["id"].split("/")[0]
        lines[source] += 1
        edits[source] += int(read["edits"])
        characters[source] += int(read["characters"])
    rows = ["| source | languages | centuries | lines of training | of the test | CER |", "|---|---|---|---|---|---|"]
    for row in sources():
        name = row["name"]
        cer = f"{edits[name] / characters[name]:.1%}" if characters[name] else ""
        facts = (name, ", ".join(row["languages"]), row["centuries"], f"{learned[name]:,}", f"{lines[name]:,}", cer)
        rows.append(f"| {' | '.join(facts)} |")
    return "\n".join(rows)


def credits_of() -> str:
    """A list: title, authors, place and licence of each source, and what is known of its hands."""
    return "\n".join(
        f"- **{row['name']}**: {row['title']}; {row['authors']}. {row['repository']}, commit {row['commit'][:12]}"
        f"{f', https://doi.org/{doi}' if (doi := row.get('doi')) else ''}; {row['licence']}. Hands: {row['hands']}."
        for row in sources()
    )


def row(name: str, model: Path) -> str:
    """The row of the table of models."""
    content = model.read_bytes()
    codes = ", ".join(f'"{code}"' for code in languages())
    return f"""    ZooModel(
        name="{name}",
        summary=LATIN,
        sha256="{hashlib.sha256(content).hexdigest()}",
        size={len(content)},
        license="{LICENSE}",
        languages=({codes}),
        scripts=("Latn",),
    ),"""


if __name__ == "__main__":
    main()
