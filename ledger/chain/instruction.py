"""An instruction: what a contract's quorum is asked to sign, as a file that wallets understand.

It is made where there is a node, signed where the keys are, without a network, and sent where
there is a node again. The file is what ``eth_signTypedData_v4`` takes, EIP-712 in JSON, and beside
it ``kyojo``: what the signature does not cover and the call needs all the same::

    {"types": {…}, "primaryType": "Withdraw", "domain": {…}, "message": {…},
     "kyojo": {"instruction": 1, "origin": "ledger.example.jp/kaga", "from_block": 120}}

Integers of a message are decimal digits in text, since those of JSON end at 2**53. Invariant: an
instruction has one document. ``parse_instruction`` refuses every other, so that nobody is shown
another thing than what is signed.

Each instruction is good once: a withdrawal names what was withdrawn before, an expiry the amount
that the account reaches, a rotation the epoch that it ends. The event that the contract then logs
says whether it was this one that was carried out, whoever sent it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from eth_abi.abi import decode
from eth_utils.address import to_checksum_address

from ledger import canonical
from ledger.chain.anchor import origin_hash, read_signers, rotate_call, rotate_digest
from ledger.chain.evidence import LOG_WINDOW_BLOCKS
from ledger.chain.node import LogEntry, Node
from ledger.chain.quorum import address_word, word
from ledger.chain.vault import (
    ExpireMessage,
    WithdrawMessage,
    expire_call,
    expire_digest,
    read_paid,
    read_terms,
    read_withdrawn,
    rotate_vault_call,
    rotate_vault_digest,
    withdraw_call,
    withdraw_digest,
)
from ledger.errors import ChainUnavailable, InvalidInput, MalformedDocument, OutOfRange
from ledger.identity.address import parse_address
from ledger.identity.keccak import keccak

VAULT, ANCHOR = "kyojo vault", "kyojo anchor"
FORMAT = 1
# Public nodes take so many blocks at a time; SEARCHES_MAX of them are some years.
SEARCH_BLOCKS, SEARCHES_MAX = 2_000, 10_000

_WITHDRAWN = keccak(b"Withdrawn(bytes32,address,uint256,uint256)")
_EXPIRED = keccak(b"Expired(bytes32,address,address,uint256,uint256)")
_ROTATED = keccak(b"Rotated(uint64,address[],uint8)")
_DIGITS = re.compile(r"0|[1-9][0-9]{0,77}")
_HASH = re.compile(r"0x[0-9a-f]{64}")
_DOMAIN_FIELDS = (
    ("name", "string"),
    ("version", "string"),
    ("chainId", "uint256"),
    ("verifyingContract", "address"),
)

Fields = tuple[tuple[str, str, Any], ...]
"""The fields of a struct: type, name, and the value as it stands in the file."""


class Act(Protocol):
    """One thing that a quorum may do. Implementations are frozen dataclasses."""

    kind: ClassVar[str]
    """The struct's name in EIP-712."""

    @property
    def domain(self) -> str:
        """The name of the EIP-712 domain: which kind of contract it is for."""

    def fields(self) -> Fields:
        """What is signed."""

    def beside(self) -> dict[str, Any]:
        """What is not signed and the call, or a reader, needs."""

    def digest(self, *, chain_id: int, contract: str) -> bytes:
        """The 32 bytes that each signer signs."""

    def call(self, signatures: Sequence[bytes]) -> bytes:
        """The call data; signatures ascend by signer."""

    def is_open(self, node: Node, contract: str) -> bool:
        """Whether the contract still waits for exactly this step, at the latest block."""

    def topics(self) -> list[bytes]:
        """The topics of the event that shows that it was carried out."""

    def is_shown_by(self, data: bytes) -> bool:
        """Whether the data of such an event are this act's own."""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """To take back surplus from the vault."""

    kind: ClassVar[str] = "Withdraw"

    message: WithdrawMessage

    @property
    def domain(self) -> str:
        """The vault's."""
        return VAULT

    def fields(self) -> Fields:
        """Co-op, what was withdrawn before, how much, to whom."""
        message = self.message
        return (
            ("bytes32", "originHash", _hex(origin_hash(message.origin))),
            ("uint256", "previousWithdrawn", str(message.previous)),
            ("uint256", "amount", str(message.amount)),
            ("address", "recipient", to_checksum_address(message.recipient)),
        )

    def beside(self) -> dict[str, Any]:
        """The co-op's name, of which its hash is signed."""
        return {"origin": self.message.origin}

    def digest(self, *, chain_id: int, contract: str) -> bytes:
        """The 32 bytes that each approver signs."""
        return withdraw_digest(self.message, chain_id=chain_id, contract=contract)

    def call(self, signatures: Sequence[bytes]) -> bytes:
        """The call of ``withdraw``."""
        return withdraw_call(self.message, signatures)

    def is_open(self, node: Node, contract: str) -> bool:
        """Whether nothing was withdrawn since."""
        return read_withdrawn(node, contract, self.message.origin) == self.message.previous

    def topics(self) -> list[bytes]:
        """Withdrawn of the co-op, to the recipient."""
        return [_WITHDRAWN, origin_hash(self.message.origin), address_word(self.message.recipient)]

    def is_shown_by(self, data: bytes) -> bool:
        """Whether amount and sum are these; a sum comes once."""
        message = self.message
        return data == word(message.amount) + word(message.previous + message.amount)


@dataclass(frozen=True, slots=True)
class Expiry:
    """To let expire what an account did not claim in time; ``proof`` leads to an old root."""

    kind: ClassVar[str] = "Expire"

    message: ExpireMessage
    proof: tuple[bytes, ...]

    @property
    def domain(self) -> str:
        """The vault's."""
        return VAULT

    def fields(self) -> Fields:
        """Co-op, root, account, its amount to date, and the reserve that is paid."""
        message = self.message
        return (
            ("bytes32", "originHash", _hex(origin_hash(message.origin))),
            ("bytes32", "root", _hex(message.root)),
            ("address", "account", to_checksum_address(message.account)),
            ("uint256", "cumulative", str(message.cumulative)),
            ("address", "reserve", to_checksum_address(message.reserve)),
        )

    def beside(self) -> dict[str, Any]:
        """The co-op's name, and the proof."""
        return {"origin": self.message.origin, "proof": [_hex(one) for one in self.proof]}

    def digest(self, *, chain_id: int, contract: str) -> bytes:
        """The 32 bytes that each approver signs."""
        return expire_digest(self.message, chain_id=chain_id, contract=contract)

    def call(self, signatures: Sequence[bytes]) -> bytes:
        """The call of ``expire``."""
        return expire_call(self.message, self.proof, signatures)

    def is_open(self, node: Node, contract: str) -> bool:
        """Whether the account was paid less than its leaf."""
        message = self.message
        return read_paid(node, contract, message.origin, message.account) < message.cumulative

    def topics(self) -> list[bytes]:
        """Expired of the co-op and the account, to the reserve."""
        message = self.message
        places = address_word(message.account), address_word(message.reserve)
        return [_EXPIRED, origin_hash(message.origin), *places]

    def is_shown_by(self, data: bytes) -> bool:
        """Whether the account came to this amount; it comes to each once."""
        return data[32:] == word(self.message.cumulative)


@dataclass(frozen=True, slots=True)
class Rotation:
    """To replace the signers of a contract of the kind ``domain``, ending ``epoch``."""

    kind: ClassVar[str] = "Rotate"

    domain: str
    signers: tuple[str, ...]
    k: int
    epoch: int

    def fields(self) -> Fields:
        """The next signers, how many make a quorum, and the present epoch."""
        return (
            ("address[]", "newSigners", [to_checksum_address(one) for one in self.signers]),
            ("uint8", "newK", str(self.k)),
            ("uint64", "epoch", str(self.epoch)),
        )

    def beside(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def digest(self, *, chain_id: int, contract: str) -> bytes:
        """The 32 bytes that each present signer signs."""
        make = rotate_vault_digest if self.domain == VAULT else rotate_digest
        return make(self.signers, k=self.k, epoch=self.epoch, chain_id=chain_id, contract=contract)

    def call(self, signatures: Sequence[bytes]) -> bytes:
        """The call of ``rotate``."""
        make = rotate_vault_call if self.domain == VAULT else rotate_call
        return make(self.signers, k=self.k, epoch=self.epoch, signatures=signatures)

    def is_open(self, node: Node, contract: str) -> bool:
        """Whether the epoch is the present one."""
        read: Callable[[Node, str], Any] = read_terms if self.domain == VAULT else read_signers
        return bool(read(node, contract).epoch == self.epoch)

    def topics(self) -> list[bytes]:
        """Rotated, into the epoch after this."""
        return [_ROTATED, word(self.epoch + 1)]

    def is_shown_by(self, data: bytes) -> bool:
        """Whether signers and quorum are these."""
        signers, k = decode(["address[]", "uint8"], data)
        return ([one.lower() for one in self.signers], self.k) == (list(signers), k)


@dataclass(frozen=True, slots=True)
class Instruction:
    """An act for one contract; it was made when ``from_block`` was the newest block."""

    chain_id: int
    contract: str
    act: Act
    from_block: int

    @property
    def digest(self) -> bytes:
        """The 32 bytes that each signer signs; they name the instruction."""
        return self.act.digest(chain_id=self.chain_id, contract=self.contract)


def instruction_document(instruction: Instruction) -> dict[str, Any]:
    """The instruction as a JSON object: typed data, and what goes with it."""
    act = instruction.act
    fields = act.fields()
    kinds = [{"name": name, "type": kind} for kind, name, _ in fields]
    return {
        "types": {
            "EIP712Domain": [{"name": name, "type": kind} for name, kind in _DOMAIN_FIELDS],
            act.kind: kinds,
        },
        "primaryType": act.kind,
        "domain": {
            "name": act.domain,
            "version": "1",
            "chainId": instruction.chain_id,
            "verifyingContract": to_checksum_address(instruction.contract),
        },
        "message": {name: value for _, name, value in fields},
        "kyojo": {
            "instruction": FORMAT,
            "from_block": instruction.from_block,
            **act.beside(),
        },
    }


def format_instruction(instruction: Instruction) -> bytes:
    """The file of an instruction: canonical JSON; the same bytes each time."""
    return canonical.encode(instruction_document(instruction)) + b"\n"


def parse_instruction(data: bytes) -> Instruction:
    """Read the file of an instruction, however its JSON is spaced.

    Raises MalformedDocument for what is none, or says in one place other than in another.
    """
    document = canonical.parse(data, what="the instruction")
    try:
        found = _read(document)
        made = canonical.encode(instruction_document(found))
    except (KeyError, TypeError, AttributeError, InvalidInput) as error:
        told = error.message if isinstance(error, InvalidInput) else f"no {error}"
        raise MalformedDocument(f"this is no instruction for a quorum: {told}") from error
    if made != canonical.encode(document):
        raise MalformedDocument(
            "the instruction is not what its own values make: something in it was changed; make it "
            "anew"
        )
    return found


def find_effect(node: Node, instruction: Instruction) -> bytes | None:
    """The hash of the transaction that carried the instruction out, whoever sent it; or None.

    Looked for from the block on at which it was made. Raises OutOfRange if that is so long ago
    that SEARCHES_MAX searches do not reach the newest block.
    """
    latest = node.block("latest")
    if latest is None:
        raise ChainUnavailable("the node has no block", kind="unknown")
    window = LOG_WINDOW_BLOCKS if node.is_embedded else SEARCH_BLOCKS
    if latest.number - instruction.from_block >= window * SEARCHES_MAX:
        raise OutOfRange(f"the instruction is of block {instruction.from_block}: make it anew")
    for first in range(instruction.from_block, latest.number + 1, window):
        for entry in _entries(node, instruction, first, min(first + window - 1, latest.number)):
            if instruction.act.is_shown_by(entry.data):
                return entry.transaction_hash
    return None


def _entries(node: Node, instruction: Instruction, first: int, last: int) -> list[LogEntry]:
    topics = instruction.act.topics()
    return node.logs(instruction.contract, topics, first_block=first, last_block=last)


def _read(document: Mapping[str, Any]) -> Instruction:
    domain, message, beside = document["domain"], document["message"], document["kyojo"]
    read = _READERS[document["primaryType"]]
    return Instruction(
        chain_id=_whole(domain["chainId"]),
        contract=_address(domain["verifyingContract"]),
        act=read(domain["name"], message, beside),
        from_block=_whole(beside["from_block"]),
    )


def _read_withdrawal(_domain: str, message: Any, beside: Any) -> Act:
    return Withdrawal(
        WithdrawMessage(
            origin=_text(beside["origin"]),
            previous=_number(message["previousWithdrawn"], 256),
            amount=_number(message["amount"], 256),
            recipient=_address(message["recipient"]),
        )
    )


def _read_expiry(_domain: str, message: Any, beside: Any) -> Act:
    says = ExpireMessage(
        origin=_text(beside["origin"]),
        root=_hash(message["root"]),
        account=_address(message["account"]),
        cumulative=_number(message["cumulative"], 256),
        reserve=_address(message["reserve"]),
    )
    return Expiry(says, tuple(_hash(one) for one in beside["proof"]))


def _read_rotation(domain: str, message: Any, _beside: Any) -> Act:
    if domain not in {VAULT, ANCHOR}:
        raise OutOfRange(f"{domain!r} is no contract of kyojo")
    return Rotation(
        domain=domain,
        signers=tuple(_address(one) for one in message["newSigners"]),
        k=_number(message["newK"], 8),
        epoch=_number(message["epoch"], 64),
    )


_READERS: Mapping[str, Callable[[str, Any, Any], Act]] = {
    Withdrawal.kind: _read_withdrawal,
    Expiry.kind: _read_expiry,
    Rotation.kind: _read_rotation,
}


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise OutOfRange(f"{str(value)[:20]!r} is no text")
    return value


def _whole(value: Any) -> int:
    if not isinstance(value, int) or value < 0:
        raise OutOfRange(f"{str(value)[:20]!r} is no whole number")
    return value


def _number(value: Any, bits: int) -> int:
    if _DIGITS.fullmatch(_text(value)) is None or int(value) >= 2**bits:
        raise OutOfRange(f"{value[:90]!r} is no number of {bits} bits in decimal digits")
    return int(value)


def _hash(value: Any) -> bytes:
    if _HASH.fullmatch(_text(value)) is None:
        raise OutOfRange(f"{value[:70]!r} is no hash: 0x and 64 hex digits")
    return bytes.fromhex(value[2:])


def _address(value: Any) -> str:
    return to_checksum_address(parse_address(_text(value)))
