"""A server on this machine whose answers fail just as a test asks for."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class File:
    """What stands at a path: its content, and what the server lets clients know of it."""

    content: bytes
    etag: str | None = '"one"'
    modified: str | None = None
    ranges: bool = True
    length: bool = True
    type: str = "application/octet-stream"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Request:
    """One request as it came, the code of the answer, and how many bytes of content went out."""

    path: str
    headers: Message
    method: str = "GET"
    code: int = 0
    sent: int = 0


class FaultServer(ThreadingHTTPServer):
    """Serve `files` by path; before that, take the faults queued for a path, one a request."""

    daemon_threads = True

    def __init__(self, host: str = "127.0.0.1"):
        super().__init__((host, 0), _Handler)
        self.files: dict[str, File] = {}
        self.faults: dict[str, deque[Callable[[_Handler, Request], bool]]] = {}
        self.requests: list[Request] = []
        self.released = threading.Event()
        self.address = f"http://{host}:{self.server_port}"

    @contextmanager
    def running(self) -> Iterator[FaultServer]:
        """Serve until the block ends."""
        thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            self.released.set()
            self.shutdown()
            thread.join()
            self.server_close()

    def handle_error(self, request, client_address) -> None:
        """A client that hangs up is part of the tests."""

    def serve(self, path: str, content: bytes, **known) -> str:
        """Let `content` stand at `path`; return its address."""
        self.files[path] = File(content, **known)
        return self.address + path

    def fail(self, path: str, *faults: Callable[[_Handler, Request], bool]) -> None:
        """Answer the next requests for `path` with these faults, in order."""
        self.faults.setdefault(path, deque()).extend(faults)

    def asked(self, path: str) -> list[Request]:
        """The requests for `path`, in order."""
        return [request for request in self.requests if request.path == path]

    def ranges(self, path: str) -> list[str | None]:
        """The Range header of each request for `path`."""
        return [request.headers["Range"] for request in self.asked(path)]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FaultServer

    def log_message(self, *_) -> None:
        """The tests look at `FaultServer.requests`."""

    def send_response(self, code, message=None) -> None:
        self.request_now.code = code
        super().send_response(code, message)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self.request_now = request = Request(self.path, self.headers, self.command)
        self.server.requests.append(request)
        queue = self.server.faults.get(self.path)
        if queue and queue.popleft()(self, request):
            return
        file = self.server.files.get(self.path)
        if file is None:
            self.say(404)
            return
        self.send_file(file, request)

    def say(self, code: int, headers: dict[str, str] | None = None, content: bytes = b"") -> None:
        self.send_response(code)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def send_file(self, file: File, request: Request, stop_after: int | None = None) -> None:
        content, total = file.content, len(file.content)
        start = self.start_of(file)
        if start is not None and start >= total:
            self.say(416, {"Content-Range": f"bytes */{total}"})
            return
        self.send_response(206 if start is not None else 200)
        if start is not None:
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
            content = content[start:]
        known = {"ETag": file.etag, "Last-Modified": file.modified, "Content-Type": file.type} | file.headers
        for name, value in known.items():
            if value is not None:
                self.send_header(name, value)
        if file.length:
            self.send_header("Content-Length", str(len(content)))
        else:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if self.command == "HEAD":
            return
        kept = content[:stop_after]
        # Noted first: the client may be done, and the test look, before the next line is reached.
        request.sent = len(kept)
        self.wfile.write(kept)

    def start_of(self, file: File) -> int | None:
        """First byte that is asked for; None where the whole file is to be sent."""
        asked = self.headers["Range"]
        condition = self.headers["If-Range"]
        if asked is None or not file.ranges or condition not in (None, file.etag, file.modified):
            return None
        return int(asked.removeprefix("bytes=").rstrip("-"))


def cut_after(count: int):
    """Send `count` bytes of what was asked for, then hang up."""

    def fault(handler: _Handler, request: Request) -> bool:
        handler.send_file(handler.server.files[request.path], request, stop_after=count)
        handler.close_connection = True
        return True

    return fault


def hang_up():
    """Hang up without a word."""

    def fault(handler: _Handler, request: Request) -> bool:
        handler.close_connection = True
        return True

    return fault


def answer(code: int, headers: dict[str, str] | None = None, content: bytes = b"no"):
    """Answer with a code."""

    def fault(handler: _Handler, request: Request) -> bool:
        handler.say(code, headers, content)
        return True

    return fault


def redirect(url: str, code: int = 302):
    """Send the client elsewhere."""
    return answer(code, {"Location": url}, b"")


def silence():
    """Never answer (until the test ends)."""

    def fault(handler: _Handler, request: Request) -> bool:
        handler.server.released.wait(20)
        handler.close_connection = True
        return True

    return fault


def stall_after(count: int):
    """Send `count` bytes, then nothing more."""

    def fault(handler: _Handler, request: Request) -> bool:
        handler.send_file(handler.server.files[request.path], request, stop_after=count)
        return silence()(handler, request)

    return fault


def then(action: Callable[[], None], fault=None):
    """Let something happen on the server before it answers."""

    def happens(handler: _Handler, request: Request) -> bool:
        action()
        return fault(handler, request) if fault else False

    return happens
