"""The demo's last step: members name accounts, the co-op orders, the office writes the bank's file.

The accounts are constructed: their check digits are right, and no bank has them.
"""

from __future__ import annotations

import secrets
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any

from examples.lugano import members
from examples.lugano.place import Place
from ledger.errors import NotFound
from ledger.payout.account import check_digits, hint_of, parse_account, seal_account
from ledger.service.coop import Coop
from ledger.service.decide import decide
from ledger.service.payout import DESTINATION, propose_payouts
from ledger.service.payout_export import Wanted, export_order

FORMAT = "pain.001.001.09"
SALT_BYTES = 32


def account(member: str) -> dict[str, str]:
    """A constructed Swiss account of a member."""
    number = int.from_bytes(sha256(b"demo " + member.encode()).digest()[:6]) % 10**12
    basic = f"00762{number:012d}"
    iban = f"CH{check_digits('CH', basic)}{basic}"
    return {"type": "iban", "iban": iban, "bic": "KYOJCHZZXXX", "holder": member}


def name_accounts(place: Place, coop: Coop, url: str) -> int:
    """Every member that is due something names its account; the office confirms. Each looks first.

    Answers with how many members have an account now.
    """
    state = coop.state()
    currency = place.coop["currency"]
    waiting = {one.body["member"] for one in state.proposals.values() if one.kind == DESTINATION}
    due = sorted(state.dues.get(currency, {}))
    for member in due:
        if f"{member}/{currency}" not in state.destinations and member not in waiting:
            found = parse_account(account(member))
            sealed = seal_account(found, secrets.token_bytes(SALT_BYTES))
            named = {"sha256": sha256(sealed).hexdigest(), "bytes": len(sealed)}
            where = {"type": "iban", "details": named, "hint": hint_of(found)}
            body = {"member": member, "currency": currency, "destination": where}
            with members.client(place, url, member) as client:
                client.submit_entry(DESTINATION, body, [sealed])
    for id_, one in coop.state().proposals.items():
        if one.kind == DESTINATION:
            decide(coop, id_)
    return len(due)


def pay(place: Place, coop: Coop, url: str) -> dict[str, Any]:
    """Order what is payable, let the members decide, write the bank's file; safe to run again."""
    propose_payouts(coop)
    members.decide_all(place, url)
    orders = coop.state().orders
    if not orders:
        raise NotFound("the demo's month left nothing to pay")
    id_, order = next(iter(orders.items()))
    day = None if order.file is not None else _next_working_day()
    made = export_order(coop, id_, Wanted(FORMAT, day, account("office")))
    (place.root / "payout.xml").write_bytes(made.data)
    return {"order": id_, **made.report}


def _next_working_day() -> date:
    day = datetime.now(UTC).date() + timedelta(days=2)
    while day.isoweekday() > 5:
        day += timedelta(days=1)
    return day
