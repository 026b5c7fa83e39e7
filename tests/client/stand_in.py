"""A server that stands between a member and the real one, and breaks what it is told to break."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

Answer = tuple[int, dict[str, str], bytes]
Fault = Callable[["Handler", Callable[[], Answer]], None]
SIGNED = ("/usage", "/entries")


@dataclass
class StandIn:
    """What was asked, and what goes wrong: the faults are used up one by one."""

    target: str
    url: str = ""
    faults: list[Fault] = field(default_factory=list)
    always: dict[tuple[str, str], Fault] = field(default_factory=dict)
    asked: list[tuple[str, str, bytes]] = field(default_factory=list)

    def sent(self) -> list[bytes]:
        """The signed requests that arrived here."""
        return [body for method, path, body in self.asked if is_signed(method, path)]


def is_signed(method: str, path: str) -> bool:
    return method == "POST" and path.endswith(SIGNED)


class Handler(BaseHTTPRequestHandler):
    """Relays to the real server, or does what the next fault does."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    stand_in: StandIn

    def handle_one(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.partition("?")[0]
        self.stand_in.asked.append((self.command, path, body))
        fault = self.stand_in.always.get((self.command, path))
        if fault is None and is_signed(self.command, path) and self.stand_in.faults:
            fault = self.stand_in.faults.pop(0)
        (fault or relay)(self, lambda: self.ask(body))

    do_GET = do_POST = handle_one  # noqa: N815 - names that the base class looks for

    def ask(self, body: bytes) -> Answer:
        headers = {
            name: value
            for name, value in self.headers.items()
            if name.lower() in {"content-type", "content-encoding", "authorization"}
        }
        at = urlsplit(self.stand_in.target)
        line = HTTPConnection(str(at.hostname), at.port, timeout=10)
        line.request(self.command, self.path, body, headers)
        answer = line.getresponse()
        content = answer.read()
        line.close()
        return answer.status, {"Content-Type": str(answer.getheader("content-type"))}, content

    def reply(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Tests are quiet."""


def relay(handler: Handler, ask: Callable[[], Answer]) -> None:
    handler.reply(*ask())


def answers(status: int, body: bytes | str = b"", **headers: str) -> Fault:
    """The real server is not asked; this is answered instead."""
    data = body if isinstance(body, bytes) else body.encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler, _: handler.reply(status, named, data)


def refuses(status: int, code: str, **more: Any) -> Fault:
    """A problem document, as a kyojo server would write it."""
    problem = {"type": "x", "title": "x", "status": status, "detail": "refused by the stand-in",
               "code": code, "remedy": {"en": "x", "ja": "x"}, "errors": [], **more}  # fmt: skip
    return answers(status, json.dumps(problem), Content_Type="application/problem+json")


def reset(handler: Handler, _ask: Callable[[], Answer]) -> None:
    """The connection breaks off without an answer."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True


def half(handler: Handler, ask: Callable[[], Answer]) -> None:
    """The answer breaks off in the middle."""
    status, headers, body = ask()
    handler.send_response(status)
    for name, value in {**headers, "Content-Length": str(len(body))}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    handler.close_connection = True


def silence(handler: Handler, _ask: Callable[[], Answer]) -> None:
    """Longer than the client waits."""
    time.sleep(0.5)
    handler.close_connection = True


def after_taking(fault: Fault) -> Fault:
    """The real server takes the request; then this goes wrong with its answer."""

    def both(handler: Handler, ask: Callable[[], Answer]) -> None:
        taken = ask()
        fault(handler, lambda: taken)

    return both


@contextmanager
def standing_in(target: str) -> Iterator[StandIn]:
    """A stand-in before the server at ``target``, on a port of its own."""
    stand_in = StandIn(target)
    handler = type("OwnHandler", (Handler,), {"stand_in": stand_in})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    stand_in.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield stand_in
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
