"""The chart of accounts (勘定科目表) of a pass-through co-op.

The co-op divides what others earned: what comes in is a liability to those it will be divided
among from the moment it is confirmed, so there is no income and no expense here, and nothing is
anybody's profit until a member books its own share. What is owed, held or on its way stands in
liabilities by name; what the rules only remember (costs that were borne, costs carried forward,
advances to be paid back, capital that weighs) stands in pairs of memorandum accounts (対照勘定),
which cancel each other out on the balance sheet.

Amounts are debits when positive, as in hledger and beancount: a liability has a negative balance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Heading:
    """A group of accounts: where it stands, its names, and what the parts below it name.

    ``is_tied``: the state of the co-op says what its balance must be.
    """

    path: tuple[str, ...]
    ja: str
    en: str
    parts: tuple[str, ...] = ()
    is_tied: bool = True


@dataclass(frozen=True, slots=True, order=True)
class Account:
    """One account: a heading of the chart and the names below it."""

    heading: str
    parts: tuple[str, ...] = ()


CLEARING: Final = "clearing"
RECEIVABLE: Final = "receivable"
UNDIVIDED: Final = "undivided"
POOL: Final = "pool"
FUND: Final = "fund"
PROJECT: Final = "project"
SUSPENSE: Final = "suspense"
POSTED: Final = "posted"
DISPUTED: Final = "disputed"
PAYABLE: Final = "payable"
OUTSIDE: Final = "outside"
IN_TRANSIT: Final = "in-transit"
COSTS: Final = "costs"
CARRY: Final = "carry"
RECOUP: Final = "recoup"
FUNDING: Final = "funding"
COUNTER: Final = "counter-"
"""Before a memorandum heading: its other side."""

_MEMBER: Final = ("member",)

CHART: Final[dict[str, Heading]] = {
    CLEARING: Heading(
        ("Assets", "Clearing"), "資金決済口", "money that came in less payouts", is_tied=False
    ),
    RECEIVABLE: Heading(
        ("Assets", "Receivable"), "組合員未収金", "owed by members after corrections", _MEMBER
    ),
    UNDIVIDED: Heading(
        ("Liabilities", "Undivided"), "未配分収入", "confirmed, not yet settled", ("period",)
    ),
    POOL: Heading(("Liabilities", "Pools"), "原資繰越", "left in pools", ("pool",)),
    FUND: Heading(("Liabilities", "Funds"), "積立金", "funds", ("fund",)),
    PROJECT: Heading(
        ("Liabilities", "Projects"),
        "事業交付金",
        "granted to projects",
        ("project",),
        is_tied=False,
    ),
    SUSPENSE: Heading(("Liabilities", "Suspense"), "仮勘定", "for usage that names nobody"),
    POSTED: Heading(
        ("Liabilities", "Posted"), "次期精算分", "posted, settled with a later month", _MEMBER
    ),
    DISPUTED: Heading(
        ("Liabilities", "Disputed"), "異議保留金", "held back while disputed", _MEMBER
    ),
    PAYABLE: Heading(("Liabilities", "Payable"), "未払分配金", "payable to members", _MEMBER),
    OUTSIDE: Heading(
        ("Liabilities", "Outside"),
        "台帳外支払分",
        "of months from before the charter knew payouts, paid outside the ledger",
        _MEMBER,
        is_tied=False,
    ),
    IN_TRANSIT: Heading(
        ("Liabilities", "In-Transit"), "送金中", "ordered, on its way to members", _MEMBER
    ),
}
_MEMORANDA: Final = {
    COSTS: ("Costs", "立替費用", "costs that members bore, not yet settled", ("cost", "member")),
    CARRY: ("Carry", "繰越費用", "costs carried forward", ("step",)),
    RECOUP: ("Recoup", "前渡保証額", "advances that members pay back", _MEMBER),
    FUNDING: ("Funding", "設備拠出", "capital that weighs in keys", ("asset", "member")),
}
for _name, (_path, _ja, _en, _parts) in _MEMORANDA.items():
    CHART[_name] = Heading(("Assets", "Memorandum", _path), f"{_ja}（備忘）", _en, _parts)
    CHART[COUNTER + _name] = Heading(
        ("Liabilities", "Memorandum", _path), f"{_ja}見返（備忘）", f"contra: {_en}", _parts
    )


def is_tied(account: Account) -> bool:
    """Whether the co-op's state says what the balance of an account must be."""
    return CHART[account.heading].is_tied


def place_of(account: Account) -> tuple[int, tuple[str, ...]]:
    """A key that sorts accounts as the chart has them, then by the bytes of their names."""
    return list(CHART).index(account.heading), account.parts
