"""Draws a line of text as a given hand would write it: letters placed, bent, inked and put on paper.

Arrays are rows x columns. Ink is coverage, 0 (none) to 1 (full stroke). Curves and fields are made from random
numbers by sums and products only: sines and exponentials may differ in the last bit from one processor to another.
"""

from __future__ import annotations

import re
from random import Random

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from thulium.ingest.synthetic import hand as hands
from thulium.ingest.synthetic.hand import Hand

_ROOM_X_PX, _ROOM_Y_PX = 40, 16  # round the letters while they are drawn and bent; more than any slant or drift takes
_WHOLE = re.compile(r"[.,;:]|[^.,;:]+")  # what a joined hand writes in one go
_VISIBLE = 0.15  # coverage from which ink counts when the line is cut out


def draw(text: str, hand: Hand, rng: Random) -> Image.Image:
    """The image of a line, mode "L": all of the text, ink darker than paper, about as high as the hand says."""
    noise = np.random.Generator(np.random.PCG64(rng.getrandbits(128)))
    ink, baseline = _write(text, hand, rng)
    ink = _thicken(_bend(ink, baseline, hand, rng, noise), hand.nib)
    ink, baseline = _cut_out(ink, baseline, hand, rng)
    ink *= _pressure(ink.shape[1], hand, noise)
    paper = _paper(ink, baseline, hand, rng, noise)
    page = paper + (hand.ink - paper) * ink
    image = Image.fromarray(_grey(page)).filter(ImageFilter.GaussianBlur(hand.blur_px))
    return Image.fromarray(_grey(np.asarray(image) + _grain(ink.shape, hand, noise)))


def _write(text: str, hand: Hand, rng: Random) -> tuple[np.ndarray, int]:
    """Coverage of the text on a straight baseline, and the row of that baseline."""
    size = hands.size_px(hand.face, hand.reach_px * rng.uniform(0.95, 1.05))
    pen = hands.font(hand.face, hand.weight, size)
    _, top, right, bottom = map(int, pen.getbbox(text, anchor="ls"))
    tracking_px = hand.tracking_px + rng.uniform(-0.2, 0.3)
    width = int(right * 1.1 + len(text) * (hand.jitter_px + abs(tracking_px)) + text.count(" ") * size)
    baseline = _ROOM_Y_PX - top
    image = Image.new("L", (width + 2 * _ROOM_X_PX, baseline + bottom + _ROOM_Y_PX))
    canvas = ImageDraw.Draw(image)
    x = float(_ROOM_X_PX)
    gap_px = pen.getlength(" ") * hand.word_gap * rng.uniform(0.9, 1.1) + 1
    for word in text.split(" "):
        y = baseline + rng.uniform(-1, 1) * hand.jitter_px
        pieces = _WHOLE.findall(word) if hand.face.joined else word
        for piece, following in zip(pieces, [*pieces[1:], ""]):
            off_x, off_y = rng.uniform(-0.6, 0.6) * hand.jitter_px, rng.uniform(-1, 1) * hand.jitter_px
            # A letter of another size than its neighbours; whole words of a joined hand vary likewise.
            piece_size = round((size + rng.choice((-1, 0, 0, 0, 1))) * (hand.face.stops if piece in hands.STOPS else 1))
            piece_pen = hands.font(hand.face, hand.weight, piece_size)
            canvas.text((x + off_x, y + off_y), piece, fill=255, font=piece_pen, anchor="ls")
            if hand.face.joined:
                x += piece_pen.getlength(piece)
            else:
                x += hands.advance_px(hand.face, hand.weight, size, piece + following) + tracking_px
        x += gap_px * rng.uniform(0.8, 1.3)
    return np.asarray(image)[:, : int(x) + _ROOM_X_PX], baseline


def _bend(ink: np.ndarray, baseline: int, hand: Hand, rng: Random, noise: np.random.Generator) -> np.ndarray:
    """The same letters slanted, stretched, wobbling, on a baseline that rises, falls and drifts. Ink 0..1."""
    height = ink.shape[0]
    narrow = hand.face.width * hand.width * rng.uniform(0.96, 1.04)
    width = int(ink.shape[1] * narrow)
    pace = 1 + _curve(noise, width, spacing_px=45, amplitude=0.10)
    x = np.cumsum(pace) * (ink.shape[1] / pace.sum())  # source column of each column: letters now wide, now narrow
    slope = rng.uniform(-0.010, 0.014) * (np.arange(width) - width / 2)
    drift = _curve(noise, width, spacing_px=110, amplitude=hand.drift_px) - slope
    growth = 1 + _curve(noise, width, spacing_px=60, amplitude=0.07)
    slant = hand.slant + rng.uniform(-0.04, 0.04) + _curve(noise, width, spacing_px=70, amplitude=0.07)

    above = np.arange(height, dtype=np.float32)[:, None] - baseline - drift.astype(np.float32)
    rows = baseline + above * growth.astype(np.float32)
    columns = x.astype(np.float32) + above * slant.astype(np.float32)
    rows += _field(noise, above.shape, spacing_px=13, amplitude=hand.wobble_px)
    columns += _field(noise, above.shape, spacing_px=13, amplitude=hand.wobble_px)
    return _sample(ink, rows, columns)


def _sample(ink: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Bilinear reading of 8-bit coverage at fractional places, as 0..1; places outside read the bare border."""
    height, width = ink.shape
    rows = np.clip(rows, 0, height - 1.001)
    columns = np.clip(columns, 0, width - 1.001)
    top, left = np.floor(rows), np.floor(columns)
    down, right = rows - top, columns - left
    flat = ink.ravel()
    index = (top * width + left).astype(np.intp)  # exact: images are far below 2**24 pixels
    here, beside = flat.take(index), flat.take(index + 1)
    index += width
    below, across = flat.take(index), flat.take(index + 1)
    upper = here + right * (beside.astype(np.float32) - here)
    lower = below + right * (across.astype(np.float32) - below)
    sampled: np.ndarray = (upper + down * (lower - upper)) * np.float32(1 / 255)
    return sampled


def _thicken(ink: np.ndarray, nib: float) -> np.ndarray:
    """Strokes up to a pixel wider to the right and below, as a broad nib makes them."""
    thick: np.ndarray = ink.copy()
    np.maximum(thick[:, 1:], ink[:, :-1] * nib, out=thick[:, 1:])
    np.maximum(thick[1:], ink[:-1] * (nib * 0.7), out=thick[1:])
    return thick


def _cut_out(ink: np.ndarray, baseline: int, hand: Hand, rng: Random) -> tuple[np.ndarray, int]:
    """The line with its margins, cut as a segmenter would but never through a letter; and the row of its baseline."""
    inked = ink > _VISIBLE
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    height = round(hand.height_px + rng.uniform(-1.5, 1.5))
    height = max(height, bottom - top + 4)
    # The baseline stands at about two thirds, further up or down only where the letters would leave the image.
    first = baseline - round(height * rng.uniform(0.60, 0.70))
    first = int(min(max(first, bottom + 2 - height), top - 2))
    before, after = rng.randint(3, 22), rng.randint(3, 26)
    framed = np.zeros((height, before + right - left + after), np.float32)
    source = ink[max(first, 0) : first + height, left:right]
    offset = max(-first, 0)
    framed[offset : offset + len(source), before : before + right - left] = source
    return framed, baseline - first


def _pressure(width: int, hand: Hand, noise: np.random.Generator) -> np.ndarray:
    """How dark the ink is in each column: the pen presses, runs dry, is dipped again."""
    return (1 - hand.fading * (0.5 + _curve(noise, width, spacing_px=50, amplitude=0.5))).astype(np.float32)


def _paper(ink: np.ndarray, baseline: int, hand: Hand, rng: Random, noise: np.random.Generator) -> np.ndarray:
    """Paper in greys: shading, perhaps a ruled line, the other side shining through, a stain."""
    height, width = ink.shape
    paper = hand.paper + _field(noise, ink.shape, spacing_px=48, amplitude=hand.shading)
    if hand.ruled:
        row = baseline + 1 + rng.uniform(-1, 3) + _curve(noise, width, spacing_px=200, amplitude=0.8)
        away = np.abs(np.arange(height)[:, None] - row)
        paper -= (hand.ruled * np.clip(1.3 - away, 0, 1)).astype(np.float32)
    if hand.bleed:
        paper -= (hand.paper - hand.ink) * hand.bleed * np.roll(ink[:, ::-1], rng.randint(-9, 9), axis=0)
    if rng.random() < 0.07:
        x, y, across = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(12, 45)
        away = (np.arange(width) - x) ** 2 + (np.arange(height)[:, None] - y) ** 2
        paper -= (rng.uniform(12, 40) * np.clip(2 - 2 * away / across**2, 0, 1)).astype(np.float32)
    return paper


def _grain(shape: tuple[int, int], hand: Hand, noise: np.random.Generator) -> np.ndarray:
    """Noise in greys, fine and coarse together, mean 0."""
    fine = noise.random(shape, dtype=np.float32) - noise.random(shape, dtype=np.float32)
    grain: np.ndarray = hand.grain * fine + _field(noise, shape, spacing_px=3, amplitude=hand.grain * 0.6)
    return grain


def _curve(noise: np.random.Generator, length: int, *, spacing_px: float, amplitude: float) -> np.ndarray:
    """A smooth random curve of so many columns in -amplitude..amplitude, its turning points about spacing_px apart."""
    knots = noise.random(int(length / spacing_px) + 3) * 2 - 1
    place = (np.arange(length) / spacing_px) + noise.random()
    left = place.astype(np.int64)
    share = place - left
    share = share * share * (3 - 2 * share)
    curve: np.ndarray = amplitude * (knots[left] * (1 - share) + knots[left + 1] * share)
    return curve


def _field(noise: np.random.Generator, shape: tuple[int, int], *, spacing_px: float, amplitude: float) -> np.ndarray:
    """A smooth random surface, about -amplitude..amplitude, its hills about spacing_px apart."""
    height, width = shape
    grid = noise.random((int(height / spacing_px) + 2, int(width / spacing_px) + 2), dtype=np.float32) * 2 - 1
    return np.asarray(Image.fromarray(grid * np.float32(amplitude)).resize((width, height), Image.Resampling.BICUBIC))


def _grey(page: np.ndarray) -> np.ndarray:
    greys: np.ndarray = (np.clip(page, 0, 255) + 0.5).astype(np.uint8)
    return greys
