"""Anchor contracts and vaults that the ledger does not let follow another."""

from __future__ import annotations

import itertools
from typing import Any

from ledger.coop.submission import Submission
from tests.browser.forging import Forger
from tests.builder import FIRMS, World
from tests.coop.payout_bodies import order_body, set_destination
from tests.coop.stages import after_vault, successor_body, vault_body


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


def vaults(forger: Forger) -> None:
    """Vaults that follow none, stand twice, cannot hold the currency, or leave orders behind."""
    waiting = _order(forger)
    forger.write("office", "vault-named", vault_body())
    first = next(reversed(forger.state.proposals))
    _last_vote(forger, "a vault that leaves an order behind", waiting, first)
    coarse = {**vault_body()["vault"], "decimals": 0}
    for name, body in (
        ("after one that is none", after_vault("dd", "aa", orders_before=1)),
        ("without the orders before", vault_body()),
        ("with more orders", vault_body(orders_before=2)),
        ("in an unknown currency", vault_body(currency="CHF")),
        ("too coarse", vault_body(currency="USD", vault=coarse)),
    ):
        forger.forge(f"a vault: {name}", "office", "vault-named", body)
    forger.write("office", "vault-named", vault_body(orders_before=1))
    forger.carry("bus", "ev")
    for name, body in (
        ("the same again", after_vault("aa", "aa")),
        ("of another currency", vault_body(currency="USD")),
        ("as the first", vault_body("dd")),
    ):
        forger.forge(f"a vault: {name}", "office", "vault-named", body)


def _order(forger: Forger) -> str:
    """An order through a vault that is not named, which waits."""
    body, blobs = order_body(forger, "vault")
    forger.write("office", "payout-ordered", body, *blobs)
    return next(reversed(forger.state.proposals))


def _last_vote(forger: Forger, name: str, other: str, wanted: str) -> None:
    """One vote on what is wanted; then the other is carried, and the last vote is refused."""
    forger.vote("bus", wanted)
    for voter in ("bus", "ev"):
        forger.vote(voter, other)
    forger.force(name, Submission(forger.ballot("ev", wanted)))


def vaults_and_orders(forger: Forger) -> None:
    """An order that waits while another vault is named; then as many vaults as there may be."""
    waiting = _order(forger)
    forger.write("office", "vault-named", vault_body("10"))
    named = next(reversed(forger.state.proposals))
    _last_vote(forger, "an order from no vault", named, waiting)
    for number in range(16, 31):
        body = after_vault(f"{number + 1:02x}", f"{number:02x}")
        forger.write("office", "vault-named", body)
        forger.carry("bus", "ev")
    forger.forge("a vault too many", "office", "vault-named", after_vault("ff", "1f"))


def to_accounts(world: World) -> None:
    """What is payable is payable through the vault."""
    for firm in FIRMS:
        set_destination(world, firm, {"type": "evm", "address": "0x" + "55" * 20})
