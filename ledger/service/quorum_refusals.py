"""What a contract would refuse of an instruction, said in words before anybody pays for it.

The contract's own reason is one line in English; here it is what stands against what, in both
languages, and what to do. What is not foreseen here is found by a call that is not sent.
"""

from __future__ import annotations

from typing import NoReturn

from ledger.chain.instruction import Expiry, Instruction, Rotation, Withdrawal
from ledger.chain.node import Node
from ledger.chain.quorum import address_word
from ledger.chain.vault import (
    SIGNERS_MAX,
    read_paid,
    read_published_at,
    read_sums,
    read_terms,
)
from ledger.errors import ChainUnavailable, Conflict, OutOfRange
from ledger.payout.claims import verify_claim
from ledger.period import format_posix

ZERO = "0x" + "00" * 20


def require_possible(node: Node, instruction: Instruction) -> None:
    """Check an instruction against the contract's state at the latest block.

    Signatures aside. Raises OutOfRange for values that can never be, Conflict for those that
    cannot be now, NotIncluded for a proof that leads elsewhere.
    """
    act, contract = instruction.act, instruction.contract
    if isinstance(act, Withdrawal):
        _withdrawal(node, contract, act)
    elif isinstance(act, Expiry):
        _expiry(node, contract, act)
    elif isinstance(act, Rotation):
        require_signer_set(act.signers, act.k)


def require_signer_set(signers: tuple[str, ...], k: int) -> None:
    """Raise OutOfRange unless the signers ascend, each once, none zero, with 1 ≤ k ≤ them ≤ 16."""
    words = [address_word(one) for one in signers]
    if words != sorted(set(words)) or (words and not any(words[0])):
        raise OutOfRange(
            "signers are each named once, in ascending order, none of them zero "
            "署名者は昇順で重複なく、ゼロアドレスを含めずに指定します"
        )
    if not 1 <= k <= len(signers) <= SIGNERS_MAX:
        raise OutOfRange(
            f"{k} of {len(signers)} signers cannot be a quorum: 1 to {SIGNERS_MAX} signers, and no "
            f"more needed than there are 定足数は署名者数（1〜{SIGNERS_MAX}名）以内です"
        )


def overtaken(instruction: Instruction) -> NoReturn:
    """Raise Conflict: the contract has gone past the step, and not by this instruction."""
    raise Conflict(
        f"{_OVERTAKEN[instruction.act.kind]}, so this instruction can never be carried out: make "
        "a new one and have it signed この指示書は無効になりました。新しく作成し、署名を集め直して"
        "ください",
        kind="overtaken",
    )


_OVERTAKEN = {
    Withdrawal.kind: "something else was withdrawn since it was made",
    Expiry.kind: "the account was paid, or its entitlement expired, in another way",
    Rotation.kind: "the signers were replaced since it was made",
}


def _withdrawal(node: Node, contract: str, act: Withdrawal) -> None:
    says = act.message
    _recipient(says.recipient, contract, "recipient 受取先")
    if says.amount == 0:
        raise OutOfRange("nothing is to be withdrawn: the amount is zero 引出額がゼロです")
    surplus = read_sums(node, contract, says.origin).surplus
    if says.amount > surplus:
        raise Conflict(
            f"the surplus of {says.origin} is {surplus} base units, {says.amount} are asked for: "
            "what a published tree covers is the members' "
            f"余剰は {surplus}（基本単位）で、{says.amount} は引き出せません",
            kind="unfunded",
            surplus=surplus,
        )


def _expiry(node: Node, contract: str, act: Expiry) -> None:
    says = act.message
    _recipient(says.reserve, contract, "reserve 積立先")
    verify_claim(says.root, says.account, says.cumulative, act.proof)
    first = read_published_at(node, contract, says.origin, says.root)
    if first == 0:
        raise Conflict(
            f"the vault has never published the root {says.root.hex()} for {says.origin}: take the "
            "file of claims of a publication この根は公開されたことがありません",
            kind="unpublished",
        )
    ends = first + read_terms(node, contract).claim_window_seconds
    if _now(node) < ends:
        raise Conflict(
            f"{says.account} may claim until {format_posix(ends)}; the quorum may let it expire "
            f"after that 請求期間は {format_posix(ends)} までです",
            kind="window-open",
            ends=ends,
        )
    paid = read_paid(node, contract, says.origin, says.account)
    if paid >= says.cumulative:
        raise Conflict(
            f"{says.account} was paid {paid} of {says.cumulative} base units: nothing is left to "
            "expire 失効させる残額がありません",
            kind="nothing-due",
        )
    left = read_sums(node, contract, says.origin).unclaimed
    if says.cumulative - paid > left:
        raise Conflict(
            f"{says.cumulative - paid} base units are due to {says.account}, {left} are left of "
            "what is published: the tree's leaves are more than its total "
            f"公開総額の残りは {left} です",
            kind="above-total",
        )


def _recipient(address: str, contract: str, role: str) -> None:
    if address.lower() in {ZERO, contract.lower()}:
        raise OutOfRange(
            f"the {role} is nobody, or the vault itself ゼロアドレスと契約自身は指定できません"
        )


def _now(node: Node) -> int:
    block = node.block("latest")
    if block is None:
        raise ChainUnavailable("the node has no block", kind="unknown")
    return block.timestamp
