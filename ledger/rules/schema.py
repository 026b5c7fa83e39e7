"""The rule language as a JSON Schema, so that an editor completes and checks while one types.

Generated from the pydantic models, hence never behind them: a new kind of key or step is in it as
soon as it is in its union. It is draft 7, which editors know best. Beyond what pydantic writes:

- exact numbers are integers or texts (``70%``, ``1/3``, ``2.5``); a fraction written bare is none;
- a union by ``kind`` becomes a list of kinds and one rule per kind, so that an editor offers the
  kinds first and then complains about the field that is wrong, not about every alternative.

The schema knows shape only. What a rule set must make sense of beyond that is ``rules check``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, get_args

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, JsonSchemaWarningKind
from pydantic_core import core_schema

from ledger.rules import models
from ledger.rules.keys import KEY_KINDS
from ledger.rules.number import LENGTH_MAX, format_fraction
from ledger.rules.ruleset import RuleSetModel
from ledger.rules.steps import STEP_KINDS

DIALECT = "http://json-schema.org/draft-07/schema#"

# Marks a part that becomes a definition of its own; taken away again before anybody sees it.
_PART_NAME, _PART_BODY = "x-name", "x-body"
_DEFS = "#/$defs/"

_DECIMAL = r"[0-9]+(\.[0-9]+)?"
_PLAIN = rf"{_DECIMAL}%?"
_RATIO = r"[0-9]+/[0-9]*[1-9][0-9]*"
_PART = r"0*(100(\.0+)?|[0-9]{1,2}(\.[0-9]+)?)%"
_UNIT = rf"{_PART}|0+(\.[0-9]+)?|0*1(\.0+)?|{_RATIO}"
_MEMBER = r"^(?!fund\.|pool\.|project\.|suspense:)[^+\s]{1,64}$"


def _text(pattern: str) -> dict[str, Any]:
    return {"type": "string", "pattern": f"^({pattern})$", "maxLength": LENGTH_MAX}


def _named(name: str, description: str, **keywords: Any) -> dict[str, Any]:
    return {_PART_NAME: name, _PART_BODY: {"description": description, **keywords}}


_AMOUNT = {"type": "integer", "minimum": 0}
_UNIT_INTEGER = {"type": "integer", "minimum": 0, "maximum": 1}
_NUMBER = {"anyOf": [_AMOUNT, _text(f"{_PLAIN}|{_RATIO}")]}
_PERCENT_OF = {
    "type": "object",
    "properties": {
        "percent": {"anyOf": [_UNIT_INTEGER, _text(_UNIT)]},
        "of": {"enum": ["opening"]},
    },
    "required": ["percent"],
    "additionalProperties": False,
}
_MULTIPLE_OF = {
    "type": "object",
    "properties": {
        "of": {"type": "string", "pattern": r"^(step|pool|cost|total|balance)\.[^\s]{1,128}$"},
        "times": _NUMBER,
    },
    "required": ["of"],
    "additionalProperties": False,
}

# Field types that pydantic knows only as functions, by the annotation that holds the function.
_TYPES: Mapping[Any, dict[str, Any]] = {
    models.Number: _named(
        "Number",
        'An exact number of either sign: -5, 70%, 1/3 or "2.5" in quotes.',
        anyOf=[{"type": "integer"}, _text(f"-?({_PLAIN}|{_RATIO})")],
    ),
    models.Reading: _named(
        "Reading",
        'A reading as it is given, of either sign: 900000, 1/3 or "2.5" in quotes; no percentage.',
        anyOf=[{"type": "integer"}, _text(f"-?({_DECIMAL}|{_RATIO})")],
    ),
    models.Weight: _named(
        "Weight", 'An exact number, 0 or more: 5, 70%, 1/3 or "2.5" in quotes.', **_NUMBER
    ),
    models.Bound: _named(
        "Bound",
        "Whole minor units, or a percentage of the step's amount such as 45%.",
        anyOf=[_AMOUNT, _text(_PART)],
    ),
    models.Proportion: _named(
        "Proportion",
        'A part of a whole, from 0 to 1: 5%, 1/3 or "0.05" in quotes.',
        anyOf=[_UNIT_INTEGER, _text(_UNIT)],
    ),
    models.WeightOrRemaining: _named(
        "WeightOrRemaining",
        "An exact number, 0 or more, or `remaining`: 1 less all others.",
        anyOf=[{"enum": ["remaining"]}, _AMOUNT, _text(f"{_PLAIN}|{_RATIO}")],
    ),
    models.Limit: _named(
        "Limit",
        "At most so much: minor units, a percentage such as 40%, or a map such as "
        "{percent: 40%, of: opening}.",
        anyOf=[_AMOUNT, _text(_PART), _PERCENT_OF, _MULTIPLE_OF],
    ),
    models.Rate: _named(
        "Rate",
        "A part of the source, such as 5%, or {percent: 5%, of: opening}.",
        anyOf=[_UNIT_INTEGER, _text(_UNIT), _PERCENT_OF],
    ),
    models.Bound: _named(
        "Bound",
        "A cap or a floor: whole minor units, or a percentage of the step's amount.",
        anyOf=[_AMOUNT, _text(_PART)],
    ),
    models.MemberName: {"type": "string", "pattern": _MEMBER},
    models.DateText: {"type": "string", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
}
# A type that is not described yet: anything that a rule set can hold, which is no bare fraction.
_ELSE = {"type": ["integer", "string", "boolean", "null", "array", "object"]}


def rules_schema() -> dict[str, Any]:
    """The JSON Schema of rule sets; the same bytes every time it is written out sorted."""
    found = RuleSetModel.model_json_schema(schema_generator=_Generator)
    definitions: dict[str, Any] = {}
    body = _friendly(found, definitions)
    definitions |= body.pop("$defs", {})
    return {
        "$schema": DIALECT,
        "title": "kyojo rule set (配分規則)",
        **body,
        "$defs": dict(sorted(definitions.items())),
    }


class _Generator(GenerateJsonSchema):
    """pydantic's generator, told what the functions of our field types accept."""

    # A default that cannot be written as JSON is left out of the schema, which is no fault of it.
    ignored_warning_kinds: set[JsonSchemaWarningKind] = {  # noqa: RUF012 - as its base class has it
        "skipped-choice",
        "non-serializable-default",
    }

    def function_plain_schema(
        self, schema: core_schema.PlainValidatorFunctionSchema
    ) -> JsonSchemaValue:
        told = schema.get("json_schema_input_schema")
        described = self.generate_inner(told) if told is not None else {}
        return described or dict(_BY_FUNCTION.get(schema["function"]["function"], _ELSE))

    def function_after_schema(
        self, schema: core_schema.AfterValidatorFunctionSchema
    ) -> JsonSchemaValue:
        known = _BY_FUNCTION.get(schema["function"]["function"])
        return super().function_after_schema(schema) if known is None else dict(known)

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """Names that do not fit are refused; pydantic would only leave them unchecked."""
        found = super().dict_schema(schema)
        for pattern, values in found.pop("patternProperties", {}).items():
            found["propertyNames"] = {"pattern": pattern}
            found["additionalProperties"] = values
        return found

    def encode_default(self, dft: Any) -> Any:
        if isinstance(dft, Fraction):
            return format_fraction(dft.numerator, dft.denominator)
        return super().encode_default(dft)


def _function(annotation: Any) -> Callable[..., Any]:
    """The function of an annotated field type."""
    function: Callable[..., Any] = get_args(annotation)[1].func
    return function


_BY_FUNCTION = {_function(annotation): found for annotation, found in _TYPES.items()}
_KINDS = {frozenset(KEY_KINDS): "Key", frozenset(STEP_KINDS): "Step"}


def _friendly(value: Any, definitions: dict[str, Any]) -> Any:
    """The schema as editors like it; named parts go to ``definitions``."""
    if isinstance(value, list):
        return [_friendly(item, definitions) for item in value]
    if not isinstance(value, dict):
        return value
    if "discriminator" in value:
        value = _by_kind(value)
    found = {name: _friendly(item, definitions) for name, item in value.items()}
    if "oneOf" in found:
        # Of forms that a function tells apart, a loosely described one may fit beside another.
        found["anyOf"] = found.pop("oneOf")
    if isinstance(found.get("title"), str):
        del found["title"]
    if isinstance(found.get("description"), str):
        found["description"] = _prose(found["description"])
    if _PART_NAME in found:
        name = found.pop(_PART_NAME)
        definitions[name] = found.pop(_PART_BODY)
        found = {"$ref": _DEFS + name, **found}
    return found


def _by_kind(union: Mapping[str, Any]) -> dict[str, Any]:
    """A union with a discriminator as a list of kinds, and what holds for each of them."""
    name, mapping = union["discriminator"]["propertyName"], union["discriminator"]["mapping"]
    found: dict[str, Any] = {
        "type": "object",
        "required": [name],
        "properties": {name: {"enum": sorted(mapping)}},
        "allOf": [
            {
                "if": {"properties": {name: {"const": kind}}, "required": [name]},
                "then": {"$ref": to},
            }
            for kind, to in sorted(mapping.items())
        ],
    }
    place = _KINDS.get(frozenset(mapping))
    return found if place is None else {_PART_NAME: place, _PART_BODY: found}


def _prose(text: str) -> str:
    """A docstring as an editor shows it."""
    return inspect.cleandoc(text).replace("``", "`")
