"""What a training was of, as DVC has locked it: the document, the lines, the seed and the files that it depended on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from thulium_dsl.pipeline.graph import PARAMS
from thulium_dsl.pipeline.stages import FOUND, PREPARED, stage

FREE = ("lines", "seed", "seeds")  # of the section training: in what trainings of one curve differ
METRICS = "metrics.json"
LAST = ("train", "evaluate")


@dataclass(frozen=True, slots=True)
class Trained:
    """A training that was finished and evaluated.

    Attributes:
        document: the sections that the stages track, but for what trainings of one curve differ in.
        lines: that were to be learnt from; None: all of them.
        files: path -> digest of what it depended on: data, first weights, the engine; not what it wrote itself.
        metrics: the digest of its metrics.json.
    """

    document: Mapping[str, Any]
    lines: int | None
    seed: int
    files: Mapping[str, str]
    metrics: str


def trained(lock: Mapping[str, Any]) -> Trained | None:
    """The training of a dvc.lock; None where it has none that is finished, or several."""
    try:
        stages = {name: lock["stages"][name] for name in ("prepare", *LAST)}
        sections: dict[str, Any] = {}
        for each in stages.values():
            sections |= each["params"][PARAMS]
        own = {row["path"] for row in stages["train"]["outs"]}
        files = {row["path"]: row["md5"] for name in LAST for row in stages[name]["deps"] if row["path"] not in own}
        (metrics,) = (row["md5"] for row in stages["evaluate"]["outs"] if row["path"] == METRICS)
        lines, seed = sections["training"].get("lines"), sections["training"]["seed"]
    except (LookupError, TypeError, AttributeError, ValueError):
        return None
    files.pop(f"{PREPARED}/{FOUND}", None)  # what was left out of the data is no part of them
    return Trained(document_of(sections), lines, seed, files, metrics)


def document_of(tree: Mapping[str, Any]) -> dict[str, Any]:
    """The sections of a document that decide what a training yields, but for what trainings of one curve differ in."""
    tracked = ["version", *(section for name in ("prepare", *LAST) for section in stage(name).sections)]
    found = {name: tree[name] for name in tracked}
    return found | {"training": {key: value for key, value in tree["training"].items() if key not in FREE}}


def prepared_files(lock: Mapping[str, Any]) -> dict[str, str]:
    """Path -> digest of what prepare depended on and wrote."""
    rows = (lock.get("stages") or {}).get("prepare") or {}
    return {row["path"]: row["md5"] for name in ("deps", "outs") for row in rows.get(name, ()) if "md5" in row}


def is_prepared_of(lock: Mapping[str, Any], tree: Mapping[str, Any]) -> bool:
    """Whether what is prepared is of a document; its data may have changed nevertheless."""
    params = ((lock.get("stages") or {}).get("prepare") or {}).get("params", {}).get(PARAMS, {})
    return all(params.get(name) == tree[name] for name in stage("prepare").sections)


def agree(files: Mapping[str, str], others: Mapping[str, str]) -> bool:
    """Whether no path has another digest in one than in the other."""
    return all(others.get(path, digest) == digest for path, digest in files.items())


def digest_of(document: Mapping[str, Any], files: Mapping[str, str]) -> str:
    """A few signs that tell a document and its files from others."""
    text = json.dumps([document, sorted(files.items())], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:6]
