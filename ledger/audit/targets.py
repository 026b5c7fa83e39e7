"""The contracts that count as witnesses for an auditor: those it names, and what follows them.

A trust file names contracts by place and code hash. Where the log's members decided that another
contract follows one of them (``ledger.coop.successors``), the auditor follows too: the fold has
verified the quorum of each step. A contract that stands before the one that is named, or in the
line of another that is not, is not the auditor's. Without a trust file the log's own word is all
there is, and the verdict says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ledger.audit.trust import KnownBlock, Trust, TrustedChain
from ledger.coop.charter import AnchorTarget
from ledger.coop.state import State
from ledger.coop.successors import Line, lines


@dataclass(frozen=True, slots=True)
class Followed:
    """A contract that counts, and the entry that put it there (0: the charter).

    ``known`` is its own entry in the trust file, ``previous`` what it follows. ``blocks`` are those
    that the auditor knows of its chain, also from contracts of the same line.
    """

    target: AnchorTarget
    index: int
    previous: AnchorTarget | None
    known: TrustedChain | None
    blocks: tuple[KnownBlock, ...]

    @property
    def code_hash(self) -> str:
        """What the code there must hash to: the auditor's own word before the log's."""
        return self.known.code_hash if self.known is not None else self.target.code_hash

    def block_hash(self, number: int) -> str | None:
        """The hash of a known block of its chain; None for one that the auditor does not know."""
        return next((block.hash for block in self.blocks if block.number == number), None)


def followed_targets(state: State, trust: Trust | None) -> tuple[Followed, ...]:
    """The contracts that count, line by line; without a trust file all that the log names."""
    return tuple(found for line in lines(state) for found in _follow(line, trust))


def _follow(line: Line, trust: Trust | None) -> Iterator[Followed]:
    named = [
        trust.chain(target.chain_id, target.contract) if trust is not None else None
        for _, target in line
    ]
    is_followed = trust is None
    previous: AnchorTarget | None = None
    for (index, target), known in zip(line, named, strict=True):
        is_followed = is_followed or known is not None
        if is_followed:
            chains = (chain for chain in named if chain and chain.chain_id == target.chain_id)
            blocks = tuple(block for chain in chains for block in chain.blocks)
            yield Followed(target, index, previous, known, blocks)
        previous = target
