"""A JSON-RPC proxy that misbehaves on demand: a real HTTP server in front of a real node."""

from __future__ import annotations

import http.client
import http.server
import json
import os
import signal
import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

BEHIND_BLOCKS = 5
HTML = b"<html><body><h1>502 Bad Gateway</h1></body></html>"


@dataclass
class Fault:
    """What goes wrong with the requests that ``method`` and ``matches`` name, while it is armed.

    ``kind`` is one of: slow, drop the answer, drop the request, duplicate, half, error, html,
    other chain, behind, count too high, kill before, kill after, act (``act`` is called once,
    before the first of them).
    """

    kind: str
    method: str
    matches: Callable[[list], bool] = lambda _parameters: True
    act: Callable[[], None] | None = None
    fired: int = 0


@dataclass
class Proxy:
    """Where it listens, whom it serves, the fault that is armed, and the process it may kill.

    ``after`` is told each request when it was answered.
    """

    backend: str
    other: str
    slow_seconds: float
    url: str = ""
    fault: Fault | None = None
    victim: int | None = None
    after: Callable[[str], None] = lambda _method: None
    seen: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def hit(self, method: str, parameters: list) -> Fault | None:
        """The armed fault, if this request is one of its."""
        fault = self.fault
        if fault is None or fault.method != method or not fault.matches(parameters):
            return None
        with self.lock:
            fault.fired += 1
            is_first = fault.fired == 1
        if fault.act is not None and is_first:
            fault.act()
        return fault


class Handler(http.server.BaseHTTPRequestHandler):
    """One request, passed on or spoiled."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        request = json.loads(body)
        proxy = self.server.proxy
        proxy.seen.append(request["method"])
        fault = proxy.hit(request["method"], request.get("params", []))
        getattr(self, "_" + (fault.kind if fault else "act").replace(" ", "_"))(proxy, body)
        proxy.after(request["method"])

    def _act(self, proxy, body):
        self._answer(forward(proxy.backend, body))

    def _slow(self, proxy, body):
        forward(proxy.backend, body)
        threading.Event().wait(proxy.slow_seconds)

    def _drop_the_answer(self, proxy, body):
        forward(proxy.backend, body)

    def _drop_the_request(self, _proxy, _body):
        self.close_connection = True

    def _duplicate(self, proxy, body):
        forward(proxy.backend, body)
        self._answer(forward(proxy.backend, body))

    def _half(self, proxy, body):
        self._answer(forward(proxy.backend, body), part=0.5)

    def _error(self, _proxy, body):
        error = {"code": -32603, "message": "internal error"}
        answer = {"jsonrpc": "2.0", "id": json.loads(body)["id"], "error": error}
        self._answer(json.dumps(answer).encode())

    def _html(self, _proxy, _body):
        self._answer(HTML)

    def _other_chain(self, proxy, body):
        self._answer(forward(proxy.other, body))

    def _behind(self, proxy, body):
        """A node that has not seen the newest blocks, nor what stands in them."""
        height = int(rpc(proxy.backend, "eth_blockNumber"), 16) - BEHIND_BLOCKS
        request = json.loads(body)
        request["params"] = [hex(height) if one == "latest" else one for one in request["params"]]
        answer = json.loads(forward(proxy.backend, json.dumps(request).encode()))
        found = answer.get("result")
        number = (found.get("blockNumber") or found.get("number")) if isinstance(found, dict) else 0
        if number and int(number, 16) > height:
            answer["result"] = None
        self._answer(json.dumps(answer).encode())

    def _count_too_high(self, proxy, body):
        answer = json.loads(forward(proxy.backend, body))
        answer["result"] = hex(int(answer["result"], 16) + 3)
        self._answer(json.dumps(answer).encode())

    def _kill_before(self, proxy, _body):
        os.kill(proxy.victim, signal.SIGKILL)

    def _kill_after(self, proxy, body):
        forward(proxy.backend, body)
        os.kill(proxy.victim, signal.SIGKILL)

    def _answer(self, answer, *, part=1.0):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer[: int(len(answer) * part)])

    def handle(self):
        try:
            super().handle()
        except OSError:
            self.close_connection = True  # whoever asked has gone

    def log_message(self, *_):
        pass


def forward(backend: str, body: bytes) -> bytes:
    """Hand a request to a node; its answer."""
    place = urlsplit(backend)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=20)
    try:
        connection.request("POST", "/", body, {"Content-Type": "application/json"})
        return connection.getresponse().read()
    finally:
        connection.close()


def rpc(url: str, method: str, *parameters):
    """Ask a node directly; an error of its is a failed test."""
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(parameters)}
    answer = json.loads(forward(url, json.dumps(body).encode()))
    assert "error" not in answer, answer
    return answer["result"]


@contextmanager
def running_proxy(backend: str, other: str, *, slow_seconds: float):
    """A proxy on a free port, ended at the end of the block."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.proxy = Proxy(backend, other, slow_seconds, f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.proxy
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
