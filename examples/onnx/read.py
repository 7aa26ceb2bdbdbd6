"""Read line images with a model of `thulium export`: python read.py best.onnx line.png ... (see README.md)."""

import json
import re
import sys
import unicodedata

import numpy as np
import onnxruntime
from PIL import Image, ImageOps


def open_model(path):
    """A session of ONNX Runtime, and what the file says of its model."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session, {name: json.loads(value) for name, value in session.get_modelmeta().custom_metadata_map.items()}


def read(session, facts, images, batch_size=32):
    """The texts of line images, which are paths or Pillow images."""
    lines = [prepare(image, **facts["preprocessing"]) for image in images]
    by_width, texts = sorted(range(len(lines)), key=lambda i: lines[i].shape[1]), {}
    for first in range(0, len(lines), batch_size):
        places = by_width[first : first + batch_size]
        widths = np.array([lines[i].shape[1] for i in places])
        batch = np.zeros((len(places), 1, len(lines[places[0]]), widths.max()), np.uint8)
        for row, i in zip(batch, places):
            row[0, :, : lines[i].shape[1]] = lines[i]
        log_probs, frames = session.run(["log_probs", "frames"], {"images": batch, "widths": widths})
        for i, classes, count in zip(places, log_probs.argmax(axis=2), frames):
            texts[i] = text_of(classes[:count], facts)
    return [texts[i] for i in range(len(lines))]


def prepare(image, height, min_width, max_width, normalize, contrast, **_):
    """A line as the model reads it: (height, width) uint8, 0 is black."""
    if not isinstance(image, Image.Image):
        image = Image.open(image)
        image.draft("L", image.size)
    image = ImageOps.exif_transpose(image)
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    grey = image.convert("L")
    shares = np.cumsum(grey.histogram()) / (grey.width * grey.height)
    ink, paper = (int(np.searchsorted(shares, contrast[name])) for name in ("ink_share", "paper_share"))
    if normalize and paper - ink >= contrast["min_contrast"]:
        grey = grey.point(((np.arange(256) - ink) * (255 / (paper - ink))).clip(0, 255).round().astype(int).tolist())
    width = max(1, round(grey.width * height / grey.height))
    pixels = np.asarray(grey.resize((min(width, max_width), height), Image.Resampling.BICUBIC))
    median = np.sort(pixels, axis=None)[(pixels.size - 1) // 2]  # the paper's grey
    return np.pad(pixels, ((0, 0), (0, max(0, min_width - pixels.shape[1]))), constant_values=median)


def text_of(classes, facts):
    """Greedy CTC: a run of a class is one symbol, and the blank is none; then reading order and text rules."""
    symbols = [*facts["charset"][: facts["blank"]], "", *facts["charset"][facts["blank"] :]]
    text = "".join(symbols[place] for place in classes[np.flatnonzero(np.diff(classes, prepend=-1))])
    rules = facts["text"]
    text = normalized(to_logical(text, facts["order"]), rules)
    form, pairs = rules["unicode_form"], [pair for pair in reversed(rules["map"]) if pair["find"]]
    pairs = {unicodedata.normalize(form, pair["find"]): pair["replace"] for pair in pairs}
    if rules["on_unknown"] != "map" or not pairs:
        return text
    found = "|".join(map(re.escape, sorted(pairs, key=len, reverse=True)))
    return normalized(re.sub(found, lambda match: pairs[match[0]], text), rules)


def normalized(text, rules):
    text = unicodedata.normalize(rules["unicode_form"], text)
    return {"collapse": " ".join(text.split()), "strip": text.strip()}.get(rules["whitespace"], text)


def to_logical(text, order):
    """From the order on paper to that of typing, where there are right-to-left letters; needs python-bidi for that."""
    kinds = {unicodedata.bidirectional(symbol) for symbol in text}
    if order == "logical" or not kinds & {"R", "AL"}:
        return text
    try:
        from bidi import get_display
    except ImportError:
        return text  # as it stands on paper, from left to right
    return get_display(text, base_dir="R" if order == "visual_rtl" or "L" not in kinds else "L")


if __name__ == "__main__":
    for name, text in zip(sys.argv[2:], read(*open_model(sys.argv[1]), sys.argv[2:])):
        print(f"{name}\t{text}")
