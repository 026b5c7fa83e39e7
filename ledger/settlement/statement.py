"""A member's statement (計算書): its own lines, and what it needs to check them alone.

It holds the settlement's public document, the member's lines, and for every dividing step its own
weight, quotient, remainder and proof that the weight is one of those that add up to the published
total; likewise for its amounts. No other member's row is in it; what the proofs cannot show is said
in ``limits``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ledger.errors import NotFound
from ledger.rules.document import RuleSet
from ledger.rules.inputs import Inputs
from ledger.rules.keys import Source
from ledger.rules.models import Label
from ledger.rules.number import format_fraction, integer_json
from ledger.rules.scope import Scope
from ledger.rules.steps import Basis, Division, Step
from ledger.rules.steps.allocate import AllocateStep
from ledger.settlement.basis import LEVELLED
from ledger.settlement.document import Settlement, settlement_id
from ledger.settlement.result import Result, StepResult, member_lines
from ledger.settlement.run import scope_of
from ledger.settlement.sumtree import SumTree, derive_salt, prove_sum
from ledger.settlement.trees import AMOUNTS, CHARGES, basis_tree_name, weights_tree_name

LIMITS: tuple[Mapping[str, str], ...] = (
    {
        "en": "This shows that your weights and amounts are among those that add up to the totals. "
        "It does not show that another member's usage is true: counter-signatures and auditors do.",
        "ja": "自分の重みと金額が総計に含まれることを示します。"
        "他の組合員の利用量が真実であることは示しません。それは副署と監査人が確かめます。",
    },
    {
        "en": "A path shows sums of groups of other members; with two members, the other's figure "
        "can be worked out.",
        "ja": "証明には他の組合員の合計が現れます。組合員が二者のときは相手の数値が分かります。",
    },
    {
        "en": "When several members share the last remainder and not all of them could get a unit, "
        "or when units go by declared order, the choice among them needs all rows: ask an auditor.",
        "ja": "最後の端数が同順位の組合員の一部だけに付いた場合、または宣言順で付く場合、"
        "その選択の検証には全行が必要です。監査人に確認してください。",
    },
)

LIMIT_OF_RULES: Mapping[str, str] = {
    "en": "A step paid less than was claimed by a rule whose outcome depends on all claims (random "
    "arrival, minimal overlap or priority): you see your claim and what you got of it; that the "
    "rule gives just that, only an auditor can recompute.",
    "ja": "請求の合計に満たない額を、全員の請求に依存する規則(到着順平均・最小重複・優先順位)で"
    "分けた段階があります。自分の請求と受取額は確かめられますが、"
    "規則どおりの額かどうかを再計算できるのは監査人だけです。",
}
LIMIT_OF_BOUNDS: Mapping[str, str] = {
    "en": "Caps and floors that the rules give to members by name are not in the settlement; "
    "compare yours with the rule set.",
    "ja": "規則が組合員ごとに定めた上限と下限は精算書に載りません。"
    "自分の値を配分規則と照らし合わせてください。",
}


@dataclass(frozen=True, slots=True)
class StatementMaker:
    """What all statements of one settlement share; ``statement`` costs little per member."""

    settlement: Settlement
    ruleset: RuleSet
    scope: Scope
    seed: bytes
    id: bytes
    leaf_indices: Mapping[str, int]
    positions: Mapping[str, int]
    ranks: Mapping[str, Mapping[int, int]]

    def statement(self, member: str) -> dict[str, Any]:
        """The statement of ``member``; raises NotFound for somebody without figures."""
        if member not in self.positions:
            raise NotFound(f"{member!r} has no part in this settlement")
        steps = [self._step(step, member) for step in self._dividing()]
        charges = self.settlement.trees.charges
        amounts = self._sum(AMOUNTS, self.settlement.trees.amounts, member)
        index = self.positions[member]
        return {
            "kyojo_statement": 1,
            "settlement_id": self.id.hex(),
            "settlement": dict(self.settlement.document),
            "member": member,
            "leaf_index": self.leaf_indices[member],
            "lines": [line.as_dict() for line in member_lines(self.settlement.result, index)],
            "steps": steps,
            "amounts": amounts,
            "charges": None if charges is None else self._sum(CHARGES, charges, member),
            "net_minor": integer_json(self.settlement.result.member_totals[member]),
            "limits": [dict(limit) for limit in self._limits()],
            **self._recoup(member),
        }

    def _limits(self) -> Iterator[Mapping[str, str]]:
        """What no statement shows, and what this settlement's rules keep from being shown."""
        yield from LIMITS
        bases = [
            step.division.basis
            for step in self.settlement.result.steps
            if step.division is not None and step.division.basis is not None
        ]
        if any(basis.rule not in LEVELLED for basis in bases):
            yield LIMIT_OF_RULES
        if any(_by_name(basis) for basis in bases):
            yield LIMIT_OF_BOUNDS

    def _recoup(self, member: str) -> dict[str, Any]:
        """What the member had to pay back of advances, and has; nothing if there is none."""
        before = self.scope.inputs.recoup.get(member, 0)
        after = self.settlement.result.recoup.get(member, 0)
        index = self.positions[member]
        back = sum(
            step.division.recouped[index]
            for step in self.settlement.result.steps
            if step.division is not None and step.division.recouped
        )
        if not before and not after:
            return {}
        found = {"before": before, "advanced": after - before + back, "after": after}
        return {"recoup": {name: integer_json(amount) for name, amount in found.items()}}

    def _dividing(self) -> list[tuple[Step, StepResult, Division]]:
        results = self.settlement.result.steps
        return [
            (rule, step, step.division)
            for rule, step in zip(self.ruleset.steps, results, strict=True)
            if step.division is not None
        ]

    def _step(self, found: tuple[Step, StepResult, Division], member: str) -> dict[str, Any]:
        rule, step, division = found
        index = self.positions[member]
        weight = division.weights[index]
        quotient, remainder = divmod(abs(division.total) * weight, division.weight_sum or 1)
        amount = division.rounded.amounts[index]
        sign = -1 if division.total < 0 else 1
        tree = self.settlement.trees.weights[step.step]
        return {
            **self._particulars(step, division, member),
            "step": step.step,
            "label": _label(rule.label),
            "takes_part": member not in division.outside,
            "weight_units": integer_json(weight),
            "quotient": integer_json(quotient),
            "remainder": integer_json(remainder),
            "extra": sign * amount - quotient,
            "rank": self.ranks[step.step].get(index),
            "amount_minor": integer_json(division.amounts[index]),
            "sources": _sources(rule.sources(self.scope, member), self._place(rule)),
            "parts": self._parts(rule, member),
            "proof": self._proof(weights_tree_name(step.step), tree, member),
        }

    def _particulars(self, step: StepResult, division: Division, member: str) -> dict[str, Any]:
        """What only some divisions have: what was paid back, and what the amount rests on."""
        index, basis, found = self.positions[member], division.basis, dict[str, Any]()
        if division.recouped:
            found["recouped_minor"] = integer_json(division.recouped[index])
        if basis is not None:
            cap = basis.high[index] if basis.high else None
            floor = basis.low[index] if basis.low else None
            if basis.floor is not None and floor != basis.floor:
                floor = None
            tree = self.settlement.trees.bases[step.step]
            found["basis"] = {
                "weight_units": integer_json(basis.weights[index]),
                "cap": None if cap is None else integer_json(cap),
                "floor": None if floor is None else integer_json(floor),
                "proof": self._proof(basis_tree_name(step.step), tree, member),
            }
        return found

    def _parts(self, rule: Step, member: str) -> list[dict[str, Any]]:
        parts = rule.parts if isinstance(rule, AllocateStep) else None
        place = self._place(rule)
        return [
            {
                "part": part.id,
                "label": _label(part.label),
                "sources": _sources(
                    part.key.sources(self.scope, member), f"{place}/parts/{index}/key"
                ),
            }
            for index, part in enumerate(parts or ())
        ]

    def _place(self, rule: Step) -> str:
        """Where a step stands in the rule set."""
        found = next(at for at, one in enumerate(self.ruleset.steps) if one.id == rule.id)
        return f"/steps/{found}"

    def _sum(self, name: str, tree: SumTree, member: str) -> dict[str, Any]:
        total = tree.levels[0][self.leaf_indices[member]].sum
        return {"total_minor": integer_json(total), "proof": self._proof(name, tree, member)}

    def _proof(self, name: str, tree: SumTree, member: str) -> dict[str, Any]:
        index = self.leaf_indices[member]
        return {
            "salt": derive_salt(self.seed, name, index).hex(),
            "siblings": [
                {"hash": node.hash.hex(), "sum": integer_json(node.sum)}
                for node in prove_sum(tree, index)
            ],
        }


def statement_maker(
    settlement: Settlement, ruleset: RuleSet, inputs: Inputs, seed: bytes
) -> StatementMaker:
    """Prepare the statements of all members of one settlement."""
    members = settlement.result.members
    leaves = {members[index]: leaf for leaf, index in enumerate(settlement.trees.order)}
    return StatementMaker(
        settlement=settlement,
        ruleset=ruleset,
        scope=scope_of(ruleset, inputs),
        seed=seed,
        id=settlement_id(settlement.document),
        leaf_indices=leaves,
        positions={member: index for index, member in enumerate(members)},
        ranks=_ranks(settlement.result),
    )


def build_statement(
    settlement: Settlement, ruleset: RuleSet, inputs: Inputs, seed: bytes, member: str
) -> dict[str, Any]:
    """One member's statement; for all of them use ``statement_maker`` once."""
    return statement_maker(settlement, ruleset, inputs, seed).statement(member)


def _by_name(basis: Basis) -> bool:
    """Whether caps or floors are given by member, so that the settlement does not tell them."""
    capped = basis.cap is None and any(most is not None for most in basis.high)
    return capped or (basis.floor is None and any(basis.low))


def _ranks(result: Result) -> dict[str, dict[int, int]]:
    """Per dividing step the places, from 1, in the order of odd units; none if it came out even."""
    return {
        step.step: {index: at + 1 for at, index in enumerate(step.division.rounded.order)}
        for step in result.steps
        if step.division is not None
    }


def _sources(sources: tuple[Source, ...], place: str) -> list[dict[str, str]]:
    """The figures of a step or key at ``place``, each at its JSON pointer."""
    return [
        {
            "where": source.within(place).where,
            "value": format_fraction(source.value.numerator, source.value.denominator),
        }
        for source in sources
    ]


def _label(label: Label | None) -> dict[str, str]:
    return {} if label is None else label.model_dump(exclude_none=True)
