"""What did each source of the starting models bring? Trains on all sources, then with one left out at a time.

    python benchmarks/sources.py data/lines-open runs/sources --epochs 4 --jobs 4

Every training is the document of a model of the zoo with fewer documents to learn from and fewer epochs; its rate falls
over these. All are judged on the same validation lines, of hands that none has seen; no test line is read. Printed are
the CER on all of them, and what it is worse without the source, on all lines and on those of the source itself where
the validation has some. Without a source there are fewer lines, so as many epochs are fewer steps; and one seed says
little of a tenth of a point. Every run is a folder of OUT: runs of the same document are not made again, and one that
was cut goes on.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

ZOO = Path(__file__).resolve().parent.parent / "zoo"
ALL = "all"  # no source is left out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lines", type=Path, help="the folder with the tables of lines, one for each source")
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", default="latin-tiny", help="whose document is taken")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--height", type=int, help="of the lines, in pixels; that of the document if absent")
    parser.add_argument("--batch-size", type=int, help="that of the document if absent")
    parser.add_argument("--sources", nargs="+", help="which to leave out; each of them if absent")
    parser.add_argument("--jobs", type=int, default=1, help="trainings side by side, on one GPU")
    parser.add_argument("--workers", default="auto", help="processes that read for each training")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    sources = [name for name in options.sources or _all_sources(options) if _is_learned_from(name, options)]
    with ThreadPoolExecutor(options.jobs) as pool:
        found = dict(zip([ALL, *sources], pool.map(lambda name: rates(name, options), [ALL, *sources])))
    print(table(found))


def rates(name: str, options: argparse.Namespace) -> dict[str, float]:
    """Source -> CER of its validation lines, and of all of them, of a model that has not learned from one source."""
    out = (options.out / name).resolve()
    document = out.with_suffix(".yaml")
    # As JSON, which is YAML too: written plainly, a replacement by the letter n would be no text to some readers.
    text = json.dumps(written(name, options), ensure_ascii=False)
    is_made = (out / "metrics.json").exists() and document.read_text(encoding="utf-8") == text
    if not is_made:
        document.write_text(text, encoding="utf-8")
        for command in ("train", "evaluate"):
            thulium(command, str(document), "--output-dir", str(out))
    edits, characters = Counter[str](), Counter[str]()
    with (out / "predictions.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            for group in (ALL, row["id"].split("/")[0]):
                edits[group] += int(row["edits"])
                characters[group] += int(row["characters"])
    found = {group: edits[group] / characters[group] for group in characters}
    print(json.dumps({"without": name, "lines": found}), file=sys.stderr, flush=True)
    return found


def _all_sources(options: argparse.Namespace) -> list[str]:
    return sorted(path.stem for path in options.lines.glob("*.parquet"))


def _is_learned_from(name: str, options: argparse.Namespace) -> bool:
    if _documents(name, options) == _documents(ALL, options):
        print(f"{name}: none of its documents is for training, so it is not left out", file=sys.stderr)
        return False
    return True


def _documents(name: str, options: argparse.Namespace) -> list[str]:
    """The documents to learn from, without those of a source."""
    documents = (ZOO / "split" / "train.txt").read_text(encoding="utf-8").splitlines()
    if name == ALL:
        return documents
    own = set(pq.read_table(options.lines / f"{name}.parquet", columns=["document"])["document"].to_pylist())
    return [document for document in documents if document not in own]


def written(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """The document of a training without a source; its list of documents is written beside it."""
    tree: dict[str, Any] = yaml.safe_load((ZOO / options.model / "held.yaml").read_text(encoding="utf-8"))
    for file in tree.pop("include"):
        tree |= yaml.safe_load((ZOO / options.model / file).read_text(encoding="utf-8"))
    kept = (options.out / f"{name}.txt").resolve()
    kept.write_text("\n".join(_documents(name, options)) + "\n", encoding="utf-8")
    lists = {
        "train_list": str(kept),
        **{f"{split}_list": str(ZOO / "split" / f"{split}.txt") for split in ("val", "test")},
    }
    tree["dataset"] |= {"root": str(options.lines.resolve()), **lists}
    tree["training"] |= {"epochs": options.epochs, "seed": options.seed}
    if options.batch_size:
        tree["training"]["batch_size"] = options.batch_size
    if options.height:
        tree["preprocessing"]["height"] = options.height
    tree["early_stopping"] = {"enabled": False}
    tree["evaluation"] = {"split": "val", "decoding": {"type": "greedy"}}
    workers = options.workers if options.workers == "auto" else int(options.workers)
    tree["resources"] = {"loader_workers": workers}
    return tree


def thulium(*words: str) -> None:
    command = Path(sys.executable).with_name("thulium")
    done = subprocess.run([command, *words], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"thulium {' '.join(words)} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def table(found: dict[str, dict[str, float]]) -> str:
    """A row for each source, the one that is missed most first."""
    whole = found[ALL]
    rows = ["| without | CER | points worse | on its own lines |", "|---|---|---|---|"]
    for name in sorted(found, key=lambda name: -found[name][ALL]):
        rate = found[name]
        own = f"{100 * (rate[name] - whole[name]):+.2f}" if name in whole and name != ALL else ""
        rows.append(f"| {name} | {rate[ALL]:.2%} | {100 * (rate[ALL] - whole[ALL]):+.2f} | {own} |")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
