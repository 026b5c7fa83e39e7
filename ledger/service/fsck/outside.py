"""What others hold: members, witnesses, anchors, the contract; and from where on the log differs.

Whoever holds the log's key can write the whole database anew so that it fits together. What he
cannot write anew are the heads that others took: each is compared with the root that this log has
at that size. The largest size that agrees bounds the exposed tail; one that disagrees shows a
second history, which begins after the last head that still agrees.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ledger import canonical
from ledger.audit.anchor_evidence import verify_anchor_evidence
from ledger.audit.anchors import ChainView
from ledger.audit.trust import Trust
from ledger.chain.anchor import Head
from ledger.chain.outbox import OutboxRow
from ledger.coop.bodies import AnchorRecorded
from ledger.coop.successors import known_targets
from ledger.errors import AnchorMismatch, KyojoError
from ledger.log.merkle import SIZE_MAX
from ledger.service.fsck.fold import Fold
from ledger.service.fsck.report import Findings, OutsideHead, RestsOn, Voucher
from ledger.service.fsck.tree import TrueTree


def recorded_heads(fold: Fold, trust: Trust | None, chain: ChainView | None) -> list[OutsideHead]:
    """The heads of the anchors that entries record, each verified down to its block."""
    found = []
    for index, body in fold.anchors:
        place = ("entries", index, "data")
        try:
            _verify(fold, body)
            block = _Block(body.chain_id, body.contract, body.block_number, body.block_hash)
            rests_on = _rests_on(block, trust, chain)
        except KyojoError as error:
            if error.code == "chain-unavailable":
                raise
            fold.findings.add(
                "anchor-mismatch",
                place,
                error.message,
                f"アンカーの証拠が合いません: {error.message}",
            )
            continue
        by = f"entry {index}"
        found.append(OutsideHead("anchor", by, body.size, bytes.fromhex(body.root), rests_on))
    return found


def outbox_heads(
    rows: Iterable[tuple[OutboxRow, Head]],
    trust: Trust | None,
    chain: ChainView | None,
    findings: Findings,
) -> list[OutsideHead]:
    """The heads that stored transactions carry; one in a known block rests on that block."""
    found = []
    for row, head in rows:
        key = row.transaction_hash.hex()
        rests_on: RestsOn = "record"
        if row.block_number is not None and row.block_hash is not None:
            try:
                contract, block_hash = row.contract.lower(), row.block_hash.hex()
                block = _Block(row.chain_id, contract, row.block_number, block_hash)
                rests_on = _rests_on(block, trust, chain)
            except AnchorMismatch as error:
                findings.add(
                    "anchor-mismatch", ("outbox", key, "row"), error.message,
                    f"ブロックがチェーンと一致しません: {error.message}",
                )  # fmt: skip
                continue
        found.append(OutsideHead("outbox", f"transaction {key}", head.size, head.root, rests_on))
    return found


def contract_heads(fold: Fold, trust: Trust | None, chain: ChainView) -> list[OutsideHead]:
    """The heads that the log's contracts hold on the node's chain, those of past ones too."""
    charter = fold.state.charter
    if charter is None:
        return []
    found = []
    for _, target in known_targets(fold.state):
        if target.chain_id != chain.chain_id():
            continue
        known = trust.chain(target.chain_id, target.contract) if trust is not None else None
        wanted = known.code_hash if known is not None else target.code_hash
        code_hash = chain.code_hash(target.contract).hex()
        if code_hash != wanted:
            fold.findings.add(
                "anchor-mismatch", ("chain", f"{target.chain_id}/{target.contract}", "code"),
                f"the code there has the hash {code_hash}, expected {wanted}",
                "コントラクトのコードハッシュが一致しません",
            )  # fmt: skip
            continue
        size, root = chain.head(target.contract, charter.origin)
        if size:
            by = f"{target.contract} on chain {target.chain_id}"
            found.append(OutsideHead("contract", by, size, root, "node"))
    return found


def compare_heads(
    tree: TrueTree, heads: Sequence[OutsideHead], findings: Findings
) -> tuple[tuple[Voucher, ...], int]:
    """Compare outside heads with the log; answers with all of them and the last vouched size."""
    vouchers = tuple(
        Voucher(
            kind=head.kind,
            by=head.by,
            size=head.size,
            root=head.root.hex(),
            rests_on=head.rests_on,
            agrees=tree.root(head.size) == head.root if head.size <= tree.size else None,
        )
        for head in sorted(heads, key=lambda head: (head.size, head.kind, head.by))
    )
    agreeing = _believed(vouchers)
    for one in vouchers:
        if one.agrees is None:
            findings.add(
                "log-behind", ("logs", "", "size"),
                f"{one.kind} ({one.by}) holds size {one.size}, this log ends at {tree.size}: it "
                "was cut off, or restored from an old copy; sign nothing on top of it",
                f"{one.by} は {one.size} 件を保持していますが、この記録は {tree.size} 件です",
            )  # fmt: skip
        elif not one.agrees:
            start = max((other.size for other in agreeing if other.size < one.size), default=0)
            findings.add(
                "history-differs", ("entries", f"{start} to {one.size - 1}", ""),
                f"{one.kind} ({one.by}) holds another root at size {one.size}: from somewhere "
                f"after size {start} on this is another history than the one that was shown",
                f"{one.by} が保持する {one.size} 件時点の根が異なります。{start} 件より後の履歴が"
                "書き換えられています",
            )  # fmt: skip
    contradicted = min((one.size for one in vouchers if one.agrees is False), default=SIZE_MAX)
    outside = [one.size for one in agreeing if one.rests_on != "record" and one.size < contradicted]
    return vouchers, max(outside, default=0)


def _believed(vouchers: Sequence[Voucher]) -> list[Voucher]:
    """The heads that agree.

    What members signed stands in the database itself. Where a chain or a witness contradicts it,
    members' keys may have been stolen too, and their word counts for nothing.
    """
    is_doubtful = any(one.agrees is False and one.kind != "member" for one in vouchers)
    return [one for one in vouchers if one.agrees and not (is_doubtful and one.kind == "member")]


def _verify(fold: Fold, body: AnchorRecorded) -> None:
    facts = verify_anchor_evidence(
        canonical.parse_canonical(fold.blob(body.evidence.sha256), what="the evidence"),
        block_hash=bytes.fromhex(body.block_hash),
        chain_id=body.chain_id,
        contract=body.contract,
        origin=fold.state.terms().origin,
        size=body.size,
        root=bytes.fromhex(body.root),
    )
    if facts.block_number != body.block_number:
        raise AnchorMismatch(f"the block's number is {facts.block_number}")
    if facts.transaction_hash is not None and facts.transaction_hash.hex() != body.transaction:
        raise AnchorMismatch(f"the transaction is {facts.transaction_hash.hex()}")


@dataclass(frozen=True, slots=True)
class _Block:
    """A block in which an anchor on a contract is said to stand."""

    chain_id: int
    contract: str
    number: int
    hash: str


def _rests_on(block: _Block, trust: Trust | None, chain: ChainView | None) -> RestsOn:
    """Who knows the block; raises AnchorMismatch if somebody knows another one at its height."""
    rests_on: RestsOn = "record"
    number = block.number
    if chain is not None and chain.chain_id() == block.chain_id:
        found = chain.block_hash(number)
        if found is None or found.hex() != block.hash:
            shown = found.hex() if found is not None else "not there"
            raise AnchorMismatch(f"the node's block {number} is {shown}, not {block.hash}")
        rests_on = "node"
    known = trust.chain(block.chain_id, block.contract) if trust is not None else None
    trusted = known.block_hash(number) if known is not None else None
    if trusted is not None and trusted != block.hash:
        raise AnchorMismatch(f"block {number} is {trusted} in the trust file, not {block.hash}")
    return "trust-file" if trusted is not None else rests_on
