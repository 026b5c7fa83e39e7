"""Random rule sets, and figures that fit them more or less, for two verifiers to compute."""

from __future__ import annotations

import json
import random
from typing import Any

VAST = 2**50
VAST_STEP = {
    "id": "vast", "source": "gross", "kind": "allocate", "if_no_weight": "equal",
    "parts": [
        {"id": "trips", "weight": "70%", "key": {"kind": "proportional", "input": "trips"}},
        {"id": "fare", "weight": 1, "key": {"kind": "proportional", "input": "charge.fare"}},
        {"id": "capital", "weight": "1/3", "key": {"kind": "capital", "asset": "network"}},
    ],
}  # fmt: skip


class Rules:
    """Random rule sets of every step and key, and inputs that fit them more or less.

    Every tenth combines three vast weights, for which 128 bits are too few.
    """

    def __init__(self, number: int) -> None:
        self.recovered: list[str] = []
        self.chosen = random.Random(number)
        self.is_vast = number % 10 == 0
        self.members = self.chosen.sample(["bus", "ev", "bike", "suspense", "taxi"], 3)

    def pick(self, *values: Any) -> Any:
        return self.chosen.choice(values)

    def most(self, *values: int) -> int:
        return VAST if self.is_vast else self.pick(*values)

    def key(self) -> dict[str, Any]:
        kind = self.pick("equal", "fixed", "proportional", "proportional", "capital")
        key: dict[str, Any] = {"kind": kind}
        if kind == "fixed":
            weights = [self.pick(1, 2, "1/3", "0.019%", "2.5", 0) for _ in self.members]
            key["weights"] = dict(zip(self.members, weights, strict=True))
            if self.chosen.random() < 0.3:
                key["weights"] = {self.members[0]: "70%", self.members[1]: "remaining"}
        if kind == "proportional":
            key["input"] = self.pick("trips", "rides", "charge.fare", "nothing")
        if kind == "capital":
            key |= self.pick({}, {"asset": "network"}, {"asset": "none"})
        if self.chosen.random() < 0.2 and kind != "fixed":
            key["members"] = self.members[:2]
        return key

    def step(self, number: int) -> dict[str, Any]:
        step: dict[str, Any] = {"id": f"s{number}", "source": self.pick("gross", "gross", "other")}
        step |= self.pick({}, {}, {"limit": "40%"}, {"limit": 5000}, {"limit": {"percent": "9%"}})
        step |= self.pick({}, {"of": "opening"}, {"rounding": {"method": "sequential"}})
        kind = self.pick("recover_cost", "reserve", "allocate", "allocate")
        step["kind"] = kind
        if kind == "recover_cost":
            self.recovered.append(f"cost{number}")
            step |= {"costs": [f"cost{number}"], "carry_forward": self.pick(True, False)}
            step |= self.pick({}, {}, {"key": self.key()})
        elif kind == "reserve":
            step |= {"to": "fund.reserve", **self.pick({"rate": "5%"}, {"amount": 700})}
            step |= self.pick({}, {"until_balance": 1200})
        else:
            step["if_no_weight"] = self.pick("error", "carry", "equal")
            if self.chosen.random() < 0.6:
                parts = range(self.pick(1, 2, 3))
                step["parts"] = [
                    {"id": f"p{at}", "weight": self.pick("70%", 1, "1/3"), "key": self.key()}
                    for at in parts
                ]
            else:
                step["key"] = self.key()
        return step

    def rules(self) -> bytes:
        document = {
            "kyojo_rules": 1, "ruleset": "r", "version": 1, "effective_from": "2026-10-01",
            "timezone": "Asia/Tokyo", "currency": "JPY", "minor_digits": 0,
            "inputs": {"rides": {"metric": "trips"}},
            "pools": {"gross": {"from": ["revenue.fares", "charge.fare"]},
                      "other": {"from": ["revenue.grant"], "origin": "public"}},
            "steps": [self.step(number) for number in range(self.pick(1, 2, 3, 4))],
        }  # fmt: skip
        if self.is_vast:
            document["steps"], self.recovered = [VAST_STEP], []
        elif self.chosen.random() < 0.3:
            document["members"] = self.members[:2]
        tie = self.pick(["member_desc"], ["weight_asc", "declared"], ["weight_desc", "member_asc"])
        document["rounding"] = {"tie_break": tie}
        return json.dumps(document).encode()

    def amounts(self, most: int) -> dict[str, int]:
        chosen = self.chosen
        return {member: chosen.randrange(most) for member in self.members if chosen.random() < 0.8}

    def costs(self) -> list[str]:
        """Costs that the rules recover, and now and then one of which no step takes notice."""
        return [*self.pick([], self.recovered), *(["stray"] if self.chosen.random() < 0.1 else [])]

    def inputs(self) -> bytes:
        carried = self.amounts(900)
        is_carried = not self.is_vast and self.chosen.random() < 0.3
        document = {
            "kyojo_inputs": 1, "period": {"start": "2026-10-01", "end": "2026-11-01"},
            "members": sorted(self.members),
            "totals": {"trips": self.amounts(self.most(1, 2, 90)),
                       "charge.fare": self.amounts(self.most(9000))},
            "revenue": {"fares": {"amount_minor": self.pick(0, 1_000_001, 77),
                                  "origin": self.pick(*["member"] * 9, "public")},
                        "grant": {"amount_minor": 500, "origin": "public"}},
            "costs": {cost: self.amounts(4000) for cost in self.costs()},
            "funding": {"network": self.amounts(self.most(3, 10**6)),
                        "depot": self.amounts(10**6)},
            "balances": {"fund.reserve": 1000},
            "carry": {"s0": sum(carried.values())} if is_carried else {},
            "owed": {}, "opening": self.pick({}, {"gross": -300}, {"gross": 40}, {"strange": 1}),
        }  # fmt: skip
        if self.chosen.random() < 0.3:
            document["beside"] = self.members[:1]
        if document["carry"] and self.chosen.random() < 0.7:
            document["owed"] = {"s0": carried}
        return json.dumps(document).encode()
