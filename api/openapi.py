"""The OpenAPI document: what the framework derives, made exact where it is not.

Refusals are problem documents and nothing else, whatever the kind of the answer that was wanted;
bytes and texts say what they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI

from api.errors import PROBLEM_TYPE, Problem

Document = dict[str, Any]

# A token is of use, and not always needed: once a month is settled, or where the charter says so.
OPTIONAL_TOKEN: Document = {"security": [{}]}
BYTES = "application/octet-stream"


def problem_responses() -> dict[int | str, Document]:
    """What every route may answer with besides what it is for."""
    content = {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        range_: {"model": Problem, "description": "A problem (RFC 9457)", "content": content}
        for range_ in ("4XX", "5XX")
    }


def raw(description: str, media_type: str = BYTES) -> dict[int | str, Document]:
    """The answer of a route that sends bytes or text as they are."""
    schema = {"type": "string"} | ({"format": "binary"} if media_type == BYTES else {})
    return {200: {"description": description, "content": {media_type: {"schema": schema}}}}


def documented(model: type) -> Document:
    """For a route that sends a stored document: ``model`` describes it and never touches it."""
    responses: dict[int | str, Document] = {200: {"model": model}}
    return {"response_model": None, "responses": responses}


def install(app: FastAPI) -> None:
    """Let the application's document be the exact one; call it when all routes are there."""
    derive: Callable[[], Document] = app.openapi

    def exact() -> Document:
        if app.openapi_schema is None:
            _only_problems(derive())
        return derive()

    app.openapi = exact  # type: ignore[method-assign]


def _only_problems(document: Document) -> None:
    for path in document["paths"].values():
        for operation in path.values():
            for status, response in operation["responses"].items():
                if status in {"4XX", "5XX"}:
                    content = response["content"]
                    response["content"] = {PROBLEM_TYPE: content[PROBLEM_TYPE]}
