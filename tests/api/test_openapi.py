"""The OpenAPI document is complete, says the truth, and is the one that is committed.

``pytest tests/api/test_openapi.py --update-golden`` renews docs/openapi.json; read its diff.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from api.errors import PROBLEM_TYPE, Problem
from ledger.errors import KyojoError
from tests.api.conftest import World
from tests.test_docs import kinds

Operation = tuple[str, dict[str, Any]]


@pytest.fixture(scope="module")
def document(settled: World) -> dict[str, Any]:
    found: dict[str, Any] = settled.http.get("/openapi.json").json()
    return found


@pytest.fixture(scope="module")
def operations(document: dict[str, Any]) -> list[Operation]:
    return [
        (f"{method.upper()} {path}", operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]


def test_the_committed_document_is_what_the_server_gives(
    document: dict[str, Any], golden: Callable[[str, str], None]
) -> None:
    golden("docs/openapi.json", json.dumps(document, ensure_ascii=False, indent=1) + "\n")


def test_operations_have_names_of_their_own_and_say_what_they_do(
    operations: list[Operation],
) -> None:
    names = [operation["operationId"] for _, operation in operations]
    assert len(names) == len(set(names))
    for name, operation in operations:
        assert operation["operationId"].isidentifier(), name
        assert operation["description"].strip(), name
        assert operation["tags"], name


def answers(operation: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for status, response in operation["responses"].items():
        for media_type, content in response.get("content", {}).items():
            yield status, media_type, content["schema"]


def test_every_answer_is_modelled(operations: list[Operation]) -> None:
    for name, operation in operations:
        good = [found for found in answers(operation) if found[0].startswith("2")]
        assert len(good) == 1, name
        [(_, media_type, schema)] = good
        if media_type == "application/json":
            shape = schema.get("items", schema)
            assert "$ref" in shape or shape == {"type": "string"}, f"{name}: {schema}"
        else:
            assert schema["type"] == "string", name


def test_every_refusal_is_a_problem_document(operations: list[Operation]) -> None:
    problem = {"$ref": "#/components/schemas/Problem"}
    for name, operation in operations:
        refusals = [found for found in answers(operation) if not found[0].startswith("2")]
        assert refusals == [("4XX", PROBLEM_TYPE, problem), ("5XX", PROBLEM_TYPE, problem)], name


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    for name in {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}:
        assert name in document["components"]["schemas"]


def test_the_security_scheme_is_the_bearer_token(
    document: dict[str, Any], operations: list[Operation]
) -> None:
    [(name, scheme)] = document["components"]["securitySchemes"].items()
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    used = {key for _, o in operations for way in o.get("security", []) for key in way}
    assert used == {name}


def test_every_parameter_is_bounded_and_required_or_has_a_default(
    operations: list[Operation],
) -> None:
    for name, operation in operations:
        for parameter in operation.get("parameters", []):
            schema = parameter["schema"]
            wanted = next((s for s in schema.get("anyOf", []) if s["type"] != "null"), schema)
            where = f"{name}: {parameter['name']}"
            if wanted["type"] == "integer":
                assert {"minimum", "maximum"} <= wanted.keys(), where
            else:
                assert "pattern" in wanted or "maxLength" in wanted, where


def test_requests_and_answers_come_with_examples(
    document: dict[str, Any], operations: list[Operation]
) -> None:
    for name, operation in operations:
        body = operation.get("requestBody")
        if body is None:
            continue
        for content in body["content"].values():
            model = content["schema"].get("$ref", "").rpartition("/")[2]
            fields = document["components"]["schemas"].get(model, {}).get("properties", {})
            assert "example" in content or all("examples" in f for f in fields.values()), name


def test_the_example_of_an_error_code_is_one() -> None:
    codes = {kind.code for kind in kinds(KyojoError)}
    for example in Problem.model_fields["code"].examples or []:
        assert example in codes
