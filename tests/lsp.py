"""A client for the yaml-language-server that editors run: as much of the protocol as the tests need."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any

VERSION = "2.0.0"
SETTINGS = {"yaml": {"validate": True, "hover": True, "completion": True, "schemaStore": {"enable": False}}}
CAPABILITIES = {
    "textDocument": {
        "completion": {"completionItem": {"snippetSupport": True}},
        "hover": {"contentFormat": ["markdown"]},
    },
    "workspace": {"configuration": True},
}
WAIT_S = 60
INSTALL_S = 180


class Unavailable(Exception):
    """The server cannot be had here; the text says why."""


def install(folder: Path) -> Path:
    """The server's program, fetched with npm into a folder that keeps it.

    Raises:
        Unavailable: there is no npm, or it cannot get the package.
    """
    program = Path("node_modules", "yaml-language-server", "bin", "yaml-language-server")
    home = folder / VERSION
    if not (home / program).is_file():
        if shutil.which("npm") is None or shutil.which("node") is None:
            raise Unavailable("there is no npm here")
        unfinished = Path(tempfile.mkdtemp(dir=folder))
        words = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(unfinished)]
        words.append("--fetch-timeout=20000")  # milliseconds: one that does not answer is asked again soon
        words.append(f"yaml-language-server@{VERSION}")
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=INSTALL_S)
        except subprocess.TimeoutExpired:
            raise Unavailable(f"npm did not install yaml-language-server within {INSTALL_S} s") from None
        if done.returncode:
            raise Unavailable(f"npm cannot install yaml-language-server: {done.stderr.strip()[-300:]}")
        try:
            os.rename(unfinished, home)
        except OSError:  # another process was first
            shutil.rmtree(unfinished)
    return home / program


class Server:
    """A running server, with documents of one folder open in it."""

    def __init__(self, program: Path, root: Path) -> None:
        self.root = root
        self._process = subprocess.Popen(
            ["node", str(program), "--stdio"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._messages: Queue[dict[str, Any]] = Queue()
        self._diagnostics: dict[str, list[dict[str, Any]]] = {}
        self._count = self._opened = 0
        Thread(target=self._listen, daemon=True).start()
        self._ask("initialize", processId=os.getpid(), rootUri=root.as_uri(), capabilities=CAPABILITIES)
        self._tell("initialized")
        self._tell("workspace/didChangeConfiguration", settings=SETTINGS)

    def open(self, text: str) -> list[tuple[int, str]]:
        """Open a new document; what is marked in it, as (line from 1, message)."""
        self._opened += 1
        uri = self._uri
        self._tell("textDocument/didOpen", textDocument={"uri": uri, "languageId": "yaml", "version": 1, "text": text})
        self._wait(lambda _: uri in self._diagnostics)
        return sorted((one["range"]["start"]["line"] + 1, one["message"]) for one in self._diagnostics[uri])

    def complete(self, line: int, column: int) -> dict[str, dict[str, Any]]:
        """What is offered at a place (counted from 1) of the document opened last: label -> item."""
        found = self._ask("textDocument/completion", **self._place(line, column))
        return {item["label"]: item for item in found["items"]}

    def hover(self, line: int, column: int) -> str:
        """What is said about a place (counted from 1) of the document opened last, as Markdown."""
        found = self._ask("textDocument/hover", **self._place(line, column))
        return str(found["contents"]["value"]) if found else ""

    def close(self) -> None:
        """End the server."""
        self._process.kill()
        self._process.wait()

    @property
    def _uri(self) -> str:
        return (self.root / f"{self._opened}.yaml").as_uri()

    def _place(self, line: int, column: int) -> dict[str, Any]:
        return {"textDocument": {"uri": self._uri}, "position": {"line": line - 1, "character": column - 1}}

    def _ask(self, method: str, **params: Any) -> Any:
        self._count += 1
        number = self._count
        self._send({"id": number, "method": method, "params": params})
        return self._wait(lambda message: message.get("id") == number and "method" not in message).get("result")

    def _tell(self, method: str, **params: Any) -> None:
        self._send({"method": method, "params": params})

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self._process.stdin.flush()

    def _wait(self, is_wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Handle what the server says until the wanted message is there."""
        while True:
            try:
                message = self._messages.get(timeout=WAIT_S)
            except Empty:
                raise AssertionError(f"the server said nothing for {WAIT_S} s") from None
            if "method" in message and "id" in message:
                items = message["params"].get("items", ()) if message["method"] == "workspace/configuration" else None
                result = None if items is None else [SETTINGS.get(item.get("section")) for item in items]
                self._send({"id": message["id"], "result": result})
            if message.get("method") == "textDocument/publishDiagnostics":
                self._diagnostics[message["params"]["uri"]] = message["params"]["diagnostics"]
            if is_wanted(message):
                return message

    def _listen(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        length = 0
        while header := stream.readline():
            if header.lower().startswith(b"content-length"):
                length = int(header.split(b":")[1])
            elif not header.strip():
                self._messages.put(json.loads(stream.read(length)))
