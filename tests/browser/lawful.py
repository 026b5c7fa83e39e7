"""Random rule sets under the legal profiles: in order at first, then bent in up to three places."""

from __future__ import annotations

import json
import random
from typing import Any

PROFILES = ("jp-sme-coop", "jp-worker-coop", "jp-llp")


class Lawful:
    """One rule set. What is bent is what each law asks for: funds, order, money, measure."""

    def __init__(self, number: int) -> None:
        self.chosen = random.Random(number)
        self.profile = PROFILES[number % len(PROFILES)]
        self.bends = self.chosen.choice((0, 0, 1, 1, 2, 3))

    def pick(self, *values: Any) -> Any:
        return self.chosen.choice(values)

    def often(self, share: float = 0.5) -> bool:
        return self.chosen.random() < share

    def key(self) -> dict[str, Any]:
        if self.profile == "jp-llp":
            return {"kind": "capital"}
        if self.profile == "jp-worker-coop":
            return {"kind": self.pick("proportional", "patronage"), "input": "hours"}
        plain = {"kind": self.pick("proportional", "patronage"), "input": "trips"}
        return self.pick(plain, {"kind": "pro_rata", "matrix": "rides"})

    def steps(self) -> list[dict[str, Any]]:
        """Costs, the funds of the law, capital where it may earn, and members."""
        opening = self.pick({}, {"of": "opening"})
        found: list[dict[str, Any]] = [
            {"kind": "recover_cost", "costs": ["c"]},
            {"kind": "reserve", "to": "fund.law", "rate": "10%"},
            {"kind": "reserve", "to": "fund.edu", "rate": self.pick("6%", "1/18"), **opening},
            {"kind": "reserve", "to": "fund.jobs", "rate": "6%"},
        ]
        if self.profile == "jp-sme-coop":
            halves = self.pick([], [83], [41, 42], [40, 43, 0])
            found += [self.dividend(limit) for limit in halves]
        share: dict[str, Any] = {"kind": "allocate", "key": self.key()}
        if self.often(0.3):
            parts = [{"id": f"p{at}", "weight": 1, "key": self.key()} for at in range(2)]
            share = {"kind": "allocate", "parts": parts}
        if self.often(0.4):
            found.append({"kind": "allocate", "split": {"pool.r": "1/2", "fund.x": "remaining"}})
            share["source"] = self.pick("p", "r")
        return [*found, share]

    def dividend(self, limit: int) -> dict[str, Any]:
        return {"kind": "allocate", "limit": limit, "key": {"kind": "capital"}}

    def bend(self, document: dict[str, Any]) -> None:
        """One thing that some law refuses, and others may not."""
        steps = document["steps"]
        one = self.pick(*steps) if steps else {}
        paying = [step for step in steps if step["kind"] == "allocate"]
        last = self.pick(*paying) if paying else {}
        bends = [
            lambda: steps.remove(one) if one in steps else None,
            lambda: self.chosen.shuffle(steps),
            lambda: one.update(self.pick({"limit": "40%"}, {"limit": 41}, {"limit": 500})),
            lambda: one.update({"source": self.pick("r", "aid")}),
            lambda: last.update(self.pick(*BENT)),
            lambda: last.update({"key": self.pick(*KEYS)}),
            lambda: steps.insert(0, {"kind": "guarantee", "claims": {"bus": 5}}),
            lambda: steps.append({"kind": "recover_cost", "costs": ["d"], "key": self.pick(*KEYS)}),
            lambda: steps.insert(self.pick(0, 1), self.fed()),
            lambda: steps.append(self.charge()),
            lambda: document["pools"]["p"].update(self.pick({"origin": None}, {"origin": "other"})),
            lambda: [
                s.update({"until_balance": self.pick(4999, 5000)}) for s in steps if "to" in s
            ],
            lambda: one.update({"when": {"kpi": "town", "at_least": 3}}),
            lambda: one.update(
                {"rate": self.pick("9%", "5%"), "amount": None} if "to" in one else {}
            ),
            lambda: document.get("articles", {}).update(self.pick(*ARTICLES)),
            lambda: document.pop(self.pick("articles", "llp"), None),
            lambda: document.get("llp", {}).update(self.pick(*WRITINGS)),
        ]
        self.pick(*bends)()

    def fed(self) -> dict[str, Any]:
        return {"kind": "allocate", "source": self.pick("aid", "p"), "split": {"pool.r": 1}}

    def charge(self) -> dict[str, Any]:
        key = self.pick({"kind": "capital"}, {"kind": "equal"})
        return {"kind": "allocate", "source": "cost.e", "as": "charge", "key": key}

    def rules(self) -> bytes:
        document: dict[str, Any] = {
            "kyojo_rules": 1, "ruleset": "r", "version": 1, "effective_from": "2026-10-01",
            "timezone": "Asia/Tokyo", "currency": "JPY", "minor_digits": 0,
            "profile": self.profile,
            "articles": {"reserve": "fund.law", "reserve_ceiling": 5000, "paid_capital": 10000,
                         "education": "fund.edu", "employment": "fund.jobs", "work": ["hours"]},
            "pools": {
                "p": {"from": ["revenue.fares"], "origin": "member"},
                "aid": {"from": ["revenue.aid"], "origin": self.pick("public", "member")},
                "r": {"from": [], "origin": "member"},
            },
            "steps": self.steps(),
        }  # fmt: skip
        if self.often(0.15):
            document["rounding"] = {"half_even_residual_to": self.pick("bus", "fund.x")}
        if self.profile == "jp-llp" and self.often(0.6):
            document["llp"] = {"capital_ratio": {"bus": "1/2", "ev": "1/2"}, "split": "by trips",
                               "reason": "bus drives more", "from": "2026-09-01"}  # fmt: skip
        for _ in range(self.bends):
            self.bend(document)
        for at, step in enumerate(document["steps"]):
            step["id"] = f"s{at}"
            step.setdefault("source", "p")
        return json.dumps(document).encode()


KEYS = (
    {"kind": "capital"}, {"kind": "capital", "asset": "bus"}, {"kind": "equal"},
    {"kind": "capital", "members": ["bus"]}, {"kind": "capital", "time_weighted": True},
    {"kind": "proportional", "input": "hours"}, {"kind": "proportional", "input": "trips"},
    {"kind": "quadratic", "ballots": "town"}, {"kind": "user_centric", "matrix": "rides"},
)  # fmt: skip
BENT = (
    {"bounds": {"floor": 1}, "short_rule": "cea"}, {"bounds": {"floor": {"ev": 1}}},
    {"bounds": {"cap": {"ev": 0}}, "overflow": "redistribute"}, {"if_no_weight": "equal"},
    {"bounds": {"cap": "40%"}, "overflow": "carry"}, {"overflow": {"to": "pool.r"}},
    {"if_no_weight": "carry"}, {"bounds": {"cap": 7}, "overflow": {"to": "pool.r"}},
    {"rounding": {"half_even_residual_to": "bus"}}, {"rounding": {"method": "sequential"}},
    {"rounding": {"half_even_residual_to": "fund.x"}},
)  # fmt: skip
ARTICLES = (
    {"reserve_ceiling": 4999}, {"education": None}, {"employment": None}, {"work": []},
    {"paid_capital": 4999}, {"reserve": "fund.x"},
)  # fmt: skip
WRITINGS = (
    {"from": "2026-10-02"}, {"capital_ratio": {"bus": "1/2", "ev": "1/3"}}, {"from": "2026-10-01"},
)  # fmt: skip
