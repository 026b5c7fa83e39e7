"""An ERC-20 as the sender of tokens sees it: allowances, and calls tried without sending.

Tokens differ. A call counts as good if it does not revert and answers true or nothing, as old ones
do; some change an allowance only from or to zero.
"""

from __future__ import annotations

import re

from ledger.chain.node import Node
from ledger.chain.quorum import call_data, decode_answer
from ledger.errors import Conflict, NotFound, OutOfRange

_DECIMAL = re.compile(r"([0-9]{1,60})(?:\.([0-9]{1,60}))?")


def parse_units(text: str, *, decimals: int) -> int:
    """A decimal amount of tokens as base units, exactly; raises OutOfRange, cuts nothing.

    >>> parse_units("12.5", decimals=18)
    12500000000000000000
    """
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise OutOfRange(f"{text[:40]!r} is not an amount of tokens such as 1200 or 12.5")
    fraction = (match[2] or "").rstrip("0")
    if len(fraction) > decimals:
        raise OutOfRange(f"{text[:40]!r} has more than the token's {decimals} decimal digits")
    found = int(match[1] + fraction.ljust(decimals, "0"))
    if found >= 2**256:
        raise OutOfRange(f"{text[:40]!r} is beyond what a token can count")
    return found


def read_allowance(node: Node, token: str, owner: str, spender: str) -> int:
    """What ``spender`` may take of ``owner``, in base units.

    Raises Conflict for a token that knows no allowances.
    """
    asked = call_data("allowance(address,address)", [owner, spender])
    try:
        output = node.call(token, asked)
        found: int = decode_answer(["uint256"], output, contract=token, name="ERC-20")[0]
    except (Conflict, NotFound) as error:
        raise Conflict(
            f"the token {token} knows no allowances, so nobody can let a vault take of it: it is "
            "not a whole ERC-20 トークンに allowance がありません",
            kind="token",
        ) from error
    return found


def approve_call(spender: str, amount: int) -> bytes:
    """The call data of ``approve``: from now on ``spender`` may take ``amount``, no more."""
    return call_data("approve(address,uint256)", [spender, amount])


def transfer_call(recipient: str, amount: int) -> bytes:
    """The call data of ``transfer``."""
    return call_data("transfer(address,uint256)", [recipient, amount])


def refusal(node: Node, contract: str, data: bytes, *, sender: str) -> str | None:
    """Why a call by ``sender`` would not be taken now; None if it would. Nothing is sent."""
    try:
        answer = node.call(contract, data, sender=sender)
    except Conflict as error:
        if error.details.get("kind") != "reverted":
            raise
        return str(error.details.get("reason"))
    return None if answer == b"" or any(answer) else "it answers false"
