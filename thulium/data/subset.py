"""Some of the training lines, so that what fewer of them would have brought can be seen.

Pages stand in an order that the seed draws, and the lines of a page in their own: the first so many are a subset, and
every smaller one of the same seed is a part of it. The order of two pages depends on the seed and on their names only,
so pages that come later do not move those that were there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def places(pages: Iterable[str], lines: int, seed: int) -> list[int]:
    """Where the lines of a subset stand, rising.

    Args:
        pages: that of each line; a line whose page is not known is one of its own.
        lines: how many there are to be; all, if there are not so many.
    """
    of_each = list(pages)
    drawn = {page: hashlib.sha256(f"{seed}/{page}".encode()).digest() for page in set(of_each)}
    order = sorted(range(len(of_each)), key=lambda place: (drawn[of_each[place]], of_each[place], place))
    return sorted(order[:lines])
