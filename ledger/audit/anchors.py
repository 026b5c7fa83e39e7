"""Anchors: whether each stands on the chain, and who says so.

An entry that records an anchor brings evidence, a canonical JSON blob that ``anchor_evidence``
verifies down to a block hash. What that block hash rests on is a question of its own: the auditor
knows the block (trust file), or asks a node, or neither; the report says which.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from ledger import canonical
from ledger.audit.anchor_evidence import AnchorFacts, verify_anchor_evidence
from ledger.audit.fold import Fold
from ledger.audit.report import AnchorFact, Findings, RestsOn
from ledger.audit.targets import Followed, followed_targets
from ledger.audit.trust import Trust
from ledger.coop.bodies import AnchorRecorded
from ledger.coop.envelope import parse_envelope
from ledger.errors import AnchorMismatch, KyojoError, MalformedEntry, NotFound, OutOfRange
from ledger.period import format_instant, parse_instant

_TIME_MAX = 2**40
# What the clocks of a log and of a chain's block producers may be apart.
CLOCK_SLACK: Final = timedelta(minutes=15)


class ChainView(Protocol):
    """A node that the auditor trusts; every method may raise ChainUnavailable."""

    def chain_id(self) -> int:
        """The chain that the node serves."""
        ...

    def code_hash(self, contract: str) -> bytes:
        """keccak256 of the code at an address."""
        ...

    def head(self, contract: str, origin: str) -> tuple[int, bytes]:
        """Size and root that the contract holds at the finalized block; size 0 if none."""
        ...

    def block_hash(self, number: int) -> bytes | None:
        """The hash of the block at a height; None if there is none."""
        ...


@dataclass(frozen=True, slots=True)
class AnchorChecks:
    """Checks the anchors that a fold came across."""

    fold: Fold
    trust: Trust | None
    chain: ChainView | None
    findings: Findings

    def run(self) -> tuple[AnchorFact, ...]:
        """Check every anchor, and the contract's own head if there is a node to ask."""
        targets = followed_targets(self.fold.state, self.trust)
        for found in targets:
            self._check_code(found)
        facts = tuple(self._check(targets, index, body) for index, body in self.fold.anchors)
        if self.chain is not None:
            self._ask_contracts(targets, self.chain)
        return facts

    def _check(self, targets: Sequence[Followed], index: int, body: AnchorRecorded) -> AnchorFact:
        proven: AnchorFacts | None = None
        rests_on: RestsOn = "nothing"
        try:
            proven = self._verify(body)
            rests_on = self._rests_on(targets, body)
            self._check_clock(body, proven.block_time)
        except KyojoError as error:
            if error.code == "chain-unavailable":
                raise
            self.findings.add_error(error, f"entry {index}, anchor")
        return AnchorFact(
            entry=index,
            chain_id=body.chain_id,
            contract=body.contract,
            size=body.size,
            block_number=body.block_number,
            block_hash=body.block_hash,
            block_time=_instant(proven.block_time) if proven is not None else None,
            rests_on=rests_on,
        )

    def _verify(self, body: AnchorRecorded) -> AnchorFacts:
        blob = self.fold.blob(body.evidence.sha256)
        facts = verify_anchor_evidence(
            canonical.parse_canonical(blob, what="the evidence"),
            block_hash=bytes.fromhex(body.block_hash),
            chain_id=body.chain_id,
            contract=body.contract,
            origin=self.fold.state.terms().origin,
            size=body.size,
            root=bytes.fromhex(body.root),
        )
        if facts.block_number != body.block_number:
            raise AnchorMismatch(
                f"the block's number is {facts.block_number}, the entry says {body.block_number}"
            )
        transaction = facts.transaction_hash
        if transaction is not None and transaction.hex() != body.transaction:
            raise AnchorMismatch(
                f"the transaction is {transaction.hex()}, the entry says {body.transaction}"
            )
        return facts

    def _check_clock(self, body: AnchorRecorded, block_time: int) -> None:
        """No entry was received after the chain held it; raises OutOfRange if one says so."""
        known = _instant(block_time)
        try:
            last = parse_envelope(self.fold.entry(body.size - 1)).received_at
        except (NotFound, MalformedEntry):
            return  # before a slice; or noted where it is read
        if known is not None and last > format_instant(parse_instant(known) + CLOCK_SLACK):
            raise OutOfRange(
                f"entry {body.size - 1} says that it was received at {last}, but the chain held "
                f"it at {known}: the log's clock was ahead"
            )

    def _rests_on(self, targets: Sequence[Followed], body: AnchorRecorded) -> RestsOn:
        """Who vouches for the block; raises AnchorMismatch if somebody knows another one."""
        place = (body.chain_id, body.contract)
        known = (one for one in targets if (one.target.chain_id, one.target.contract) == place)
        trusted = next((one.block_hash(body.block_number) for one in known), None)
        rests_on: RestsOn = "evidence-only"
        if self.chain is not None and self.chain.chain_id() == body.chain_id:
            found = self.chain.block_hash(body.block_number)
            if found is None or found.hex() != body.block_hash:
                raise AnchorMismatch(
                    f"the node's block {body.block_number} is "
                    f"{found.hex() if found else 'not there'}, not {body.block_hash}"
                )
            rests_on = "node"
        if trusted is not None:
            if trusted != body.block_hash:
                raise AnchorMismatch(
                    f"block {body.block_number} is {trusted} in the trust file, "
                    f"not {body.block_hash}"
                )
            rests_on = "trusted-block"
        return rests_on

    def _check_code(self, found: Followed) -> None:
        """What the log says of a contract's code, compared with what the auditor trusts."""
        if found.target.code_hash != found.code_hash:
            self.findings.add(
                "anchor-mismatch", f"entry {found.index}, anchors, {found.target.contract}",
                f"the log says its code hash is {found.target.code_hash}, "
                f"the trust file {found.code_hash}",
                "台帳のコードハッシュが信頼ファイルと一致しません",
            )  # fmt: skip

    def _ask_contracts(self, targets: Sequence[Followed], chain: ChainView) -> None:
        for one in targets:
            contract = one.target.contract
            if one.target.chain_id != chain.chain_id():
                continue
            found = chain.code_hash(contract).hex()
            if found != one.code_hash:
                self.findings.add(
                    "anchor-mismatch", f"chain {one.target.chain_id}, {contract}",
                    f"the code there has the hash {found}, expected {one.code_hash}",
                    "コントラクトのコードハッシュが一致しません",
                )  # fmt: skip
                continue
            origin = self.fold.state.terms().origin
            self._compare_head(contract, chain.head(contract, origin))

    def _compare_head(self, contract: str, head: tuple[int, bytes]) -> None:
        size, root = head
        tree = self.fold.tree
        if size == 0 or size > tree.size or (size < tree.start and size not in tree.earlier):
            return  # never anchored, or outside this bundle: said among what is not checked
        if tree.root(size) != root:
            self.findings.add(
                "anchor-mismatch", f"entry {size - 1}, contract {contract}",
                f"the contract holds another root for the first {size} entries: "
                "this bundle and the chain are two different histories",
                f"コントラクトが保持する先頭 {size} 件の根が異なります",
            )  # fmt: skip


def later_heads(fold: Fold, trust: Trust | None, chain: ChainView | None) -> Sequence[int]:
    """Sizes that the contracts that count hold beyond the end of this bundle."""
    if chain is None:
        return ()
    number = chain.chain_id()
    sizes = [
        chain.head(one.target.contract, fold.state.terms().origin)[0]
        for one in followed_targets(fold.state, trust)
        if one.target.chain_id == number
        # Where there is other code, or none, nobody can be asked; that is a finding.
        and chain.code_hash(one.target.contract).hex() == one.code_hash
    ]
    return [size for size in sizes if size > fold.tree.size]


def _instant(posix_seconds: int) -> str | None:
    if not 0 <= posix_seconds < _TIME_MAX:
        return None
    try:
        return format_instant(datetime.fromtimestamp(posix_seconds, tz=UTC))
    except (ValueError, OverflowError, OSError):
        return None  # a block may name a time that no calendar has
