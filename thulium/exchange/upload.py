"""Put a publication where others find it: the Hugging Face Hub, or Zenodo."""

from __future__ import annotations

import contextlib
import html
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from thulium.exchange import card as cards
from thulium.exchange import hub, zenodo
from thulium.exchange.card import Card
from thulium.exchange.publication import HTRMOPO_CARD, HUB_CARD, RESULTS
from thulium.runtime.errors import RemoteError, visible
from thulium.runtime.progress import say

COMMUNITY = "ocr_models"  # of Zenodo, where HTRMoPo looks for models


def to_hub(folder: Path, repository: str, *, private: bool = False) -> str:
    """Upload a publication to a repository of the Hub, which is made if it is not there.

    Args:
        repository: owner/name.

    Returns:
        The address of the commit.

    Raises:
        ModuleNotFoundError: huggingface_hub is not installed.
        RemoteError: the Hub does not take it; as long as its commit is not made, nobody sees anything of it.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.utils import disable_progress_bars

    disable_progress_bars()
    api = HfApi(endpoint=hub.endpoint(), token=hub.token(), library_name="thulium")
    with _faults_of(f"{hub.endpoint()}/{repository}"):
        api.create_repo(repository, exist_ok=True, private=private or None)
        done = api.upload_folder(
            repo_id=repository,
            folder_path=folder,
            commit_message="Published by Thulium",
            ignore_patterns=[HTRMOPO_CARD],
        )
    return str(done.commit_url)


@contextlib.contextmanager
def _faults_of(what: str) -> Iterator[None]:
    """Say in words what huggingface_hub fails of: it raises errors of several packages."""
    try:
        yield
    except ModuleNotFoundError:
        raise
    except Exception as error:
        packages = ("huggingface_hub", "httpx", "requests", "urllib3", "hf_xet", "httpcore")
        is_theirs = any(kind.__module__.startswith(packages) for kind in type(error).__mro__)
        if not is_theirs and not isinstance(error, (OSError, ValueError, LookupError)):
            raise  # ours to look into
        advice = _advice(_code(error)) if is_theirs or isinstance(error, OSError) else _ODD
        said = visible(" ".join(str(error).split())[:300]) or type(error).__name__
        raise RemoteError(f"{what}: was not published: {advice}\n  the Hub says: {said}") from None


_ODD = "the Hub refuses it, or answers, but not as the Hub does"


def _code(error: Exception) -> int | None:
    """The HTTP status that an error is about; the package that stores large files has it in its words only."""
    code = getattr(getattr(error, "response", None), "status_code", None)
    found = re.search(r"HTTP status (?:client|server) error \(([0-9]{3})", str(error))
    return int(code) if code else int(found[1]) if found else None


def _advice(code: int | None) -> str:
    if code in (401, 403):
        return "HF_TOKEN, or the token of `hf auth login`, may not write there"
    if code == 404:
        return "there is no such owner, or the token may not write there"
    if code is None:
        return "the Hub cannot be reached, or the connection was cut: try again"
    return "the Hub fails: try again later" if code >= 500 else "the Hub refuses it"


def to_zenodo(folder: Path, card: Card, communities: Sequence[str], *, is_final: bool) -> tuple[str, str]:
    """Put a publication into a new record of Zenodo.

    Args:
        is_final: publish it, for good; otherwise it stays a draft that only its owner sees.

    Returns:
        Its DOI and its page. A draft's DOI is reserved, and leads nowhere yet.

    Raises:
        RemoteError: Zenodo does not take it; the draft is removed again, as far as that can be.
    """
    draft = zenodo.begin_draft()
    try:
        with tempfile.TemporaryDirectory(prefix="thulium-") as place:
            readme = Path(place) / HUB_CARD
            own = _flat(folder)
            text = own.pop(HTRMOPO_CARD).read_text(encoding="utf-8")
            readme.write_text(cards.with_doi(text, draft.doi), encoding="utf-8")
            zenodo.fill_draft(draft, own | {HUB_CARD: readme}, _metadata(card, communities))
        doi = zenodo.publish_draft(draft) if is_final else draft.doi
    except BaseException as error:
        is_gone = zenodo.drop_draft(draft)
        say("the draft was removed again" if is_gone else f"a draft that is not complete stays at {draft.page}")
        if isinstance(error, RemoteError):
            raise RemoteError(f"was not published: {error}") from None
        raise
    return doi, draft.page


def _flat(folder: Path) -> dict[str, Path]:
    """The files of a publication by name; a record has no folders, so what lies in some stays here, and is said."""
    own = {path.name: path for path in sorted(folder.iterdir()) if path.is_file()}
    deep = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*/*")) if path.is_file()]
    if left := [name for name in deep if name != RESULTS]:
        say(f"a record of Zenodo has no folders, so these are not uploaded: {', '.join(left)}")
    return own


def _metadata(card: Card, communities: Sequence[str]) -> dict[str, Any]:
    """How Zenodo describes a record; as HTRMoPo has it, so that its programs find the model."""
    person = card.person
    related = [
        *({"relation": "isDerivedFrom", "identifier": url, "resource_type": "dataset"} for url in card.data_urls),
        *({"relation": "isDerivedFrom", "identifier": url, "resource_type": "other"} for url in card.base_models),
    ]
    creators = [
        {"name": author.name}
        | ({"affiliation": author.affiliation} if author.affiliation else {})
        | ({"orcid": author.orcid} if author.orcid else {})
        for author in person.authors
    ]
    return {
        "title": card.title,
        "upload_type": "publication",
        "publication_type": "other",
        "description": "".join(f"<p>{html.escape(text)}</p>" for text in _paragraphs(card)),
        "creators": creators,
        "access_right": "open",
        "license": person.license,
        "keywords": list(cards.TAGS),
        **({"communities": [{"identifier": name} for name in communities]} if communities else {}),
        **({"related_identifiers": related} if related else {}),
    }


def _paragraphs(card: Card) -> list[str]:
    rates = card.percents
    figures = f"CER {rates['cer']:.2f} %, WER {rates['wer']:.2f} %" if rates else "No evaluation of it is known"
    return [card.summary, f"{figures}; README.md says what was measured, and on what.", "To be read by Thulium."]
