"""A small installation on disk: keys, kyojo.toml, database, chain, and its members' hands.

Real files, the real clock and the real wiring, as a co-op would run it. The months lie in the
past, so that nothing here depends on the day of the test.
"""

from __future__ import annotations

import base64
import json
import socket
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from ledger import canonical
from ledger.chain.anchor import deploy_anchor_contract
from ledger.chain.node import open_node
from ledger.chain.quorum import key_address
from ledger.coop.envelope import Draft
from ledger.coop.signing import Seen, sign_decision, sign_entry
from ledger.coop.submission import Submission
from ledger.log.key import format_signing_key
from ledger.service.coop import Coop
from ledger.service.found import found
from ledger.service.month import settle_month
from ledger.service.office import write
from ledger.service.periods import open_period
from ledger.service.rules import propose_rules
from ledger.service.submit import entry_request, submit, submit_usage
from ledger.store.sequencer import Receipt
from ledger.usage.batch import seal_batch
from ledger.wiring import EMBEDDED_GAS_KEY, Installation, open_installation, write_secret
from tests.builder import (
    ORIGIN,
    RULES,
    SALT,
    authority,
    blob_ref,
    charter,
    log_key,
    record,
    signing_key,
)

SLUG = "kaga"
MONTH, NEXT = "2024-05", "2024-06"
FIRMS = ("bike", "bus", "ev")
MEMBERS = ("office", "town", "audit", *FIRMS)
ANCHORER = signing_key("anchorer")
RULES_TEXT = RULES.replace("effective_from: 2026-10-01", "effective_from: 2024-01-01")

CONFIG = """\
[database]
url = "sqlite:///kyojo.db"

[server]
host = "127.0.0.1"
port = {port}
domain = "127.0.0.1:{port}"

[coops.kaga]
origin = "{origin}"
log_key = "keys/log.key"
office_key = "keys/office.key"
settlement_secret = "keys/settlement.secret"

[coops.kaga.chain]
url = "embedded:chain.db"
anchorer_keys = ["keys/anchorer.key"]
"""


@dataclass(frozen=True)
class Place:
    """The folder of an installation."""

    root: Path

    @property
    def config(self) -> Path:
        return self.root / "kyojo.toml"

    def key_file(self, who: str) -> Path:
        return self.root / "keys" / f"{who}.key"

    def open(self) -> Installation:
        return open_installation(self.config)

    def contract(self) -> dict[str, Any]:
        found_: dict[str, Any] = json.loads((self.root / "contract.json").read_text())
        return found_

    def use_port(self, port: int) -> None:
        self.config.write_text(CONFIG.format(port=port, origin=ORIGIN))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def lay_out(root: Path) -> Place:
    """Keys, configuration and a chain with its contract; no co-op is founded yet."""
    place = Place(root)
    for who in MEMBERS:
        write_secret(place.key_file(who), signing_key(who).secret_hex)
    write_secret(place.key_file("anchorer"), ANCHORER.secret_hex)
    write_secret(root / "keys" / "settlement.secret", sha256(b"settlement").hexdigest())
    write_secret(place.key_file("log"), format_signing_key(log_key()))
    place.use_port(8000)
    anchorer = key_address(bytes.fromhex(ANCHORER.secret_hex))
    with open_node(f"embedded:{root / 'chain.db'}") as node:
        made = deploy_anchor_contract(node, EMBEDDED_GAS_KEY, signers=[anchorer], k=1)
    document = {
        "chain_id": made.chain_id,
        "contract": made.contract.lower(),
        "code_hash": made.code_hash.hex(),
    }
    (root / "contract.json").write_text(json.dumps(document))
    return place


def charter_of(place: Place, **changes: Any) -> Any:
    terms = {"anchors": [place.contract()], "authority": authority(later=True)}
    return charter(**{**terms, **changes})


def prepare(place: Place, **changes: Any) -> None:
    """Found the co-op, register what it shares, adopt its rules, open the month."""
    installation = place.open()
    coop = installation.coop(SLUG)
    found(coop, charter_of(place, **changes), [signing_key(who) for who in MEMBERS])
    facility = {"id": "hub-1", "name": {"ja": "拠点一", "en": "Hub 1"}, "owner": "bus"}
    write(coop, kind="facility-registered", body=facility)
    _adopt_rules(coop)
    funding = {"asset": "network", "id": "first", "member": "bus", "amount_minor": 5_000_000,
               "currency": "JPY", "origin": "member"}  # fmt: skip
    write(coop, kind="funding-reported", body=funding)
    carry(coop)
    open_period(coop, MONTH)
    revenue = {"period": MONTH, "id": "fares", "amount_minor": 1_000_001,
               "currency": "JPY", "origin": "member"}  # fmt: skip
    write(coop, kind="revenue-reported", body=revenue)
    carry(coop)
    installation.close()


def settle(place: Place) -> None:
    """Submit the month's usage, settle it, open the next month."""
    installation = place.open()
    coop = installation.coop(SLUG)
    for who, trips in (("bus", 413), ("ev", 291), ("bike", 137)):
        submit_usage(coop, usage_body(coop, who, line(f"{who}-1", measures={"trips": trips})))
    settle_month(coop, MONTH)
    carry(coop)
    settle_month(coop, MONTH)
    open_period(coop, NEXT)
    installation.close()


def _adopt_rules(coop: Coop) -> None:
    propose_rules(coop, RULES_TEXT.encode())
    carry(coop)


# What members sign.


def line(record_id: str, **changes: Any) -> bytes:
    """A record of the first month."""
    times = {"started_at": "2024-05-05T08:00:00+09:00", "ended_at": "2024-05-05T08:30:00+09:00"}
    return record(record_id, **{**times, **changes})


def next_line(record_id: str, **changes: Any) -> bytes:
    """A record of the month after it."""
    times = {"started_at": "2024-06-05T08:00:00+09:00", "ended_at": "2024-06-05T08:30:00+09:00"}
    return record(record_id, **{**times, **changes})


def seen(coop: Coop) -> Seen:
    with coop.reading() as (state, log):
        head = log.head()
    return Seen(ORIGIN, bytes.fromhex(state.genesis), head.size, head.root)


def draft(coop: Coop, who: str, kind: str, body: Any, **changes: Any) -> Draft:
    """An entry signed by a member; ``key``, ``sequence`` and ``seen`` may be others."""
    sequence = changes.get("sequence", coop.state().keys[signing_key(who).address].sequence)
    key = signing_key(changes.get("key", who))
    return sign_entry(key, changes.get("seen", seen(coop)), kind=kind, sequence=sequence, body=body)


def ballot(coop: Coop, who: str, subject_hash: str, action: str = "approve") -> Draft:
    state = coop.state()
    return sign_decision(
        signing_key(who),
        seen(coop),
        sequence=state.keys[signing_key(who).address].sequence,
        action=action,
        subject=state.proposals[subject_hash].subject,
        subject_hash=subject_hash,
    )


def carry(coop: Coop) -> None:
    """The firms approve whatever waits."""
    for subject_hash in list(coop.state().proposals):
        for who in FIRMS:
            if subject_hash in coop.state().proposals:
                submit(coop, Submission(ballot(coop, who, subject_hash)))


def entry_body(coop: Coop, who: str, kind: str, body: Any, *blobs: bytes) -> bytes:
    """A request for POST entries."""
    named = {sha256(blob).hexdigest(): blob for blob in blobs}
    return entry_request(draft(coop, who, kind, body), named)


def usage_head(coop: Coop, who: str, *lines: bytes, **changes: Any) -> dict[str, Any]:
    """The first line of a batch; ``body`` changes what is signed."""
    seed = sha256(b"".join(lines)).digest()
    sealed = seal_batch(lines, coop.state().scope(), seed=seed, salt=SALT)
    body = {
        "count": len(lines),
        "root": sealed.root.hex(),
        "totals": blob_ref(sealed.totals_blob),
        "account": "own",
        "custody": "ledger",
        "source": None,
        **changes.pop("body", {}),
    }
    return {
        "entry": draft(coop, who, "usage-batch", body, **changes).document(),
        "salt_seed": seed.hex(),
        "totals": base64.b64encode(sealed.totals_blob).decode(),
    }


def usage_body(coop: Coop, who: str, *lines: bytes, **changes: Any) -> bytes:
    """A request for POST usage."""
    return packed(usage_head(coop, who, *lines, **changes), *lines)


def packed(head: Any, *lines: bytes) -> bytes:
    return b"\n".join([canonical.encode(head), *lines]) + b"\n"


def send(coop: Coop, who: str, kind: str, body: Any) -> Receipt:
    return submit(coop, Submission(draft(coop, who, kind, body)))
