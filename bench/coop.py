"""The co-op that is measured: its files, its charter, its members, one month.

Keys come from their names, so that every run has the same; nothing of this is secret. The town
alone approves what needs approval: otherwise admitting 1,000 members would take 600,000 votes,
which is not what is measured.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from bench.records import CURRENCY, FACILITIES, MONTH
from ledger.coop.authority import default_authority
from ledger.coop.bodies import (
    CostReported,
    FacilityRegistered,
    LocalName,
    MemberAdmitted,
    NewKey,
)
from ledger.coop.charter import Charter
from ledger.coop.signing import Seen, show_possession, sign_decision
from ledger.coop.submission import Submission
from ledger.identity.signature import SigningKey
from ledger.log.key import KeyType, format_signing_key, format_vkey
from ledger.log.key import SigningKey as LogKey
from ledger.service.coop import Coop
from ledger.service.found import found
from ledger.service.office import write
from ledger.service.periods import open_period
from ledger.service.rules import propose_rules
from ledger.service.submit import submit
from ledger.wiring import Installation, open_installation, write_secret

ORIGIN = "bench.example/coop"
SLUG = "bench"
FOUNDERS_MAX = 60
Progress = Callable[[int, int], None]

CONFIG = """\
[database]
url = "{url}"

[server]
host = "127.0.0.1"
port = {port}
domain = "127.0.0.1:{port}"

[coops.{slug}]
origin = "{origin}"
log_key = "keys/log.key"
office_key = "keys/office.key"
settlement_secret = "keys/settlement.secret"
"""

RULES = f"""\
kyojo_rules: 1
ruleset: bench
version: 1
effective_from: {MONTH}-01
timezone: Asia/Tokyo
currency: {CURRENCY}
minor_digits: 0
pools:
  gross: {{from: [charge.fare]}}
steps:
  - {{id: opex, kind: recover_cost, source: gross, costs: [platform], limit: 40%}}
  - {{id: reserve, kind: reserve, source: gross, to: fund.reserve, rate: 5%}}
  - id: share
    kind: allocate
    source: gross
    parts:
      - {{id: energy, weight: 50%, key: {{kind: proportional, input: energy_wh}}}}
      - {{id: time, weight: 30%, key: {{kind: proportional, input: duration_s}}}}
      - {{id: heads, weight: 20%, key: {{kind: equal}}}}
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a measured co-op lives: its folder, its configuration file, its server's address."""

    folder: Path
    config: Path
    url: str

    def open(self) -> Installation:
        """The installation, in this process."""
        return open_installation(self.config)


def key_of(name: str) -> SigningKey:
    """The key of a member, made from its name."""
    return SigningKey(sha256(b"kyojo bench key " + name.encode()).digest())


def member_names(count: int) -> list[str]:
    """The names of the sharing members."""
    return [f"m{number:04d}" for number in range(count)]


def prepare(folder: Path, database_url: str, members: list[str]) -> Place:
    """Write keys and configuration, found the co-op and open its month."""
    place = _write_files(folder, database_url)
    installation = place.open()
    try:
        _found(installation.coop(SLUG), members[:FOUNDERS_MAX])
    finally:
        installation.close()
    return place


def admit(coop: Coop, members: list[str], progress: Progress) -> None:
    """Admit the members that the charter did not name: the office proposes, the town approves."""
    wanted = members[FOUNDERS_MAX:]
    genesis = bytes.fromhex(coop.state().genesis)
    for done, name in enumerate(wanted, start=1):
        shown = show_possession(key_of(name), origin=ORIGIN, genesis=genesis, member=name)
        keys = [NewKey.model_validate(shown)]
        body = MemberAdmitted(id=name, name=_name(name), roles=["member"], keys=keys)
        write(coop, kind="member-admitted", body=body)
        approve(coop)
        progress(done, len(wanted))


def approve(coop: Coop) -> None:
    """The town approves all that is proposed."""
    town = key_of("town")
    for subject_hash, proposal in coop.state().proposals.items():
        state = coop.state()
        draft = sign_decision(
            town,
            seen_now(coop),
            sequence=state.keys[town.address].sequence,
            action="approve",
            subject=proposal.subject,
            subject_hash=subject_hash,
        )
        submit(coop, Submission(draft))


def seen_now(coop: Coop) -> Seen:
    """The co-op and its newest tree head, as a signer names them."""
    with coop.reading() as (state, log):
        head = log.head()
    return Seen(ORIGIN, bytes.fromhex(state.genesis), head.size, head.root)


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _write_files(folder: Path, database_url: str) -> Place:
    port = free_port()
    text = CONFIG.format(url=database_url, port=port, slug=SLUG, origin=ORIGIN)
    config = folder / "kyojo.toml"
    config.write_text(text, encoding="utf-8")
    keys = folder / "keys"
    write_secret(keys / "log.key", format_signing_key(_log_key()))
    write_secret(keys / "office.key", sha256(b"kyojo bench key office").hexdigest())
    write_secret(keys / "settlement.secret", sha256(b"kyojo bench settlement").hexdigest())
    return Place(folder, config, f"http://127.0.0.1:{port}")


def _found(coop: Coop, members: list[str]) -> None:
    founders = {"office": "operator", "town": "municipality", **dict.fromkeys(members, "member")}
    found(coop, _charter(founders), [key_of(name) for name in founders])
    for facility in FACILITIES:
        body = FacilityRegistered(id=facility, name=_name(facility), owner=None)
        write(coop, kind="facility-registered", body=body)
    _adopt_rules(coop)
    open_period(coop, MONTH)
    cost = CostReported(
        period=MONTH, id="platform", member=members[0], amount_minor=250_000, currency=CURRENCY
    )
    write(coop, kind="cost-reported", body=cost)
    approve(coop)


def _adopt_rules(coop: Coop) -> None:
    propose_rules(coop, RULES.encode())
    approve(coop)


def _charter(founders: dict[str, str]) -> Charter:
    authority = {name: right.model_dump() for name, right in default_authority().items()}
    for right in authority.values():
        if right["approve"] is not None:
            right["approve"] = {"roles": ["municipality"], "threshold": "1"}
    return Charter.model_validate(
        {
            "origin": ORIGIN,
            "name": {"ja": "計測用の共助", "en": "Benchmark co-op"},
            "nonce": sha256(b"kyojo bench nonce").hexdigest(),
            "time_zone": "Asia/Tokyo",
            "currencies": [{"code": CURRENCY, "digits": 0}],
            "period": {
                "decided_by": "end", "grace_days": 0, "objection_days": 0, "lookback_periods": 2,
            },
            "members": [
                {"id": name, "name": _name(name).model_dump(), "roles": [role],
                 "keys": [key_of(name).address]}
                for name, role in founders.items()
            ],
            "authority": authority,
            "vocabulary": {
                "version": 1,
                "metrics": [
                    {"id": "energy_wh", "unit": "Wh", "name": _words("電力量", "energy"),
                     "aliases": []},
                    {"id": "duration_s", "unit": "s", "name": _words("利用時間", "duration"),
                     "aliases": []},
                ],
                "charges": [{"id": "fare", "name": _words("運賃", "fare"), "aliases": []}],
            },
            "readers": {
                "entries": "members",
                "totals": ["operator"], "records": ["operator"], "settlements": ["operator"],
            },
            "log_keys": [format_vkey(_log_key().verifier_key)],
            "anchors": [],
        }
    )  # fmt: skip


def _log_key() -> LogKey:
    return LogKey(ORIGIN, KeyType.ED25519, sha256(b"kyojo bench log").digest())


def _name(text: str) -> LocalName:
    return LocalName(ja=text, en=text)


def _words(ja: str, en: str) -> dict[str, str]:
    return {"ja": ja, "en": en}
