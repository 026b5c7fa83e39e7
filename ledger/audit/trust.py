"""The trust file: what an auditor knows about a co-op from elsewhere than the bundle.

TOML::

    format = "kyojo-trust/1"
    origin = "ledger.example.jp/kaga-mobility"
    genesis = "…"                        # the leaf hash of the charter, 64 hex digits
    log_keys = ["…"]                     # vkeys; or policy = "…", the text of a C2SP tlog-policy
    [[chains]]                           # any number, also none
    chain_id = 1
    contract = "0x…"
    code_hash = "…"                      # keccak256 of the contract's code
    blocks = [{number = 1, hash = "…"}]  # blocks that the auditor has looked up

A verdict is worth as much as these values: get them from several members, and blocks from the
chain, never from whoever hands over the bundle alone.
"""

from __future__ import annotations

import json
import tomllib
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ledger.coop.bodies import AddressText, Hash, faults_of
from ledger.errors import KyojoError, MalformedDocument
from ledger.log.key import parse_vkey
from ledger.log.policy import LOG_TYPES, NO_QUORUM, Log, Policy, parse_policy

TRUST_BYTES_MAX = 2**20
Natural = Annotated[int, Field(ge=0, le=2**53 - 1)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class KnownBlock(_Strict):
    """A block of a chain, by height and hash."""

    number: Natural
    hash: Hash


class TrustedChain(_Strict):
    """A contract that witnesses the log, and blocks of its chain that the auditor knows."""

    chain_id: Natural
    contract: AddressText
    code_hash: Hash
    blocks: Annotated[tuple[KnownBlock, ...], Field(strict=False, max_length=10_000)] = ()

    def block_hash(self, number: int) -> str | None:
        """The hash of a known block; None for one that the auditor does not know."""
        return next((block.hash for block in self.blocks if block.number == number), None)


class Trust(_Strict):
    """What an auditor trusts. Exactly one of ``log_keys`` and ``policy`` is given."""

    format: Literal["kyojo-trust/1"] = "kyojo-trust/1"
    origin: Annotated[str, Field(min_length=1, max_length=255)]
    genesis: Hash
    log_keys: Annotated[tuple[str, ...], Field(strict=False, max_length=16)] = ()
    policy: str | None = None
    chains: Annotated[tuple[TrustedChain, ...], Field(strict=False, max_length=64)] = ()

    @model_validator(mode="after")
    def _check_keys(self) -> Trust:
        if bool(self.log_keys) == (self.policy is not None):
            raise ValueError("give either log_keys or policy, and not both")
        try:
            for vkey in self.log_keys:
                key = parse_vkey(vkey)
                if key.name != self.origin or key.key_type not in LOG_TYPES:
                    raise ValueError(f"{vkey[:60]!r} is not a log key of {self.origin}")
            if self.policy is not None:
                parse_policy(self.policy.encode())
        except KyojoError as error:
            raise ValueError(error.message) from error
        return self

    def to_policy(self) -> Policy:
        """By what a checkpoint is accepted: the file's own policy, or any one of its log keys."""
        if self.policy is not None:
            return parse_policy(self.policy.encode())
        logs = tuple(Log(parse_vkey(vkey)) for vkey in self.log_keys)
        return Policy(logs, (), (), NO_QUORUM)

    def chain(self, chain_id: int, contract: str) -> TrustedChain | None:
        """The trusted contract at this place, if it is one."""
        wanted = (chain_id, contract)
        return next((c for c in self.chains if (c.chain_id, c.contract) == wanted), None)


def parse_trust(data: bytes) -> Trust:
    """Read a trust file; raises MalformedDocument with every fault and its place."""
    if len(data) > TRUST_BYTES_MAX:
        raise MalformedDocument(f"a trust file has at most {TRUST_BYTES_MAX} bytes")
    try:
        document = tomllib.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise MalformedDocument(f"the trust file is not TOML: {error}") from error
    return make_trust(**document)


def make_trust(**values: Any) -> Trust:
    """The trust with these values; raises MalformedDocument with every fault and its place."""
    try:
        return Trust.model_validate(values)
    except ValidationError as error:
        faults = faults_of(error)
        first = f"{faults[0].where}: {faults[0].message}"
        raise MalformedDocument(f"the trust file: {first}", faults=faults) from error


def format_trust(trust: Trust, *, comment: str = "") -> bytes:
    """The bytes of a trust file, with a comment above."""
    lines = [f"# {line}".rstrip() for line in comment.splitlines()]
    lines += [f"{name} = {_text(getattr(trust, name))}" for name in ("format", "origin", "genesis")]
    if trust.policy is not None:
        lines.append(f"policy = {_text(trust.policy)}")
    else:
        lines.append("log_keys = [" + ", ".join(map(_text, trust.log_keys)) + "]")
    for chain in trust.chains:
        blocks = (f"{{number = {b.number}, hash = {_text(b.hash)}}}" for b in chain.blocks)
        lines += [
            "",
            "[[chains]]",
            f"chain_id = {chain.chain_id}",
            f"contract = {_text(chain.contract)}",
            f"code_hash = {_text(chain.code_hash)}",
            "blocks = [" + ", ".join(blocks) + "]",
        ]
    return ("\n".join(lines) + "\n").encode()


def _text(value: str) -> str:
    # A JSON string is a TOML basic string, but for DEL, which JSON may leave as it is.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
