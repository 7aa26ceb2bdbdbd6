"""Kinds of shape: k-means over the pieces of lines. N pieces, K kinds, D values."""

from __future__ import annotations

import torch
from torch import Tensor

from thulium.runtime.errors import DataError

SEEDED_BY = 20_000  # pieces among which the first centres are chosen
ROUNDS = 25
AT_ONCE = 1 << 24  # distances computed together


def k_means(pieces: Tensor, kinds: int, seed: int) -> Tensor:
    """Centres of the kinds into which pieces fall.

    Args:
        pieces: (N, D) float32, on the CPU, where the same seed gives the same centres.
        kinds: K.

    Returns:
        (K, D). A kind into which no piece falls any more keeps the centre that it had.

    Raises:
        DataError: there are fewer pieces than kinds.

    Source: Lloyd 1982; the first centres after Arthur & Vassilvitskii 2007, k-means++.
    """
    if len(pieces) < kinds:
        raise DataError(
            f"pretraining.clusters is {kinds}, and the lines have {len(pieces)} frames in all\n"
            "  help: lower it, or give more lines"
        )
    generator = torch.Generator().manual_seed(seed)
    centres = _first(pieces[torch.randperm(len(pieces), generator=generator)[:SEEDED_BY]], kinds, generator)
    for _ in range(ROUNDS):
        nearest = kind_of(pieces, centres)
        counts = torch.bincount(nearest, minlength=kinds)[:, None]
        sums = torch.zeros_like(centres).index_add_(0, nearest, pieces)
        centres = torch.where(counts > 0, sums / counts.clamp(min=1), centres)
    return centres


def kind_of(pieces: Tensor, centres: Tensor) -> Tensor:
    """The nearest of the centres (K, D) to each piece: (..., D) to (...)."""
    lengths, flat = centres.square().sum(dim=1), pieces.reshape(-1, pieces.shape[-1])
    parts = flat.split(max(1, AT_ONCE // len(centres)))
    nearest = [torch.addmm(lengths, part, centres.T, alpha=-2).argmin(dim=1) for part in parts]
    return torch.cat(nearest).view(pieces.shape[:-1])


def _first(pieces: Tensor, kinds: int, generator: torch.Generator) -> Tensor:
    """Centres that lie far from each other: each a piece, drawn by its distance from those before."""
    centres = [pieces[0]]
    distances = (pieces - pieces[0]).square().sum(dim=1)
    while len(centres) < kinds:
        # Also pieces that are alike may be drawn: there may be fewer different ones than kinds.
        drawn = int(torch.multinomial(distances + 1e-6, 1, generator=generator))
        centres.append(pieces[drawn])
        distances = torch.minimum(distances, (pieces - pieces[drawn]).square().sum(dim=1))
    return torch.stack(centres)
