"""How far points lie outside of a polygon."""

import numpy as np


def outside(points: np.ndarray, polygon: np.ndarray) -> float:
    """The distance of the furthest of some points (N, 2) from a polygon (M, 2); 0 where all lie in it."""
    starts, edges = polygon[None].astype(float), (np.roll(polygon, -1, axis=0) - polygon)[None].astype(float)
    away = points[:, None] - starts
    share = np.clip((away * edges).sum(2) / np.maximum((edges**2).sum(2), 1e-9), 0, 1)
    distances = np.hypot(*np.moveaxis(away - share[..., None] * edges, 2, 0)).min(axis=1)
    crosses = (away[..., 1] < 0) != (away[..., 1] < edges[..., 1])
    reach = edges[..., 0] * away[..., 1] / np.where(edges[..., 1] == 0, 1, edges[..., 1])
    is_in = (crosses & (away[..., 0] < reach)).sum(axis=1) % 2 == 1
    return float(np.where(is_in, 0, distances).max())
