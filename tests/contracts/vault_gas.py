"""What calls of RevenueVault cost on the embedded chain, by approvers and by the tree's size.

The token is tests/contracts/tokens/Plain.vy, the leanest that an ERC-20 can be: what a real token
does on top is its own. Keys, nonces and addresses are fixed, so the same code costs the same gas
on every machine.
"""

from __future__ import annotations

import hashlib
from typing import Any

from ledger.chain.node import Node, open_node
from ledger.chain.quorum import address_word, key_address
from ledger.chain.vault import (
    ExpireMessage,
    Hold,
    WithdrawMessage,
    expire_call,
    expire_digest,
    hold_call,
    hold_digest,
    release_call,
    release_digest,
    rotate_vault_call,
    rotate_vault_digest,
    withdraw_call,
    withdraw_digest,
)
from tests.chain.vault_on_chain import ORIGIN, UNIT, WINDOW, OnChain, account, claims_of

PAYER = (1).to_bytes(32, "big")
SIGNER_COUNTS = (1, 3, 5, 16)
TREES = (2, 10, 100, 1_000)
CLAIMED = 8
PERIOD = 202611
RESERVE = "0x" + "7e" * 20
# Ahead of every clock, so that the chain's time does not depend on one.
NOON = 4_000_000_000


def approvals(node: Node, count: int) -> dict[str, int]:
    """Gas of what ``count`` approvers sign."""
    start = NOON + 2 * WINDOW * count
    node.web3.provider.ethereum_tester.time_travel(start)
    vault = OnChain(node, PAYER, count)
    found = {"deploy": int(node.web3.eth.get_block(vault.deployment.block_number)["gasUsed"])}
    first, second = claims_of(2), claims_of(2, more=5)
    found["fund, first"] = vault.fund(first.total)
    found["fund, next"] = vault.fund(second.total)
    found["publish, first"] = vault.publish(first, PERIOD)
    found["publish, next"] = vault.publish(second, PERIOD + 1)
    hold = Hold(202701, start + 30 * 86_400, 0)
    signed = vault.sign(hold_digest(ORIGIN, hold, **vault.place()))
    found["hold"] = vault.call(hold_call(ORIGIN, hold, signed))
    signed = vault.sign(release_digest(ORIGIN, 1, **vault.place()))
    found["release"] = vault.call(release_call(ORIGIN, 1, signed))
    leaving = WithdrawMessage(ORIGIN, 0, UNIT, RESERVE)
    signed = vault.sign(withdraw_digest(leaving, **vault.place()))
    found["withdraw"] = vault.call(withdraw_call(leaving, signed))
    found["expire"] = expire(vault, second)
    found["rotate all"] = rotate(vault)
    return found


def expire(vault: OnChain, claims: Any) -> int:
    """Gas of an expiry, after the window."""
    vault.node.web3.provider.ethereum_tester.time_travel(
        vault.node.block("latest").timestamp + WINDOW
    )
    one = account(0)
    message = ExpireMessage(ORIGIN, claims.root, one, claims.find(one).cumulative, RESERVE)
    signed = vault.sign(expire_digest(message, **vault.place()))
    return vault.call(expire_call(message, claims.proof(one), signed))


def rotate(vault: OnChain) -> int:
    """Gas of a rotation to as many new approvers, by all the present ones."""
    new = [key_address(hashlib.sha256(key).digest()) for key in vault.keys]
    ordered = sorted(new, key=address_word)
    terms = {"k": len(new), "epoch": 1}
    signed = vault.sign(rotate_vault_digest(ordered, **terms, **vault.place()))
    return vault.call(rotate_vault_call(ordered, **terms, signatures=signed))


def claiming(node: Node, accounts: int) -> dict[str, int]:
    """Gas of claims in a tree of some size: least and most to new accounts, and a next one."""
    vault = OnChain(node, PAYER)
    first, second = claims_of(accounts), claims_of(accounts, more=3)
    vault.fund(second.total)
    vault.publish(first, PERIOD)
    vault.mint(account(0), 1)
    # The first of all claims opens the sum, which later ones find there.
    opening = vault.claim(first, account(0))
    new = [vault.claim(first, account(n)) for n in range(1, min(accounts, 1 + CLAIMED))]
    vault.publish(second, PERIOD + 1)
    again = vault.claim(second, account(0))
    return {
        "accounts": accounts,
        "hashes": len(first.proof(account(0))),
        "first of all": opening,
        "new account, least": min(new, default=opening),
        "new account, most": max(new, default=opening),
        "next claim": again,
    }


def measure(url: str) -> dict[str, Any]:
    """All figures, in gas."""
    with open_node(url) as node:
        signed = {count: approvals(node, count) for count in SIGNER_COUNTS}
        return {
            "approved": {
                name: {str(count): found[name] for count, found in signed.items()}
                for name in signed[1]
            },
            "claim": [claiming(node, accounts) for accounts in TREES],
        }


def as_markdown(table: dict[str, Any]) -> str:
    """The figures as docs/contracts.md shows them."""
    heads = " | ".join(f"{n} approver" + "s" * (n != 1) for n in SIGNER_COUNTS)
    lines = [f"| Call | {heads} |", "|---|" + "---:|" * len(SIGNER_COUNTS)]
    for name, gas in table["approved"].items():
        lines.append(f"| {name} | " + " | ".join(f"{gas[str(n)]:,}" for n in SIGNER_COUNTS) + " |")
    lines += [
        "",
        "| `claim` in a tree of | Hashes | New account | The same later |",
        "|---|---:|---:|---:|",
    ]
    for row in table["claim"]:
        least, most = row["new account, least"], row["new account, most"]
        new = f"{least:,}" if least == most else f"{least:,}–{most:,}"
        name = f"{row['accounts']:,} account" + "s" * (row["accounts"] != 1)
        lines.append(f"| {name} | {row['hashes']} | {new} | {row['next claim']:,} |")
    return "\n".join(lines) + "\n"
