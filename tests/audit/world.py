"""A settled and anchored month for the audit's tests, its bundle, and hands that forge bundles."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from ledger import canonical
from ledger.audit.archive import ArchiveWriter, read_archive
from ledger.audit.bundle import MANIFEST, write_bundle
from ledger.audit.report import Report
from ledger.audit.trust import Trust, TrustedChain
from ledger.audit.verify import verify_bundle
from ledger.chain.anchor import (
    AnchorMessage,
    Head,
    anchor_call,
    anchor_digest,
    build_transaction,
    order_signatures,
    origin_hash,
    sign_digest,
)
from ledger.chain.evidence import build_anchor_evidence
from ledger.chain.node import Node
from ledger.coop.settlements import compute
from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from ledger.log.key import SigningKey as LogKey
from ledger.log.key import format_vkey
from ledger.log.note import Ed25519Signer
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
        return batch.seed, batch.judged.lines


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


def propose(world: World, *, lines: bytes | None = None, **changes: object) -> None:
    """The office proposes October's settlement; the arguments replace what it says."""
    computed = compute(world.state, "2026-10", world, SEED)
    lines = lines or computed.settlement.lines_blob
    document = {**computed.settlement.document, "lines": blob_ref(lines), **changes}
    blobs = (computed.inputs_blob, lines, SEED)
    names = ("inputs", "lines", "seed")
    body = {"settlement": document, **dict(zip(names, map(blob_ref, blobs), strict=True))}
    world.write("office", "settlement-proposed", body, *blobs)


def settle(world: World) -> None:
    propose(world)
    world.carry("bus", "ev")
    settled = {"period": "2026-10", "settlement_id": world.state.period("2026-10").settlement}
    world.write("office", "settlement-settled", settled)


def settled_world(**changes: object) -> World:
    world = new_world(**changes)
    world.prepare(with_usage=False)
    use_facilities(world)
    world.close()
    settle(world)
    return world


def anchor(world: World, node: Node, contract: str) -> None:
    """Bring the world's head to the chain and record it."""
    head = Head(len(world.entries), world.root(len(world.entries)))
    message = AnchorMessage(origin_hash(ORIGIN), Head(0, bytes(32)), head)
    digest = anchor_digest(message, chain_id=node.chain_id, contract=contract)
    signatures = order_signatures(digest, [sign_digest(digest, key) for key in ANCHORERS[:2]])
    data = anchor_call(message, [], signatures)
    transaction = build_transaction(node, EMBEDDED_PAYER, contract=contract, data=data, nonce=1)
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


def anchored_month(node: Node) -> Audited:
    """A settled month whose head stands on ``node``'s chain."""
    deployed = deploy(node, EMBEDDED_PAYER)
    target = {
        "chain_id": node.chain_id,
        "contract": deployed.contract.lower(),
        "code_hash": deployed.code_hash.hex(),
    }
    world = settled_world(anchors=[target])
    anchor(world, node, deployed.contract)
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
