"""Real processes on 127.0.0.1: witnesses with their own files, and a log's server beside them."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import httpx

from ledger.log.key import KeyType, SigningKey, format_signing_key, format_vkey
from ledger.wiring import write_secret
from tests.builder import ORIGIN, log_key
from tests.installation import Place, free_port

START_SECONDS_MAX = 60
REPOSITORY = Path(__file__).resolve().parent.parent.parent
LOG_VKEY = format_vkey(log_key().verifier_key)
ORIGIN_HASH = sha256(ORIGIN.encode()).hexdigest()

WITNESS_CONFIG = """\
[witness]
key = "witness.key"
{more}
logs = ["{log}"]
port = {port}
prefix = "/kyojo"
"""


@dataclass
class Process:
    """A process of ours, started and ended by the test."""

    command: Sequence[str]
    log: Path
    probe: str
    running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.launch()
        self.wait_until_up()

    def launch(self) -> None:
        with self.log.open("ab") as output:
            self.running = subprocess.Popen(
                [sys.executable, "-m", *self.command],
                cwd=REPOSITORY, stdout=output, stderr=output,
            )  # fmt: skip

    def wait_until_up(self) -> None:
        assert self.running is not None
        deadline = time.monotonic() + START_SECONDS_MAX
        with httpx.Client() as http:
            while time.monotonic() < deadline and self.running.poll() is None:
                try:
                    http.get(self.probe)
                except httpx.TransportError:
                    time.sleep(0.05)
                else:
                    return
        raise RuntimeError(f"it did not come up: {self.log.read_text(errors='replace')[-2000:]}")

    def kill(self) -> None:
        if self.running is not None:
            self.running.kill()
            self.running.wait()
            self.running = None


@dataclass
class WitnessProcess:
    """One member's witness: its folder, key and process."""

    folder: Path
    name: str
    log: str = LOG_VKEY
    ml_dsa: bool = False
    port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        self.folder.mkdir()
        more = 'ml_dsa_key = "ml-dsa.key"' if self.ml_dsa else ""
        for file, key in zip(("witness.key", "ml-dsa.key"), self.keys, strict=False):
            write_secret(self.folder / file, format_signing_key(key))
        self.config.write_text(WITNESS_CONFIG.format(more=more, log=self.log, port=self.port))
        self.process = self._process("ledger.cli", "witness", "serve")

    @property
    def config(self) -> Path:
        return self.folder / "kyojo.toml"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/kyojo"

    @property
    def keys(self) -> list[SigningKey]:
        seed = sha256(self.name.encode()).digest()
        plain = SigningKey(f"{self.name}.example", KeyType.ED25519_COSIGNATURE, seed)
        second = SigningKey(f"{self.name}.example", KeyType.ML_DSA_44, seed)
        return [plain, second] if self.ml_dsa else [plain]

    @property
    def policy_lines(self) -> str:
        lines = ""
        for number, key in enumerate(self.keys):
            name = self.name + ("-ml-dsa" if number else "")
            lines += f"witness {name} {format_vkey(key.verifier_key)} {self.url}\n"
        return lines

    def dying(self) -> Process:
        """The same witness, but its process ends, when told, between keeping and answering."""
        return self._process("tests.witness.dying")

    def note(self) -> bytes:
        return httpx.get(f"{self.url}/{ORIGIN_HASH}/checkpoint").content

    def _process(self, *command: str) -> Process:
        arguments = [*command, "--config", str(self.config)]
        return Process(arguments, self.folder / "log.txt", f"{self.url}/x/checkpoint")


def use_policy(place: Place, policy: str, *, port: int = 8000) -> None:
    """Give an installation a policy, and its server a port."""
    place.use_port(port)
    (place.root / "witnesses.policy").write_text(policy)
    text = place.config.read_text()
    more = 'witness_policy = "witnesses.policy"\noffice_key'
    place.config.write_text(text.replace("office_key", more, 1))


def two_of_three(witnesses: Sequence[WitnessProcess]) -> str:
    """The policy by which any two of three witnesses make the quorum."""
    names = " ".join(witness.name for witness in witnesses)
    lines = "".join(witness.policy_lines for witness in witnesses)
    return f"log {LOG_VKEY}\n{lines}group two 2 {names}\nquorum two\n"
