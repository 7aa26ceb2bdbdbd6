"""Bring what a name stands for into a project: whole or not at all, and the same bytes every time."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from thulium.exchange import hub, lock, zenodo
from thulium.exchange.listing import Listing, lines_of, model_of, refuse_unsafe
from thulium.exchange.lock import Entry, LockedFile
from thulium.exchange.web import RemoteFile, download
from thulium.models import zoo as local
from thulium.runtime.errors import CheckpointError, DataError, RemoteError
from thulium.runtime.files import PART
from thulium_dsl.grammar import zoo
from thulium_dsl.grammar.names import MODEL, Name

LARGEST_MODEL = 8 * 10**9  # bytes
LARGEST_LINES = 200 * 10**9


@dataclass(frozen=True, slots=True)
class Fetched:
    """What `fetch` did.

    Attributes:
        place: the file or folder, from the project's folder.
        is_new: whether something was brought; otherwise it lay there.
    """

    place: str
    entry: Entry
    is_new: bool

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(file.size for file in self.entry.files)


def fetch_model(name: Name, root: Path, *, update: bool = False) -> Fetched:
    """Bring the model of a name into a project.

    Args:
        update: take what the name stands for now, whatever it stood for.

    Raises:
        RemoteError: it cannot be had, or is not what it was when it was fetched first.
        CheckpointError: it is no model of Thulium's.
    """
    known, target = lock.read(root).get(name.path), root / name.path
    if known and not update and os.path.lexists(target):
        _check_same(target, known)
        return Fetched(name.path, known, False)
    if target.exists() and not known:
        raise DataError(
            f"{target}: is there, and {lock.FILE} does not say what it is: move it away, and fetch {name} again"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}{PART}")
    try:
        entry = _again(known, part, name, root) if known and not update else _first(name, part)
        _check_model(part, name)
        _put(root, name.path, entry, lambda: os.replace(part, target))
    except BaseException:
        part.unlink(missing_ok=True)
        _prune(target.parent, root)
        raise
    return Fetched(name.path, entry, True)


def _first(name: Name, part: Path) -> Entry:
    """Fetch a model that the project does not know yet."""
    if name.scheme == "zoo":
        return _of_zoo(name, part)
    listing = _listing(name, "models")
    file = model_of(listing, name.file, MODEL)
    refuse_unsafe((file,), listing.page)
    digest = download(file, part, _token(name, file.url), most=LARGEST_MODEL)
    return _entry(name, listing, (LockedFile(path=name.path, url=file.url, size=part.stat().st_size, sha256=digest),))


def _of_zoo(name: Name, part: Path) -> Entry:
    model = zoo.find(name.of)
    if model is None:  # the document's rules say what there is
        raise RemoteError(f"{name}: there is no model of this name")
    if model.path is None:
        remote = RemoteFile(name=MODEL, url=model.url, size=model.size, checksum=f"sha256:{model.sha256}")
        download(remote, part, most=LARGEST_MODEL)
    else:
        shutil.copyfile(local.file_of(str(name)), part)
        local.check(model, part)  # what was copied, and not only what was looked at
    file = LockedFile(path=name.path, url=model.url, size=part.stat().st_size, sha256=model.sha256)
    return Entry(name=str(name), page=model.url, revision="", license=model.license, files=(file,))


def _again(known: Entry, part: Path, name: Name, root: Path) -> Entry:
    """Fetch a model that the project knows: these bytes, or none."""
    (file,) = known.files
    if not file.url:
        entry = _of_zoo(name, part)
        if entry.files[0].sha256 != file.sha256:
            raise RemoteError(_changed(str(name), file, root))
        return known
    remote = RemoteFile(name=file.path, url=file.url, size=None, checksum="")
    if download(remote, part, _token(name, file.url), most=LARGEST_MODEL) != file.sha256:
        raise RemoteError(_changed(file.url, file, root))
    return known


def _changed(what: str, file: LockedFile, root: Path) -> str:
    return (
        f"{what}: is not what it was: {root / lock.FILE} has sha256 {file.sha256[:16]}… for {file.path}\n"
        "  help: `dvc pull` brings the file that was fetched, if it was pushed; with --update, fetch takes what is "
        "there now, and a training that starts from it is another one"
    )


def fetch_lines(name: Name, into: str, root: Path, *, update: bool = False) -> Fetched:
    """Bring a collection of lines into a folder of a project, with its licence.

    Args:
        into: the folder, from the project's.

    Raises:
        RemoteError, DataError: as for a model; nothing is left of half a collection.
    """
    known, target = lock.read(root).get(into), root / into
    if known and known.name != str(name) and not update:
        raise DataError(f"{target}: holds {known.name}: name another folder, or add --update")
    if target.exists() and not known:
        raise DataError(f"{target}: is there, and no `thulium fetch` has written it: name a folder that is not")
    if known and not update and target.exists():
        _check_sizes(root, known)
        return Fetched(into, known, False)
    part = target.with_name(f".{target.name}{PART}")
    shutil.rmtree(part, ignore_errors=True)
    try:
        with _new_folder(part):
            entry = _lines_again(known, into, part, name, root) if known and not update else _lines(name, into, part)
            _put(root, into, entry, lambda: _swap(part, target))
    except BaseException:
        _prune(target.parent, root)
        raise
    return Fetched(into, entry, True)


def _lines(name: Name, into: str, part: Path) -> Entry:
    listing = _listing(name, "datasets")
    files = lines_of(listing)
    refuse_unsafe(files, listing.page)
    total = sum(file.size or 0 for file in files)
    if total > LARGEST_LINES:
        raise RemoteError(f"{listing.page}: has {total / 1e9:.0f} GB of lines, more than {LARGEST_LINES / 1e9:g}")
    return _entry(name, listing, tuple(_one(file, into, part, name) for file in files))


def _lines_again(known: Entry, into: str, part: Path, name: Name, root: Path) -> Entry:
    for file in known.files:
        own = file.path.removeprefix(f"{into}/")
        remote = RemoteFile(name=own, url=file.url, size=None, checksum="")
        refuse_unsafe((remote,), lock.FILE)
        if _one(remote, into, part, name).sha256 != file.sha256:
            raise RemoteError(_changed(file.url, file, root))
    return known


def _one(file: RemoteFile, into: str, part: Path, name: Name) -> LockedFile:
    to = part / file.name
    to.parent.mkdir(parents=True, exist_ok=True)
    digest = download(file, to, _token(name, file.url), most=LARGEST_LINES)
    return LockedFile(path=f"{into}/{file.name}", url=file.url, size=to.stat().st_size, sha256=digest)


@contextlib.contextmanager
def _new_folder(part: Path) -> Iterator[None]:
    part.mkdir(parents=True)
    try:
        yield
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _swap(part: Path, target: Path) -> None:
    """Put a whole folder where it belongs; what was there goes when the new one is in its place."""
    old = target.with_name(f".{target.name}.old{PART}")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        os.replace(target, old)
    try:
        os.replace(part, target)
    except OSError:
        if old.exists():
            os.replace(old, target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _listing(name: Name, kind: hub.Kind) -> Listing:
    if name.scheme == "hf":
        return hub.listing(name.of, name.revision, kind)
    if name.scheme == "doi":
        return zenodo.listing(name.of)
    raise DataError(f"{name}: is the name of a model, not of a collection of lines")


def _token(name: Name, url: str) -> str:
    """What opens the doors of the place of a name; nobody else is given it, whatever address stands in a lock."""
    place, token = (hub.endpoint(), hub.token()) if name.scheme == "hf" else (zenodo.endpoint(), zenodo.token())
    return token if urlsplit(url)[:2] == urlsplit(place)[:2] else ""


def _entry(name: Name, listing: Listing, files: tuple[LockedFile, ...]) -> Entry:
    return Entry(name=str(name), page=listing.page, revision=listing.revision, license=listing.license, files=files)


def _put(root: Path, place: str, entry: Entry, put: Callable[[], None]) -> None:
    """Put what came into its place. The lock names it first: who is killed in between fetches the same once more."""
    before = lock.read(root)
    lock.write(root, {**before, place: entry})
    try:
        put()
    except BaseException:
        if place in before:
            lock.write(root, before)
        raise


def _check_same(path: Path, known: Entry) -> None:
    """Refuse a file that is not the one that was fetched."""
    (file,) = known.files
    if not path.is_file() or path.stat().st_size != file.size or _sha256(path) != file.sha256:
        raise DataError(
            f"{path}: is not the file that was fetched for {known.name}: remove it and fetch it again, or name your "
            "own file in training.init_from"
        )


def refuse_other(name: Name, root: Path) -> None:
    """Refuse a model that is not there, or is not the one that was fetched. No network is needed.

    Raises:
        DataError: says what to run.
    """
    known, path = lock.read(root).get(name.path), root / name.path
    if not path.is_file():
        how = "`thulium fetch` brings it" if known is None else "`thulium fetch` or `dvc pull` brings it"
        raise DataError(f"training.init_from: {name} is not here ({path})\n  help: {how}")
    if known:
        _check_same(path, known)


def _check_sizes(root: Path, known: Entry) -> None:
    for file in known.files:
        path = root / file.path
        if not path.is_file() or path.stat().st_size != file.size:
            raise DataError(f"{path}: is not as it was fetched of {known.name}: remove the folder, and fetch it again")


def _check_model(part: Path, name: Name) -> None:
    from thulium.models.header import read_header

    try:
        read_header(part)
    except CheckpointError as error:
        what = str(error).removeprefix(f"{part}: ").partition("\n")[0]  # its advice is for a file of one's own
        raise CheckpointError(f"{name}: {what}; nothing was kept of it") from None


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            digest.update(piece)
    return digest.hexdigest()


def _prune(folder: Path, root: Path) -> None:
    """Remove folders that were made for what did not come."""
    with contextlib.suppress(OSError):
        while folder.resolve() != root.resolve() and root.resolve() in folder.resolve().parents:
            folder.rmdir()
            folder = folder.parent
