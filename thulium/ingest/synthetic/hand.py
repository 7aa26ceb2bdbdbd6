"""Invented hands: the fonts, and what one writer's page has in common (pen, habits, ink, paper)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from random import Random

from PIL import ImageFont

from thulium.ingest.synthetic.text import ALPHABET
from thulium.runtime.errors import DataError

INSTALL = "pip install 'thulium[training]'"
STOPS = (",", ".", ";", ":")
_MEASURE_PX = 100  # the size at which a font is measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """A handwriting font.

    Attributes:
        family: its name for fontpkg.
        joined: letters touch, so that a word has to be drawn whole; others get each letter placed by itself.
        weights: stroke weights to choose from; one only where the font has one.
        variable: the weight is an axis of one file, not a file of its own.
        width: of its letters as we use them, since wide ones only cost time.
        stops: size of commas and points, as a share of the letters'; the fine ones of some fonts drown in the paper.
    """

    family: str
    joined: bool
    weights: tuple[int, ...] = (400,)
    variable: bool = False
    width: float = 1.0
    stops: float = 1.0


FACES = (
    Face(family="Caveat", joined=True, weights=(400, 460, 530, 620), variable=True),
    Face(family="Dancing Script", joined=True, weights=(400, 450, 520), variable=True, stops=1.4),
    Face(family="Indie Flower", joined=False, width=0.85),
    Face(family="Kalam", joined=False, weights=(300, 400), width=0.82),
    Face(family="Shadows Into Light", joined=False, stops=1.25),
    Face(family="Zeyada", joined=False, stops=1.4),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """One writer at one page. Lines vary around it. Lengths in pixels of the final image, greys 0 (black) to 255."""

    face: Face
    weight: int
    height_px: float  # of the page's lines, margins included
    reach_px: float  # from the top of a tall letter to the bottom of a deep one
    width: float  # of the letters, as a share of the font's
    slant: float  # tangent, to the right, added to the font's own
    tracking_px: float  # between letters, added to the font's
    word_gap: float  # as a share of the font's space
    jitter_px: float  # letters off their place
    drift_px: float  # the baseline off its straight line
    wobble_px: float  # strokes off their shape
    nib: float  # 0..1: how far a stroke is thickened by a pixel
    ink: float  # grey of the full stroke
    fading: float  # 0..1: how much the pen runs dry between dips
    paper: float  # grey
    shading: float  # greys, slow changes of the paper
    grain: float  # greys, noise of paper and camera
    blur_px: float  # radius
    ruled: float  # greys that a ruled line is darker than the paper; 0: none
    bleed: float  # 0..1: how much of the other side shines through


def invent(rng: Random) -> Hand:
    """A writer that nobody has met: all values drawn, so that pages of two splits never share one."""
    face = rng.choice(FACES)
    height_px = rng.uniform(58, 70)
    paper = rng.uniform(165, 245)
    return Hand(
        face=face,
        weight=rng.choice(face.weights),
        height_px=height_px,
        reach_px=height_px * rng.uniform(0.60, 0.76),
        width=rng.uniform(0.76, 1.00),
        slant=rng.uniform(-0.10, 0.32),
        tracking_px=rng.uniform(-0.3, 0.9),
        word_gap=rng.uniform(0.85, 1.45),
        jitter_px=rng.uniform(0.1, 0.9),
        drift_px=rng.uniform(0.3, 2.2),
        wobble_px=rng.uniform(0.3, 1.1),
        nib=rng.choice((0.0, 0.25, 0.5, 0.75, 1.0)),
        ink=rng.uniform(15, paper - 120),
        fading=rng.uniform(0.0, 0.35),
        paper=paper,
        shading=rng.uniform(2, 16),
        grain=rng.uniform(2, 11),
        blur_px=rng.uniform(0.0, 0.75),
        ruled=rng.uniform(12, 45) if rng.random() < 0.2 else 0.0,
        bleed=rng.uniform(0.04, 0.14) if rng.random() < 0.25 else 0.0,
    )


def size_px(face: Face, reach_px: float) -> int:
    """The font size at which the letters of a face span about so many pixels."""
    return max(8, round(_MEASURE_PX * reach_px / _measured_reach(face)))


@lru_cache(maxsize=128)
def font(face: Face, weight: int, size: int) -> ImageFont.FreeTypeFont:
    """A font ready to draw with, known to have every symbol of the alphabet.

    Raises:
        DataError: the package of the font is missing, or the font has no glyph for a symbol.
    """
    # Basic layout, since raqm is not on every machine and places glyphs differently.
    loaded = ImageFont.truetype(_path(face, weight), size, layout_engine=ImageFont.Layout.BASIC)
    if face.variable:
        loaded.set_variation_by_axes([weight])
    return loaded


@lru_cache(maxsize=4096)
def advance_px(face: Face, weight: int, size: int, pair: str) -> float:
    """How far the pen moves from the first of two characters to the second, kerning included."""
    pen = font(face, weight, size)
    if pair[1:] in STOPS:
        # Kerned for fine print, a comma slips under the letter before it and can no longer be told from its tail.
        return pen.getlength(pair[0]) + 1
    return pen.getlength(pair) - pen.getlength(pair[1:])


def undrawable(pen: ImageFont.FreeTypeFont, characters: str) -> str:
    """The characters that this font lacks: those it draws as nothing, or as it draws an unassigned code point."""
    missing = _glyph(pen, "\U0010fffe")
    return "".join(
        c for c in characters if not c.isspace() and (_glyph(pen, c) == missing or not any(_glyph(pen, c)[1]))
    )


def _glyph(pen: ImageFont.FreeTypeFont, character: str) -> tuple[tuple[int, int], bytes]:
    mask = pen.getmask(character, mode="L")
    return mask.size, bytes(mask)


@lru_cache(maxsize=len(FACES))
def _measured_reach(face: Face) -> float:
    _, top, _, bottom = font(face, face.weights[0], _MEASURE_PX).getbbox("bdfhklTgjpqy", anchor="ls")
    return bottom - top


@lru_cache(maxsize=32)
def _path(face: Face, weight: int) -> str:
    try:
        import fontpkg

        path = str(fontpkg.path(face.family) if face.variable else fontpkg.path(face.family, weight=weight))
    except (ImportError, LookupError) as error:
        raise DataError(f"dataset.type synthetic: the font {face.family!r} is not installed; run: {INSTALL}") from error
    lacking = undrawable(ImageFont.truetype(path, 32, layout_engine=ImageFont.Layout.BASIC), ALPHABET)
    if lacking:
        raise DataError(
            f"dataset.type synthetic: the font {face.family!r} ({path}) has no glyph for {lacking!r}; "
            f"install its current release: {INSTALL} --upgrade"
        )
    return path
