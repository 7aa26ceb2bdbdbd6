"""A server on loopback that stands for the Hub and for Zenodo: it answers as a test says, and keeps what it is sent."""

from __future__ import annotations

import contextlib
import hashlib
import json
import socketserver
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit


class Answer(NamedTuple):
    """What is answered to a request.

    Attributes:
        announced: the length that is said; None: that of the body. More than there is: the connection is cut.
    """

    body: bytes = b""
    status: int = 200
    head: Mapping[str, str] = {}
    announced: int | None = None


class Asked(NamedTuple):
    """A request as it came."""

    method: str
    path: str
    body: bytes
    authorization: str


def as_json(content: Any, status: int = 200) -> Answer:
    return Answer(json.dumps(content).encode(), status, {"Content-Type": "application/json"})


@dataclass
class Stub:
    """The server.

    Attributes:
        answers: by "GET /path", without what stands behind a "?"; a method "ANY" is for all of them.
        asked: all requests, in their order.
    """

    url: str = ""
    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def reply(self, request: Asked) -> Answer:
        path = unquote(urlsplit(request.path).path)
        found = self.answers.get(f"{request.method} {path}", self.answers.get(f"ANY {path}", self.answers.get("ANY")))
        if found is None:
            return as_json({"error": "there is nothing here"}, 404)
        return found(request) if callable(found) else found

    def paths(self, method: str) -> list[str]:
        return [unquote(urlsplit(each.path).path) for each in self.asked if each.method == method]

    def hold(
        self, repository: str, files: Mapping[str, bytes], *, commit: str = "c" * 40, kind: str = "models", **more: Any
    ) -> None:
        """Have a repository of the Hub, under its branch and its commit."""
        prefix = "datasets/" if kind == "datasets" else ""
        rows = [
            {"rfilename": name, "size": len(content), "lfs": {"sha256": hashlib.sha256(content).hexdigest()}}
            if name.endswith((".safetensors", ".parquet"))
            else {"rfilename": name, "size": len(content), "blobId": git_blob(content)}
            for name, content in files.items()
        ]
        listed = as_json({"sha": commit, "siblings": rows, **more})
        for revision in ("main", commit):
            self.answers[f"GET /api/{kind}/{repository}/revision/{revision}"] = listed
        for name, content in files.items():
            self.answers[f"GET /{prefix}{repository}/resolve/{commit}/{name}"] = Answer(content)

    def hold_record(self, number: int, files: Mapping[str, bytes], license_: str = "cc-by-4.0") -> None:
        """Have a record of Zenodo."""
        rows = [
            {
                "key": name,
                "size": len(content),
                "checksum": f"md5:{hashlib.md5(content).hexdigest()}",
                "links": {"self": f"{self.url}/api/records/{number}/files/{name}/content"},
            }
            for name, content in files.items()
        ]
        record = {"id": number, "metadata": {"license": {"id": license_}}, "files": rows}
        self.answers[f"GET /api/records/{number}"] = as_json(record)
        for name, content in files.items():
            self.answers[f"GET /api/records/{number}/files/{name}/content"] = Answer(content)


def git_blob(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class _Server(ThreadingHTTPServer):
    def server_bind(self) -> None:
        """Without asking for this machine's name, which takes seconds where there is no network."""
        socketserver.TCPServer.server_bind(self)


@contextlib.contextmanager
def serving() -> Iterator[Stub]:
    """A server that runs until the block ends."""
    stub = Stub()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            request = Asked(self.command, self.path, body, self.headers.get("Authorization", ""))
            stub.asked.append(request)
            answer = stub.reply(request)
            self.send_response(answer.status)
            for name, value in answer.head.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body) if answer.announced is None else answer.announced))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _serve

        def log_message(self, format: str, *args: object) -> None:
            """Nothing on the screen."""

    server = _Server(("127.0.0.1", 0), Handler)
    stub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
