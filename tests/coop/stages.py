"""The test co-op at each stage of a month, and for every kind of entry a case that is accepted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from typing import Any

import pytest

from ledger import canonical
from ledger.coop.charter import Charter
from ledger.coop.corrections import compute_correction
from ledger.coop.envelope import parse_envelope
from ledger.coop.logkeys import possession_text
from ledger.coop.settlements import compute
from ledger.coop.submission import Submission
from ledger.errors import KyojoError
from ledger.log.key import KeyType, format_vkey
from ledger.log.key import SigningKey as LogKey
from ledger.log.note import Ed25519Signer, sign_note
from tests.builder import (
    FIRMS,
    ORIGIN,
    RULES,
    SALT,
    World,
    authority,
    blob_ref,
    charter,
    new_key,
    record,
    rules_body,
    signing_key,
)
from tests.coop.payout_bodies import export_body, order_body, results_body, set_destination

MONTH = "2026-10"
SEED = sha256(b"the seed of the sum trees").digest()
NOVEMBER = {
    "period": "2026-11",
    "start": "2026-10-31T15:00:00.000Z",
    "end": "2026-11-30T15:00:00.000Z",
}


def fork(world: World) -> World:
    """A copy that can go its own way; states and entries are immutable and shared."""
    return replace(
        world,
        entries=list(world.entries),
        blobs=dict(world.blobs),
        rows=list(world.rows),
        batches=dict(world.batches),
    )


def settlement_body(
    world: World, month: str = MONTH, seed: bytes = SEED
) -> tuple[dict[str, Any], tuple[bytes, ...]]:
    """The body of a settlement's proposal, and the blobs that it names."""
    computed = compute(world.state, month, world, seed)
    blobs = (computed.inputs_blob, computed.settlement.lines_blob, seed)
    body = {
        "settlement": dict(computed.settlement.document),
        "inputs": blob_ref(blobs[0]),
        "lines": blob_ref(blobs[1]),
        "seed": blob_ref(seed),
    }
    return body, blobs


def rules_text(old: str = "", new: str = "") -> bytes:
    """A later version of the rule set, salted; ``old`` is replaced by ``new``."""
    later = RULES.replace("version: 1", "version: 2").replace("2026-10-01", "2026-12-01")
    assert old in later
    return SALT + (later.replace(old, new) if old else later).encode()


def propose(world: World, seed: bytes = SEED) -> str:
    """Propose the month's settlement; answers with its id."""
    body, blobs = settlement_body(world, seed=seed)
    world.write("office", "settlement-proposed", body, *blobs)
    return str(world.state.period(MONTH).settlement)


def admit(world: World, member: str, *roles: str) -> None:
    """Take in a member, by the votes of two firms."""
    body = {
        "id": member,
        "name": {"ja": member, "en": member},
        "roles": list(roles),
        "keys": [new_key(world, member, member)],
    }
    world.write("bus", "member-admitted", body)
    world.carry("bus", "ev")


def later_months(count: int) -> World:
    world = stage("closed")
    bounds = ["2026-10-31", "2026-11-30", "2026-12-31", "2027-01-31"]
    months = ["2026-11", "2026-12", "2027-01"]
    for month, start, end in list(zip(months, bounds, bounds[1:], strict=False))[:count]:
        body = {"period": month, "start": f"{start}T15:00:00.000Z", "end": f"{end}T15:00:00.000Z"}
        world.write("office", "period-opened", body)
    return world


def refuse(world: World, who: str, kind: str, body: dict, *blobs: bytes, error) -> KyojoError:
    before = world.state
    with pytest.raises(error) as caught:
        world.write(who, kind, body, *blobs)
    assert caught.value.code == error.code
    assert world.state is before
    return caught.value


@cache
def _stage(name: str) -> World:
    if name == "month":
        world = World()
        world.prepare()
        return world
    if name in ("all kinds", "disputable", "disputed"):
        world = World(charter=charter(authority=authority(later=True)))
        world.prepare()
        if name == "all kinds":
            return world
        world.close()
        propose(world)
        if name == "disputed":
            body, _ = dispute_body(world)
            world.write("bus", "dispute-opened", body)
        return world
    if name == "late":
        world = fork(_stage("disputable"))
        world.carry("bus", "ev")
        settlement = world.state.period(MONTH).settlement
        world.write("office", "settlement-settled", {"period": MONTH, "settlement_id": settlement})
        world.write("office", "period-opened", NOVEMBER)
        world.submit("ev", record("ev-late", measures={"trips": 59}))
        return world
    if name in OTHER_STAGES:
        return OTHER_STAGES[name]()
    before = {"closing": "month", "closed": "closing", "proposed": "closed"} | {
        "approved": "proposed",
        "settled": "approved",
    }
    world = fork(_stage(before[name]))
    if name in ("closing", "closed"):
        world.write("office", f"period-{name}", {"period": MONTH})
    elif name == "proposed":
        propose(world)
    elif name == "approved":
        world.carry("bus", "ev")
    else:
        settlement = world.state.period(MONTH).settlement
        world.write("office", "settlement-settled", {"period": MONTH, "settlement_id": settlement})
    return world


def stage(name: str) -> World:
    """The co-op when its October is in this state; ``month`` means open, with all its usage."""
    return fork(_stage(name))


def world_with(**changes: Any) -> World:
    """A prepared month of a co-op whose charter differs."""
    world = World(charter=charter(**changes))
    world.prepare()
    return world


def charter_with_authority(**rights: Any) -> Charter:
    """A charter in which some kinds have other rights."""
    changed = {k.replace("_", "-"): v for k, v in rights.items()}
    return charter(authority={**authority(later=True), **changed})


@dataclass(frozen=True)
class Case:
    """An accepted entry: at which stage, by whom, saying what; and a role that may not."""

    stage: str
    who: str
    make: Callable[[World], tuple[dict[str, Any], tuple[bytes, ...]]]
    wrong: str | None

    def submission(self, world: World, kind: str, **changes: Any) -> Submission:
        if kind == "usage-batch":
            return self._usage(world, **changes)
        body, blobs = self.make(world)
        who = changes.pop("who", self.who)
        body = changes.pop("body", body)
        draft = world.draft(who, kind, body, **changes)
        return Submission(draft, {sha256(blob).hexdigest(): blob for blob in blobs})

    def _usage(self, world: World, **changes: Any) -> Submission:
        made = world.usage("bus", record("bus-2"))
        body = changes.pop("body", made.draft.body)
        draft = world.draft(changes.pop("who", self.who), "usage-batch", body, **changes)
        return Submission(draft, made.blobs, made.batch)


def _figures(world: World) -> tuple[dict[str, Any], tuple[bytes, ...]]:
    blob = SALT + canonical.encode({"u1": {"bus": 3, "ev": 1}})
    body = {"period": MONTH, "section": "matrices", "id": "plays", "figures": blob_ref(blob)}
    return body, (blob,)


def plain(**body: Any) -> Callable[[World], tuple[dict[str, Any], tuple[bytes, ...]]]:
    return lambda world: (body, ())


def _admission(world: World) -> tuple[dict[str, Any], tuple[bytes, ...]]:
    body = {
        "id": "taxi",
        "name": {"ja": "タクシー", "en": "Taxi"},
        "roles": ["member"],
        "keys": [new_key(world, "taxi", "taxi")],
    }
    return body, ()


def _key(world: World) -> tuple[dict[str, Any], tuple[bytes, ...]]:
    return {"member": "bus", "key": new_key(world, "bus-2", "bus"), "label": "depot"}, ()


def _revocation(world: World) -> tuple[dict[str, Any], tuple[bytes, ...]]:
    return {"key": signing_key("ev").address, "reason": "lost"}, ()


def _rules(world: World) -> tuple[dict[str, Any], tuple[bytes, ...]]:
    text = rules_text()
    return rules_body(text), (text,)


def _settled(world: World) -> tuple[dict[str, Any], tuple[bytes, ...]]:
    return {"period": MONTH, "settlement_id": world.state.period(MONTH).settlement}, ()


def _anchor(world: World) -> tuple[dict[str, Any], tuple[bytes, ...]]:
    evidence = b"evidence"
    body = {
        "size": 5,
        "root": world.root(5).hex(),
        "chain_id": 31337,
        "contract": "0x" + "11" * 20,
        "transaction": "33" * 32,
        "block_number": 7,
        "block_hash": "44" * 32,
        "evidence": blob_ref(evidence),
    }
    return body, (evidence,)


def batches_of(world: World, member: str) -> list[int]:
    """The entry indices of a member's usage batches."""
    actor = signing_key(member).address
    drafts = {index: parse_envelope(world.entries[index]).draft for index in world.batches}
    return [index for index, draft in drafts.items() if draft.actor == actor]


def _erasure(world: World) -> tuple[dict[str, Any], tuple[bytes, ...]]:
    return {"batch": batches_of(world, "bus")[0], "records": [0], "reason": "on request"}, ()


def _decision(world: World) -> tuple[dict[str, Any], tuple[bytes, ...]]:
    hash_, proposal = next(iter(world.state.proposals.items()))
    words = {"action": "approve", "subject": proposal.subject, "subject_hash": hash_}
    return {**words, "comment": "良い"}, ()


def second_log_key() -> LogKey:
    return LogKey(ORIGIN, KeyType.ED25519, sha256(b"the second key of the log").digest())


def log_key_body(world: World, key: LogKey) -> dict[str, Any]:
    """The body that announces a log key, which shows possession."""
    text = possession_text(key.verifier_key, world.state.genesis)
    note = sign_note(text, [Ed25519Signer(key)]).decode()
    return {"vkey": format_vkey(key.verifier_key), "possession": note}


def _log_key(world: World) -> tuple[dict[str, Any], tuple[bytes, ...]]:
    return log_key_body(world, second_log_key()), ()


def _retirement(world: World) -> tuple[dict[str, Any], tuple[bytes, ...]]:
    return {"vkey": world.charter.log_keys[0], "reason": "old"}, ()


def correction_body(
    world: World, currency: str = "JPY", seed: bytes = SEED
) -> tuple[dict[str, Any], tuple[bytes, ...]]:
    """The body of the correction that is due, and the blobs that it names."""
    computed = compute_correction(world.state, currency, world, seed)
    blobs = (computed.correction.rows_blob, seed)
    document = dict(computed.correction.document)
    return {"correction": document, "rows": blob_ref(blobs[0]), "seed": blob_ref(seed)}, blobs


def dispute_body(world: World, **changes: Any) -> tuple[dict[str, Any], tuple[bytes, ...]]:
    """The body of a dispute: of bus, that its trips were 500."""
    body = {
        "period": MONTH,
        "settlement_id": world.state.period(MONTH).settlement,
        "line_ids": ["share/bus"],
        "claims": [{"where": "totals/trips/bus", "value": 500}],
        "reason": "a reader was broken",
        "evidence_hash": None,
    }
    return {**body, **changes}, ()


def settled_with_destinations() -> World:
    """October settled, of a co-op that knows payouts; all firms have bank accounts."""
    world = fork(_stage("disputable"))
    world.carry("bus", "ev")
    settlement = world.state.period(MONTH).settlement
    world.write("office", "settlement-settled", {"period": MONTH, "settlement_id": settlement})
    for firm in FIRMS:
        set_destination(world, firm)
    return world


def two_keys() -> World:
    """The log has announced a second key."""
    world = fork(_stage("month"))
    world.write("office", "log-key-added", log_key_body(world, second_log_key()))
    world.carry("bus", "ev")
    return world


def ordered() -> World:
    """The payable money is ordered."""
    world = fork(_stage("payable"))
    body, blobs = order_body(world)
    world.write("office", "payout-ordered", body, *blobs)
    world.carry("bus", "ev")
    return world


def exported() -> World:
    """The bank has the file of what is ordered."""
    world = fork(_stage("ordered"))
    body, blobs = export_body(world)
    world.write("office", "payout-exported", body, *blobs)
    return world


def _answer(world: World) -> tuple[dict[str, Any], tuple[bytes, ...]]:
    (dispute,) = world.state.disputes
    return {"dispute": dispute, "answer": "we have its log", "evidence_hash": "ab" * 32}, ()


def successor_body(**changes: Any) -> dict[str, Any]:
    """The body that names a successor of the test charter's one contract."""
    new = {"chain_id": 1, "contract": "0x" + "aa" * 20, "code_hash": "33" * 32}
    body = {"chain_id": 31337, "contract": "0x" + "11" * 20, "successor": new, "reason": "moved"}
    return {**body, **changes}


def vault_body(digits: str = "aa", **changes: Any) -> dict[str, Any]:
    """The body that names a first vault for yen; ``digits`` make its address."""
    vault = {"chain_id": 31337, "contract": "0x" + digits * 20, "code_hash": "33" * 32,
             "token": "0x" + "bb" * 20, "decimals": 18}  # fmt: skip
    body = {"currency": "JPY", "previous": None, "vault": vault, "orders_before": 0, "reason": ""}
    return {**body, **changes}


def after_vault(digits: str, previous: str, **changes: Any) -> dict[str, Any]:
    """The body that names a vault for yen after another."""
    before = {"chain_id": 31337, "contract": "0x" + previous * 20}
    return vault_body(digits, previous=before, **changes)


def change_body(world: World, **changes: Any) -> dict[str, Any]:
    """The body that changes the charter in force."""
    return {"charter": world.state.terms().hash().hex(), "changes": changes, "reason": ""}


def change_charter(world: World, *voters: str, who: str = "office", **changes: Any) -> None:
    """Change the charter, by the votes of two firms unless told."""
    world.write(who, "charter-changed", change_body(world, **changes))
    world.carry(*(voters or ("bus", "ev")))


def _change(world: World) -> tuple[dict[str, Any], tuple[bytes, ...]]:
    auditors = {"write": ["auditor"], "approve": {"roles": ["member"], "threshold": "1"}}
    co2 = {"id": "co2_g", "unit": "g", "name": {"ja": "排出量", "en": "CO2"}, "aliases": ["carbon"]}
    tips = {"id": "tips", "name": {"ja": "心付け", "en": "tips"}, "aliases": []}
    body = change_body(
        world,
        period={"grace_days": 3, "objection_days": 4, "lookback_periods": 5},
        payouts={"destination_days": 6},
        readers={"entries": "everyone", "totals": [], "records": ["member"], "settlements": []},
        authority={"kpi-reported": auditors},
        vocabulary={"metrics": [co2], "charges": [tips]},
    )
    return {**body, "reason": "a second town"}, ()


def _dispute_withdrawal(world: World) -> tuple[dict[str, Any], tuple[bytes, ...]]:
    (dispute,) = world.state.disputes
    return {"dispute": dispute, "reason": "found it"}, ()


def _withdrawal(world: World) -> tuple[dict[str, Any], tuple[bytes, ...]]:
    return {"subject_hash": next(iter(world.state.proposals)), "reason": "a wrong figure"}, ()


NAME = {"ja": "拠点二", "en": "Hub 2"}
MONEY = {"amount_minor": 5, "currency": "JPY"}

OTHER_STAGES = {
    "two keys": two_keys,
    "payable": settled_with_destinations,
    "ordered": ordered,
    "exported": exported,
}

CASES: dict[str, Case] = {
    "member-admitted": Case("month", "bus", _admission, "audit"),
    "member-left": Case("month", "bus", plain(member="bus", reason="sold"), None),
    "key-added": Case("month", "bus", _key, None),
    "key-revoked": Case("month", "bus", _revocation, None),
    "facility-registered": Case("month", "office", plain(id="hub-2", name=NAME, owner=None), "bus"),
    "payout-destination-set": Case(
        "month",
        "bus",
        plain(
            member="bus", currency="JPY", destination={"type": "evm", "address": "0x" + "55" * 20}
        ),
        "audit",
    ),
    "funding-reported": Case(
        "month",
        "office",
        plain(asset="network", id="grant", member="bus", origin="public", **MONEY),
        "bus",
    ),
    "revenue-reported": Case(
        "month", "office", plain(period=MONTH, id="adverts", origin="other", **MONEY), "bus"
    ),
    "cost-reported": Case(
        "month", "bus", plain(period=MONTH, id="cleaning", member="bus", **MONEY), "audit"
    ),
    "usage-batch": Case("month", "bus", plain(), "office"),
    "records-erased": Case("month", "bus", _erasure, "audit"),
    "usage-confirmed": Case("month", "bus", plain(period=MONTH, batches=1, records=1), "office"),
    "ruleset-proposed": Case("month", "bus", _rules, "audit"),
    "period-opened": Case("month", "office", plain(**NOVEMBER), "bus"),
    "period-closing": Case("month", "office", plain(period=MONTH), "bus"),
    "period-closed": Case("closing", "office", plain(period=MONTH), "bus"),
    "settlement-proposed": Case("closed", "office", settlement_body, "audit"),
    "settlement-settled": Case("approved", "office", _settled, "bus"),
    "log-key-added": Case("month", "office", _log_key, "bus"),
    "log-key-retired": Case("two keys", "office", _retirement, "bus"),
    "anchor-recorded": Case("month", "office", _anchor, "bus"),
    "decision": Case("proposed", "bus", _decision, None),
    "proposal-withdrawn": Case("proposed", "office", _withdrawal, None),
}

# Of the kinds that the first charters did not name; see ``tests.builder.LATER_KINDS``.
LATER_CASES: dict[str, Case] = {
    "correction-proposed": Case("late", "office", correction_body, "audit"),
    "dispute-opened": Case("disputable", "bus", dispute_body, "office"),
    "dispute-answered": Case("disputed", "office", _answer, "audit"),
    "dispute-withdrawn": Case("disputed", "bus", _dispute_withdrawal, "office"),
    "anchor-successor-named": Case("all kinds", "office", plain(**successor_body()), "bus"),
    "vault-named": Case("all kinds", "office", plain(**vault_body()), "bus"),
    "charter-changed": Case("all kinds", "office", _change, "audit"),
    "figures-reported": Case("all kinds", "office", _figures, "audit"),
    "payout-ordered": Case("payable", "office", order_body, "audit"),
    "payout-exported": Case("ordered", "office", export_body, "bus"),
    "payout-resulted": Case("exported", "office", results_body, "bus"),
    "kpi-reported": Case(
        "all kinds",
        "office",
        plain(
            period=MONTH,
            id="uptime_ppm",
            member="bus",
            value=998_000,
            scale=1_000_000,
            evidence_hash="cd" * 32,
        ),
        "audit",
    ),
}
ALL_CASES = {**CASES, **LATER_CASES}
