"""``jp-llp``: a limited liability partnership (有限責任事業組合契約に関する法律, article 33).

Profit and loss go by the ratio of capital unless all partners agree on another split in a writing
that states capital ratio, split, reason and start (施行規則 第36条). The co-op therefore adopts
such rules only when every member has approved them.

Whatever gives partners more or less than their capital's part departs from it: another key, some
of the partners only, a floor or a cap, a partner that takes what rounding leaves, heads where
nobody has a weight, a sum fixed beforehand, and costs that go by a key to others than those who
bore them. Charges count as losses. A ``split`` pays no partner.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from ledger.rules.profiles.check import Check, Rules
from ledger.rules.profiles.funds import keys_of

LAW: Final = "有限責任事業組合契約に関する法律 第33条・施行規則 第36条"


def departures(rules: Rules) -> list[str]:
    """The places by which partners share otherwise than by capital."""
    return [
        place for index, step in _sharing(rules) for place in _departures_of(index, step, rules)
    ]


def _sharing(rules: Rules) -> Iterator[tuple[int, Any]]:
    """The steps that give profit to partners, or charge them with losses."""
    for index, step in enumerate(rules.steps):
        if step.kind == "guarantee" or any(keys_of(step)):
            yield index, step


def _departures_of(index: int, step: Any, rules: Rules) -> Iterator[str]:
    place = f"/steps/{index}"
    if step.kind == "guarantee":
        yield place
    for at, key in keys_of(step):
        if step.kind == "recover_cost" or not _is_capital_ratio(key):
            yield place + at
    if getattr(step, "bounds", None) is not None:
        yield place + "/bounds"
    if getattr(step, "if_no_weight", None) == "equal":
        yield place + "/if_no_weight"
    own = getattr(step, "rounding", None)
    account = (rules.rounding if own is None else own).half_even_residual_to
    if account is not None and not account.startswith("fund.") and step.kind == "allocate":
        yield "/rounding" if own is None else place + "/rounding"


def _is_capital_ratio(key: Any) -> bool:
    """Whether a key is the plain ratio of all capital.

    No single asset, no weighing by days, no partner left out.
    """
    plain = key.kind == "capital" and key.asset is None and key.members is None
    return bool(plain and not key.time_weighted)


def checks(rules: Rules) -> Iterator[Check]:
    """A writing for every departure from the capital ratio, in force when the rules are."""
    writing = rules.llp
    for index, step in _sharing(rules):
        places = list(_departures_of(index, step, rules))
        yield from (_departure(place, stated=writing is not None) for place in places)
        if not places:
            yield Check(
                f"/steps/{index}", True,
                f"{step.id!r} shares by the ratio of all capital",
                f"手順「{step.id}」は出資の割合で分配します",
                LAW,
            )  # fmt: skip
    if writing is not None:
        yield Check(
            "/llp/from", writing.from_ <= rules.effective_from,
            f"the writing is in force from {writing.from_}, the rules from {rules.effective_from}",
            f"書面の始期は{writing.from_}、規則の適用開始は{rules.effective_from}です",
            LAW,
        )  # fmt: skip
        yield from (
            Check("/llp" + at, False, text, "出資の割合の合計は1です", LAW)
            for at, text in writing.problems()
        )


def _departure(place: str, *, stated: bool) -> Check:
    return Check(
        place, stated,
        "partners share profit and loss by the ratio of their capital unless a writing says "
        "otherwise: state it as llp: {capital_ratio, split, reason, from}, and have every partner "
        "approve",
        "損益は出資の割合で分配します。異なる割合によるときは llp に出資の割合、分配の割合、"
        "理由、始期を記し、組合員全員の承認を得てください",
        LAW,
    )  # fmt: skip
