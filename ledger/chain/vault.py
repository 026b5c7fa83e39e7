"""What RevenueVault understands: the messages to sign, the calls, its sums and its birth.

Settlement approvers sign EIP-712 structs in the domain ``kyojo vault`` (see ``quorum`` for the
packing); a co-op's name on chain is SHA-256 of its log's origin, a period the number YYYYMM. All
amounts are base units of the vault's one token. Reading needs a node and the vault's address,
nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import encode
from eth_utils.address import to_checksum_address

from contracts import load_contract
from ledger.chain.anchor import origin_hash
from ledger.chain.node import BlockTag, Node
from ledger.chain.quorum import (
    Deployment,
    address_word,
    call_data,
    decode_answer,
    deploy_contract,
    rotation_digest,
    signature_words,
    typed_digest,
    word,
)
from ledger.errors import Conflict, OutOfRange
from ledger.identity.address import parse_address
from ledger.identity.keccak import keccak

AMOUNT_MAX = 2**256 - 1
TOTAL_MAX = 2**128 - 1
PROOF_HASHES_MAX = 32
SIGNERS_MAX = 16
SEARCHES_MAX = 10_000
WINDOW_SECONDS_MIN, WINDOW_SECONDS_MAX = 2_592_000, 3_155_760_000
# Five years, as claims lapse under article 166 of the Japanese Civil Code.
DEFAULT_CLAIM_WINDOW_SECONDS = 157_788_000

# Room for 16 signatures and 32 hashes, and for a token that does more than it must; what is not
# used is not paid, but the sender must be able to.
PUBLISH_GAS = 400_000
CLAIM_GAS = 400_000
DEPLOY_GAS = 4_500_000

_NAME = "RevenueVault"
_DOMAIN = "kyojo vault"
_SIGNATURES = "(bytes32,bytes32,uint8)[]"
_PUBLISH_TYPE = keccak(
    b"Publish(bytes32 originHash,bytes32 previousRoot,uint32 period,bytes32 root,uint256 total)"
)
_HOLD_TYPE = keccak(b"Hold(bytes32 originHash,uint32 period,uint64 until,uint64 count)")
_RELEASE_TYPE = keccak(b"Release(bytes32 originHash,uint64 count)")
_EXPIRE_TYPE = keccak(
    b"Expire(bytes32 originHash,bytes32 root,address account,uint256 cumulative,address reserve)"
)
_WITHDRAW_TYPE = keccak(
    b"Withdraw(bytes32 originHash,uint256 previousWithdrawn,uint256 amount,address recipient)"
)
_FUNDED = keccak(b"Funded(bytes32,address,uint256,uint256)")


@dataclass(frozen=True, slots=True)
class Publication:
    """The tree that a co-op has published; zeros if it never did. ``period`` is YYYYMM."""

    period: int
    root: bytes
    total: int


@dataclass(frozen=True, slots=True)
class Hold:
    """No publication of ``period`` or later before ``until`` (seconds; 0: released).

    ``count`` is what the signatures of the next hold or release name.
    """

    period: int
    until: int
    count: int


@dataclass(frozen=True, slots=True)
class VaultSums:
    """Where the money of one co-op stands, in base units."""

    deposited: int
    withdrawn: int
    paid: int
    publication: Publication
    hold: Hold

    @property
    def unclaimed(self) -> int:
        """What the standing tree covers and nobody has claimed."""
        return self.publication.total - self.paid

    @property
    def surplus(self) -> int:
        """What is funded and covered by no tree."""
        return self.deposited - self.withdrawn - self.publication.total


@dataclass(frozen=True, slots=True)
class VaultTerms:
    """What a vault is: its token, the quorum of approvers (EIP-55, ascending), the window."""

    token: str
    decimals: int
    signers: tuple[str, ...]
    k: int
    epoch: int
    claim_window_seconds: int


@dataclass(frozen=True, slots=True)
class PublishMessage:
    """What approvers sign to publish: the step from the standing root to the next tree."""

    origin: str
    previous_root: bytes
    next: Publication


@dataclass(frozen=True, slots=True)
class ExpireMessage:
    """What approvers sign to let an entitlement expire, by a leaf of an old published tree."""

    origin: str
    root: bytes
    account: str
    cumulative: int
    reserve: str


@dataclass(frozen=True, slots=True)
class WithdrawMessage:
    """What approvers sign to take back surplus; ``previous`` is what was withdrawn before."""

    origin: str
    previous: int
    amount: int
    recipient: str


def period_number(period: str) -> int:
    """A month such as ``2026-11`` as the contract's number 202611."""
    return int(period.replace("-", ""))


def period_name(number: int) -> str:
    """The contract's number as a month; empty before the first publication."""
    return f"{number // 100:04d}-{number % 100:02d}" if number else ""


def publish_digest(message: PublishMessage, *, chain_id: int, contract: str) -> bytes:
    """The 32 bytes that an approver signs. Raises OutOfRange for fields that do not fit."""
    _check(message)
    words = (
        _PUBLISH_TYPE
        + origin_hash(message.origin)
        + message.previous_root
        + word(message.next.period)
        + message.next.root
        + word(message.next.total)
    )
    return typed_digest(_DOMAIN, words, chain_id=chain_id, contract=contract)


def hold_digest(origin: str, hold: Hold, *, chain_id: int, contract: str) -> bytes:
    """The 32 bytes that an approver signs to hold; ``hold.count`` is the present count."""
    fields = word(hold.period) + word(hold.until) + word(hold.count)
    words = _HOLD_TYPE + origin_hash(origin) + fields
    return typed_digest(_DOMAIN, words, chain_id=chain_id, contract=contract)


def release_digest(origin: str, count: int, *, chain_id: int, contract: str) -> bytes:
    """The 32 bytes that an approver signs to end the hold with this count."""
    words = _RELEASE_TYPE + origin_hash(origin) + word(count)
    return typed_digest(_DOMAIN, words, chain_id=chain_id, contract=contract)


def expire_digest(message: ExpireMessage, *, chain_id: int, contract: str) -> bytes:
    """The 32 bytes that an approver signs to let an entitlement expire."""
    words = (
        _EXPIRE_TYPE
        + origin_hash(message.origin)
        + message.root
        + address_word(message.account)
        + word(message.cumulative)
        + address_word(message.reserve)
    )
    return typed_digest(_DOMAIN, words, chain_id=chain_id, contract=contract)


def withdraw_digest(message: WithdrawMessage, *, chain_id: int, contract: str) -> bytes:
    """The 32 bytes that an approver signs to withdraw surplus."""
    fields = word(message.previous) + word(message.amount) + address_word(message.recipient)
    words = _WITHDRAW_TYPE + origin_hash(message.origin) + fields
    return typed_digest(_DOMAIN, words, chain_id=chain_id, contract=contract)


def rotate_vault_digest(
    signers: Sequence[str], *, k: int, epoch: int, chain_id: int, contract: str
) -> bytes:
    """The 32 bytes that the present quorum signs to install ``signers``, ending ``epoch``."""
    return rotation_digest(_DOMAIN, signers, k=k, epoch=epoch, chain_id=chain_id, contract=contract)


def fund_call(origin: str, amount: int) -> bytes:
    """The call data of ``fund``; the token must have been approved before."""
    return call_data("fund(bytes32,uint256)", [origin_hash(origin), amount])


def publish_call(message: PublishMessage, signatures: Sequence[bytes]) -> bytes:
    """The call data of ``publish``; signatures ascend by signer (``order_signatures``)."""
    _check(message)
    following = message.next
    values = [
        origin_hash(message.origin),
        message.previous_root,
        following.period,
        following.root,
        following.total,
        signature_words(signatures),
    ]
    return call_data(f"publish(bytes32,bytes32,uint32,bytes32,uint256,{_SIGNATURES})", values)


def claim_call(origin: str, account: str, cumulative: int, proof: Sequence[bytes]) -> bytes:
    """The call data of ``claim``."""
    values = _leaf(origin, account, cumulative, proof)
    return call_data("claim(bytes32,address,uint256,bytes32[])", values)


def hold_call(origin: str, hold: Hold, signatures: Sequence[bytes]) -> bytes:
    """The call data of ``hold``."""
    values = [origin_hash(origin), hold.period, hold.until, signature_words(signatures)]
    return call_data(f"hold(bytes32,uint32,uint64,{_SIGNATURES})", values)


def release_call(origin: str, count: int, signatures: Sequence[bytes]) -> bytes:
    """The call data of ``release``."""
    values = [origin_hash(origin), count, signature_words(signatures)]
    return call_data(f"release(bytes32,uint64,{_SIGNATURES})", values)


def expire_call(
    message: ExpireMessage, proof: Sequence[bytes], signatures: Sequence[bytes]
) -> bytes:
    """The call data of ``expire``; the proof leads to ``message.root``."""
    origin, account, cumulative, path = _leaf(
        message.origin, message.account, message.cumulative, proof
    )
    words = signature_words(signatures)
    values = [origin, message.root, account, cumulative, message.reserve, path, words]
    kinds = f"expire(bytes32,bytes32,address,uint256,address,bytes32[],{_SIGNATURES})"
    return call_data(kinds, values)


def withdraw_call(message: WithdrawMessage, signatures: Sequence[bytes]) -> bytes:
    """The call data of ``withdraw``."""
    values = [
        origin_hash(message.origin),
        message.previous,
        message.amount,
        message.recipient,
        signature_words(signatures),
    ]
    return call_data(f"withdraw(bytes32,uint256,uint256,address,{_SIGNATURES})", values)


def rotate_vault_call(
    signers: Sequence[str], *, k: int, epoch: int, signatures: Sequence[bytes]
) -> bytes:
    """The call data of ``rotate``."""
    values = [list(signers), k, epoch, signature_words(signatures)]
    return call_data(f"rotate(address[],uint8,uint64,{_SIGNATURES})", values)


def read_publication(
    node: Node, contract: str, origin: str, *, at: int | BlockTag = "latest"
) -> Publication:
    """What a co-op has published, at a block; raises NotFound if no vault stands there."""
    kinds = ["uint32", "bytes32", "uint256"]
    values = [origin_hash(origin)]
    period, root, total = _view(node, contract, "published(bytes32)", values, kinds, at=at)
    return Publication(period, root, total)


def read_sums(
    node: Node, contract: str, origin: str, *, at: int | BlockTag = "latest"
) -> VaultSums:
    """Where the money of a co-op stands at a block; raises NotFound if no vault stands there.

    Name a block by its number if the sums must fit each other while others use the vault.
    """
    return read_sums_of(node, contract, origin_hash(origin), at=at)


def read_sums_of(
    node: Node, contract: str, name: bytes, *, at: int | BlockTag = "latest"
) -> VaultSums:
    """The same for a co-op of which only its name on chain is known."""

    def view(call: str, kinds: Sequence[str]) -> tuple[Any, ...]:
        return _view(node, contract, f"{call}(bytes32)", [name], kinds, at=at)

    period, root, total = view("published", ["uint32", "bytes32", "uint256"])
    return VaultSums(
        deposited=view("deposited", ["uint256"])[0],
        withdrawn=view("withdrawn", ["uint256"])[0],
        paid=view("paidTotal", ["uint256"])[0],
        publication=Publication(period, root, total),
        hold=Hold(*view("held", ["uint32", "uint64", "uint64"])),
    )


def read_deposited(node: Node, contract: str, origin: str) -> int:
    """What was ever deposited for a co-op; raises NotFound if no vault stands there."""
    found: int = _view(node, contract, "deposited(bytes32)", [origin_hash(origin)], ["uint256"])[0]
    return found


def read_withdrawn(node: Node, contract: str, origin: str) -> int:
    """What of a co-op's surplus was ever withdrawn; raises NotFound if no vault stands there."""
    found: int = _view(node, contract, "withdrawn(bytes32)", [origin_hash(origin)], ["uint256"])[0]
    return found


def find_origins(
    node: Node, contract: str, *, first_block: int, last_block: int, window: int
) -> list[bytes]:
    """The names on chain of all co-ops that funded the vault in these blocks, oldest first.

    Asks for ``window`` blocks at a time. Raises OutOfRange for a range of more than
    SEARCHES_MAX windows.
    """
    if first_block < 0 or last_block - first_block >= window * SEARCHES_MAX:
        raise OutOfRange(
            f"blocks {first_block} to {last_block} are too many to search; begin where the vault "
            "was deployed",
            first_block=first_block,
        )
    found: dict[bytes, None] = {}
    for start in range(first_block, last_block + 1, window):
        end = min(start + window - 1, last_block)
        for entry in node.logs(contract, [_FUNDED], first_block=start, last_block=end):
            found[entry.topics[1]] = None
    return list(found)


def read_paid(
    node: Node, contract: str, origin: str, account: str, *, at: int | BlockTag = "latest"
) -> int:
    """What of an account's claims is settled; raises NotFound if no vault stands there."""
    values = [origin_hash(origin), account]
    found: int = _view(node, contract, "paid(bytes32,address)", values, ["uint256"], at=at)[0]
    return found


def read_published_at(node: Node, contract: str, origin: str, root: bytes) -> int:
    """When a co-op first published a root, in seconds; 0 if it never did."""
    kinds = "publishedAt(bytes32,bytes32)"
    found: int = _view(node, contract, kinds, [origin_hash(origin), root], ["uint64"])[0]
    return found


def read_terms(node: Node, contract: str) -> VaultTerms:
    """Token, quorum and window; raises NotFound if no vault stands there."""

    def view(name: str, kind: str) -> Any:
        return _view(node, contract, f"{name}()", [], [kind])[0]

    token = to_checksum_address(view("token", "address"))
    return VaultTerms(
        token=token,
        decimals=_decimals(node, token),
        signers=tuple(to_checksum_address(one) for one in view("signers", "address[]")),
        k=view("k", "uint8"),
        epoch=view("epoch", "uint64"),
        claim_window_seconds=view("claimWindow", "uint64"),
    )


def require_vault(node: Node, contract: str) -> VaultTerms:
    """The terms of the vault at ``contract``, whose code is the committed one over its token.

    Raises NotFound if what stands there does not answer as a vault, AnchorMismatch if its code is
    another.
    """
    terms = read_terms(node, contract)
    expected = keccak(load_contract(_NAME).runtime + address_word(terms.token))
    node.check(chain_id=node.chain_id, contract=contract, code_hash=expected)
    return terms


def read_balance(node: Node, token: str, account: str, *, at: int | BlockTag = "latest") -> int:
    """An account's balance of an ERC-20; raises NotFound if none stands there."""
    output = node.call(token, call_data("balanceOf(address)", [account]), at=at)
    found: int = decode_answer(["uint256"], output, contract=token, name="ERC-20")[0]
    return found


def deploy_vault_contract(  # noqa: PLR0913 - the terms of a vault
    node: Node,
    key: bytes,
    *,
    token: str,
    decimals: int,
    signers: Sequence[str],
    k: int,
    claim_window_seconds: int = DEFAULT_CLAIM_WINDOW_SECONDS,
) -> Deployment:
    """Deploy RevenueVault from the account of ``key`` and check what stands there.

    The deployer keeps no right. Raises OutOfRange for terms that cannot be, NotFound if ``token``
    is no ERC-20 with decimals, Conflict if these differ or the constructor refuses,
    AnchorMismatch if the code that stands there is another.
    """
    ordered = sorted(map(parse_address, signers), key=address_word)
    if not 1 <= k <= len(set(ordered)) == len(ordered) <= SIGNERS_MAX:
        raise OutOfRange(f"{k} of {len(ordered)} approvers, each once, cannot be a quorum")
    if not WINDOW_SECONDS_MIN <= claim_window_seconds <= WINDOW_SECONDS_MAX:
        raise OutOfRange("a claim window is of 30 days to 100 years", given=claim_window_seconds)
    found = _decimals(node, parse_address(token))
    if found != decimals:
        raise Conflict(f"the token at {token} has {found} decimals, not {decimals}")
    kinds = ["address", "uint8", "address[]", "uint8", "uint64"]
    arguments = encode(kinds, [token, decimals, ordered, k, claim_window_seconds])
    return deploy_contract(
        node,
        key,
        name=_NAME,
        arguments=arguments,
        gas=DEPLOY_GAS,
        immutables=address_word(token),
    )


def _decimals(node: Node, token: str) -> int:
    output = node.call(token, call_data("decimals()", []))
    found: int = decode_answer(["uint8"], output, contract=token, name="ERC-20")[0]
    return found


def _check(message: PublishMessage) -> None:
    following = message.next
    if any(len(one) != 32 for one in (message.previous_root, following.root)):
        raise OutOfRange("a publication names roots of 32 bytes each")
    if not any(following.root):
        raise OutOfRange("a publication's root is not zero")
    if not 0 <= following.total <= TOTAL_MAX:
        raise OutOfRange(f"a published total is below 2**128, not {following.total}")
    if not 190001 <= following.period <= 900012 or not 1 <= following.period % 100 <= 12:
        raise OutOfRange(f"{following.period} is not a month YYYYMM")


def _leaf(origin: str, account: str, cumulative: int, proof: Sequence[bytes]) -> list[Any]:
    if len(proof) > PROOF_HASHES_MAX or any(len(one) != 32 for one in proof):
        raise OutOfRange(f"a claim's proof has at most {PROOF_HASHES_MAX} hashes of 32 bytes")
    if not 0 < cumulative <= AMOUNT_MAX:
        raise OutOfRange(f"{cumulative} is no amount of a leaf")
    return [origin_hash(origin), account, cumulative, proof]


def _view(  # noqa: PLR0913 - one question, all its parts
    node: Node,
    contract: str,
    signature: str,
    values: Sequence[Any],
    kinds: Sequence[str],
    *,
    at: int | BlockTag = "latest",
) -> tuple[Any, ...]:
    """What a view of the vault answers; raises NotFound if that is no vault's answer."""
    output = node.call(contract, call_data(signature, values), at=at)
    return decode_answer(kinds, output, contract=contract, name=_NAME)
