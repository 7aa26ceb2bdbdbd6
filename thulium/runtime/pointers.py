"""Small files that stand where large ones belong, and the command that brings these.

Data that are too large for git are often not there after a clone: Git LFS and git-annex leave a text of some lines in
the place of each file, git-annex also a link to nothing, and DVC a file that is called as the missing one, with .dvc
behind it. Read for what they are not, they give messages that are not true. So does text in UTF-16, told here as well.
"""

from __future__ import annotations

import codecs
import os
import re
from pathlib import Path

SIZE = 1024  # bytes that tell; a pointer is shorter
_LFS = (b"version https://git-lfs.github.com/spec/", b"version https://hawser.github.com/spec/")
_ANNEX = b"/annex/objects/"
_DVC_CACHE = re.compile(r"/(?:\.dvc/cache|files/md5)/")

LFS = "is a Git LFS pointer, not the file itself: run git lfs pull"
ANNEX = "is a git-annex pointer, not the file itself: run git annex get"


def pointer(head: bytes) -> str | None:
    """What to say of a file that only stands for another one, and what to run; None if it does not.

    Args:
        head: what the file begins with, at least SIZE bytes of it where it has as many.
    """
    if head.startswith(_LFS):
        return LFS
    # Also the target of a link, which git writes as a text where the disk knows no links.
    first = head.split(b"\n")[0]
    is_annex = first.startswith(_ANNEX) or (b".git" + _ANNEX in first and first.startswith(b"."))
    return ANNEX if is_annex else None


def pointer_at(path: Path) -> str | None:
    """The same for a file on the disk, if it is one and can be read."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            return pointer(file.read(SIZE))
    except (OSError, ValueError):  # whoever wants to read it says why it cannot be read
        return None


def absent(path: Path) -> str | None:
    """What to say of a file or a folder that is not there, if something stands for it; None if nothing does."""
    try:
        target = os.readlink(path).replace(os.sep, "/") if path.is_symlink() else ""
        if ".git" + _ANNEX.decode() in target:
            return "is a link of git-annex to a file that is not here: run git annex get"
        if _DVC_CACHE.search(target):
            return "is a link of DVC to a file that is not in its cache: run dvc pull"
        for place in (path, *path.parents):  # of a folder that is not there, nothing in it is
            if os.path.lexists(place):
                return None
            if place.with_name(f"{place.name}.dvc").is_file():
                return f"is not here, only {place.name}.dvc is, which stands for it: run dvc pull"
    except (OSError, ValueError):  # as of a name that is too long
        return None
    return None


def is_utf16(content: bytes) -> bool:
    """Whether a file looks like UTF-16, by its mark or by its zeros."""
    return content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or content.count(b"\0") > len(content) // 4
