"""What a transaction is sent for, as a question to a contract's state at a block.

The outbox does not ask "was my transaction mined" but "does the contract hold what I wanted",
since a retry, a fee bump or somebody else may have brought it there. A goal is that question:

==============  ==================================================================================
kind            reached when
==============  ==================================================================================
anchored-head   CheckpointAnchor holds the wanted head of a log, or a longer one
published-root  RevenueVault has published the wanted claims root for the period, or did before
funded-vault    RevenueVault has had so much deposited for the co-op, in all
plain-call      no state shows it: a transaction of the row itself succeeded
==============  ==================================================================================

A goal is data: ``goal_document`` and ``parse_goal`` carry it through a database and back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError

from ledger.chain.anchor import Head, origin_hash, read_head
from ledger.chain.node import BlockTag, Node
from ledger.errors import MalformedDocument, NotFound
from ledger.identity.keccak import keccak


class Goal(Protocol):
    """What a contract should come to hold. Implementations are frozen dataclasses."""

    kind: ClassVar[str]
    """The name under which the goal is stored; stable."""

    by_state: ClassVar[bool]
    """False where no contract's state shows the goal, only the success of the transaction."""

    @property
    def contract(self) -> str:
        """Whom the transaction calls."""

    @property
    def description(self) -> str:
        """The goal in a few words, for people."""

    def reached(self, node: Node, at: int | BlockTag) -> bool:
        """Whether the state at a block shows the goal.

        False where the contract does not exist yet at that block. Raises ChainUnavailable.
        """

    def document(self) -> dict[str, Any]:
        """The goal's own values in JSON, without its kind."""


@dataclass(frozen=True, slots=True)
class AnchoredHead:
    """CheckpointAnchor at ``contract`` should hold ``head`` for the log ``origin``."""

    kind: ClassVar[str] = "anchored-head"
    by_state: ClassVar[bool] = True

    contract: str
    origin: str
    head: Head

    @property
    def description(self) -> str:
        """The log and the size."""
        return f"{self.origin} anchored at size {self.head.size}"

    def reached(self, node: Node, at: int | BlockTag) -> bool:
        """Whether the head at a block is the wanted one, or a later one."""
        try:
            return is_reached(self.head, read_head(node, self.contract, self.origin, at=at))
        except NotFound:
            return False

    def document(self) -> dict[str, Any]:
        """Contract, log and head."""
        head = {"size": self.head.size, "root": self.head.root.hex()}
        return {"contract": self.contract, "origin": self.origin, **head}


@dataclass(frozen=True, slots=True)
class PublishedRoot:
    """RevenueVault at ``contract`` should have published ``root`` for the co-op ``origin``.

    ``period`` is the month as the number YYYYMM. A period may be published again, and a root that
    was succeeded never stands again; so it is asked whether the root ever stood.
    """

    kind: ClassVar[str] = "published-root"
    by_state: ClassVar[bool] = True

    contract: str
    origin: str
    period: int
    root: bytes

    @property
    def description(self) -> str:
        """The co-op, the period and the root's first bytes."""
        return f"{self.origin} claims of {self.period} published as {self.root.hex()[:16]}…"

    def reached(self, node: Node, at: int | BlockTag) -> bool:
        """Whether the root was ever published, and the period or a later one stands."""
        name = origin_hash(self.origin)
        standing = _PUBLISHED + encode(["bytes32"], [name])
        when = _PUBLISHED_AT + encode(["bytes32", "bytes32"], [name, self.root])
        try:
            (period,) = decode(["uint64"], node.call(self.contract, standing, at=at))
            (moment,) = decode(["uint64"], node.call(self.contract, when, at=at))
        except DecodingError:
            return False
        return bool(moment != 0 and period >= self.period)

    def document(self) -> dict[str, Any]:
        """Contract, co-op, period and root."""
        place = {"contract": self.contract, "origin": self.origin}
        return {**place, "period": self.period, "root": self.root.hex()}


@dataclass(frozen=True, slots=True)
class FundedVault:
    """RevenueVault at ``contract`` should have had ``deposited`` base units, in all, of ``origin``.

    What was deposited never falls.
    """

    kind: ClassVar[str] = "funded-vault"
    by_state: ClassVar[bool] = True

    contract: str
    origin: str
    deposited: int

    @property
    def description(self) -> str:
        """The co-op and the sum."""
        return f"{self.origin} funded up to {self.deposited} base units"

    def reached(self, node: Node, at: int | BlockTag) -> bool:
        """Whether that much was deposited, by whomever."""
        asked = _DEPOSITED + encode(["bytes32"], [origin_hash(self.origin)])
        try:
            (found,) = decode(["uint256"], node.call(self.contract, asked, at=at))
        except DecodingError:
            return False
        return bool(found >= self.deposited)

    def document(self) -> dict[str, Any]:
        """Contract, co-op and sum; the sum in text, for it may be beyond JSON's integers."""
        place = {"contract": self.contract, "origin": self.origin}
        return {**place, "deposited": str(self.deposited)}


@dataclass(frozen=True, slots=True)
class PlainCall:
    """A transaction that should succeed once; ``purpose`` says in a few words what it does."""

    kind: ClassVar[str] = "plain-call"
    by_state: ClassVar[bool] = False

    contract: str
    purpose: str

    @property
    def description(self) -> str:
        """The purpose."""
        return self.purpose

    def reached(self, node: Node, at: int | BlockTag) -> bool:  # noqa: ARG002 - as the others
        """False: no state shows it, the receipt of the transaction does."""
        return False

    def document(self) -> dict[str, Any]:
        """Whom it calls and what for."""
        return {"contract": self.contract, "purpose": self.purpose}


# The part of RevenueVault that its goals need: published(originHash) -> (period, root, …),
# publishedAt(originHash, root) -> when the root was first published, 0 if never, and
# deposited(originHash) -> base units.
_PUBLISHED = keccak(b"published(bytes32)")[:4]
_PUBLISHED_AT = keccak(b"publishedAt(bytes32,bytes32)")[:4]
_DEPOSITED = keccak(b"deposited(bytes32)")[:4]


def is_reached(wanted: Head, head: Head) -> bool:
    """Whether the contract's head is the wanted one, or a later one.

    A later head extends the wanted one only if ours was ever there: the contract's events, or the
    log's own root at that size, tell. At an equal size the roots must be the same.
    """
    return head == wanted or head.size > wanted.size


def goal_document(goal: Goal) -> dict[str, Any]:
    """A goal in JSON."""
    return {"kind": goal.kind, **goal.document()}


def parse_goal(document: Mapping[str, Any]) -> Goal:
    """Read what ``goal_document`` wrote; raises MalformedDocument for a kind nobody knows."""
    values = {name: value for name, value in document.items() if name != "kind"}
    kind = document["kind"]
    if kind == AnchoredHead.kind:
        head = Head(values.pop("size"), bytes.fromhex(values.pop("root")))
        return AnchoredHead(**values, head=head)
    if kind == PublishedRoot.kind:
        return PublishedRoot(**{**values, "root": bytes.fromhex(values["root"])})
    if kind == FundedVault.kind:
        return FundedVault(**{**values, "deposited": int(values["deposited"])})
    if kind == PlainCall.kind:
        return PlainCall(**values)
    raise MalformedDocument(f"no transaction is sent for {kind!r}", kind=kind)
