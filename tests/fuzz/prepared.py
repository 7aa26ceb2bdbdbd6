"""What stages write for others: Arrow files, their index and prepared.json; and language models and tables."""

from __future__ import annotations

import io
import random
import struct
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image, ImageDraw

from fuzz import changes
from fuzz.kind import Kind, pick
from thulium.data.arrowfile import ArrowFile
from thulium.data.charset import Charset
from thulium.data.images.grey import encode_png
from thulium.data.loader import LineLoader
from thulium.data.prepared import Prepared, open_prepared, write_manifest
from thulium.data.shards import INDEX_SCHEMA, SCHEMA, Row, write_split
from thulium.decoding.ctc.beam import search
from thulium.decoding.ctc.candidates import steps_of
from thulium.decoding.lm import arpa
from thulium.decoding.lm.ngrams import BEGIN, END, build
from thulium.decoding.lm.scorer import NgramScorer
from thulium.runtime.documents import defaults
from thulium.runtime.tables import read_table, write_table
from thulium.training import history

HEIGHT = 32
ODD_TYPES = (pa.int64(), pa.large_string(), pa.large_binary(), pa.string(), pa.binary(), pa.int32())
TEXTS = ("Anno 1742", "den 3. May", "two hens", "Jân de Wit")


def _write_lines(folder: Path) -> None:
    rows = []
    for number in range(40):
        text = f"{TEXTS[number % 4]} {number}"
        image = Image.new("L", (40 + number, HEIGHT), 255)
        ImageDraw.Draw(image).text((2, 2), text, fill=0)
        page = f"page {number // 4}"
        row = Row(
            id=f"l{number}",
            image=encode_png(image),
            width=image.width,
            height=HEIGHT,
            text=text,
            page=page,
            source=f"{page}.xml#{number}",
        )
        rows.append(row)
    write_split(rows, folder / "train")
    spec = replace(defaults().preprocessing, height=HEIGHT)
    symbols = tuple(sorted({symbol for row in rows for symbol in row.text}))
    write_manifest(Prepared(folder, defaults().dataset.text, "logical", spec, symbols))


def _change_lines(folder: Path, rng: random.Random) -> Mapping[str, bytes]:
    if rng.random() < 0.1:
        return {"prepared.json": changes.of_json((folder / "prepared.json").read_bytes(), rng)}
    path = pick(folder, rng, "train/*.arrow", "train/*.arrow", "train/index.ipc")
    other = pick(folder, rng, "train/*")
    content, choice = path.read_bytes(), rng.randrange(10)
    if choice < 3:
        changed = _rewritten(path, rng)
    elif choice < 6:
        changed = _with_other_buffers(path, rng)
    elif choice < 8:  # the messages and the footer, not the images
        changed = changes.of_bytes(content, rng, other.read_bytes(), reach=1500)
        if rng.random() < 0.4:
            changed = content[:-700] + changes.of_bytes(content[-700:], rng)
    else:
        changed = changes.of_bytes(content, rng, other.read_bytes())
    return {path.relative_to(folder).as_posix(): changed}


def _schema_of(path: Path) -> pa.Schema:
    return SCHEMA if path.suffix == ".arrow" else INDEX_SCHEMA


def _with_other_buffers(path: Path, rng: random.Random) -> bytes:
    """The file with some integers overwritten where its offsets, widths and heights stand."""
    changed = bytearray(path.read_bytes())
    with open(path, "rb") as file:
        arrow = ArrowFile(file, _schema_of(path))
        buffers = [buffer for column in arrow.batches[0].columns for buffer in column.buffers()[:2] if buffer]
        for _ in range(changes.few(rng)):
            buffer = rng.choice(buffers)
            at = arrow.position(buffer) + 4 * rng.randrange(max(1, buffer.size // 4))
            old = struct.unpack_from("<i", changed, at)[0]
            new = rng.choice([*changes.NUMBERS, old + 1, old - 1, old * 2]) & 0xFFFFFFFF
            struct.pack_into("<I", changed, at, new)
    return bytes(changed)


def _rewritten(path: Path, rng: random.Random) -> bytes:
    """The same lines in another Arrow file: other cells, types, batches, or packed."""
    with open(path, "rb") as file:
        table = pa.Table.from_batches(ArrowFile(file, _schema_of(path)).batches)
        rows = table.to_pylist()
    buffer = io.BytesIO()
    try:
        choice = rng.randrange(4)
        if choice == 0:
            leaves = (*changes.LEAVES, b"", b"x", rows[0].get("image"))
            table = pa.Table.from_pylist(changes.of_tree(rows, rng, leaves), schema=rng.choice([None, table.schema]))
        elif choice == 1:
            name = rng.choice(table.column_names)
            kind = rng.choice(ODD_TYPES)
            table = table.set_column(table.column_names.index(name), name, table[name].cast(kind))
        elif choice == 2:
            parts = (table.slice(3), table.slice(0, 5), table.slice(0, 0), table.select(table.column_names[::-1]))
            table = rng.choice(parts)
        options = pa.ipc.IpcWriteOptions(compression=rng.choice([None, "lz4", "zstd"]))
        with pa.ipc.new_file(buffer, table.schema, options=options) as writer:
            writer.write_table(table, max_chunksize=rng.choice([None, 1, 7]))
    except (pa.ArrowException, ValueError, TypeError, AttributeError, OverflowError):  # no table holds that
        return path.read_bytes()[:-3]
    return buffer.getvalue()


def _read_lines(folder: Path, _number: int) -> None:
    split = open_prepared(folder).split("train")
    for column in (split.ids, split.texts, split.pages):
        assert all(isinstance(value, str) for value in column)
    for batch in LineLoader(split, batch_size=8, shuffle=False):
        assert batch.images.shape[2] == split.height


def _write_models(folder: Path) -> None:
    arpa.write(build(TEXTS, order=3, alphabet="xyz", reading="logical"), folder / "own.arpa")
    (folder / "other.arpa").write_text(OTHER.replace("|", "\t"), encoding="utf-8")


# As KenLM writes it; here, bars stand for tabs.
OTHER = """\
\\data\\
ngram 1=4
ngram 2=2

\\1-grams:
-1.5|<unk>|0
0|<s>|-0.3
-0.6|</s>|0
-0.4|a|-0.2

\\2-grams:
-0.1|<s> a
-0.2|a </s>

\\end\\
"""
ARPA_WORDS = (
    *(b"<U+FFFFFF>", b"<U+D800>", b"<U+0000>", b"<unk>", b"<s>", b"</s>", b"<space>"),
    *(b"1e308", b"-1e308", b"99", b"-99", b"nan"),
)


def _change_models(folder: Path, rng: random.Random) -> Mapping[str, bytes]:
    path, other = pick(folder, rng, "*.arpa"), pick(folder, rng, "*.arpa")
    content = path.read_bytes()
    if rng.random() < 0.4:
        cells = [cell for cell in content.replace(b"\n", b"\t").split(b"\t") if cell]
        content = content.replace(rng.choice(cells), rng.choice([*ARPA_WORDS, *cells]), rng.choice([1, 1, -1]))
    else:
        content = changes.of_text(content, rng, other.read_bytes())
    return {"changed.arpa": content}


def _read_models(folder: Path, _number: int) -> None:
    model = arpa.read(folder / "changed.arpa")
    charset = Charset(tuple("Aadeno 17x手"), blank_index=2)
    rng = np.random.default_rng(1)
    probabilities = rng.dirichlet(np.full(charset.num_classes, 0.3), size=(2, 12)).astype(np.float32)
    for alpha, beta in ((0.5, 1.0), (10.0, -10.0)):
        found = search(steps_of(probabilities, np.array([12, 7]), 2), 4, NgramScorer(model, charset, alpha, beta))
        assert all(np.isfinite(line.score) for line in found)
    assert np.isfinite(model.log_prob(BEGIN + "Anno", "x"))
    assert np.isfinite(model.log_prob(BEGIN, END))


def _write_tables(folder: Path) -> None:
    write_table(folder / "predictions.csv", ("id", "prediction"), [("a", "=1+1"), ("b", 'x "y", z'), ("c", "\x1b[1m")])
    kept = history.History(folder / "history.csv")
    names = history.COLUMNS[1:]
    kept.add(0, {name: 0.5 for name in names if name.startswith("val_")})
    kept.add(1, dict.fromkeys(names, 0.25))
    kept.write()


def _change_tables(folder: Path, rng: random.Random) -> Mapping[str, bytes]:
    path = pick(folder, rng, "*.csv")
    return {path.name: changes.of_text(path.read_bytes(), rng, b'"')}


def _read_tables(folder: Path, _number: int) -> None:
    read_table(folder / "predictions.csv", ("id", "prediction"))
    assert history.read(folder / "history.csv")[0]["epoch"] is not None


KINDS = (
    Kind(name="arrow", make=_write_lines, change=_change_lines, read=_read_lines),
    Kind(name="arpa", make=_write_models, change=_change_models, read=_read_models),
    Kind(name="csv", make=_write_tables, change=_change_tables, read=_read_tables),
)
