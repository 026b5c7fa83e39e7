"""What corrections changed of a member's supplies, by rate: for the documents of payments.

A correction posts one difference a member and month. Which rate it has follows from the steps that
changed. Where all steps of a month's rules have the same rate that is plain; else the correction is
computed again, on the log as it was before its entry, and both runs are compared step by step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from ledger import canonical
from ledger.coop.apply import apply
from ledger.coop.corrections import Computed, compute_correction
from ledger.coop.envelope import parse_envelope
from ledger.coop.settlements import rules_of
from ledger.coop.state import Period, State
from ledger.errors import InvariantViolated
from ledger.rules.document import RuleSet
from ledger.rules.number import parse_integer_json
from ledger.service.correct import Corrected, find_corrections
from ledger.service.notice_terms import UNTAXED, NoticeTerms, RateOf
from ledger.service.read import find_proposed
from ledger.settlement.result import Result, all_lines
from ledger.store.reading import LogReader
from ledger.usage.totals import SALT_BYTES

LABEL_MAX: Final = 60


@dataclass(frozen=True, slots=True)
class Changed:
    """By how much a correction changed a member's supplies of a month at a rate.

    ``rate`` is None outside the tax; ``ja`` and ``en`` name the steps that it may have changed.
    ``is_charge``: it is no supply of the member's, but a cost that the member is charged.
    """

    correction: str
    period: str
    rate: RateOf | None
    amount_minor: int
    ja: str
    en: str
    is_charge: bool = False


@dataclass(frozen=True, slots=True)
class MoneyLine:
    """A line of a settlement in money; ``is_charge`` if by it the member is charged for a cost."""

    account: str
    step: str
    amount_minor: int
    is_charge: bool


def state_before(log: LogReader, index: int) -> State:
    """The state before an entry, folded from entry 0; costs about one signature an entry."""
    state = State()
    for data in log.entry_data(0, index):
        state = apply(state, parse_envelope(data), log).state
    return state


def words_of(rules: RuleSet, step: str) -> dict[str, str]:
    """A step's name as its rules label it, in both languages; its id where they do not."""
    found = next(one for one in rules.steps if one.id == step)
    words = {"ja": step, "en": step}
    if found.label is not None:
        words |= {name: text for name, text in found.label.model_dump().items() if text}
    return words


def _money_lines(log: LogReader, period: Period) -> Iterator[MoneyLine]:
    """Each line in money of a period's settlement, zeros too; parts of a step are left out."""
    body = find_proposed(log, period).body
    result = canonical.parse(log.blob(body["lines"]["sha256"])[SALT_BYTES:])
    other = {step["step"] for step in result["steps"] if "unit" in step}
    charges = {step["step"] for step in result["steps"] if step.get("as") == "charge"}
    for row in result["lines"]:
        if row["part"] is None and row["step"] not in other and row["amount_minor"] is not None:
            amount, step = parse_integer_json(row["amount_minor"]), row["step"]
            yield MoneyLine(row["member"], step, amount, step in charges)


@dataclass(slots=True)
class Changes:
    """A co-op's settled lines, rules and corrections, each read or computed once."""

    state: State
    log: LogReader
    terms: NoticeTerms
    _lines: dict[str, dict[str, list[MoneyLine]]] = field(default_factory=dict)
    _rules: dict[str, RuleSet] = field(default_factory=dict)
    _found: dict[str, Corrected] | None = None
    _amounts: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)
    _computed: dict[str, Computed] = field(default_factory=dict)
    _uniform: dict[str, tuple[RateOf | None, Mapping[str, str]] | None] = field(
        default_factory=dict
    )

    def rate_of(self, rules: RuleSet, step: str) -> RateOf | None:
        """At which rate a step's amounts are taxed; None outside the tax."""
        found = next(one for one in rules.steps if one.id == step)
        return self.terms.rates.get(found.tax or UNTAXED)

    def rules(self, period: str) -> RuleSet:
        """The rules of a month."""
        if period not in self._rules:
            self._rules[period] = rules_of(self.state, self.state.period(period), self.log)
        return self._rules[period]

    def lines(self, period: str) -> Mapping[str, list[MoneyLine]]:
        """The lines in money of a month's settlement, by account."""
        if period not in self._lines:
            found: dict[str, list[MoneyLine]] = {}
            for line in _money_lines(self.log, self.state.period(period)):
                found.setdefault(line.account, []).append(line)
            self._lines[period] = found
        return self._lines[period]

    def of(self, member: str, posted_in: Period) -> Iterator[Changed]:
        """What the corrections that were posted in a month changed for a member, month by month."""
        for id_ in posted_in.posted:
            corrected = self._corrections().get(id_)
            if corrected is not None and corrected.document["currency"] == posted_in.currency:
                amounts = self._amounts_of(corrected).get(member, {})
                for row in corrected.document["periods"]:
                    period = str(row["period"])
                    yield from self._by_rate(corrected, member, period, amounts.get(period, 0))

    def _corrections(self) -> dict[str, Corrected]:
        if self._found is None:
            self._found = {one.id: one for one in find_corrections(self.state, self.log)}
        return self._found

    def _amounts_of(self, corrected: Corrected) -> Mapping[str, Mapping[str, int]]:
        """By how much a correction changed each account's months."""
        if corrected.id not in self._amounts:
            content = self.log.blob(corrected.body["rows"]["sha256"])[SALT_BYTES:]
            found: dict[str, dict[str, int]] = {}
            for row in canonical.parse(content)["rows"]:
                months = found.setdefault(row["member"], {})
                amount = parse_integer_json(row["amount_minor"])
                months[row["period"]] = months.get(row["period"], 0) + amount
            self._amounts[corrected.id] = found
        return self._amounts[corrected.id]

    def _by_rate(
        self, corrected: Corrected, member: str, period: str, amount: int
    ) -> Iterator[Changed]:
        """The change of a month by rate; at different rates it may add up to nothing."""
        uniform = self._uniform_of(period)
        if uniform is not None:
            rate, words = uniform
            if amount:
                yield Changed(corrected.id, period, rate, amount, words["ja"], words["en"])
            return
        rules = self.rules(period)
        steps: dict[str, int] = self._steps(corrected, member, period)
        if sum(steps.values()) != amount:
            raise InvariantViolated(f"the steps of {period} change {member} by another amount")
        charges = {
            line.step for lines in self.lines(period).values() for line in lines if line.is_charge
        }
        groups: dict[tuple[str | None, bool], list[str]] = {}
        for step in steps:
            rate = None if step in charges else self.rate_of(rules, step)
            key = (None if rate is None else rate.rate, step in charges)
            groups.setdefault(key, []).append(step)
        for (_, is_charge), named in groups.items():
            changed = sum(steps[step] for step in named)
            if changed:
                words = _joined([words_of(rules, step) for step in named])
                rate = None if is_charge else self.rate_of(rules, named[0])
                yield Changed(
                    corrected.id, period, rate, changed, words["ja"], words["en"], is_charge
                )

    def _uniform_of(self, period: str) -> tuple[RateOf | None, Mapping[str, str]] | None:
        """The one rate of all steps of a month, with their names; None if they differ.

        None too where a step charges members: what it changes is no supply of theirs.
        """
        if period not in self._uniform:
            rules = self.rules(period)
            lines = [
                line
                for account, found in self.lines(period).items()
                if account in self.state.members
                for line in found
            ]
            steps = list(dict.fromkeys(line.step for line in lines))
            rates = [self.rate_of(rules, step) for step in steps]
            is_uniform = all(rate == rates[0] for rate in rates)
            is_uniform &= not any(line.is_charge for line in lines)
            words = _joined([words_of(rules, step) for step in steps])
            self._uniform[period] = (rates[0], words) if rates and is_uniform else None
        return self._uniform[period]

    def _steps(self, corrected: Corrected, member: str, period: str) -> dict[str, int]:
        """By how much each step changed, from the two runs; steps that did not are left out."""
        computed = self._computed.get(corrected.id)
        if computed is None:
            before = state_before(self.log, corrected.index)
            currency = str(corrected.document["currency"])
            seed = self.log.blob(corrected.body["seed"]["sha256"])
            computed = compute_correction(before, currency, self.log, seed)
            if computed.id.hex() != corrected.id:
                raise InvariantViolated(f"computed again, the correction {corrected.id} differs")
            self._computed[corrected.id] = computed
        rerun = next(one for one in computed.reruns if one.period == period)
        old, new = (_own(result, member) for result in (rerun.before, rerun.after))
        found = {step: new.get(step, 0) - old.get(step, 0) for step in {**old, **new}}
        return {step: amount for step, amount in found.items() if amount}


def _own(result: Result, member: str) -> dict[str, int]:
    other = {step.step for step in result.steps if step.unit is not None}
    return {
        line.step: line.amount_minor
        for line in all_lines(result)
        if line.member == member and line.part is None and line.amount_minor is not None
        and line.step not in other
    }  # fmt: skip


def _joined(names: list[dict[str, str]]) -> dict[str, str]:
    """Several steps as one name, cut to what a document's line holds."""
    found = {}
    for language, sign in (("ja", "・"), ("en", ", ")):
        text = sign.join(dict.fromkeys(one[language] for one in names))
        found[language] = text if len(text) <= LABEL_MAX else text[: LABEL_MAX - 1] + "…"
    return found
