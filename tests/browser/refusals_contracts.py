"""Anchor contracts that the ledger does not let follow another."""

from __future__ import annotations

import itertools
from typing import Any

from ledger.coop.submission import Submission
from tests.browser.forging import Forger
from tests.coop.stages import successor_body


def successors(forger: Forger) -> None:
    """Contracts that follow none, or that are or were in force."""
    for name, body in (
        ("after a contract that is none", successor_body(contract="0x" + "12" * 20)),
        ("after a contract of another chain", successor_body(chain_id=1)),
        ("the same contract again", _following("11")),
    ):
        forger.forge(f"a successor: {name}", "office", "anchor-successor-named", body)
    for _ in range(2):
        forger.write("office", "anchor-successor-named", _following("13"))
    waiting = list(forger.state.proposals)[-2]
    forger.carry("bus", "ev", "bike")
    for voter in ("bus", "ev", "bike"):
        vote = Submission(forger.ballot(voter, waiting))
        if forger.attempt(vote) is None:
            forger.accept(vote)
            continue
        forger.force("a second successor", vote)
        break
    forger.forge("a successor: after one that was followed", "office", "anchor-successor-named",
                 _following("14"))  # fmt: skip


def _following(digits: str, after: str = "11") -> dict[str, Any]:
    new = {"chain_id": 31337, "contract": "0x" + digits * 20, "code_hash": "22" * 32}
    return successor_body(contract="0x" + after * 20, successor=new)


def too_many_successors(forger: Forger) -> None:
    """One more contract than a co-op may name."""
    digits = [f"{number:02x}" for number in range(0x11, 0x11 + 65)]
    for after, new in itertools.pairwise(digits[:-1]):
        forger.write("office", "anchor-successor-named", _following(new, after))
        forger.carry("bus")
    last = _following(digits[-1], digits[-2])
    forger.forge("a contract too many", "office", "anchor-successor-named", last)
