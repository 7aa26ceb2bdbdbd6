"""Does pretraining help? Pretrains once, then trains on some lines of a hand from nothing and from what came of it.

    python benchmarks/pretraining.py data/lines-dev runs/pretraining --height 32 --epochs 12

The first argument is a folder with `train` and `val`, each with a `labels.txt`. The pretraining sees the images of
`train`, or the tables of --open, and no text. A training learns from lines that its seed draws; all have about as many
steps. Its epoch is chosen on 40 validation lines, and the other ones judge it: no test line is read. Every run is a
folder of OUT, and one that is done is not made again.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path
from typing import Any

from starts import folder, rows_of, thulium

STEPS = 1500
BATCH = 4
CHOSEN_ON = 40  # validation lines
PARTS = (("train", "train"), ("val", "val"), ("test", "val"))  # split of a document, folder that it is from
NETWORK: dict[str, Any] = {
    "backbone": {"type": "resnet", "config_name": "resnet_tiny"},
    "head": {"type": "bilstm", "hidden_size": 128, "num_layers": 2, "dropout": 0.1},
    "decoder": {"type": "ctc", "shortcut_weight": 0.1},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lines", type=Path, help="a folder with train and val")
    parser.add_argument("out", type=Path)
    parser.add_argument("--open", type=Path, help="a folder of tables of lines to pretrain on, in place of train")
    parser.add_argument("--height", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=12, help="of the pretraining")
    parser.add_argument("--batch-size", type=int, default=8, help="of the pretraining")
    parser.add_argument(
        "--freeze-epochs", type=int, default=0, help="of a training from it, with the backbone as it is"
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=(100, 300))
    parser.add_argument("--seeds", type=int, nargs="+", default=(1, 2, 3))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    start = pretrained(options)
    rows = ["| lines | from nothing | from the pretrained model |", "|---|---|---|"]
    for size in options.sizes:
        for seed in options.seeds:
            pair = [trained(options, size, seed, way) for way in (None, start)]
            rows.append(f"| {size}, seed {seed} | {pair[0]:.1%} | {pair[1]:.1%} |")
            print(rows[-1], flush=True)
    print("\n".join(rows))


def common(options: argparse.Namespace) -> dict[str, Any]:
    """What all documents have in common."""
    return {
        "version": 1,
        "preprocessing": {"height": options.height},
        "model": NETWORK,
        "early_stopping": {"enabled": False},
        "logging": {"tensorboard": {"enabled": False}},
        "evaluation": {"decoding": {"type": "greedy"}},
        "resources": {"threads": 1, "loader_workers": 0},
    }


def pretrained(options: argparse.Namespace) -> Path:
    """The model of the one pretraining."""
    out = (options.out / "pretrained").resolve()
    model = out / "pretrained" / "model.safetensors"
    if not (out / "metrics" / "pretrain.json").exists():
        images = {"type": "images", "root": str((options.lines / "train" / "images").resolve())}
        tables = {"type": "parquet", "root": str(options.open.resolve())} if options.open else None
        pretraining = {
            "dataset": tables or images,
            "epochs": options.epochs,
            "batch_size": options.batch_size,
            "lr": 0.002,
            "clusters": 512,
            "mask": {"length": 4},
        }
        rows = {split: rows_of(options.lines / part) for split, part in PARTS}
        lines = folders(options, out, rows)
        tree = common(options) | {
            "dataset": {"type": "custom", **lines},
            "pretraining": pretraining,
            "training": {"init_from": str(model)},
        }
        thulium("pretrain", written(out, tree), "--output-dir", out)
    return model


def trained(options: argparse.Namespace, size: int, seed: int, start: Path | None) -> float:
    """CER of the judging lines, of a model that has learned from so many lines."""
    way = "nothing" if start is None else f"pretrained-frozen-{options.freeze_epochs}"
    out = (options.out / f"{size}-{seed}-{way}").resolve()
    if not (out / "metrics.json").exists():
        every, val = (rows_of(options.lines / split) for split in ("train", "val"))
        rows = {
            "train": sorted(random.Random(seed).sample(every, size)),
            "val": val[:: len(val) // CHOSEN_ON][:CHOSEN_ON],
        }
        rows["test"] = [row for row in val if row not in rows["val"]]
        lines = folders(options, out, rows)
        training: dict[str, Any] = {"epochs": STEPS * BATCH // size, "batch_size": BATCH, "lr": 0.002, "seed": seed}
        if start:
            training |= {"init_from": str(start)}
            if options.freeze_epochs:
                training |= {"freeze": ["backbone"], "freeze_epochs": options.freeze_epochs}
        document = written(out, common(options) | {"dataset": {"type": "custom", **lines}, "training": training})
        for command in ("train", "evaluate"):
            thulium(command, document, "--output-dir", out)
    metrics: dict[str, float] = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    return metrics["cer"]


def folders(options: argparse.Namespace, out: Path, rows: dict[str, list[str]]) -> dict[str, str]:
    """Key of the dataset -> a folder of some lines, for each split."""
    return {
        f"{split}_dir": str(folder(out / "lines" / split, options.lines / part, rows[split])) for split, part in PARTS
    }


def written(out: Path, tree: dict[str, Any]) -> Path:
    out.mkdir(parents=True, exist_ok=True)
    document = out / "params.yaml"
    document.write_text(json.dumps(tree, ensure_ascii=False), encoding="utf-8")
    return document


if __name__ == "__main__":
    main()
