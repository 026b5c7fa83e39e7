"""Random rule sets of the whole rule language, and figures for them, for two verifiers to compute.

``Language(number)`` makes one pair. About half of the pairs have an answer; the others are refused
for something that the figures or the rules lack, or for one thing that was broken on purpose.
"""

from __future__ import annotations

import json
import random
from typing import Any

SHORT = (
    "proportional", "cea", "cel", "talmud", "random_arrival", "priority", "minimal_overlap",
)  # fmt: skip
OVERFLOW = (
    "carry",
    "error",
    "redistribute",
    {"to": "fund.rest"},
    {"to": "pool.fed"},
)
ODD = (0, 1, "1/3", "5%", 7, -1, "remaining", None, "x", "pool.gross", "cost.runway", True)


class Language:
    """One rule set and its figures; every fifth has one value of the rules changed at random."""

    def __init__(self, number: int) -> None:
        self.chosen = random.Random(number)
        self.is_odd = number % 5 == 4
        self.members = self.chosen.sample(["bus", "ev", "bike", "suspense", "組", "taxi"], 4)
        self.ids = sorted(self.members)
        self.carries = False
        self.written = ""

    def pick(self, *values: Any) -> Any:
        return self.chosen.choice(values)

    def often(self, share: float = 0.5) -> bool:
        return self.chosen.random() < share

    # Keys.

    def plain(self) -> dict[str, Any]:
        kind = self.pick(
            "equal", "fixed", "proportional", "patronage", "tiered", "capital", "pro_rata",
            "user_centric",
        )  # fmt: skip
        key: dict[str, Any] = {"kind": kind}
        if kind == "fixed":
            rest = self.pick("remaining", "2/7", 1)
            key["weights"] = {self.members[0]: "1/3", self.members[1]: rest}
        if kind in ("proportional", "patronage", "tiered"):
            key["input"] = self.pick("trips", "rides", "charge.fare", "score", "days")
        if kind == "patronage":
            key |= self.pick({}, {"exclude": ["public"]}, {"exclude": ["other", "public"]})
        if kind == "tiered":
            key["mode"] = self.pick("graduated", "volume")
            key["tiers"] = [{"upto": "5/2", "weight": 1}, {"upto": 20, "weight": "1/2"}]
            key["tiers"].append({"weight": "20%"})
        if kind == "capital":
            key |= self.pick({}, {"asset": "network"}, {"time_weighted": True})
        if kind in ("pro_rata", "user_centric"):
            key["matrix"] = "rides"
        if kind == "user_centric":
            key["idle"] = self.pick("pro_rata", "carry")
        return self.restricted(key)

    def restricted(self, key: dict[str, Any]) -> dict[str, Any]:
        return key | ({"members": self.members[:3]} if self.often(0.15) else {})

    def key(self) -> dict[str, Any]:
        kind = self.pick(
            *["plain"] * 5, "kpi_weighted", "energy", "airport", "shapley", "shapley", "scrb"
        )
        if kind == "plain":
            return self.plain()
        key: dict[str, Any] = {"kind": kind}
        if kind == "kpi_weighted":
            key["mode"] = self.pick("multiply", "add")
            if key["mode"] == "multiply":
                key["base"] = self.plain()
            key["kpis"] = [{"input": "score", "weight": self.pick(1, "2/3")}]
            key["kpis"] += self.pick([], [{"input": "late", "min": 1, "max": "7/2"}])
        if kind == "energy":
            key |= {"mode": self.pick("static", "dynamic", "hybrid"), "demand": "trips"}
            if key["mode"] != "dynamic":
                rest = self.pick("remaining", "3/4")
                key["coefficients"] = {self.members[0]: "1/4", self.members[1]: rest}
        if kind == "airport":
            key["input"] = self.pick("trips", "score")
        if kind in ("shapley", "scrb"):
            key["game"] = self.pick(*["table", "tree", "dam"] * 3, "none")
        if kind == "shapley":
            key |= self.pick({}, {"signed": True})
        return self.restricted(key)

    # Steps.

    def step(self, number: int) -> dict[str, Any]:
        kind = self.pick(
            "recover_cost", "reserve", "guarantee", "citizens_fund", "split", "charge", "match",
            "energy", *["allocate"] * 6,
        )  # fmt: skip
        step: dict[str, Any] = {"id": f"s{number}", "source": self.pick("gross", "gross", "fed")}
        limits: list[Any] = ["40%", 5000, {"percent": "9%"}]
        limits += [{"of": "total.trips", "times": "3/2"}, {"of": "balance.rest"}]
        limits += [{"of": "pool.fed"}, {"of": "cost.runway"}]
        limits += [{"of": f"step.s{number - 1}", "times": "70%"}] if number else []
        step |= {"limit": self.pick(*limits)} if self.often(0.4) else {}
        step |= self.pick({}, {"of": "opening"}, {"label": {"en": "Step"}}, {"tax": "none"})
        if self.often(0.25):
            to = self.pick(self.members[0], "fund.rest")
            step["rounding"] = self.pick({"method": "sequential"}, {"half_even_residual_to": to})
        if self.often(0.1):
            least = self.pick(3, 3, "9/2", "9/2", "45%")
            step["when"] = {"kpi": self.pick("town", "score"), "at_least": least}
        return step | self.filled(kind, number)

    def filled(self, kind: str, number: int) -> dict[str, Any]:
        if kind == "recover_cost":
            step = {"kind": kind, "costs": [f"cost{number}"], "carry_forward": self.often()}
            return step | self.pick({"key": self.key()}, {"short_rule": self.pick(*SHORT)})
        if kind == "reserve":
            step = {"kind": kind, "to": "fund.rest", **self.pick({"rate": "5%"}, {"amount": 700})}
            return step | self.pick({}, {"until_balance": 1200})
        if kind == "guarantee":
            claims = {member: self.chosen.randrange(900) for member in self.members[:3]}
            recoup = self.pick("none", "next_periods")
            rule = self.pick(*SHORT)
            return {"kind": kind, "claims": claims, "short_rule": rule, "recoup": recoup}
        if kind == "split":
            split = {"pool.fed": "1/3", "fund.rest": "5%", "pool.more": "remaining"}
            return {"kind": "allocate", "source": "gross", "split": split}
        return self.to_projects(kind) if kind in ("citizens_fund", "match") else self.special(kind)

    def to_projects(self, kind: str) -> dict[str, Any]:
        if kind == "match":
            key = {"kind": "quadratic", "ballots": "town", "scale_up": self.often()}
            bounds = self.pick({}, {"bounds": {"cap": "30%"}})
            return {"kind": "allocate", "key": key, "overflow": self.pick(*OVERFLOW), **bounds}
        method = self.pick("greedy", "equal_shares", "quadratic")
        step = {"kind": kind, "ballots": "town", "method": method}
        if method == "equal_shares":
            step |= self.pick({}, {"completion": "greedy"}, {"utility": "cardinality"})
        return step | (self.pick({}, {"scale_up": True}) if method == "quadratic" else {})

    def special(self, kind: str) -> dict[str, Any]:
        step = self.allocation()
        if kind == "charge":
            step |= {"source": f"cost.{self.pick('runway', 'none')}", "as": "charge"}
            step |= {"overflow": "carry"} if "overflow" in step else {}
        if kind == "energy":
            step["source"] = "sun"
            step |= {"overflow": {"to": "pool.grid"}} if "overflow" in step else {}
        return step

    def allocation(self) -> dict[str, Any]:
        step: dict[str, Any] = {"kind": "allocate", "if_no_weight": self.pick("carry", "equal")}
        if self.often(0.4):
            parts = range(self.pick(1, 2, 3))
            step["parts"] = [
                {"id": f"p{at}", "weight": self.pick("70%", 1, "1/3"), "key": self.key()}
                for at in parts
            ]
        else:
            step["key"] = self.key()
        if self.often(0.4):
            one, other = self.members[:2]
            step["bounds"] = self.pick(
                {"cap": "45%"}, {"cap": "5%"}, {"cap": 60, "floor": 7},
                {"floor": {one: 40, other: "3%"}}, {"cap": {one: "20%"}, "floor": "3%"},
                {"floor": 100}, {"cap": 5000},
            )  # fmt: skip
            if step["bounds"] == {"cap": "5%"}:
                return step | {"overflow": "redistribute"}
            if "floor" in step["bounds"]:
                step |= self.pick({}, {"short_rule": self.pick(*SHORT)})
        return step | ({"overflow": self.pick(*OVERFLOW)} if self.often(0.7) else {})

    def document(self) -> dict[str, Any]:
        steps = [self.step(number) for number in range(self.pick(1, 2, 3, 4))]
        if self.often(0.1):
            steps.append({**steps[0], "id": "last", "rounding": {"tie_break": ["declared"]}})
        found = {
            "kyojo_rules": 1, "ruleset": "r", "version": 1, "effective_from": "2026-10-01",
            "timezone": "Asia/Tokyo", "currency": "JPY", "minor_digits": 0,
            "inputs": {
                "rides": {"metric": "trips"}, "days": {"metric": "trips", "agg": "count"},
                "score": {"kpi": "punctual", **self.pick({}, {"default": "1/2"})},
                "late": {"metric": "late", "agg": "max", "default": 2},
            },
            "pools": {
                "gross": {"from": ["revenue.fares", "charge.fare"]}, "fed": {"from": []},
                "more": {"from": []}, "sun": {"from": ["total.wh"], "unit": "Wh"},
                "grid": {"from": [], "unit": "Wh"},
            },
            "steps": steps,
        }  # fmt: skip
        if self.often(0.2):
            found["members"] = self.members[:2]
        return found

    def rules(self) -> bytes:
        document = self.document()
        if self.is_odd:
            place, name = self.chosen.choice(list(places(document)))
            place[name] = self.pick(*ODD)
        first = document["steps"][0] if document["steps"] else {}
        self.carries = isinstance(first, dict) and first.get("carry_forward") is True
        self.written = json.dumps(document)
        return self.written.encode()

    # Figures.

    def amounts(self, most: int, share: float = 0.8) -> dict[str, int]:
        return {one: self.chosen.randrange(most) for one in self.members if self.often(share)}

    def funding(self) -> dict[str, Any]:
        dated = [
            {"amount_minor": 300, "from": "2026-09-14"},
            {"amount_minor": -100, "from": "2026-10-22"},
            {"amount_minor": 50, "from": "2026-11-01"},
        ]  # fmt: skip
        return {
            one: self.pick(dated, dated, self.chosen.randrange(900)) for one in self.members[:3]
        }

    def games(self) -> dict[str, Any]:
        ids, sign = self.members[:3], self.pick(1, 1, -1)
        table = {}
        for coalition in range(1, 2 ** len(ids)):
            named = [one for at, one in enumerate(ids) if coalition >> at & 1]
            table["+".join(named)] = sign * (len(named) ** 2 * 50 + self.chosen.randrange(60))
        edges = [
            {"node": "a", "parent": None, "cost": 900}, {"node": "b", "parent": "a", "cost": "7/2"},
            {"node": "c", "parent": "a", "cost": self.chosen.randrange(80)},
        ]  # fmt: skip
        costs = {one: 100 + self.chosen.randrange(90) for one in ids}
        own = {one: self.chosen.randrange(90) for one in ids}
        return {
            "table": {"form": "table", "values": table},
            "tree": {"form": "tree", "edges": edges, "at": {one: self.pick(*"abc") for one in ids}},
            "dam": {"form": "scrb", "alone": costs, "separable": own, "total": 290},
        }

    def ballots(self) -> dict[str, Any]:
        costs: dict[str, Any] = {
            "lamp": {"cost": 400},
            "bench": {"cost": 900},
            "tree": {"cost": 70},
        }
        votes = []
        for at in range(7):
            named = self.chosen.sample(sorted(costs), self.pick(0, 1, 2))
            votes.append({"voter": f"a{at}", "approve": named})
            given = {project: self.chosen.randrange(90) for project in named}
            votes.append({"voter": f"v{at % 5}", "amounts": given})
        return {"projects": costs, "votes": votes}

    def inputs(self) -> bytes:
        trips = {one: self.pick(0, 7, "5/2", 40) for one in self.members}
        kpis = {"punctual": {one: {"value": self.pick(1, "7/2", 3)} for one in self.members}}
        if self.often(0.3):
            del kpis["punctual"][self.members[0]]
        kpis["late"] = {self.members[1]: {"value": 3, "scale": 10}}
        kpis["town"] = {"_": {"value": self.pick(2, 4, "9/2")}}
        uses = {f"p{at}": self.amounts(4, 0.6) for at in range(5)}
        carried = self.amounts(900)
        document = {
            "kyojo_inputs": 1, "period": {"start": "2026-10-01", "end": "2026-11-01"},
            "members": self.ids,
            "totals": {"trips": trips, "count.trips": self.amounts(9), "wh": self.amounts(900),
                       "charge.fare": self.amounts(9000)},
            "revenue": {"fares": self.pick(0, 100_001, 77, 9000, -800)},
            "costs": {f"cost{at}": self.amounts(4000) for at in range(self.pick(0, 4))},
            "funding": {"network": self.funding(), "depot": self.amounts(10**6)},
            "balances": {"fund.rest": 1000}, "carry": {}, "owed": {},
            "opening": self.pick({}, {"gross": -300}, {"fed": 40}),
            "kpis": kpis, "matrices": {"rides": uses},
            "payments": {f"p{at}": self.chosen.randrange(500) for at in range(6)},
            "origins": self.pick({}, {"trips": {"other": {self.members[0]: 0}}}),
            "recoup": self.pick({}, self.amounts(300)),
            "games": self.games(), "ballots": {"town": self.ballots()},
        }  # fmt: skip
        document["costs"]["runway"] = self.amounts(700)
        # A cost that no step of the rules recovers or charges would be refused.
        places = {name: (f'["{name}"]', f'"source": "cost.{name}"') for name in document["costs"]}
        stray = [name for name, at in places.items() if not any(a in self.written for a in at)]
        for name in stray if self.often(0.92) else ():
            del document["costs"][name]
        if self.often(0.08):
            fares = document["revenue"]["fares"]
            document["revenue"]["fares"] = {"amount_minor": fares, "origin": "public"}
        if self.carries or self.often(0.05):
            document |= {"carry": {"s0": sum(carried.values())}, "owed": {"s0": carried}}
        if self.often(0.2):
            document["beside"] = self.members[:1]
        if self.often(0.3):
            lines = [{"id": "a", "rate": "10%", "net_minor": self.pick(105, -105)}]
            lines.append({"id": "b", "rate": "0.08", "net_minor": 99})
            rounding = self.pick("floor", "half_up", "ceil")
            document["invoice"] = {"rounding": rounding, "lines": lines}
        return json.dumps(document).encode()


def places(value: Any) -> Any:
    """Every place of a document that holds a value that is no list or object."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for name, inner in pairs:
        if isinstance(inner, dict | list):
            yield from places(inner)
        else:
            yield value, name
