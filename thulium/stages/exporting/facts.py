"""What an exported file says of itself, so that a reader needs nothing else. Each value is JSON."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import onnx

import thulium
from thulium.data.images.grey import INK_SHARE, MIN_CONTRAST, PAPER_SHARE
from thulium.models.wrappers import HTRModel
from thulium.stages.exporting.graph import PRODUCER

FORMAT = 1


def facts_of(model: HTRModel, path: Path) -> dict[str, Any]:
    """JSON values by their names in the file; docs/guides/onnx.md says what each is."""
    contrast = {"ink_share": INK_SHARE, "paper_share": PAPER_SHARE, "min_contrast": MIN_CONTRAST}
    return {
        "format": FORMAT,
        "thulium_version": thulium.__version__,
        "model_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "charset": list(model.charset.symbols),
        "blank": model.charset.blank_index,
        "order": model.charset.order,
        "text": asdict(model.text),
        "preprocessing": asdict(model.preprocessing) | {"resampling": "bicubic", "contrast": contrast},
        "stride": model.backbone.stride,
    }


def packed(model: onnx.ModelProto, facts: dict[str, Any]) -> bytes:
    """The bytes of a file with these facts."""
    model.producer_name, model.producer_version = PRODUCER, thulium.__version__
    onnx.helper.set_model_props(model, {name: json.dumps(value) for name, value in facts.items()})
    content: bytes = model.SerializeToString(deterministic=True)
    return content
