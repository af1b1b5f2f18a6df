"""A web server in a thread that serves one file, and misbehaves in the ways that a test asks for."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Answer:
    """How one request is answered; the defaults are those of a good server.

    `cut`: close the connection after so many bytes of the body. `pause`: seconds before each thousandth of it.
    """

    status: int = 0
    cut: int | None = None
    pause: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)


class FileServer:
    """Serves `content` at any path. `faults` are used up first, one a request; `requests` are the headers of each."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.etag: str | None = '"one"'
        self.modified: str | None = None
        self.ranges = True
        self.checks_if_range = True
        self.length = True
        self.chunked = False
        self.faults: list[Answer] = []
        self.requests: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.url = ""

    @property
    def starts(self) -> list[int]:
        """From which byte each request wanted the file."""
        return [int(one.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-")) for one in self.requests]


@contextlib.contextmanager
def serve(content: bytes) -> Iterator[FileServer]:
    """A FileServer, listening at `.url` until the block ends."""
    state = FileServer(content)
    handler = type("Handler", (_Handler,), {"state": state})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        state.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            yield state
        finally:
            server.shutdown()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: FileServer

    def do_GET(self) -> None:
        state = self.state
        state.requests.append(dict(self.headers.items()))
        state.paths.append(self.path)
        answer = state.faults.pop(0) if state.faults else Answer()
        self.close_connection = True
        start = state.starts[-1] if state.ranges else 0
        valid = self.headers.get("If-Range") in (None, state.etag, state.modified)
        if not valid and state.checks_if_range:
            start = 0
        with contextlib.suppress(ConnectionError):
            if answer.status:
                self._head(answer.status, {"Content-Length": "0", **answer.headers})
            elif start and start >= len(state.content):
                self._head(416, {"Content-Length": "0", "Content-Range": f"bytes */{len(state.content)}"})
            else:
                self._send(answer, start)

    def _send(self, answer: Answer, start: int) -> None:
        state = self.state
        body = state.content[start:]
        headers = dict(answer.headers)
        if start:
            end = len(state.content) - 1
            headers.setdefault("Content-Range", f"bytes {start}-{end}/{len(state.content)}")
        if state.chunked:
            headers["Transfer-Encoding"] = "chunked"
        elif state.length:
            headers.setdefault("Content-Length", str(len(body)))
        headers |= {"ETag": state.etag} if state.etag else {}
        headers |= {"Last-Modified": state.modified} if state.modified else {}
        self._head(206 if start else 200, headers)
        body = body[: answer.cut]
        step = max(1, len(body) // 1000) if answer.pause else max(1, len(body))
        for at in range(0, len(body), step):
            time.sleep(answer.pause)
            piece = body[at : at + step]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if state.chunked else piece)
        if state.chunked and answer.cut is None:
            self.wfile.write(b"0\r\n\r\n")

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass
