"""The settlement (精算) as it is proposed, approved and signed (RULES.md sections 8 and 9).

Its document is public among those who may read the log, so it holds no member's figures: hashes,
totals, and per step what a member needs to check its own share. ``settlement_id`` is SHA-256 of the
RFC 8785 form; the same arguments give the same bytes anywhere.

Inputs and lines could be guessed by a rival who knows nearly all of them, so their hashes are
salted: each is SHA-256 of ``salt ‖ RFC 8785 form``, the salt being leaf salt 0 of the sum-tree
scheme under the names ``inputs`` and ``lines``. The seed opens them; it is given to auditors.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ledger import canonical
from ledger.errors import SumMismatch
from ledger.rules.document import RuleSet
from ledger.rules.inputs import SUSPENSE, Inputs, inputs_bytes
from ledger.rules.number import format_fraction, integer_json
from ledger.rules.rounding import HALF_EVEN, Rounding
from ledger.rules.steps import Basis, Division
from ledger.settlement.result import (
    Result,
    StepResult,
    amounts_json,
    result_document,
    special_totals,
    step_row,
    tax_json,
)
from ledger.settlement.run import run
from ledger.settlement.sumtree import SumTree, derive_salt
from ledger.settlement.trees import Trees, basis_row, build_trees, weights_root


@dataclass(frozen=True, slots=True)
class CutOff:
    """What a settlement rests on: the period's name, and the log up to ``as_of_index``.

    ``log_root`` is the tree's root at that size, ``state_hash`` that of the state folded from it.
    """

    period: str
    as_of_index: int
    log_root: bytes
    state_hash: bytes


@dataclass(frozen=True, slots=True)
class Settlement:
    """The public ``document``; ``lines_blob`` is salt and result document, for entitled readers."""

    document: Mapping[str, Any]
    lines_blob: bytes
    result: Result
    trees: Trees


def build_settlement(cut_off: CutOff, ruleset: RuleSet, inputs: Inputs, seed: bytes) -> Settlement:
    """Run the rules and write the settlement. ``seed`` is 32 random bytes that the co-op keeps.

    Raises what ``run`` raises, and OutOfRange for a bad seed or weights that no sum tree can hold.
    """
    result = run(ruleset, inputs)
    trees = build_trees(result, seed)
    lines_blob = _salted(seed, "lines", canonical.encode(result_document(result)))
    inputs_blob = _salted(seed, "inputs", inputs_bytes(inputs))
    document = {
        "kyojo_settlement": 1,
        "period": cut_off.period,
        "as_of_index": cut_off.as_of_index,
        "log_root": cut_off.log_root.hex(),
        "state_hash": cut_off.state_hash.hex(),
        "ruleset": result.ruleset,
        "version": result.version,
        "rule_hash": result.rule_hash.hex(),
        "inputs_hash": hashlib.sha256(inputs_blob).hexdigest(),
        "lines": {"sha256": hashlib.sha256(lines_blob).hexdigest(), "bytes": len(lines_blob)},
        "currency": result.currency,
        "minor_digits": result.minor_digits,
        "member_count": len(set(result.members) - {SUSPENSE}),
        "account_count": len(result.members),
        **_beside_money(result),
        "pools": amounts_json(result.pools),
        "steps": [_step(step, trees) for step in result.steps],
        "totals": _totals(result, trees),
        "seed_commitment": hashlib.sha256(seed).hexdigest(),
        "weights_root": _weights_root(trees).hex(),
        "amounts_root": trees.amounts.commitment.hex(),
        "charges_root": None if trees.charges is None else trees.charges.commitment.hex(),
    }
    return Settlement(document, lines_blob, result, trees)


def settlement_id(document: Mapping[str, Any]) -> bytes:
    """SHA-256 of the document's RFC 8785 form: what members approve."""
    return canonical.digest(dict(document))


def verify_settlement(
    document: Mapping[str, Any], ruleset: RuleSet, inputs: Inputs, seed: bytes
) -> None:
    """Recompute a settlement from what it was made of; raises SumMismatch naming what differs.

    Period, cut-off, log root and state hash are facts about the log, checked elsewhere.
    """
    facts = CutOff("", 0, b"", b"")
    again = build_settlement(facts, ruleset, inputs, seed).document
    outside = {"period", "as_of_index", "log_root", "state_hash"}
    names = (again.keys() | document.keys()) - outside
    wrong = sorted(name for name in names if document.get(name) != again.get(name))
    if wrong:
        text = f"recomputing gives another settlement; different: {', '.join(wrong)}"
        raise SumMismatch(text, fields=wrong)


def _beside_money(result: Result) -> dict[str, Any]:
    """Units of pools that hold no money, costs that are charged, tax; each only where there is."""
    found: dict[str, Any] = {}
    if result.units:
        found["units"] = dict(result.units)
    if result.costs:
        found["costs"] = amounts_json(result.costs)
    if result.tax is not None:
        found["tax"] = tax_json(result.tax)
    return found


def _salted(seed: bytes, name: str, content: bytes) -> bytes:
    return derive_salt(seed, name, 0) + content


def _weights_root(trees: Trees) -> bytes:
    """Over the weights trees, a step's basis tree right after it under ``<step>/basis``."""
    rows = []
    for step, tree in trees.weights.items():
        rows.append((step, tree.commitment))
        if step in trees.bases:
            rows.append((basis_row(step), trees.bases[step].commitment))
    return weights_root(rows)


def _totals(result: Result, trees: Trees) -> dict[str, Any]:
    charged = 0 if trees.charges is None else trees.charges.root.sum
    advances = {"recoup": integer_json(sum(result.recoup.values()))} if result.recoup else {}
    return {
        **advances,
        **special_totals(result),
        "paid_to_members": integer_json(trees.amounts.root.sum - trees.to_suspense),
        "paid_to_suspense": integer_json(trees.to_suspense),
        "charged_to_members": integer_json(charged),
        "funds": amounts_json(result.funds),
        "projects": amounts_json(result.projects),
        "pools_left": amounts_json(result.pools_left),
        "carry": amounts_json(result.carry),
        "in": integer_json(result.total_in),
        "out": integer_json(result.total_out),
    }


def _step(step: StepResult, trees: Trees) -> dict[str, Any]:
    found = {**step_row(step), "fund": step.fund, "division": None}
    if step.payees or (step.division is None and step.fund is None):
        found["payees"] = amounts_json(step.payees)
    if step.division is not None:
        found["division"] = _division(step, step.division, trees)
    return found


def _division(step: StepResult, division: Division, trees: Trees) -> dict[str, Any]:
    """The public figures of a division.

    Leaves of the weights tree are weights times ``denominator``; they add up to
    ``weight_total × denominator``. In a step with parts the weights are combined shares, with a
    ``basis`` they are exact amounts. ``total`` is what was divided, where that is not what the step
    took; ``recouped`` what members paid back out of it.
    """
    cut_off = division.rounded.cut_off
    return {
        **_particulars(step, division, trees),
        "weight_total": format_fraction(division.weight_sum, division.denominator),
        "denominator": integer_json(division.denominator),
        "commitment": trees.weights[step.step].commitment.hex(),
        "rounding": _rounding(division.rounding),
        "extra_units": division.rounded.extra_units,
        "cut_off": None
        if cut_off is None
        else {
            "unserved_below": _text(cut_off.unserved_below),
            "served_above": _text(cut_off.served_above),
        },
        "parts": [
            {
                "part": part.part,
                "fraction": format_fraction(part.fraction.numerator, part.fraction.denominator),
                "weight_total": format_fraction(part.weight_sum, part.weights.denominator),
            }
            for part in division.parts
        ],
    }


def _particulars(step: StepResult, division: Division, trees: Trees) -> dict[str, Any]:
    """What only some divisions have; left out of the others."""
    found: dict[str, Any] = {}
    if division.total != step.taken:
        found["total"] = integer_json(division.total)
    if division.recouped:
        found["recouped"] = integer_json(sum(division.recouped))
    if division.rounding.method == HALF_EVEN:
        found["residual"] = integer_json(division.rounded.residual)
    if division.basis is not None:
        found["basis"] = _basis(division.basis, trees.bases[step.step])
    return found


def _basis(basis: Basis, tree: SumTree) -> dict[str, Any]:
    """What exact amounts rest on: the rule, its level, and the sum of the weights or claims."""
    return {
        "rule": basis.rule,
        "scale": None if basis.scale is None else _text(basis.scale),
        "losses": basis.losses,
        "of_floors": basis.is_of_floors,
        "cap": None if basis.cap is None else integer_json(basis.cap),
        "floor": None if basis.floor is None else integer_json(basis.floor),
        "rest": integer_json(basis.rest),
        "weight_total": format_fraction(basis.weight_sum, basis.denominator),
        "denominator": integer_json(basis.denominator),
        "commitment": tree.commitment.hex(),
    }


def _rounding(rounding: Rounding) -> dict[str, Any]:
    found: dict[str, Any] = {"method": rounding.method, "tie_break": list(rounding.tie_break)}
    if rounding.residual_to is not None:
        found["half_even_residual_to"] = rounding.residual_to
    return found


def _text(fraction: Fraction) -> str:
    return format_fraction(fraction.numerator, fraction.denominator)
