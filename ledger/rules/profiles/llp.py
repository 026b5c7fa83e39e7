"""``jp-llp``: a limited liability partnership (有限責任事業組合契約に関する法律, article 33).

Profit goes by the ratio of capital unless all partners agree on another split in a writing that
states capital ratio, split, reason and start (施行規則 第36条). The co-op therefore adopts such
rules only when every member has approved them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from ledger.rules.profiles.check import Check, Rules
from ledger.rules.profiles.funds import keys_of
from ledger.rules.profiles.waterfall import distributions

LAW: Final = "有限責任事業組合契約に関する法律 第33条・施行規則 第36条"


def departures(rules: Rules) -> list[str]:
    """The places of the keys by which partners share otherwise than by capital."""
    found = []
    for one in distributions(rules.pools, rules.steps):
        keys = list(keys_of(one.step))
        other = [at for at, key in keys if not _is_capital_ratio(key)]
        found += [f"/steps/{one.index}{at}" for at in (other if keys else [""])]
    return found


def _is_capital_ratio(key: Any) -> bool:
    """Whether a key is the plain ratio of all capital: no single asset, no weighing by days."""
    return bool(key.kind == "capital" and key.asset is None and not key.time_weighted)


def checks(rules: Rules) -> Iterator[Check]:
    """A writing for every departure from the capital ratio, in force when the rules are."""
    places, writing = departures(rules), rules.llp
    for place in places:
        yield Check(
            place, writing is not None,
            "partners share by the ratio of their capital unless a writing says otherwise: state "
            "it as llp: {capital_ratio, split, reason, from}, and have every partner approve",
            "損益は出資の割合で分配します。異なる割合によるときは llp に出資の割合、分配の割合、"
            "理由、始期を記し、組合員全員の承認を得てください",
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
