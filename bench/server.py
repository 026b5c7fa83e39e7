"""A real ``kyojo serve`` process on 127.0.0.1, ended when the block ends."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from bench.coop import Place

REPOSITORY = Path(__file__).resolve().parent.parent
START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 15


@contextmanager
def serving(place: Place) -> Iterator[None]:
    """The server of a place; raises RuntimeError with its log if it does not come up."""
    log = place.folder / "server.log"
    command = [sys.executable, "-m", "ledger.cli", "serve", "--config", str(place.config)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=REPOSITORY, stdout=output, stderr=output)
        try:
            _await(process, place.url, log)
            yield
        finally:
            _stop(process)


def _await(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    with httpx.Client() as http:
        while time.monotonic() < deadline and process.poll() is None:
            try:
                http.get(f"{url}/v1").raise_for_status()
            except httpx.TransportError:
                time.sleep(0.1)
            else:
                return
    raise RuntimeError(f"the server did not come up: {log.read_text(errors='replace')[-2000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
