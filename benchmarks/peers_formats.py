"""Folders and files as the engines of the race want and write them."""

from __future__ import annotations

import csv
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from thulium.runtime.tables import read_table, write_table

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Work:
    """The folders of one engine's run.

    Attributes:
        out: what it writes.
        log: what it prints.
        lines: the lines, for all engines alike: SPLIT/NAME.png and NAME.gt.txt.
    """

    out: Path
    log: Path
    lines: Path

    @property
    def read(self) -> Path:
        """Copies of the test images, for engines that write beside what they read."""
        return self.out / "read"

    @property
    def best(self) -> Path | None:
        """kraken's best checkpoint."""
        return max(self.out.glob("checkpoint_*-*.ckpt"), key=_accuracy, default=None)


def to_files(source: Path, folder: Path) -> Path:
    """Lines with labels.txt as pairs of an image and a .gt.txt, and a list of each split's images."""
    for split in SPLITS:
        if (folder / f"{split}.lst").exists():  # written last
            continue
        (folder / split).mkdir(parents=True, exist_ok=True)
        for line in (source / split / "labels.txt").read_text(encoding="utf-8").splitlines():
            name, text = line.split(" ", 1)
            shutil.copy(source / split / "images" / name, folder / split / name)
            (folder / split / f"{Path(name).stem}.gt.txt").write_text(f"{text}\n", encoding="utf-8")
        images = sorted(map(str, (folder / split).glob("*.png")))
        (folder / f"{split}.lst").write_text("\n".join(images) + "\n", encoding="utf-8")
    return folder


def to_pylaia(lines: Path, out: Path, *, height: int) -> None:
    """Images of one height, transcriptions in tokens, and the table of symbols; PyLaia does none of it itself."""
    symbols: set[str] = set()
    for split in SPLITS:
        (out / "img" / split).mkdir(parents=True)
        rows, names = [], []
        for path in sorted((lines / split).glob("*.png")):
            text = " ".join(path.with_suffix(".gt.txt").read_text(encoding="utf-8").split())
            with Image.open(path) as image:
                width = max(1, round(image.width * height / image.height))
                image.convert("L").resize((width, height), Image.Resampling.BILINEAR).save(
                    out / "img" / split / path.name
                )
            symbols |= set(text) if split == "train" else set()
            rows.append(" ".join([f"{split}/{path.stem}", *("<space>" if c == " " else c for c in text)]))
            names.append(f"{split}/{path.stem}")
        (out / f"{split}.tok.txt").write_text("\n".join(rows) + "\n", encoding="utf-8")
        (out / f"{split}.ids").write_text("\n".join(names) + "\n", encoding="utf-8")
    table = ["<ctc>", "<unk>", "<space>", *sorted(symbols - {" "})]
    (out / "syms.txt").write_text("".join(f"{symbol} {i}\n" for i, symbol in enumerate(table)), encoding="utf-8")


def to_table(texts: dict[str, str], path: Path) -> None:
    """What was read, as a table that `thulium score` and a spreadsheet take."""
    write_table(path, ("id", "text"), [(name, text.rstrip("\n")) for name, text in sorted(texts.items())])


def thulium_readings(work: Work) -> list[float]:
    return _column(work.out / "plots" / "history.csv", "val_cer")[1:]  # without that of the untrained model


def pylaia_readings(work: Work) -> list[float]:
    return _column(work.out / "ctc" / "metrics.csv", "va_cer")


def _column(path: Path, name: str) -> list[float]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [float(row[name]) for row in csv.DictReader(file) if row.get(name)]


def calamari_readings(work: Work) -> list[float]:
    path = work.out / "train.log"
    text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    return [float(cer) for cer in re.findall(r"Results of epoch.* val_CER: ([\d.]+)", text)]


def kraken_readings(work: Work) -> list[float]:
    """From the names of its checkpoints, checkpoint_EPOCH-ACCURACY.ckpt: it keeps the ten best, and the race looks
    often enough to see each."""
    seen = work.out / "seen.txt"
    known = seen.read_text(encoding="utf-8").split() if seen.exists() else []
    names = sorted(path.name for path in work.out.glob("checkpoint_*-*.ckpt"))
    known += [name for name in names if name not in known]
    seen.write_text("\n".join(known), encoding="utf-8")
    return [1 - _accuracy(Path(name)) for name in known]


def _accuracy(path: Path) -> float:
    return float(path.stem.rsplit("-", 1)[1])


def prediction_files(work: Work) -> dict[str, str]:
    """NAME.pred.txt beside the images."""
    suffix = ".pred.txt"
    return {path.name.removesuffix(suffix): path.read_text(encoding="utf-8") for path in work.read.glob(f"*{suffix}")}


def thulium_text(work: Work) -> dict[str, str]:
    return {Path(row["id"]).stem: row["prediction"] for row in read_table(work.out / "predictions.csv")}


def pylaia_text(work: Work) -> dict[str, str]:
    """'test/NAME text' lines among what it printed last, each behind what moves the cursor of its progress bar."""
    log = work.log.read_text(encoding="utf-8", errors="replace")
    return {name: text for name, text in re.findall(r"(?:^|\[A)test/(\S+) ?(.*)$", log, flags=re.MULTILINE)}
