"""The figures of one period, as the rule engine takes them (RULES.md sections 2 and 7).

A JSON document ``{"kyojo_inputs": 1, …}``. Quantities are ints or exact texts; money is whole minor
units; floats are refused. ``inputs_hash`` is SHA-256 of the document's RFC 8785 form, so the
document itself is kept.

Accounts. Every id that holds a figure must stand in ``members``. Usage that names nobody is given
to the member-like id ``suspense``, listed there like the others: it has its figures and receives
what they earn by data-driven keys, so that nothing is lost or guessed; keys that count heads
(``equal``) pass it by. Ids that begin with ``fund.``, ``pool.`` or ``project.`` are refused,
because lines can go to accounts of those names.

Beside. Members that the optional list ``beside`` names are there for what they are still owed: they
are no heads of this period, and ``equal`` passes them by as it does ``suspense``.

Carry. ``carry`` holds, per step, costs left unpaid by earlier periods; the optional ``owed`` says
to whom (step → member → int, adding up to ``carry``). Without it, they are owed in proportion to
this period's costs. ``recoup`` holds, per member, what it was advanced in earlier periods and has
not paid back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ledger import canonical
from ledger.errors import Fault, KyojoError, MalformedRules
from ledger.rules.inputs.ballots import Ballots, read_ballots
from ledger.rules.inputs.funding import Funding, read_funding
from ledger.rules.inputs.games import Game, read_games
from ledger.rules.inputs.ids import is_date, is_member_id
from ledger.rules.inputs.invoice import Invoice, read_invoice
from ledger.rules.inputs.kpis import read_kpis
from ledger.rules.inputs.money import Revenue, check_charges, check_owed, read_revenue
from ledger.rules.inputs.origins import Origins, read_origins
from ledger.rules.inputs.payers import Matrix, read_matrices, read_payments
from ledger.rules.inputs.reader import Quantity, Reader
from ledger.rules.yamltext import child

PerMember = Mapping[str, int]

MEMBERS_MAX = 200_000

_KNOWN = frozenset(
    {"kyojo_inputs", "period", "members", "totals", "revenue", "costs", "funding", "balances"}
    | {"carry", "owed", "opening", "beside", "recoup", "games", "ballots"}
    | {"kpis", "matrices", "payments", "origins", "invoice"}
)


@dataclass(frozen=True, slots=True)
class Inputs:
    """The figures of a period; ``document`` is what was read and is hashed."""

    start: str
    end: str
    members: tuple[str, ...]
    totals: Mapping[str, Mapping[str, Quantity]]
    revenue: Mapping[str, Revenue]
    costs: Mapping[str, PerMember]
    funding: Mapping[str, Funding]
    kpis: Mapping[str, Mapping[str, Quantity]]
    matrices: Mapping[str, Matrix]
    payments: Mapping[str, int]
    origins: Mapping[str, Origins]
    balances: PerMember
    carry: PerMember
    owed: Mapping[str, PerMember]
    opening: PerMember
    beside: frozenset[str]
    recoup: PerMember
    games: Mapping[str, Game]
    ballots: Mapping[str, Ballots]
    invoice: Invoice | None
    document: Mapping[str, Any]


def parse_inputs(source: bytes | str | Mapping[str, Any]) -> Inputs:
    """Read and check the inputs; raises MalformedRules with every fault, placed by JSON pointer."""
    document = _load(source)
    reader = Reader(document)
    inputs = _read(reader)
    if reader.faults:
        first, others = reader.faults[0], len(reader.faults) - 1
        more = f" (and {others} more)" if others else ""
        message = f"inputs: {first.where}: {first.message}{more}"
        raise MalformedRules(message, faults=tuple(reader.faults))
    return inputs


def inputs_bytes(inputs: Inputs) -> bytes:
    """The RFC 8785 form of the document that was read."""
    return canonical.encode(inputs.document)


def inputs_hash(inputs: Inputs) -> bytes:
    """SHA-256 of ``inputs_bytes``, 32 bytes."""
    return canonical.digest(inputs.document)


def _load(source: bytes | str | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(source, Mapping):
        return dict(source)
    try:
        data = source.encode() if isinstance(source, str) else source
        document = canonical.parse(data, what="inputs")
    except (KyojoError, UnicodeEncodeError) as error:
        message = f"inputs are not strict JSON: {error}"
        raise MalformedRules(message, faults=(Fault("/", MalformedRules.code, message),)) from error
    if not isinstance(document, dict):
        message = "inputs are not a JSON object"
        raise MalformedRules(message, faults=(Fault("/", MalformedRules.code, message),))
    return document


def _read(reader: Reader) -> Inputs:
    document = reader.document
    _fields(reader)
    if document.get("kyojo_inputs") != 1 or type(document.get("kyojo_inputs")) is not int:
        reader.refuse("/kyojo_inputs", "version", "kyojo_inputs must be 1")
    start, end = _period(reader)
    members = _members(reader)
    reader.members = frozenset(members)
    totals = reader.tables("totals", reader.quantities)
    revenue = read_revenue(reader)
    check_charges(reader, totals, revenue)
    carry = reader.table(document.get("carry", {}), "/carry", reader.count)
    owed = reader.tables("owed", reader.counts)
    check_owed(reader, carry, owed)
    return Inputs(
        start=start,
        end=end,
        members=members,
        totals=totals,
        revenue=revenue,
        costs=reader.tables("costs", reader.counts),
        funding=read_funding(reader, start, end),
        kpis=read_kpis(reader),
        matrices=read_matrices(reader),
        payments=read_payments(reader),
        origins=read_origins(reader, totals),
        balances=reader.table(document.get("balances", {}), "/balances", reader.integer),
        carry=carry,
        owed=owed,
        opening=reader.table(document.get("opening", {}), "/opening", reader.integer),
        beside=_beside(reader),
        recoup=reader.counts(document.get("recoup", {}), "/recoup"),
        games=read_games(reader),
        ballots=read_ballots(reader),
        invoice=read_invoice(reader),
        document=document,
    )


def _fields(reader: Reader) -> None:
    for name in reader.document:
        if name not in _KNOWN:
            reader.refuse(child("", str(name)), "unknown-field", f"unknown field {name!r}")


def _period(reader: Reader) -> tuple[str, str]:
    period = reader.document.get("period")
    if not isinstance(period, dict) or period.keys() != {"start", "end"}:
        reader.refuse("/period", "period", "period must be {start, end}, both dates")
        return "", ""
    start, end = _date(reader, period["start"], "start"), _date(reader, period["end"], "end")
    if start and end and start >= end:
        reader.refuse("/period", "period", f"{start} is not before {end}")
    return start, end


def _date(reader: Reader, value: Any, name: str) -> str:
    if isinstance(value, str) and is_date(value):
        return value
    reader.refuse(f"/period/{name}", "date", f"{value!r:.40} is not a date like 2026-10-01")
    return ""


def _members(reader: Reader) -> tuple[str, ...]:
    listed = reader.document.get("members")
    if not isinstance(listed, list) or not listed or len(listed) > MEMBERS_MAX:
        message = f"members must be a list of 1 to {MEMBERS_MAX} ids"
        reader.refuse("/members", "members", message)
        return ()
    seen: dict[str, None] = {}
    for index, member in enumerate(listed):
        if not is_member_id(member):
            reader.refuse(f"/members/{index}", "member", f"{member!r:.80} is not a member id")
        elif member in seen:
            reader.refuse(f"/members/{index}", "duplicate", f"{member!r} stands twice")
        else:
            seen[member] = None
    return tuple(seen)


def _beside(reader: Reader) -> frozenset[str]:
    listed = reader.document.get("beside", [])
    if not isinstance(listed, list) or not all(type(one) is str for one in listed):
        reader.refuse("/beside", "members", "beside must be a list of ids")
        return frozenset()
    for index, member in enumerate(listed):
        if member not in reader.members:
            message = f"{member!r} is not one of the members"
            reader.refuse(f"/beside/{index}", "unknown-member", message)
    return frozenset(listed)
