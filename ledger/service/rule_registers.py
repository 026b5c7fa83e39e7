"""Where registers come from: a charter, a co-op's description, a period's inputs, or its log.

Each says what it has: a charter knows metrics and members, inputs know costs and assets too. What a
source does not say stays unknown and is compared with nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from ledger.coop.rulesets import sharing_now
from ledger.coop.state import SUSPENSE, State
from ledger.errors import InvalidInput
from ledger.rules.names import NamesUsed
from ledger.rules.registers import Registers
from ledger.usage.totals import CHARGE


def read_registers(document: Any) -> Registers:
    """The registers in a charter, in a co-op's description or in a period's inputs.

    Raises InvalidInput for a document that is none of these.
    """
    if isinstance(document, Mapping):
        if "kyojo_inputs" in document:
            return Registers(_of_inputs(document))
        if isinstance(document.get("vocabulary"), Mapping):
            return _of_charter(document)
        if isinstance(document.get("members"), list):
            return _of_description(document)
    text = "no registers here: give a charter (JSON), a co-op's description or a period's inputs"
    raise InvalidInput(text)


def registers_of(state: State) -> Registers:
    """What a running co-op has registered or reported so far.

    Costs and revenue have no register of their own: those of all periods so far count.
    """
    terms = state.terms()
    periods = list(state.periods.values())
    names = {
        "metrics": {metric.id for metric in terms.vocabulary.metrics},
        "charges": {charge.id for charge in terms.vocabulary.charges},
        "members": state.members.keys() | {SUSPENSE},
        "assets": set(state.funding),
        "costs": {name for period in periods for name in period.costs},
        "revenue": {name for period in periods for name in period.revenue},
    }
    digits = {currency.code: currency.digits for currency in terms.currencies}
    return Registers(_filled(names), terms.time_zone, digits, sharing_now(state))


def _of_inputs(document: Mapping[str, Any]) -> Mapping[str, frozenset[str]]:
    """Every table of the inputs that bears a register's name, and totals, split in two."""
    totals = _keys(document.get("totals"))
    names: dict[str, Iterable[str]] = {
        one.name: _keys(document.get(one.name)) for one in fields(NamesUsed)
    }
    names["members"] = {*_ids(document.get("members")), SUSPENSE}
    names["metrics"] = {name for name in totals if not name.startswith(CHARGE)}
    names["charges"] = {name.removeprefix(CHARGE) for name in totals if name.startswith(CHARGE)}
    names["assets"] = _keys(document.get("funding"))
    return _filled(names)


def _of_charter(document: Mapping[str, Any]) -> Registers:
    vocabulary = document["vocabulary"]
    names = {
        "metrics": _ids(vocabulary.get("metrics")),
        "charges": _ids(vocabulary.get("charges")),
        "members": {*_ids(document.get("members")), SUSPENSE},
    }
    listed = document.get("currencies")
    digits = {
        row["code"]: row["digits"]
        for row in (listed if isinstance(listed, list) else [])
        if isinstance(row, Mapping) and {"code", "digits"} <= row.keys()
    }
    return Registers(_filled(names), _text(document.get("time_zone")), digits)


def _of_description(document: Mapping[str, Any]) -> Registers:
    """A file such as ``examples/lugano/coop.yaml``."""
    names = {
        "metrics": _ids(document.get("metrics")),
        "charges": _ids(document.get("charges")),
        "members": {*_ids(document["members"]), SUSPENSE},
        "costs": _keys(document.get("costs")),
        "assets": _keys(document.get("funding")),
    }
    currency, digits = document.get("currency"), document.get("minor_digits")
    currencies = {currency: digits} if isinstance(currency, str) and type(digits) is int else {}
    return Registers(_filled(names), _text(document.get("timezone")), currencies)


def _ids(listed: Any) -> set[str]:
    """Ids in a list of texts or of mappings with an ``id``."""
    rows = listed if isinstance(listed, list) else []
    found = (row.get("id") if isinstance(row, Mapping) else row for row in rows)
    return {one for one in found if isinstance(one, str)}


def _keys(table: Any) -> set[str]:
    return {str(name) for name in table} if isinstance(table, Mapping) else set()


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _filled(names: Mapping[str, Iterable[str]]) -> dict[str, frozenset[str]]:
    """Registers with something in them; an empty one says nothing."""
    return {name: frozenset(known) for name, known in names.items() if known}
