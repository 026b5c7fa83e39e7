"""A small validator for the part of JSON Schema draft 7 that our schema uses.

It refuses a schema with a keyword that it does not know, so that nothing in the schema goes unread.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

REMARKS = {"$schema", "$defs", "title", "description", "default", "examples", "if", "then"}

TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "integer": lambda value: type(value) is int,
    "number": lambda value: type(value) in (int, float),
}


def accepts(root: dict[str, Any], value: Any, schema: Any = None) -> bool:
    """Whether ``value`` is valid under ``schema``, a part of ``root`` (default: all of it)."""
    schema = root if schema is None else schema
    if isinstance(schema, bool):
        return schema
    if not holds_if(root, value, schema):
        return False
    return all(
        CHECKS[word](root, value, wanted, schema)
        for word, wanted in schema.items()
        if word not in REMARKS
    )


def holds_if(root: Any, value: Any, schema: Any) -> bool:
    if "if" not in schema or not accepts(root, value, schema["if"]):
        return True
    return accepts(root, value, schema["then"])


def target(root: Any, reference: str) -> Any:
    found = root
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


def same(a: Any, b: Any) -> bool:
    return a == b and isinstance(a, bool) == isinstance(b, bool)


def more_fields(root: Any, value: Any, wanted: Any, schema: Any) -> bool:
    if not isinstance(value, dict):
        return True
    known = schema.get("properties", {})
    return all(accepts(root, item, wanted) for name, item in value.items() if name not in known)


Check = Callable[[Any, Any, Any, Any], bool]


def of_type(name: str, check: Callable[[Any, Any, Any], bool]) -> Check:
    """A check that concerns values of one type only."""
    return lambda root, value, wanted, _: not TYPES[name](value) or check(root, value, wanted)


CHECKS: dict[str, Check] = {
    "type": lambda _, value, wanted, __: any(
        TYPES[one](value) for one in ([wanted] if isinstance(wanted, str) else wanted)
    ),
    "const": lambda _, value, wanted, __: same(value, wanted),
    "enum": lambda _, value, wanted, __: any(same(value, one) for one in wanted),
    "$ref": lambda root, value, wanted, _: accepts(root, value, target(root, wanted)),
    "anyOf": lambda root, value, wanted, _: any(accepts(root, value, one) for one in wanted),
    "oneOf": lambda root, value, wanted, _: sum(accepts(root, value, one) for one in wanted) == 1,
    "allOf": lambda root, value, wanted, _: all(accepts(root, value, one) for one in wanted),
    "additionalProperties": more_fields,
    "pattern": of_type("string", lambda _, value, wanted: re.search(wanted, value) is not None),
    "minLength": of_type("string", lambda _, value, wanted: len(value) >= wanted),
    "maxLength": of_type("string", lambda _, value, wanted: len(value) <= wanted),
    "minimum": of_type("number", lambda _, value, wanted: value >= wanted),
    "maximum": of_type("number", lambda _, value, wanted: value <= wanted),
    "exclusiveMinimum": of_type("number", lambda _, value, wanted: value > wanted),
    "items": of_type(
        "array", lambda root, value, wanted: all(accepts(root, one, wanted) for one in value)
    ),
    "minItems": of_type("array", lambda _, value, wanted: len(value) >= wanted),
    "maxItems": of_type("array", lambda _, value, wanted: len(value) <= wanted),
    "required": of_type("object", lambda _, value, wanted: set(wanted) <= value.keys()),
    "minProperties": of_type("object", lambda _, value, wanted: len(value) >= wanted),
    "maxProperties": of_type("object", lambda _, value, wanted: len(value) <= wanted),
    "propertyNames": of_type(
        "object", lambda root, value, wanted: all(accepts(root, name, wanted) for name in value)
    ),
    "properties": of_type(
        "object",
        lambda root, value, wanted: all(
            accepts(root, value[name], one) for name, one in wanted.items() if name in value
        ),
    ),
}
