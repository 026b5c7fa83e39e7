"""Turning pydantic's findings into faults that a rule's author can act on."""

from __future__ import annotations

import difflib
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ledger.rules.yamltext import Reading, child

_SPOKEN = {
    "missing": "the field is required",
    "int_type": "an integer is expected",
    "string_type": "text is expected",
    "bool_type": "true or false is expected",
    "tuple_type": "a list is expected",
    "dict_type": "a mapping is expected",
    "model_type": "a mapping is expected",
    "model_attributes_type": "a mapping is expected",
    "union_tag_not_found": "the field 'kind' is required",
    "too_short": "at least one is needed",
}


def refuse_invalid(error: ValidationError, reading: Reading) -> tuple[str, ...]:
    """Note every finding in ``reading``, at the place in the text that it is about.

    A place that the reader of the text already found at fault is not named again. Answers with the
    JSON pointers of all of them.
    """
    known, pointers = {fault.where for fault in reading.faults}, []
    for found in error.errors(include_url=False, include_context=True):
        if found["type"] == "too_short" and found["input"]:
            continue  # its items were at fault, and are named themselves
        pointer = _pointer(found["loc"], reading.document)
        pointers.append(pointer)
        if reading.where(pointer) not in known:
            code, message, remedy = _spoken(found)
            reading.refuse(pointer, code, message, remedy)
    return tuple(pointers)


def _pointer(location: tuple[int | str, ...], document: Any) -> str:
    """The JSON pointer of a finding.

    pydantic puts the names of union members among the steps of the path; those lead nowhere in the
    document and are left out, except a last one that names a missing field.
    """
    pointer, value = "", document
    for depth, step in enumerate(location):
        last = depth == len(location) - 1
        is_item = isinstance(value, list) and isinstance(step, int)
        if is_item or (isinstance(value, dict) and step in value):
            value, pointer = value[step], child(pointer, step)
        elif last and isinstance(value, dict) and step != "[key]":
            pointer = child(pointer, step)
    return pointer


def _spoken(found: ErrorDetails) -> tuple[str, str, str]:
    """Code, message and remedy of a finding."""
    kind, name, context = found["type"], str(found["loc"][-1]), found.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_field(name)
    if kind == "union_tag_invalid":
        return _unknown_kind(str(context["tag"]), str(context["expected_tags"]), found["loc"])
    if kind == "literal_error":
        return _unknown_value(name, found["input"], str(context["expected"]))
    if kind == "string_pattern_mismatch":
        return "malformed-rules", f"{found['input']!r:.80} is not a name allowed here", ""
    code = "missing" if kind == "missing" else "malformed-rules"
    return code, _SPOKEN.get(kind, found["msg"].removeprefix("Value error, ")), ""


def _unknown_field(name: str) -> tuple[str, str, str]:
    return "unknown-field", f"unknown field {name!r}", "Check the spelling; see RULES.md section 3."


def _unknown_kind(tag: str, expected: str, location: tuple[int | str, ...]) -> tuple[str, str, str]:
    what = "step kind" if len(location) == len(("steps", 0)) else "key kind"
    known = [word.strip(" '") for word in expected.split(",")]
    near = difflib.get_close_matches(tag, known, 1)
    hint = f"Did you mean {near[0]!r}?" if near else f"Use one of {expected}."
    return "unknown-kind", f"unknown {what} {tag!r:.60}", hint


def _unknown_value(name: str, given: Any, expected: str) -> tuple[str, str, str]:
    return "malformed-rules", f"{name} is {given!r:.60}, but must be {expected}", ""
