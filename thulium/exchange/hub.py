"""The Hugging Face Hub, as far as fetching goes: two addresses of it, and the token that its own programs keep.

Source: the Hub's API, https://huggingface.co/docs/hub/api, and the environment variables of huggingface_hub.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from thulium.exchange.listing import Listing
from thulium.exchange.web import RemoteFile, get_json
from thulium.runtime.errors import RemoteError

ENDPOINT = "https://huggingface.co"
Kind = Literal["models", "datasets"]


def endpoint() -> str:
    """Where the Hub is: HF_ENDPOINT, as for its own programs."""
    return (os.environ.get("HF_ENDPOINT") or ENDPOINT).rstrip("/")


def token() -> str:
    """What opens the Hub's doors: HF_TOKEN, or what `hf auth login` has kept; empty if there is none."""
    if given := os.environ.get("HF_TOKEN"):
        return given.strip()
    home = os.environ.get("HF_HOME") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "huggingface"
    )
    try:
        return Path(os.environ.get("HF_TOKEN_PATH") or os.path.join(home, "token")).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def listing(repository: str, revision: str, kind: Kind) -> Listing:
    """What a repository holds in a revision.

    Raises:
        RemoteError: it cannot be had.
    """
    top = endpoint()
    url = f"{top}/api/{kind}/{repository}/revision/{quote(revision, safe='')}?blobs=true"
    found = get_json(url, token())
    prefix = "datasets/" if kind == "datasets" else ""
    page = f"{top}/{prefix}{repository}"
    try:
        commit, files = str(found["sha"]), found["siblings"]
        listed = tuple(_file(row, f"{page}/resolve/{quote(commit, safe='')}") for row in files)
        return Listing(page=page, revision=commit, license=_license(found), files=listed)
    except (LookupError, TypeError, AttributeError, ValueError):
        raise RemoteError(f"{url}: answers, but not as the Hub does: is the address right?") from None


def _file(row: dict[str, Any], top: str) -> RemoteFile:
    name, large = str(row["rfilename"]), row.get("lfs") or {}
    size = large.get("size", row.get("size"))
    checksum = f"sha256:{large['sha256']}" if "sha256" in large else ""
    if not checksum and row.get("blobId") and size is not None:
        checksum = f"git:{row['blobId']}"
    size = None if size is None else int(size)
    return RemoteFile(name=name, url=f"{top}/{quote(name)}", size=size, checksum=checksum)


def _license(found: dict[str, Any]) -> str:
    given = (found.get("cardData") or {}).get("license") or [
        tag.removeprefix("license:") for tag in found.get("tags") or () if tag.startswith("license:")
    ]
    return ", ".join(map(str, given)) if isinstance(given, list) else str(given)
