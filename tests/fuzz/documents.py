"""Documents: valid ones, changed at random, through the real command line in this process.

Every case must end with exit code 0 or 2, without a traceback, in less than a second.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import re
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lab
import yaml

LIMIT_S = 1.0
BESIDE = {"other.yaml": "logging:\n  wandb: {enabled: true}\n", "circle.yaml": "include: case.yaml\n"}
VALID = (
    lab.DOCUMENT,
    lab.TRAIN_YAML,
    lab.DATA_YAML,
    "include: [other.yaml]\ntraining:\n  optimizer: {type: adamw, lr: 3e-4}\n  epochs: 3\n",
    "# Größe 手\nlogging:\n  wandb:\n    project: |\n      a: b\n    entity: 'it''s'\nmodel: {head: {type: bilstm}}\n",
)
NASTY = """
yes 08 1_000 .inf .nan -1 0 1e400 1e-400 99999999999999999999 null ~ true [] {} [[]] {a:} '' "" ' " & * ! | > % @ ` -
? : &a *a !!int !!python/object:os.system << --- ... # // /* <<<<<<< ${x} $(x) {{x}} 50% 0,5 64px None 12:30
case.yaml circle.yaml other.yaml /etc/passwd ../x data.yaml .. C:\\x dataset training model include type version
é 手 \u00a0 \u2028 \ufeff \u0085 \x00 \x1b[31m \ud83d\ude00 \u202e “x” \\ "\\ud800" "\\0" "\\x" '\t' | |2 >- [ ] { } ,
""".replace("\n", " ").split(" ")  # not split(): some of them are white space


def _few(rng: random.Random) -> int:
    return rng.choice([1, 1, 1, 2, 4])


def of_bytes(text: str, rng: random.Random) -> bytes:
    data = bytearray(text.encode("utf-8", "surrogatepass"))
    for _ in range(_few(rng)):
        at = rng.randrange(len(data) + 1)
        choice = rng.randrange(4)
        if choice == 0:
            data[at:at] = bytes([rng.randrange(256)])
        elif choice == 1:
            del data[at : at + rng.randint(1, 20)]
        elif choice == 2 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        else:
            data[at:at] = data[rng.randrange(len(data) + 1) :][: rng.randint(1, 40)]
    return bytes(data)


def of_tokens(text: str, rng: random.Random) -> bytes:
    tokens = re.findall(r"\w+|[^\w\s]|\s+", text) or [""]
    for _ in range(_few(rng)):
        at, other = rng.randrange(len(tokens)), rng.randrange(len(tokens))
        choice = rng.randrange(4)
        if choice == 0:
            tokens[at] = rng.choice(NASTY)
        elif choice == 1:
            tokens[at], tokens[other] = tokens[other], tokens[at]
        elif choice == 2:
            tokens.insert(at, rng.choice([*NASTY, tokens[other], "\t", " ", "\n", ": ", "- "]))
        else:
            tokens[at] = ""
    return "".join(tokens).encode("utf-8", "surrogatepass")


def of_lines(text: str, rng: random.Random) -> bytes:
    lines = text.splitlines(keepends=True) or [""]
    for _ in range(_few(rng)):
        at, other = rng.randrange(len(lines)), rng.randrange(len(lines))
        choice = rng.randrange(6)
        if choice == 0:
            lines[at] = rng.choice([" ", "  ", "\t", "- ", "# ", "\ufeff", "\u00a0"]) + lines[at]
        elif choice == 1:
            lines[at] = lines[at].lstrip(" ")
        elif choice == 2:
            lines.insert(at, lines[other])
        elif choice == 3:
            lines[at], lines[other] = lines[other], lines[at]
        elif choice == 4:
            lines[at] = lines[at].rstrip("\n") + rng.choice(["", "\r\n", "\r", "\u2028", " # c\n"])
        else:
            lines[at] = ""
    return "".join(lines).encode("utf-8", "surrogatepass")


def of_values(text: str, rng: random.Random) -> bytes:
    places = [match.span(1) for match in re.finditer(r"[:-] +([^\s#{\[][^\n#]*)", text)]
    for start, end in sorted(rng.sample(places, min(len(places), _few(rng))), reverse=True):
        text = text[:start] + rng.choice(NASTY) + text[end:]
    return text.encode("utf-8", "surrogatepass")


def of_structure(text: str, rng: random.Random) -> bytes:
    tree = yaml.safe_load(text)
    for _ in range(_few(rng)):
        holders = list(_holders(tree))
        holder = rng.choice(holders)
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        if not keys:
            continue
        key, source = rng.choice(keys), rng.choice(holders)
        copied = json.loads(json.dumps(source))
        holder[key] = rng.choice(
            [copied, [holder[key]], {"type": holder[key]}, {}, [], None, rng.choice(NASTY), True, -1]
        )
        if isinstance(holder, dict) and rng.random() < 0.3:
            holder[rng.choice(["zebra", *list(tree)])] = holder.pop(key)
    return yaml.safe_dump(tree, sort_keys=False, default_flow_style=rng.choice([True, False, None])).encode()


def _holders(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _holders(inner)


CHANGES: tuple[Callable[[str, random.Random], bytes], ...] = (of_bytes, of_tokens, of_lines, of_values, of_structure)
COMMANDS = (
    ("validate",),
    ("validate", "--format", "json"),
    ("validate", "--format", "github"),
    ("show", "--origin"),
    ("fill",),
)


@dataclass
class Totals:
    """What came of the cases."""

    codes: Counter[int] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    slowest: str = ""
    seconds: float = 0.0

    def __str__(self) -> str:
        kinds = f"{self.codes[0]} valid, {self.codes[2]} refused, {len(self.failures)} failed"
        return (
            f"{sum(self.codes.values())} runs in {self.seconds:.0f} s: {kinds}; "
            f"slowest {self.slowest_s * 1000:.0f} ms ({self.slowest})"
        )


def case(number: int, seed: int) -> tuple[str, bytes]:
    """A case of a name and its bytes; the same numbers give the same case."""
    rng = random.Random(f"{seed}-{number}")
    text, change = rng.choice(VALID), rng.choice(CHANGES)
    return f"case {number} {change.__name__}", change(text, rng)


def run(words: tuple[str, ...]) -> int:
    """The exit code of the command line in this process; anything else that it raises goes through."""
    from thulium.cli.main import main

    sys.argv = ["thulium", *words]
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def fuzz(cases: range, seed: int, totals: Totals, limit_s: float = LIMIT_S) -> Totals:
    """Run cases in the working folder; a document that is valid is also filled, and must then be complete."""
    for name, text in BESIDE.items():
        Path(name).write_text(text)
    start = time.perf_counter()
    for number in cases:
        name, content = case(number, seed)
        for words in COMMANDS if number % 10 == 0 else [COMMANDS[0], COMMANDS[number % len(COMMANDS)]]:
            Path("case.yaml").write_bytes(content)
            _one(f"{name}: {' '.join(words)}", (*words, "case.yaml"), totals, limit_s)
    totals.seconds = time.perf_counter() - start
    return totals


def _one(name: str, words: tuple[str, ...], totals: Totals, limit_s: float) -> None:
    printed, start = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), time.perf_counter()
    signal.setitimer(signal.ITIMER_REAL, 10 * limit_s)
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            code = run(words)
            if words[0] == "fill" and code == 0 and run(words) == 0:
                printed.seek(0)
                assert "is complete" in printed.read().splitlines()[-1], "filling twice adds something"
        totals.codes[code] += 1
        if code not in (0, 2):
            totals.failures.append(f"{name}: exit code {code}")
    except BaseException:
        totals.codes[1] += 1
        totals.failures.append(f"{name}\n{traceback.format_exc()}")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    seconds = time.perf_counter() - start
    if seconds > totals.slowest_s:
        totals.slowest_s, totals.slowest = seconds, name
    if seconds > limit_s:
        totals.failures.append(f"{name}: {seconds:.1f} s")


def too_long(*_: object) -> None:
    raise TimeoutError


def main(cases: range, seed: int) -> None:
    """Run cases in a folder of their own, print what came of them, and end the process."""
    signal.signal(signal.SIGALRM, too_long)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        totals = fuzz(cases, seed, Totals())
    for failure in totals.failures[:10]:
        print(failure)
    print(f"documents  {totals}", flush=True)
    sys.exit(bool(totals.failures))
