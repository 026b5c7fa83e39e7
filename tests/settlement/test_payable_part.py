"""The part that says what is payable adds up, and nothing in it can be changed by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import MalformedDocument, SumMismatch
from ledger.settlement.payable import PayableShape, verify_payable
from ledger.settlement.shape import parse_shape

ONE, TWO = "11" * 32, "22" * 32
AMOUNTS = st.integers(-(10**18), 10**18)
POSITIVE = st.integers(1, 10**18)


@dataclass(frozen=True)
class Step:
    step: str
    taken: int
    as_: str | None = None


@dataclass(frozen=True)
class Public:
    steps: tuple[Step, ...] = (Step("use", 10**18, "charge"), Step("share", 10**18))


def part(net: int = 100, **changes: Any) -> dict[str, Any]:
    """A part with every kind of row: 100 + 30 + 20 − 10 − 40 − 25 is payable."""
    document = {
        "size": 9,
        "state_hash": "ab" * 32,
        "status": "settled",
        "net_minor": net,
        "repaid": [{"step": "use", "amount_minor": 30}],
        "posted": [
            {"kind": "correction", "id": ONE, "amount_minor": 20},
            {"kind": "dispute", "id": TWO, "amount_minor": -10},
        ],
        "held": [{"dispute": ONE, "amount_minor": 40, "posted_in": None}],
        "offset_minor": 25,
        "owing_minor": 0,
        "payable_minor": 75,
        "limits": [],
    }
    return document | changes


def check(document: dict[str, Any], net: int = 100, public: Any = None) -> None:
    verify_payable(parse_shape(document, PayableShape, "part"), net, public or Public())


def test_every_term_counts():
    check(part())


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"net_minor": 101}, "the net"),
        ({"payable_minor": 76}, "what is payable"),
        ({"offset_minor": -1, "payable_minor": 101}, "what is offset"),
        ({"offset_minor": 141, "payable_minor": -41}, "what is offset"),
        ({"owing_minor": 1, "payable_minor": 76}, "what is owed now"),
        ({"repaid": [{"step": "share", "amount_minor": 30}]}, "'share' repays"),
        ({"repaid": [{"step": "use", "amount_minor": 15}] * 2}, "'use' repays"),
        ({"repaid": [{"step": "use", "amount_minor": -1}]}, "'use' repays"),
        ({"repaid": [{"step": "use", "amount_minor": str(10**18 + 1)}]}, "'use' repays"),
        ({"posted": [{"kind": "dispute", "id": ONE, "amount_minor": 5}] * 2}, "posted"),
        ({"posted": [{"kind": "dispute", "id": ONE, "amount_minor": 0}]}, "posted"),
        ({"held": [{"dispute": ONE, "amount_minor": 20, "posted_in": None}] * 2}, "held"),
        ({"held": [{"dispute": ONE, "amount_minor": -40, "posted_in": None}]}, "held"),
        ({"status": "approved"}, "before it takes effect"),
    ],
)
def test_what_does_not_add_up_is_refused(changes: dict[str, Any], what: str):
    with pytest.raises(SumMismatch, match=what):
        check(part(**changes))


@pytest.mark.parametrize("changes", [{"status": "open"}, {"more": 1}, {"size": -1}])
def test_what_is_no_part_is_refused(changes: dict[str, Any]):
    with pytest.raises(MalformedDocument):
        check(part(**changes))


@given(
    net=AMOUNTS, repaid=POSITIVE, posted=AMOUNTS.filter(bool), held=POSITIVE, wrong=AMOUNTS,
    offset=st.integers(0, 10**18),
)  # fmt: skip
def test_any_terms_add_up_to_one_payable(*, net, repaid, posted, held, offset, wrong):
    total = net + repaid + posted
    offset = min(offset, max(0, total))
    payable = max(0, total) - offset - held
    document = part(
        str(net),
        repaid=[{"step": "use", "amount_minor": str(repaid)}],
        posted=[{"kind": "correction", "id": ONE, "amount_minor": str(posted)}],
        held=[{"dispute": TWO, "amount_minor": str(held), "posted_in": "2026-12"}],
        offset_minor=str(offset),
        owing_minor=str(max(0, -total)),
        payable_minor=str(payable),
    )
    numbers = {name: _exact(value) for name, value in document.items()}
    check(numbers, net)
    if wrong != payable:
        with pytest.raises(SumMismatch):
            check(numbers | {"payable_minor": _number(wrong)}, net)


def _exact(value: Any) -> Any:
    if isinstance(value, list):
        return [{name: _exact(one) for name, one in row.items()} for row in value]
    is_number = isinstance(value, str) and value.lstrip("-").isdigit() and len(value) < 60
    return _number(int(value)) if is_number else value


def _number(value: int) -> int | str:
    """As documents hold numbers: those beyond ±(2**53 − 1) are texts."""
    return value if abs(value) < 2**53 else str(value)
