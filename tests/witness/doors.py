"""Small HTTP servers in this process, behind which a witness is honest or anything but."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ledger.log.key import KeyType, SigningKey, format_vkey
from ledger.service.witness import Witness
from ledger.store.database import Database
from ledger.store.witness_heads import WitnessHeads
from tests.builder import log_key

CLOCK_SECONDS = 1_767_139_200


class Request(BaseHTTPRequestHandler):
    """One request; ``server.behave`` does with it what it likes."""

    body: bytes

    def do_POST(self) -> None:
        self.body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.behave(self)  # type: ignore[attr-defined]

    def do_GET(self) -> None:
        self.body = b""
        self.server.behave(self)  # type: ignore[attr-defined]

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Be quiet."""


Behave = Callable[[Request], None]


class Door:
    """Where a witness can be reached; ``behave`` may be changed at any time."""

    def __init__(self, name: str, behave: Behave | None = None, *, types: Sequence[KeyType]):
        seed = sha256(name.encode()).digest()
        self.name = name
        self.keys = [SigningKey(f"{name}.example", one, seed) for one in types]
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Request)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self.behave = behave
        self.count = 0
        self.server.behave = self._behave  # type: ignore[attr-defined]

    def _behave(self, request: Request) -> None:
        self.count += 1
        assert self.behave is not None
        self.behave(request)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    @property
    def policy_lines(self) -> str:
        lines = ""
        for number, key in enumerate(self.keys):
            name = self.name + ("-ml-dsa" if number else "")
            lines += f"witness {name} {format_vkey(key.verifier_key)} {self.url}\n"
        return lines


@contextmanager
def opened(
    name: str, behave: Behave | None = None, types: Sequence[KeyType] = (KeyType(0x04),)
) -> Iterator[Door]:
    door = Door(name, behave, types=types)
    thread = threading.Thread(target=door.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield door
    finally:
        door.server.shutdown()
        door.server.server_close()
        thread.join()


@contextmanager
def honest(
    folder: Path, name: str, types: Sequence[KeyType] = (KeyType(0x04),)
) -> Iterator[tuple[Door, Witness]]:
    """A door with a real witness behind it."""
    with opened(name, None, types) as door:
        heads = WitnessHeads(Database(f"sqlite:///{folder / name}.db"))
        witness = Witness(
            heads, keys=door.keys, logs=[log_key().verifier_key], clock=lambda: CLOCK_SECONDS
        )
        door.behave = through(witness)
        yield door, witness
        witness.close()


def through(witness: Witness) -> Behave:
    def behave(request: Request) -> None:
        if request.command == "GET":
            request.answer(200, witness.checkpoint(request.path.split("/")[1]))
            return
        found = witness.add_checkpoint(request.body)
        request.answer(found.status, found.body, Content_Type=found.media_type)

    return behave
