"""anvil without node: fetched with the npm client, checked against a pin, kept under var/tools."""

from __future__ import annotations

import base64
import functools
import hashlib
import platform
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

VERSION = "1.7.1"
PACKAGE = "@foundry-rs/anvil-linux-amd64"
SHA512 = "+XmShybEaxfCrr0OUUZwYEy2OnYZt5pHH9TzBtLv3+VrK0O/ANuNSVEahqNhKHlgX7GRJ59383ofNhxkRWIYTg=="
FOLDER = Path(__file__).parents[2] / "var" / "tools" / f"anvil-{VERSION}"
START_SECONDS = 10


def require_anvil():
    """The path of the pinned anvil, fetched once; without it the test is skipped, loudly."""
    path, reason = _look()
    if path is None:
        pytest.skip(f"NOT TESTED on a real node: {reason}")
    return path


@functools.cache
def _look():
    """The path and no reason, or no path and the reason; asked once in a run of the tests."""
    found = FOLDER / "anvil"
    if found.exists():
        return found, ""
    if sys.platform != "linux" or platform.machine() not in {"x86_64", "AMD64"}:
        return None, "only the Linux x86-64 build of anvil is pinned"
    npm = shutil.which("npm")
    if npm is None:
        return None, "the npm client, which fetches anvil, is not installed"
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as scratch:
        return _fetch(npm, Path(scratch), found)


def _fetch(npm, scratch, found):
    command = [npm, "pack", "--silent", "--fetch-retries=1", f"{PACKAGE}@{VERSION}"]
    try:
        packed = subprocess.run(
            command, cwd=scratch, capture_output=True, text=True, timeout=120, check=False
        )
    except subprocess.TimeoutExpired:
        return None, f"npm pack {PACKAGE}@{VERSION} took more than two minutes"
    if packed.returncode != 0:
        return None, f"npm pack {PACKAGE}@{VERSION} failed: {packed.stderr.strip()[-200:]}"
    (tarball,) = scratch.glob("*.tgz")
    digest = base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
    if digest != SHA512:
        raise AssertionError(f"{tarball.name} has sha512 {digest}, the pin is {SHA512}")
    with tarfile.open(tarball) as archive:
        binary = scratch / "anvil"
        binary.write_bytes(archive.extractfile("package/bin/anvil").read())
    binary.chmod(0o755)
    # Several test processes may fetch at once; each puts the same bytes there, whole.
    binary.rename(found)
    return found, ""


@contextmanager
def running_anvil(*flags, hardfork="cancun", epoch_slots=1, chain_id=31337):
    """A fresh anvil on a free port; yields its URL and ends it after."""
    path = require_anvil()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(path), "--silent", "--port", str(port), "--chain-id", str(chain_id)]
    command += ["--hardfork", hardfork, "--slots-in-an-epoch", str(epoch_slots), *flags]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_until_ready(child, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        child.terminate()
        child.wait(10)


def _wait_until_ready(child, port):
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise AssertionError(f"anvil ended with status {child.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError("anvil did not start")
