"""Whether the weights that a member statement tells follow from the figures that it names.

The statement brings the rule set, whose hash the settlement states. Where a key takes a figure as
it is (``proportional``, and ``capital`` without days), the member's weight is their sum.
Other keys make weights in ways that one member's figures do not show; an auditor computes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from ledger import canonical
from ledger.errors import SumMismatch
from ledger.settlement.shape import SourceShape, StatementShape


def verify_weights(own: StatementShape, rules: Any, rule_hash: str) -> None:
    """Raise SumMismatch for rules that are not the settlement's, or a weight none of theirs."""
    if not isinstance(rules, dict) or canonical.digest(rules).hex() != rule_hash:
        raise SumMismatch("the rules in the statement are not those of the settlement")
    lines = {(line.step, line.part): line.weight for line in own.lines}
    for step, part, sources in _plain(own, rules):
        weight = lines.get((step, part))
        total = sum((source.value for source in sources), Fraction())
        if weight is not None and weight != total:
            where = f"step {step!r}" + (f", part {part!r}" if part else "")
            raise SumMismatch(f"{where}: the figures add up to {total}, the weight is {weight}")


def _plain(
    own: StatementShape, rules: Mapping[str, Any]
) -> Iterator[tuple[str, str | None, Sequence[SourceShape]]]:
    """The steps and parts whose key takes figures as they are, with the member's figures."""
    written = {step["id"]: step for step in rules["steps"]}
    for mine in own.steps:
        step = written[mine.step]
        if mine.basis is None and _takes_figures(step.get("key")):
            yield mine.step, None, mine.sources
        keys = {part["id"]: part["key"] for part in step.get("parts", ())}
        for part in mine.parts:
            if _takes_figures(keys.get(part.part)):
                yield mine.step, part.part, part.sources


def _takes_figures(key: Any) -> bool:
    if not isinstance(key, dict):
        return False
    kind = key.get("kind")
    return kind == "proportional" or (kind == "capital" and not key.get("time_weighted"))
