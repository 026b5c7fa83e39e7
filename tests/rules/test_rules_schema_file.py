"""The JSON Schema accepts and refuses what the reader of rules does, as far as shape goes."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import Field, PlainValidator, ValidationError

from ledger import canonical
from ledger.rules.keys import KEY_KINDS
from ledger.rules.models import RuleModel, Weight, reads
from ledger.rules.ruleset import RuleSetModel
from ledger.rules.schema import DIALECT, _friendly, _Generator, rules_schema
from ledger.rules.steps import STEP_KINDS
from ledger.rules.yamltext import read_yaml
from tests.rules.draft7 import accepts
from tests.settlement.cases import HEAD, KAGA

REPOSITORY = Path(__file__).resolve().parents[2]
SCHEMA = rules_schema()

WHOLE = (
    KAGA
    + """\
  - id: rest
    kind: allocate
    source: gross
    if_no_weight: carry
    limit: {percent: 1/2, of: opening}
    rounding: {method: sequential, tie_break: [declared]}
    bounds: {cap: 45%, floor: {bus: 1, ev: 2%}}
    key: {kind: fixed, strict: true, members: [bus, ev], weights: {bus: "0.5", ev: remaining}}
  - {id: more, kind: reserve, source: gross, to: fund.x, amount: 5, limit: 7, of: opening}
  - {id: paid, kind: recover_cost, source: gross, costs: [a], pay: payers, limit: 7}
members: [bus, ev, bike]
articles: {reserve: fund.r, reserve_ceiling: 1, paid_capital: 1, education: fund.e, work: [a]}
llp: {capital_ratio: {bus: 1/2, ev: "0.5"}, split: x, reason: y, from: 2026-10-01}
approval: {threshold: 2/3, weights: equal, objection_days: 7}
late: {grace_days: 5, max_lookback_periods: 12, materiality_minor: 100, style: ledger}
"""
)
ODD: tuple[Any, ...] = (
    None, True, -1, 1, 7, "x", "5%", "150%", "1/0", "2.5", "fund.x", "remaining", [], {},
    {"kind": "equal"}, {"percent": "5%"}, "x" * 200,
)  # fmt: skip


def parser_accepts(document: Any) -> bool:
    try:
        RuleSetModel.model_validate_json(canonical.encode(document))
    except ValidationError:
        return False
    return True


def places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if way:
        yield way
    rows: Iterator[tuple[Any, Any]] = iter(())
    if isinstance(value, dict | list):
        rows = iter(value.items()) if isinstance(value, dict) else enumerate(value)
    for name, item in rows:
        yield from places(item, (*way, name))


def changed(document: Any) -> Iterator[Any]:
    """The document with each of its places removed, replaced, or given one field more."""
    for way in places(document):
        for odd in ("remove", "add", *ODD):
            copied = copy.deepcopy(document)
            holder = copied
            for step in way[:-1]:
                holder = holder[step]
            if odd == "add" and not isinstance(holder[way[-1]], dict):
                continue
            if odd == "remove":
                del holder[way[-1]]
            elif odd == "add":
                holder[way[-1]]["added"] = 1
            else:
                holder[way[-1]] = odd
            yield copied


def test_it_is_the_committed_one(golden) -> None:
    golden("docs/rules.schema.json", json.dumps(SCHEMA, ensure_ascii=False, indent=1) + "\n")


def test_every_rule_set_here_fits() -> None:
    examples = REPOSITORY / "examples"
    texts = [KAGA, WHOLE, *(path.read_text("utf-8") for path in examples.rglob("rules*.yaml"))]
    documents = [read_yaml(text).document for text in texts]
    for path in examples.rglob("*.spec.yaml"):
        spec = read_yaml(path.read_text("utf-8")).document
        if isinstance(spec.get("rules"), dict):
            documents.append(spec["rules"])
    assert len(documents) >= 7
    for document in documents:
        assert parser_accepts({"steps": [], **document})
        assert accepts(SCHEMA, {"steps": [], **document})


def test_the_reader_and_the_schema_agree_on_every_small_change() -> None:
    document = read_yaml(WHOLE).document
    verdicts = [0, 0]
    for one in changed(document):
        wanted = parser_accepts(one)
        verdicts[wanted] += 1
        assert accepts(SCHEMA, one) is wanted, one
    refused, accepted = verdicts
    assert refused > 800
    assert accepted > 200


@pytest.mark.parametrize("text", ["0.5", "2", "true", "[1]"])
def test_a_bare_fraction_is_no_number(text: str) -> None:
    document = read_yaml(WHOLE).document
    document["steps"][3]["parts"][0]["weight"] = json.loads(text)
    assert accepts(SCHEMA, document) is (text == "2")


def test_an_editor_is_offered_every_kind_with_its_description() -> None:
    kinds = SCHEMA["$defs"]["Key"]["properties"]["kind"]["enum"]
    assert kinds == sorted(KEY_KINDS)
    assert SCHEMA["$defs"]["Step"]["properties"]["kind"]["enum"] == sorted(STEP_KINDS)
    assert SCHEMA["$schema"] == DIALECT
    # A field type that is renamed or rebuilt must be described anew.
    described = {"Number", "Weight", "Bound", "Proportion", "WeightOrRemaining", "Limit", "Rate"}
    assert described <= SCHEMA["$defs"].keys()
    for branch in SCHEMA["$defs"]["Step"]["allOf"]:
        model = SCHEMA["$defs"][branch["then"]["$ref"].rpartition("/")[2]]
        assert model["description"]
        assert "``" not in model["description"]
    assert not accepts(SCHEMA, read_yaml(HEAD + "pools: {}\nsteps: [{kind: none}]").document)


class Newer(RuleModel):
    """A model with types that the schema has not heard of."""

    unheard: Annotated[int, PlainValidator(reads(lambda value: value))]
    told: Annotated[int, PlainValidator(lambda value: value, json_schema_input_type=bool)]
    anything: Annotated[Any, PlainValidator(lambda value: value, json_schema_input_type=Any)] = None
    weight: Weight = Fraction(1, 3)
    listed: dict[str, int] = Field(default_factory=dict)


def test_a_type_that_is_new_is_taken_as_anything_but_a_fraction() -> None:
    found = Newer.model_json_schema(schema_generator=_Generator)
    defs: dict[str, Any] = {}
    schema = {**_friendly(found, defs), "$defs": defs}
    good = {"unheard": "x", "told": True, "listed": {"a": 1}}
    assert accepts(schema, good)
    assert not accepts(schema, good | {"unheard": 0.5})
    assert not accepts(schema, good | {"anything": 0.5})
    assert not accepts(schema, good | {"told": 1})
    assert not accepts(schema, good | {"listed": {"a": "x"}})
    assert schema["properties"]["weight"]["default"] == "1/3"
    assert "Weight" in defs
