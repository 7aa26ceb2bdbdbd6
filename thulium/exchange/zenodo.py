"""Zenodo: what a record holds, and how one is made.

Source: its REST API, https://developers.zenodo.org; how models are put there for others to find: HTRMoPo,
https://github.com/mittagessen/HTRMoPo.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thulium.exchange.listing import Listing
from thulium.exchange.web import RemoteFile, get_json, send
from thulium.runtime.errors import RemoteError
from thulium.runtime.progress import say

ENDPOINT = "https://zenodo.org"


def endpoint() -> str:
    """Where Zenodo is: ZENODO_URL, such as https://sandbox.zenodo.org to try things out."""
    return (os.environ.get("ZENODO_URL") or ENDPOINT).rstrip("/")


def token() -> str:
    """What opens its doors: ZENODO_TOKEN; empty if there is none."""
    return os.environ.get("ZENODO_TOKEN", "").strip()


def listing(doi: str) -> Listing:
    """What a record holds. A DOI of all versions stands for the latest of them.

    Raises:
        RemoteError: it cannot be had.
    """
    top, number = endpoint(), doi.rpartition(".")[2]
    url = f"{top}/api/records/{number}"
    found = get_json(url, token())
    try:
        own = str(found["id"])
        license_ = (found["metadata"].get("license") or {}).get("id", "")
        files = tuple(_file(row) for row in found["files"])
    except (LookupError, TypeError, AttributeError, ValueError):
        raise RemoteError(f"{url}: answers, but not as Zenodo does: is the address right?") from None
    if own != number:
        say(f"doi:{doi} stands for all versions of a record; taken is its latest, {own}")
    return Listing(page=f"{top}/records/{own}", revision=own, license=str(license_), files=files)


def _file(row: dict[str, Any]) -> RemoteFile:
    size = None if row.get("size") is None else int(row["size"])
    return RemoteFile(
        name=str(row["key"]), url=str(row["links"]["self"]), size=size, checksum=str(row.get("checksum") or "")
    )


@dataclass(frozen=True, slots=True)
class Draft:
    """A record that is not published yet; only its owner sees it."""

    number: int
    doi: str
    bucket: str
    page: str


def begin_draft() -> Draft:
    """Open a record; Zenodo reserves its DOI."""
    url = f"{endpoint()}/api/deposit/depositions"
    found = send("POST", url, token(), content={})
    try:
        number, links = int(found["id"]), found["links"]
        doi = str(found["metadata"]["prereserve_doi"]["doi"])
        return Draft(number, doi, str(links["bucket"]), str(links.get("html") or f"{endpoint()}/deposit/{number}"))
    except (LookupError, TypeError, AttributeError, ValueError):
        raise RemoteError(f"{url}: answers, but not as Zenodo does: is the address right?") from None


def fill_draft(draft: Draft, files: Mapping[str, Path], metadata: Mapping[str, Any]) -> None:
    """Put files and a description into a record.

    Args:
        files: by their names there.

    Raises:
        RemoteError: Zenodo does not take one, or has got something else than was sent.
    """
    for name, path in files.items():
        if urllib.parse.urlsplit(draft.bucket).netloc != urllib.parse.urlsplit(endpoint()).netloc:
            raise RemoteError(f"{draft.bucket}: is not where Zenodo is, and gets no files of ours")
        found = send("PUT", f"{draft.bucket}/{urllib.parse.quote(name)}", token(), file=path)
        digest = f"md5:{hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()}"
        if not isinstance(found, dict) or found.get("checksum", digest) != digest:
            raise RemoteError(f"{draft.page}: {name} did not arrive as it was sent: try again")
    send("PUT", f"{endpoint()}/api/deposit/depositions/{draft.number}", token(), content={"metadata": metadata})


def publish_draft(draft: Draft) -> str:
    """Publish a record, for good; its DOI."""
    url = f"{endpoint()}/api/deposit/depositions/{draft.number}/actions/publish"
    found = send("POST", url, token())
    return str(found.get("doi") or draft.doi) if isinstance(found, dict) else draft.doi


def drop_draft(draft: Draft) -> bool:
    """Remove a record that could not be filled; whether that worked."""
    with contextlib.suppress(RemoteError):
        send("DELETE", f"{endpoint()}/api/deposit/depositions/{draft.number}", token())
        return True
    return False
