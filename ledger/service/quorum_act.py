"""Carry out an instruction that a contract's quorum has signed: check, store, send, follow.

One call does what can be done now and may be repeated: if the contract has not taken the step and
no transaction of ours is under way, check instruction and signatures against the contract, store
and send. Whoever sends it, the contract's event says that it was this instruction. Nothing is
signed here: what moves money or replaces signers is signed where the keys are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ledger.chain.anchor import ROTATE_GAS, read_signers
from ledger.chain.goals import PlainCall
from ledger.chain.instruction import Instruction, Rotation, find_effect
from ledger.chain.node import Node, open_node
from ledger.chain.outbox import FINISHED, OutboxRow
from ledger.chain.quorum import key_address, order_signatures
from ledger.chain.sender import Sender
from ledger.chain.signature_file import SignedFile
from ledger.chain.vault import PUBLISH_GAS
from ledger.errors import AnchorMismatch, QuorumMissing, WrongSigner
from ledger.service.anchor_access import LOCK_SECONDS, ChainAccess, choose_target
from ledger.service.anchor_rows import AnchorRows
from ledger.service.anchor_status import anchor_rows
from ledger.service.claims import VaultAccess, check_vault
from ledger.service.coop import Coop
from ledger.service.quorum_refusals import overtaken, require_possible
from ledger.service.sending import Sending
from ledger.service.vault_in_log import bound
from ledger.store.key_lock import key_lock

Access = VaultAccess | ChainAccess


@dataclass(frozen=True, slots=True)
class Quorum:
    """Who governs a contract at the latest block: signers in EIP-55, ``k`` of whom must sign."""

    contract: str
    signers: tuple[str, ...]
    k: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Carried:
    """Where an instruction stands.

    ``is_done`` is the contract's own word at the latest block; ``transaction`` is the one that did
    it, whoever sent it, or else our newest one for it. ``state`` and ``note`` are those of ours
    (see ``ledger.chain.outbox``); empty where we sent none.
    """

    is_done: bool
    state: str
    transaction: bytes | None
    block_number: int | None
    note: str


def governing(coop: Coop, access: Access, node: Node) -> Quorum:
    """The quorum of the contract that the settings name, checked on the node.

    Raises AnchorMismatch for another chain or other code, VaultMismatch for a vault that the log
    does not name, NotFound if nothing stands there.
    """
    if isinstance(access, VaultAccess):
        terms = check_vault(node, bound(coop.state(), access))
        return Quorum(access.contract, terms.signers, terms.k, terms.epoch)
    contract = choose_target(coop.state(), access, node).contract
    found = read_signers(node, contract)
    return Quorum(contract, found.signers, found.k, found.epoch)


def carry_out(
    coop: Coop,
    access: Access,
    instruction: Instruction,
    signed: Sequence[SignedFile],
    *,
    is_unproven: bool = False,
) -> Carried:
    """Send an instruction with its signatures, or follow the one that was sent.

    A rotation asks for the signatures of as many next signers as will then make a quorum, since a
    slip in an address would lock the contract for ever; ``is_unproven`` waives that. Raises
    Conflict if the contract would refuse, QuorumMissing, WrongSigner, BadSignature for what the
    signatures lack, AnchorMismatch for an instruction of another contract.
    """
    coop.sequencer.compare()
    with _working(coop, access, instruction) as work:
        work.move()
        if work.is_waiting():
            work.queue(signed, is_unproven=is_unproven)
            work.move()
        return work.status()


@contextmanager
def _working(coop: Coop, access: Access, instruction: Instruction) -> Iterator[_Work]:
    with open_node(access.url, wait_seconds=access.timeout_seconds) as node:
        quorum = governing(coop, access, node)
        _require_same(coop, node, quorum, instruction)
        sender = key_address(access.sender_key)
        with key_lock(
            coop.database, chain_id=node.chain_id, sender=sender, wait_seconds=LOCK_SECONDS
        ):
            yield _Work(coop, access, node, quorum, instruction, anchor_rows(coop))


@dataclass(frozen=True, slots=True)
class _Work:
    """One instruction under work: the node is open, the key's lock held."""

    coop: Coop
    access: Access
    node: Node
    quorum: Quorum
    instruction: Instruction
    rows: AnchorRows

    def move(self) -> None:
        Sending(self.coop, self.node, self.rows, self.access.depths).move(self._sender())

    def is_waiting(self) -> bool:
        """Whether it is neither done nor under way; raises Conflict if it never can be."""
        if any(row.state not in FINISHED for row in self._own_rows()):
            return False
        instruction = self.instruction
        if instruction.act.is_open(self.node, instruction.contract):
            return True
        if find_effect(self.node, instruction) is None:
            overtaken(instruction)
        return False

    def queue(self, signed: Sequence[SignedFile], *, is_unproven: bool) -> None:
        """Store the call; what the contract would refuse is found before that."""
        instruction = self.instruction
        require_possible(self.node, instruction)
        usable = usable_signatures(self.quorum, instruction, signed, is_unproven=is_unproven)
        data = instruction.act.call(usable)
        self.node.call(instruction.contract, data)  # tried without sending: costs nothing
        gas = ROTATE_GAS if isinstance(instruction.act, Rotation) else PUBLISH_GAS
        self._sender().queue(self._goal, data, gas=gas)

    def status(self) -> Carried:
        row = max(self._own_rows(), key=lambda row: (row.nonce, row.bump), default=None)
        instruction = self.instruction
        is_open = instruction.act.is_open(self.node, instruction.contract)
        effect = None if is_open else find_effect(self.node, instruction)
        own = None if row is None else row.transaction_hash
        return Carried(
            is_done=effect is not None,
            state="" if row is None else str(row.state),
            transaction=own if effect is None else effect,
            block_number=None if row is None else row.block_number,
            note="" if row is None else row.note,
        )

    @property
    def _goal(self) -> PlainCall:
        act, digest = self.instruction.act, self.instruction.digest
        return PlainCall(self.quorum.contract, f"{act.kind.lower()} by instruction {digest.hex()}")

    def _own_rows(self) -> list[OutboxRow]:
        goal, chain_id = self._goal, self.node.chain_id
        return [row for row in self.rows.all() if (row.goal, row.chain_id) == (goal, chain_id)]

    def _sender(self) -> Sender:
        access = self.access
        return Sender(self.node, access.sender_key, self.rows, access.fees, self.coop.clock)


def usable_signatures(
    quorum: Quorum,
    instruction: Instruction,
    signed: Sequence[SignedFile],
    *,
    is_unproven: bool = False,
) -> list[bytes]:
    """As many signatures as the contract asks for, of its signers, in its order.

    Raises as ``carry_out`` says; every file must be of somebody who has a say.
    """
    digest, act = instruction.digest, instruction.act
    by_signer = {one.signer(digest): one for one in signed}
    following = set(act.signers) if isinstance(act, Rotation) else set()
    for signer, file in by_signer.items():
        if signer not in {*quorum.signers, *following}:
            raise WrongSigner(
                f"{file.name} is of {signer}, who is none of the {len(quorum.signers)} signers of "
                f"{quorum.contract}; or it was made over something else "
                "現在の署名者の署名ではありません",
                signer=signer,
            )
    known = [one for signer, one in by_signer.items() if signer in quorum.signers]
    if len(known) < quorum.k:
        missing = [one for one in quorum.signers if one not in by_signer]
        raise QuorumMissing(
            f"the contract asks for {quorum.k} of its {len(quorum.signers)} signers, {len(known)} "
            f"signed this; not yet: {', '.join(missing)}. They sign with kyojo quorum sign. "
            f"Nothing was sent 署名は {quorum.k} 件中 {len(known)} 件です。送信していません",
            needed=quorum.k,
            found=len(known),
        )
    if isinstance(act, Rotation) and not is_unproven:
        _require_possession(act, set(by_signer))
    return order_signatures(digest, [one.signature for one in known])[: quorum.k]


def _require_possession(act: Rotation, signers: set[str]) -> None:
    """Raise QuorumMissing unless enough of the next signers have shown that they hold their keys.

    The contract does not ask for it. But fewer than k working keys are the end of a contract, and
    an address with a slip in it is nobody's.
    """
    shown = signers & set(act.signers)
    if len(shown) < act.k:
        missing = [one for one in act.signers if one not in shown]
        raise QuorumMissing(
            f"{act.k} of the next signers will have to sign from then on, {len(shown)} signed this "
            f"instruction and so showed that they hold their keys; not yet: {', '.join(missing)}. "
            "Have them sign it too, for with fewer working keys the contract is lost; or say "
            "--unproven. Nothing was sent "
            "新しい署名者が鍵を持つことを署名で示してください。送信していません",
            needed=act.k,
            found=len(shown),
        )


def _require_same(coop: Coop, node: Node, quorum: Quorum, instruction: Instruction) -> None:
    wanted = (node.chain_id, quorum.contract.lower())
    found = (instruction.chain_id, instruction.contract.lower())
    if wanted != found:
        raise AnchorMismatch(
            f"the instruction is for {found[1]} on chain {found[0]}, the settings lead to "
            f"{wanted[1]} on chain {wanted[0]} 指示書の契約と設定の契約が異なります"
        )
    origin = instruction.act.beside().get("origin", coop.log.origin)
    if origin != coop.log.origin:
        raise AnchorMismatch(
            f"the instruction is for {origin}, this is {coop.log.origin} 別の組合の指示書です"
        )
