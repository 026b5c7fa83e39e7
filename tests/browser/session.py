"""Chromium without a window, driven by a page that a local server gives it.

The page fetches work from 127.0.0.1 and posts its answers back: no driver, no socket protocol,
nothing to install beside the browser.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SECONDS = 300
Headers = Mapping[str, Mapping[str, str]]
KINDS = {"html": "text/html", "js": "text/javascript"}


class _Server(ThreadingHTTPServer):
    """Gives ``files`` by path with their ``headers``; keeps what is posted to ``/answer``."""

    def __init__(self, files: Mapping[str, bytes], headers: Headers) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files = files
        self.headers = headers
        self.answer: Any = None
        self.asked: list[str] = []
        self.answered = threading.Event()


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        path = self.path.partition("?")[0]
        data = self.server.files.get(path)
        self.send_response(404 if data is None else 200)
        kind = KINDS.get(path.rpartition(".")[2], "application/octet-stream")
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        for name, value in self.server.headers.get(path, {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data or b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()
        self.server.answer = json.loads(body)
        self.server.answered.set()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: what was asked for is kept in ``asked``."""


def run(
    files: Mapping[str, bytes], page: str, home: Path, *options: str, headers: Headers | None = None
) -> tuple[Any, list[str]]:
    """What ``page`` answers, and which paths were asked for; ``{port}`` in options is filled in."""
    server = _Server(files, headers or {})
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = server.server_address[1]
    url = page if page.startswith("file:") else f"http://127.0.0.1:{port}{page}"
    try:
        with _browsing(url.replace("{port}", str(port)), home, *options) as process:
            if not server.answered.wait(SECONDS):
                raise AssertionError(f"no answer; Chromium's status is {process.poll()}")
    finally:
        server.shutdown()
        server.server_close()
    return server.answer, server.asked


@contextmanager
def _browsing(url: str, home: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [
        str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
        "--disable-dev-shm-usage", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        f"--user-data-dir={home / 'profile'}", *options, url,
    ]  # fmt: skip
    environment = {**os.environ, "HOME": str(home)}
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(
        command, stdin=quiet, stdout=quiet, stderr=quiet, env=environment, start_new_session=True
    )
    try:
        yield process
    finally:
        os.killpg(process.pid, 9)
        process.wait()
