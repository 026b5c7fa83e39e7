"""Where the demo works: files, keys, configuration, the chain with its contract. All made once."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ledger.chain.anchor import deploy_anchor_contract
from ledger.chain.node import open_node
from ledger.chain.quorum import key_address
from ledger.identity.signature import SigningKey
from ledger.log.key import KeyType, format_signing_key, format_vkey, parse_signing_key
from ledger.log.key import SigningKey as LogKey
from ledger.wiring import EMBEDDED_GAS_KEY, new_secret, read_key, read_secret, write_secret

HERE = Path(__file__).parent
SLUG = "lugano"
SESSIONS = HERE / "sessions-2017-06.csv"
RULES = HERE / "rules.yaml"

CONFIG = """\
# Written by the demo; see ledger/config.py for what can be set.
[database]
url = "sqlite:///kyojo.db"

[server]
host = "127.0.0.1"
port = {port}
domain = "127.0.0.1:{port}"

[coops.{slug}]
origin = "{origin}"
log_key = "keys/log.key"
office_key = "keys/office.key"
settlement_secret = "keys/settlement.secret"

[coops.{slug}.chain]
url = "embedded:chain.db"
anchorer_keys = ["keys/anchorer.key"]
"""


@dataclass(frozen=True, slots=True)
class Place:
    """The demo's folder, and the constructed co-op that it plays."""

    root: Path
    coop: dict[str, Any]

    @property
    def members(self) -> list[str]:
        """The members' ids."""
        return [member["id"] for member in self.coop["members"]]

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.root / "kyojo.toml"

    @property
    def journals(self) -> Path:
        """The members' journals."""
        return self.root / "journals"

    def key(self, member: str) -> SigningKey:
        """A member's key."""
        return read_key(str(self.root / "keys" / f"{member}.key"))

    def log_vkey(self) -> str:
        """The log's public key."""
        text = (self.root / "keys" / "log.key").read_text(encoding="ascii").strip()
        return format_vkey(parse_signing_key(text).verifier_key)

    def contract(self) -> dict[str, Any]:
        """The anchor contract: chain id, address, code hash."""
        found: dict[str, Any] = json.loads((self.root / "contract.json").read_text())
        return found


def prepare(root: Path) -> Place:
    """Make what is missing; what is there stays, so an interrupted run goes on where it was."""
    coop = yaml.safe_load((HERE / "coop.yaml").read_text(encoding="utf-8"))
    place = Place(root, coop)
    root.mkdir(parents=True, exist_ok=True)
    _make_keys(place)
    if not place.config.exists():
        write_config(place, free_port())
    if not (root / "contract.json").exists():
        _deploy(place)
    return place


def write_config(place: Place, port: int) -> None:
    """Write the configuration for a port."""
    text = CONFIG.format(port=port, slug=SLUG, origin=place.coop["origin"])
    place.config.write_text(text, encoding="utf-8")


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _make_keys(place: Place) -> None:
    keys = place.root / "keys"
    for member in place.members:
        _make(keys / f"{member}.key", new_secret().hex())
    _make(keys / "settlement.secret", new_secret().hex())
    _make(keys / "anchorer.key", new_secret().hex())
    log_key = LogKey(place.coop["origin"], KeyType.ED25519, new_secret())
    _make(keys / "log.key", format_signing_key(log_key))


def _make(path: Path, text: str) -> None:
    if not path.exists():
        write_secret(path, text)


def _deploy(place: Place) -> None:
    """Deploy the anchor contract; if this run dies before it is noted, the next deploys anew."""
    anchorer = read_secret(str(place.root / "keys" / "anchorer.key"))
    with open_node(f"embedded:{place.root / 'chain.db'}") as node:
        made = deploy_anchor_contract(node, EMBEDDED_GAS_KEY, signers=[key_address(anchorer)], k=1)
    document = {
        "chain_id": made.chain_id,
        "contract": made.contract.lower(),
        "code_hash": made.code_hash.hex(),
    }
    draft = place.root / "contract.new"
    draft.write_text(json.dumps(document), encoding="ascii")
    draft.replace(place.root / "contract.json")
