"""Requests over HTTP: with an end in time, without what a server must not make us do, and with words for what fails."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

from thulium.runtime.errors import RemoteError, visible
from thulium.runtime.progress import say

TIMEOUT_S = 60.0  # in which a server must say something
LARGEST_TEXT = 2**25  # bytes of an answer that is read as a whole
PIECE = 2**20
SAID = 200  # characters of a server's own words


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFile:
    """A file that lies elsewhere.

    Attributes:
        name: its path there, with '/'.
        size: bytes; None if nobody says so.
        checksum: "sha256:…", "md5:…" or "git:…" (the digest of git's blob); empty if nobody says so.
    """

    name: str
    url: str
    size: int | None
    checksum: str


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Goes where a server sends us, if that is a server as well; what opens one host's doors stays with that host."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        before, now = urlsplit(req.full_url), urlsplit(newurl)
        if now.scheme not in ("http", "https") or (before.scheme, now.scheme) == ("https", "http"):
            raise RemoteError(f"{req.full_url}: sends us to {visible(newurl[:SAID])}, which is not followed")
        request = super().redirect_request(req, fp, code, msg, headers, newurl)
        if request is not None and now.netloc != before.netloc:
            request.remove_header("Authorization")
        return request


_OPENER = urllib.request.build_opener(_Redirects)


def get_json(url: str, token: str = "") -> Any:
    """The JSON that a server answers with.

    Raises:
        RemoteError: it does not answer, refuses, or says something else.
    """
    return send("GET", url, token)


def send(method: str, url: str, token: str = "", *, content: Any = None, file: Path | None = None) -> Any:
    """Send a request; the JSON of the answer, or None if it is empty.

    Args:
        token: for the head "Authorization".
        content: JSON to send.
        file: to send as it is, in place of that.
    """
    import thulium

    head = {"User-Agent": f"thulium/{thulium.__version__}", "Accept": "application/json"}
    with contextlib.ExitStack() as stack:
        data: Any = None
        if file is not None:
            data = stack.enter_context(file.open("rb"))
            head |= {"Content-Type": "application/octet-stream", "Content-Length": str(file.stat().st_size)}
        elif content is not None:
            data, head["Content-Type"] = json.dumps(content).encode(), "application/json"
        answer = stack.enter_context(_answer(method, url, head, data, token))
        with _faults_of(url):
            text = answer.read(LARGEST_TEXT + 1)
    if len(text) > LARGEST_TEXT:
        raise RemoteError(f"{url}: answers with more than {LARGEST_TEXT / 1e6:.0f} MB, which is no answer to this")
    try:
        return json.loads(text) if text.strip() else None
    except (ValueError, RecursionError):
        raise RemoteError(f"{url}: answers with something that is no JSON: is the address right?") from None


def download(file: RemoteFile, to: Path, token: str = "", *, most: int) -> str:
    """Write a file that lies elsewhere, and hold it against what is known of it.

    Args:
        to: written anew; removed where the download fails.
        most: bytes that it may have.

    Returns:
        Its SHA-256.

    Raises:
        RemoteError: it cannot be had, or is not what was to come.
    """
    try:
        return _downloaded(file, to, token, most)
    except BaseException:
        to.unlink(missing_ok=True)
        raise


def _downloaded(file: RemoteFile, to: Path, token: str, most: int) -> str:
    with _answer("GET", file.url, {"Accept": "*/*"}, None, token) as answer:
        length = answer.headers.get("Content-Length", "")
        announced = int(length) if length.isdigit() else None
        expected = file.size if file.size is not None else announced
        if expected is not None:
            _check_room(file, expected, to, most)
        if None not in (file.size, announced) and file.size != announced:
            raise RemoteError(f"{file.url}: has {announced} bytes, and {file.size} were to come: try again later")
        digests = {name: hashlib.new(name) for name in {"sha256", _algorithm(file)}}
        if file.checksum.startswith("git:"):
            digests["sha1"].update(f"blob {file.size}\0".encode())
        size = _copy(answer, file, to, digests, most)
    if expected is not None and size != expected:
        raise RemoteError(f"{file.url}: the connection was cut after {size} of {expected} bytes: run it again")
    wanted = file.checksum.partition(":")[2]
    if wanted and digests[_algorithm(file)].hexdigest() != wanted:
        raise RemoteError(
            f"{file.url}: what came is not what is listed there ({file.checksum}): it was changed on its way; try again"
        )
    return digests["sha256"].hexdigest()


def _algorithm(file: RemoteFile) -> str:
    named = file.checksum.partition(":")[0]
    return {"git": "sha1"}.get(named, named) or "sha256"


def _copy(answer: Any, file: RemoteFile, to: Path, digests: dict[str, Any], most: int) -> int:
    """Copy an answer into a file; the bytes that it had."""
    size = 0
    with to.open("wb") as out:
        while True:
            with _faults_of(file.url):
                piece = answer.read(PIECE)
            if not piece:
                return size
            size += len(piece)
            if size > most:
                raise RemoteError(f"{file.url}: has more than {most / 1e9:g} GB, and was left there")
            out.write(piece)
            for digest in digests.values():
                digest.update(piece)


def _check_room(file: RemoteFile, size: int, to: Path, most: int) -> None:
    if size > most:
        raise RemoteError(f"{file.url}: has {size / 1e9:.1f} GB, more than {most / 1e9:g}, and was left there")
    if size > (free := shutil.disk_usage(to.parent).free):
        raise RemoteError(f"{file.url}: has {size / 1e6:.0f} MB, and the disk has room for {free / 1e6:.0f}: make room")
    if size > 10 * PIECE:
        say(f"downloading {file.name}, {size / 1e6:.0f} MB")


@contextlib.contextmanager
def _answer(method: str, url: str, head: dict[str, str], data: Any, token: str) -> Iterator[Any]:
    if urlsplit(url).scheme not in ("http", "https"):
        raise RemoteError(f"{visible(url[:SAID])}: is no address of a server, and is not opened")
    head = head | ({"Authorization": f"Bearer {token}"} if token else {})
    try:
        request = urllib.request.Request(url, data, head, method=method)
        with _faults_of(url):
            answer = _OPENER.open(request, timeout=TIMEOUT_S)
    except (ValueError, UnicodeError) as error:  # of an address that is none
        raise RemoteError(f"{visible(url[:SAID])}: is no address ({visible(str(error)[:SAID])})") from None
    with answer:
        yield answer


@contextlib.contextmanager
def _faults_of(url: str) -> Iterator[None]:
    """Say in words what a connection failed of."""
    try:
        yield
    except urllib.error.HTTPError as error:
        with error:
            _refused(url, error)
    except TimeoutError:
        raise RemoteError(f"{url}: said nothing for {TIMEOUT_S:g} s: try again later") from None
    except urllib.error.URLError as error:
        if isinstance(error.reason, TimeoutError):
            raise RemoteError(f"{url}: said nothing for {TIMEOUT_S:g} s: try again later") from None
        what = visible(str(getattr(error.reason, "strerror", None) or error.reason)[:SAID])
        raise RemoteError(f"{url}: cannot be reached ({what}): is this machine online?") from None
    except (http.client.HTTPException, OSError) as error:
        what = visible(str(error)[:SAID]) or type(error).__name__
        raise RemoteError(f"{url}: the connection was cut ({what}): run it again") from None


def _refused(url: str, error: urllib.error.HTTPError) -> NoReturn:
    """What a server answered in place of what was asked for.

    Raises:
        RemoteError: says so, with what can be done.
    """
    if error.code in (401, 403):
        what = (
            "is not there, or not for everybody: look at the name, at the terms on its page, and at the token "
            "(HF_TOKEN, ZENODO_TOKEN)"
        )
    elif error.code in (404, 410):
        what = "is not there: is the name right? What is private is not there for others either"
    elif 300 <= error.code < 400:
        what = "sends us elsewhere in a circle, or to what is no address of a server, which is not followed"
    elif error.code == 429:
        what = "had too many requests: try again in some minutes"
    elif error.code >= 500:
        what = "fails there: try again later"
    else:
        what = "refuses that"
    said = visible(error.read(SAID).decode("utf-8", "replace").strip())
    raise RemoteError(f"{url}: {what} (HTTP {error.code}{f': {said}' if said else ''})") from None
