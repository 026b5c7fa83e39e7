"""A settled and anchored month for the audit's tests, its bundle, and hands that forge bundles."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from ledger import canonical
from ledger.audit.archive import ArchiveWriter, read_archive
from ledger.audit.bundle import MANIFEST, write_bundle
from ledger.audit.report import Report
from ledger.audit.slice import Head, write_slice
from ledger.audit.trust import Trust, TrustedChain
from ledger.audit.verify import verify_bundle
from ledger.chain.anchor import (
    AnchorMessage,
    anchor_call,
    anchor_digest,
    build_transaction,
    origin_hash,
)
from ledger.chain.anchor import (
    Head as AnchorHead,
)
from ledger.chain.evidence import build_anchor_evidence
from ledger.chain.node import Node
from ledger.chain.quorum import key_address, order_signatures, sign_digest
from ledger.coop.apply import apply
from ledger.coop.envelope import parse_envelope
from ledger.coop.erasure import erased_records
from ledger.coop.settlements import compute
from ledger.coop.state import State
from ledger.coop.submission import Submission
from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from ledger.log.key import SigningKey as LogKey
from ledger.log.key import format_vkey
from ledger.log.merkle import leaf_hash, prove_consistency, prove_inclusion
from ledger.log.note import Ed25519Signer
from ledger.period import parse_instant
from ledger.usage.held import HeldBatch
from tests.builder import ORIGIN, World, blob_ref, charter, log_key, record
from tests.chain.chain_world import ANCHORERS, EMBEDDED_PAYER, deploy

SEED = bytes(range(32, 64))


@dataclass(frozen=True)
class Audited:
    """A world, its bundle, and the trust of an auditor who knows the chain's block."""

    world: World
    bundle: bytes
    trust: Trust


class Source:
    """A world as the source of a bundle."""

    def __init__(self, world: World) -> None:
        self.world = world

    def entry_data(self, start: int, end: int):
        return iter(self.world.entries[start:end])

    def blob(self, digest: str) -> bytes:
        return self.world.blob(digest)

    def key_changes(self):
        return {}

    def batch(self, index: int):
        batch = self.world.batches[index]
        held = HeldBatch(batch.judged.lines, batch.seed)
        gone = erased_records(self.world.state, index)
        return held.without(gone) if gone else held

    def root(self, size: int) -> bytes:
        return self.world.root(size)

    def inclusion(self, index: int, size: int):
        return prove_inclusion(self._leaves(size), index)

    def consistency(self, old_size: int, new_size: int):
        return prove_consistency(self._leaves(new_size), old_size)

    def _leaves(self, size: int) -> list[bytes]:
        return [leaf_hash(data) for data in self.world.entries[:size]]


def new_world(**changes: object) -> World:
    keys = [format_vkey(log_key(ORIGIN).verifier_key)]
    return World(charter=charter(**{"log_keys": keys, **changes}))


def use_facilities(world: World) -> None:
    """Three members' usage, with a correction in the same batch and one in a later batch."""
    world.submit(
        "bus",
        record("bus-1", measures={"trips": 413}, charges={"fare": 900}, currency="JPY"),
        record("bus-2", measures={"trips": 7}),
        record("bus-3", measures={"trips": -7}, reverses="bus-2"),
    )
    world.submit("ev", record("ev-1", measures={"trips": 291}), record("ev-2"))
    world.submit("bike", record("bike-1", measures={"trips": 137}))
    world.submit("ev", record("ev-3", measures={"trips": -1}, reverses="ev-2"), n=1)


def propose(
    world: World, *, month: str = "2026-10", lines: bytes | None = None, **changes: object
) -> None:
    """The office proposes a month's settlement; the arguments replace what it says."""
    computed = compute(world.state, month, world, SEED)
    lines = lines or computed.settlement.lines_blob
    document = {**computed.settlement.document, "lines": blob_ref(lines), **changes}
    blobs = (computed.inputs_blob, lines, SEED)
    names = ("inputs", "lines", "seed")
    body = {"settlement": document, **dict(zip(names, map(blob_ref, blobs), strict=True))}
    world.write("office", "settlement-proposed", body, *blobs)


def settle(world: World, month: str = "2026-10") -> None:
    propose(world, month=month)
    world.carry("bus", "ev")
    settled = {"period": month, "settlement_id": world.state.period(month).settlement}
    world.write("office", "settlement-settled", settled)


def settled_world(world: World | None = None, **changes: object) -> World:
    world = world or new_world(**changes)
    world.prepare(with_usage=False)
    use_facilities(world)
    world.close()
    settle(world)
    return world


LATER = {
    "2026-11": ("2026-10-31T15:00:00.000Z", "2026-11-30T15:00:00.000Z"),
    "2026-12": ("2026-11-30T15:00:00.000Z", "2026-12-31T15:00:00.000Z"),
    "2027-02": ("2027-01-31T15:00:00.000Z", "2027-02-28T15:00:00.000Z"),
    "2027-01": ("2026-12-31T15:00:00.000Z", "2027-01-31T15:00:00.000Z"),
}


def open_month(world: World, month: str) -> None:
    start, end = LATER[month]
    world.write("office", "period-opened", {"period": month, "start": start, "end": end})


def report_revenue(world: World, month: str, amount_minor: int) -> None:
    revenue = {"period": month, "id": "fares", "amount_minor": amount_minor,
               "currency": "JPY", "origin": "member"}  # fmt: skip
    world.write("office", "revenue-reported", revenue)
    world.carry("bus", "ev")


def record_in(month: str, record_id: str, **changes: object) -> bytes:
    times = {"started_at": f"{month}-05T08:00:00+09:00", "ended_at": f"{month}-05T08:30:00+09:00"}
    return record(record_id, **{**times, **changes})


def three_months(world: World | None = None, **changes: object) -> World:
    """October to December settled, and January open since November with usage of its own.

    Somebody sends a record of November late; the members'
    entries name heads of very different age.
    """
    world = settled_world(world, **changes)
    old = world.seen()
    open_month(world, "2026-11")
    report_revenue(world, "2026-11", 500_000)
    world.submit("bus", record_in("2026-11", "bus-1", measures={"trips": 50}))
    world.submit("ev", record_in("2026-11", "ev-1", measures={"trips": 31}))
    open_month(world, "2027-01")
    world.submit("bike", record_in("2027-01", "bike-9", measures={"trips": 3}), n=3)
    world.now = "2026-12-01T00:00:00.000Z"
    world.close("2026-11")
    settle(world, "2026-11")
    open_month(world, "2026-12")
    report_revenue(world, "2026-12", 700_000)
    confirmed = {"period": "2026-12", "batches": 0, "records": 0}
    world.accept(Submission(world.draft("bike", "usage-confirmed", confirmed, seen=old)))
    world.submit("bus", record_in("2026-12", "bus-1", measures={"trips": 70}))
    world.submit("bus", record_in("2026-12", "bus-2", measures={"trips": -70}, reverses="bus-1"))
    world.submit("ev", record_in("2026-12", "ev-1", measures={"trips": 13}), n=2)
    world.submit("ev", record_in("2026-11", "ev-late", measures={"trips": 2}), n=3)
    world.submit("bike", record_in("2027-01", "bike-10", measures={"trips": -3},
                                   reverses="bike-9"), n=4)  # fmt: skip
    world.now = "2027-01-01T00:00:00.000Z"
    world.close("2026-12")
    settle(world, "2026-12")
    return world


def state_at(world: World, size: int) -> State:
    state = State()
    for data in world.entries[:size]:
        state = apply(state, parse_envelope(data), world).state
    return state


def slice_of(
    world: World, start: int, end: int | None = None, *, start_note: bytes | None = None
) -> bytes:
    """Entries ``start`` … ``end`` − 1 of a world as a bundle of their own."""
    out = io.BytesIO()
    size = len(world.entries)
    head = Head(size, note_of(world.entries, world.root(size)))
    write_slice(
        out, Source(world), state=state_at(world, start), end=end or size, head=head,
        start_note=start_note,
    )  # fmt: skip
    return out.getvalue()


def anchor(world: World, node: Node, contract: str, *, travels: bool = True) -> None:
    """Bring the world's head to the chain, at the world's own time or later, and record it."""
    tester = node.web3.provider.ethereum_tester
    moment = int(parse_instant(world.now).timestamp())
    if travels and moment > node.block("latest").timestamp:
        tester.time_travel(moment)
    head = AnchorHead(len(world.entries), world.root(len(world.entries)))
    message = AnchorMessage(origin_hash(ORIGIN), AnchorHead(0, bytes(32)), head)
    digest = anchor_digest(message, chain_id=node.chain_id, contract=contract)
    signatures = order_signatures(digest, [sign_digest(digest, key) for key in ANCHORERS[:2]])
    data = anchor_call(message, [], signatures)
    nonce = node.nonce(key_address(EMBEDDED_PAYER))
    transaction = build_transaction(node, EMBEDDED_PAYER, contract=contract, data=data, nonce=nonce)
    node.send(transaction.raw)
    node.wait_for_receipt(transaction.hash)
    evidence, facts = build_anchor_evidence(
        node, transaction.hash, contract=contract, origin=ORIGIN, head=head, raw=transaction.raw
    )
    blob = canonical.encode(evidence)
    body = {
        "size": head.size, "root": head.root.hex(), "chain_id": node.chain_id,
        "contract": contract.lower(), "transaction": transaction.hash.hex(),
        "block_number": facts.block_number, "block_hash": facts.block_hash.hex(),
        "evidence": blob_ref(blob),
    }  # fmt: skip
    world.write("office", "anchor-recorded", body, blob)


def anchored_month(
    node: Node, make: Callable[..., World] = settled_world, *, travels: bool = True
) -> Audited:
    """A settled month (or what ``make`` makes) whose head stands on ``node``'s chain."""
    deployed = deploy(node, EMBEDDED_PAYER)
    target = {
        "chain_id": node.chain_id,
        "contract": deployed.contract.lower(),
        "code_hash": deployed.code_hash.hex(),
    }
    world = make(anchors=[target])
    anchor(world, node, deployed.contract, travels=travels)
    anchored = world.state.anchors[f"{node.chain_id}/{deployed.contract.lower()}"]
    blocks = ({"number": anchored.block_number, "hash": anchored.block_hash},)
    chain = TrustedChain.model_validate({**target, "blocks": blocks})
    return Audited(world, bundle_of(world), trust_in(world, chains=(chain,)))


def trust_in(world: World, **changes: object) -> Trust:
    values = {
        "origin": ORIGIN,
        "genesis": world.state.genesis,
        "log_keys": (format_vkey(log_key(ORIGIN).verifier_key),),
        **changes,
    }
    return Trust.model_validate(values)


def note_of(entries: list[bytes], root: bytes, key: LogKey | None = None) -> bytes:
    signer = Ed25519Signer(key or log_key(ORIGIN))
    return sign_checkpoint(Checkpoint(ORIGIN, len(entries), root), [signer])


def bundle_of(world: World, key: LogKey | None = None) -> bytes:
    """The bundle of a world as somebody with the log's key would write it."""
    out = io.BytesIO()
    size = len(world.entries)
    note = note_of(world.entries, world.root(size), key)
    write_bundle(out, Source(world), origin=ORIGIN, size=size, note=note)
    return out.getvalue()


def bundle_of_entries(world: World, entries: list[bytes]) -> bytes:
    """A bundle of other entries than the world took, signed by the log all the same."""
    forged = replace(world, entries=entries)
    shift = {data: index for index, data in enumerate(entries)}
    forged.batches = {
        shift[world.entries[index]]: batch
        for index, batch in world.batches.items()
        if world.entries[index] in shift
    }
    return bundle_of(forged)


def files_of(bundle: bytes) -> dict[str, bytes]:
    archive = read_archive(io.BytesIO(bundle))
    return {name: archive.read(name) for name in archive.members}


def rebuild(files: Mapping[str, bytes], *, fit: bool) -> bytes:
    """The archive of these files; ``fit`` makes the manifest's list describe them."""
    found = dict(files)
    if fit:
        manifest = canonical.parse(found.pop(MANIFEST))
        manifest["files"] = {
            name: {"sha256": sha256(data).hexdigest(), "bytes": len(data)}
            for name, data in found.items()
        }
        found[MANIFEST] = canonical.encode(manifest)
    return archive_of(found)


def archive_of(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    writer = ArchiveWriter(out)
    names = sorted(files, key=lambda name: (name == MANIFEST, name))
    for name in names:
        writer.add(name, files[name])
    writer.close()
    return out.getvalue()


def flipped(data: bytes, position: int, bit: int = 0) -> bytes:
    return data[:position] + bytes([data[position] ^ (1 << bit)]) + data[position + 1 :]


def verify(bundle: bytes, trust: Trust | None = None, **options: object) -> Report:
    return verify_bundle(io.BytesIO(bundle), trust, **options)


def places(report: Report) -> list[str]:
    return [finding.where for finding in report.findings]


def chain_url(folder: Path) -> str:
    return f"embedded:{folder / 'chain.sqlite'}"
