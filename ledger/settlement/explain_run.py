"""One amount of a run, back to the inputs: pool, rule, weights, quotient, remainder, odd unit.

For those who write rules: the sentences are those of a member's statement
(``ledger.settlement.explain``), and around them stands what a statement leaves to its pages: where
the pool's money came from, which rule of the document was applied, who took before, and where in
the order of odd units one stood. Places are ``inputs:`` or ``rules:`` and a JSON pointer.

The statement is made with a seed of zeros: nothing is published from here, so it hides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ledger.errors import InvalidInput, NotFound
from ledger.money import format_minor
from ledger.rules.document import RuleSet
from ledger.rules.inputs import Inputs
from ledger.rules.keys import input_place
from ledger.rules.number import integer_json
from ledger.settlement.document import CutOff, build_settlement
from ledger.settlement.explain import explain_lines
from ledger.settlement.result import Result, all_lines
from ledger.settlement.statement import build_statement
from ledger.settlement.wording import Sentence

_SEED = bytes(32)
_NOWHERE = CutOff(period="", as_of_index=0, log_root=bytes(32), state_hash=bytes(32))


def explain_run(
    ruleset: RuleSet, inputs: Inputs, member: str, step: str | None = None
) -> list[dict[str, Any]]:
    """Per step that concerns ``member`` ``{step, kind, label, amount_minor, text: [{en, ja}]}``.

    ``member`` may be a fund too; ``step`` names one step only. Raises NotFound for an account that
    this period does not have, InvalidInput for a step that the rules do not have, and what ``run``
    raises.
    """
    known = [rule.id for rule in ruleset.steps]
    if step is not None and step not in known:
        raise InvalidInput(f"there is no step {step!r}; the steps are {', '.join(known) or 'none'}")
    settlement = build_settlement(_NOWHERE, ruleset, inputs, _SEED)
    telling = _Telling(ruleset, inputs, settlement.result)
    if member in inputs.members:
        statement = build_statement(settlement, ruleset, inputs, _SEED, member)
        found = list(telling.of_member(statement))
    else:
        found = list(telling.of_account(member))
        if not found:
            names = ", ".join([*inputs.members, *settlement.result.funds])
            raise NotFound(f"{member!r} is no account of this period; there are {names}")
    wanted = [row for row in found if step in (None, row["step"])]
    if not wanted:
        where = "any step" if step is None else f"step {step!r}"
        raise NotFound(f"{member!r} takes no part in {where}")
    return wanted


@dataclass(frozen=True, slots=True)
class _Telling:
    ruleset: RuleSet
    inputs: Inputs
    result: Result

    def of_member(self, statement: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """The statement's sentences, with the pool's past and the rule before them."""
        own = {row["step"]: row for row in statement["steps"]}
        public = {row["step"]: row for row in statement["settlement"]["steps"]}
        for row in explain_lines(statement):
            at = self._place(row["step"])
            text = [*self._before(at), *row["text"]]
            text[-1:-1] = self._remainder(own[row["step"]], public[row["step"]])
            yield {**self._head(at, row["label"], row["amount_minor"]), "text": text}

    def of_account(self, account: str) -> Iterator[dict[str, Any]]:
        """The steps that put money into a fund, or into another account that is no member."""
        for line in all_lines(self.result):
            if line.member == account and line.part is None:
                at, amount = self._place(line.step), line.amount_minor or 0
                label = self.ruleset.steps[at].label
                words = {} if label is None else label.model_dump(exclude_none=True)
                text = [*self._before(at), self._put_aside(at, account, amount)]
                yield {**self._head(at, words, integer_json(amount)), "text": text}

    def _head(self, at: int, label: Mapping[str, str], amount_minor: Any) -> dict[str, Any]:
        step = self.result.steps[at]
        return {
            "step": step.step,
            "kind": step.kind,
            "label": dict(label),
            "rule": f"rules:/steps/{at}",
            "amount_minor": amount_minor,
        }

    def _place(self, step: str) -> int:
        return next(at for at, found in enumerate(self.result.steps) if found.step == step)

    def _before(self, at: int) -> Iterator[Sentence]:
        """What the pool began with, from which inputs, and who took from it first."""
        step = self.result.steps[at]
        yield from map(self._beginning, {step.source} & self.result.pools.keys())
        for earlier in self.result.steps[:at]:
            if earlier.source == step.source:
                taken = self._money(earlier.taken)
                yield {
                    "en": f"Before this, step “{earlier.step}” took {taken} from it.",
                    "ja": f"これより前に、手順「{earlier.step}」が{taken}を取りました。",
                }
        yield {
            "en": f"The rule is rules:/steps/{at}, of kind {step.kind}.",
            "ja": f"規則は rules:/steps/{at}(種類 {step.kind})です。",
        }

    def _beginning(self, pool: str) -> Sentence:
        start = self._money(self.result.pools[pool])
        places = ", ".join(self._pool_places(pool))
        en, ja = (f", from {places}", f"({places})") if places else ("", "")
        return {
            "en": f"The pool “{pool}” began with {start}{en}.",
            "ja": f"原資「{pool}」は{start}で始まりました{ja}。",
        }

    def _pool_places(self, name: str) -> Iterator[str]:
        """Where in the inputs a pool's money stands; sources without money are left out."""
        if self.inputs.opening.get(name):
            yield input_place("opening", name)
        for source in self.ruleset.pools[name].sources:
            prefix, _, bare = source.partition(".")
            if prefix == "charge" and source in self.inputs.totals:
                yield input_place("totals", source)
            elif prefix == "revenue" and bare in self.inputs.revenue:
                yield input_place("revenue", bare)

    def _put_aside(self, at: int, account: str, amount_minor: int) -> Sentence:
        put, held = self._money(amount_minor), self._money(self.result.steps[at].available)
        return {
            "en": f"Of the {held} that it found there, this step put {put} into {account}.",
            "ja": f"この手順は、その時点の残高{held}のうち{put}を{account}に積み立てました。",
        }

    def _remainder(self, own: Mapping[str, Any], public: Mapping[str, Any]) -> Iterator[Sentence]:
        """The division in whole numbers, and the place in the order of odd units."""
        division = self.result.steps[self._place(own["step"])].division
        whole = 0 if division is None else division.weight_sum
        taken, weight = abs(int(public["taken"])), int(own["weight_units"])
        sum_ = (int(own["quotient"]), int(own["remainder"]))
        if not whole or divmod(taken * weight, whole) != sum_:
            return  # nobody has a weight, or the division is not a plain one
        yield {
            "en": f"In whole numbers: {taken} × {weight} ÷ {whole} = {sum_[0]}, "
            f"remainder {sum_[1]}.",
            "ja": f"整数で計算すると {taken} × {weight} ÷ {whole} = {sum_[0]} 余り {sum_[1]}。",
        }
        extra, rank = public["division"]["extra_units"], own["rank"]
        if extra and rank is not None:
            who = "the first gets the odd unit" if extra == 1 else f"the first {extra} get one each"
            yield {
                "en": f"In the order of remainders and tie-breaks you are number {rank}; {who}.",
                "ja": f"余りと同順位規則による順番は{rank}番目で、先頭から{extra}番目までが"
                "端数を1単位ずつ受け取ります。",
            }

    def _money(self, amount_minor: int) -> str:
        text = format_minor(amount_minor, digits=self.result.minor_digits, grouped=True)
        return f"{text} {self.result.currency}"
