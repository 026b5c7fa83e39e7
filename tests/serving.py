"""A real ``kyojo serve`` process over an installation on disk, ended with the block."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.installation import Place, free_port

REPOSITORY = Path(__file__).resolve().parent.parent
START_SECONDS = 60


@contextmanager
def serving(place: Place) -> Iterator[str]:
    """Yields the server's address."""
    port = free_port()
    place.use_port(port)
    url = f"http://127.0.0.1:{port}"
    log = place.root / "server.log"
    command = [sys.executable, "-m", "ledger.cli", "serve", "--config", str(place.config)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=REPOSITORY, stdout=output, stderr=output)
        try:
            _wait_for(url, process, log)
            yield url
        finally:
            process.terminate()
            process.wait(timeout=15)


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    with httpx.Client() as http:  # one: each loads the authorities, which slows the server down
        while time.monotonic() < until and process.poll() is None:
            try:
                if http.get(f"{url}/v1/health").is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
    raise RuntimeError(f"the server did not come up: {log.read_text('utf-8', 'replace')[-2000:]}")
