"""Accounts that no order could pay to are refused at the door, and doubted where they are in."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

import pytest

from ledger.coop.submission import Submission
from ledger.errors import MalformedEntry
from ledger.payout.account import parse_account, seal_account
from ledger.service.coop import Coop
from ledger.service.submit import submit
from tests.builder import SALT, blob_ref
from tests.cli.conftest import Kyojo
from tests.cli.test_payout import opened
from tests.installation import Place, draft

IBAN = {"type": "iban", "iban": "DE89370400440532013000", "holder": "bus"}
SEALED = seal_account(parse_account({**IBAN, "bic": "COBADEFF"}), SALT)
NO_BIC = seal_account(parse_account({**IBAN, "bic": ""}), SALT)
GOOD = {"type": "iban", "hint": "DE···3000"}


def naming(coop: Coop, blob: bytes, words: Mapping[str, Any]) -> Submission:
    where = {**words, "details": blob_ref(blob)}
    body = {"member": "bus", "currency": "JPY", "destination": where}
    entry = draft(coop, "bus", "payout-destination-set", body)
    return Submission(entry, {sha256(blob).hexdigest(): blob})


BAD: list[tuple[bytes, dict[str, str], str]] = [
    (SALT + b"{}", GOOD, "type of a payout account"),
    (SALT + json.dumps(IBAN).encode(), GOOD, "RFC 8785"),
    (SEALED, {**GOOD, "type": "bank"}, "no account of the type bank"),
    (SEALED, {**GOOD, "hint": "DE···4711"}, "the hint must be DE···3000"),
    (NO_BIC, GOOD, "BIC"),
]


def test_an_account_is_judged_at_the_door_and_doubted_where_it_is_in(
    kyojo: Kyojo, place_of: Callable[[str], Place]
) -> None:
    place = place_of("settled")
    with opened(place) as coop:
        for blob, words, says in BAD:
            with pytest.raises(MalformedEntry, match=says):
                submit(coop, naming(coop, blob, words))
        submit(coop, naming(coop, SEALED, GOOD))
    assert "WARNING" not in kyojo("payout", "show").out
    with opened(place) as coop:
        # A log from before the door judged accounts.
        blob, words, _ = BAD[3]
        coop.sequencer.submit(naming(coop, blob, words))
    shown = kyojo("payout", "show")
    assert "WARNING" in shown.out
    assert "the hint must be DE···3000" in shown.out
    (doubt,) = kyojo("payout", "show", "--json").document["doubts"]
    assert (doubt["member"], doubt["hint"]) == ("bus", "DE···3000")
