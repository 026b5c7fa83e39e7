"""The figures of a co-op's closed months, for trying other rules on them. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterable

from ledger.coop.settlements import FIRST_EPOCHS, inputs_document, rules_of
from ledger.coop.state import Balances, Period, State
from ledger.rules.inputs import Inputs, parse_inputs
from ledger.service.coop import Coop
from ledger.service.read import find_proposed
from ledger.store.reading import LogReader
from ledger.usage.totals import SALT_BYTES


def closed_inputs(coop: Coop, months: Iterable[str]) -> dict[str, Inputs]:
    """The inputs of those of ``months`` that are cut off, in the given order.

    Of a month with a settlement those that it was computed from, byte for byte; of one that is
    closed only, those that a proposal would be computed from now.
    """
    with coop.reading() as (state, log):
        return {
            month: _inputs(state, log, state.periods[month])
            for month in months
            if month in state.periods and state.periods[month].cut_off is not None
        }


def _inputs(state: State, log: LogReader, period: Period) -> Inputs:
    if period.settlement is not None:
        body = find_proposed(log, period).body
        return parse_inputs(log.blob(body["inputs"]["sha256"])[SALT_BYTES:])
    rules = rules_of(state, period, log)
    totals = log.totals(period.id, FIRST_EPOCHS)
    before = state.balances.get(rules.currency, Balances())
    return parse_inputs(inputs_document(period, rules, totals, before, period.amended, log))
