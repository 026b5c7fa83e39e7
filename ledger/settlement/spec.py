"""Specs: rules, figures, and what must come out, in one file (``*.spec.yaml``).

A worked example of a paper or a statute becomes a case that anybody can run::

    kyojo_spec: 1
    rules: rules.yaml            # a file, or the rule set itself; shared by the cases
    inputs: {kyojo_inputs: 1, …} # a file, or the figures themselves
    cases:
      - name: the odd unit
        source: where the example is published
        inputs: {revenue: {fares: 1000}}
        expect: {totals: {members: {bus: 491, ev: 346, bike: 163}}}

What a case says of ``rules`` and ``inputs`` replaces the shared fields of the same name. Of the
result, what ``expect`` names is compared and nothing else; ``lines`` are found by step, member and
part, ``steps`` by their id. ``error`` names the code of the refusal that is expected instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from pydantic import Field, ValidationError

from ledger import canonical
from ledger.errors import KyojoError
from ledger.rules.document import parse_rules
from ledger.rules.faults import refuse_invalid
from ledger.rules.inputs import parse_inputs
from ledger.rules.models import FormatOne, RuleModel
from ledger.rules.number import format_fraction
from ledger.rules.yamltext import child, read_yaml, refuse_all
from ledger.settlement.result import result_document
from ledger.settlement.run import run

Load = Callable[[str], bytes]
"""Reads a file that a spec names; raises a KyojoError where it cannot."""

_FRACTIONS = frozenset({"weight", "share", "exact"})
_LINE_NAMES = ("step", "member", "part")


class _Case(RuleModel):
    """One case; ``rules`` and ``inputs`` are over the shared ones."""

    name: str = Field(min_length=1)
    source: str | None = None
    rules: str | dict[str, Any] | None = None
    inputs: str | dict[str, Any] | None = None
    expect: dict[str, Any] = Field(min_length=1)


class Spec(RuleModel):
    """A spec file, as written."""

    kyojo_spec: FormatOne
    rules: str | dict[str, Any] | None = None
    inputs: str | dict[str, Any] | None = None
    cases: tuple[_Case, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Difference:
    """Something else came out; ``at`` is a JSON pointer into the result, by names."""

    at: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class CaseOutcome:
    """How a case went: well, if there is no difference."""

    name: str
    source: str | None
    differences: tuple[Difference, ...]


def parse_spec(text: bytes) -> Spec:
    """Read a spec; raises MalformedRules with every fault, each at its line and column."""
    reading = read_yaml(text)
    if not isinstance(reading.document, dict):
        reading.refuse("", "shape", "a spec is a mapping with kyojo_spec and cases")
        refuse_all(reading, "spec")
    spec = None
    try:
        spec = Spec.model_validate_json(canonical.encode(reading.document))
    except ValidationError as error:
        refuse_invalid(error, reading)
    for index, case in enumerate(() if spec is None else spec.cases):
        if "error" in case.expect and len(case.expect) > 1:
            text_ = "an error is expected, so there is no result to compare"
            reading.refuse(f"/cases/{index}/expect", "meaning", text_)
    if spec is None or reading.faults:
        refuse_all(reading, "spec")
    return spec


def run_spec(spec: Spec, load: Load) -> Iterator[CaseOutcome]:
    """Run the cases in their order; ``load`` reads the files that the spec names."""
    for case in spec.cases:
        yield CaseOutcome(case.name, case.source, tuple(_run_case(spec, case, load)))


def _run_case(spec: Spec, case: _Case, load: Load) -> Iterator[Difference]:
    wanted = case.expect.get("error")
    try:
        result = _evaluate(spec, case, load)
    except KyojoError as error:
        if wanted is None:
            yield Difference("/error", "a result", _told(error))
        else:
            yield from _compare_error(wanted, error)
        return
    if wanted is not None:
        yield Difference("/error", _shown(wanted), "a result")
        return
    for name, value in case.expect.items():
        pointer = child("", name)
        rows = result.get(name)
        if name == "lines":
            yield from _keyed(value, rows, pointer, _LINE_NAMES)
        elif name == "steps":
            yield from _keyed(value, rows, pointer, ("step",))
        else:
            yield from _compare(value, rows, pointer)


def _evaluate(spec: Spec, case: _Case, load: Load) -> dict[str, Any]:
    rules = _over(spec.rules, case.rules, load)
    inputs = _over(spec.inputs, case.inputs, load)
    return result_document(run(parse_rules(canonical.encode(rules)), parse_inputs(inputs)))


def _over(shared: Any, own: Any, load: Load) -> dict[str, Any]:
    """The shared document with the case's own fields in it; a file of the case replaces it."""
    below = {} if isinstance(own, str) else _document(shared, load)
    return {**below, **_document(own, load)}


def _document(given: str | Mapping[str, Any] | None, load: Load) -> dict[str, Any]:
    if not isinstance(given, str):
        return dict(given or {})
    data = load(given)
    if data.lstrip().startswith(b"{"):
        document = canonical.parse(data, what=given)
    else:
        reading = read_yaml(data)
        if not isinstance(reading.document, dict):
            reading.refuse("", "shape", f"{given} holds no mapping")
        if reading.faults:
            refuse_all(reading, given)
        document = reading.document
    return dict(document)


def _told(error: KyojoError) -> str:
    """An error with all of its faults."""
    text = f"{error.code}: {error.message}"
    return "; ".join([text, *(f"{one.where}: {one.message}" for one in error.faults[1:])])


def _compare_error(wanted: Any, error: KyojoError) -> Iterator[Difference]:
    """``wanted`` is a code, or ``{code, at, says}``: the place of a fault, words of the message."""
    asked = wanted if isinstance(wanted, dict) else {"code": wanted}
    at = asked.get("at")
    faults = [one for one in error.faults if at is None or _is_at(one.where, str(at))]
    if at is not None and not faults:
        yield Difference("/error/at", _shown(at), _told(error))
    codes = {error.code, *(one.code for one in faults)}
    if asked.get("code", error.code) not in codes:
        yield Difference("/error/code", _shown(asked["code"]), _told(error))
    if str(asked.get("says", "")) not in _told(error):
        yield Difference("/error/says", _shown(asked["says"]), _told(error))
    for name in sorted(asked.keys() - {"code", "at", "says"}):
        yield Difference(child("/error", name), _shown(asked[name]), "errors have no such field")


def _is_at(where: str, pointer: str) -> bool:
    """Whether a fault stands at a pointer; rules say it after line and column."""
    return where == pointer or where.endswith(f"({pointer})")


def _keyed(expected: Any, found: Any, pointer: str, names: tuple[str, ...]) -> Iterator[Difference]:
    """Rows that are found by ``names``, of which those left out are null."""
    rows = expected if isinstance(expected, list) else [expected]
    for row in rows:
        if not isinstance(row, dict):
            yield Difference(pointer, _shown(row), f"rows are mappings with {', '.join(names)}")
            continue
        key = [row.get(name) for name in names]
        at = pointer + "".join(child("", str(one)) for one in key if one is not None)
        same = [one for one in found if [one.get(name) for name in names] == key]
        if not same:
            yield Difference(at, _shown(row), "no such row")
        for one in same[:1]:
            yield from _compare(row, one, at)


def _compare(expected: Any, found: Any, pointer: str) -> Iterator[Difference]:
    """Every named value of ``expected``, however deep."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for name, value in expected.items():
            below = child(pointer, name)
            if name not in found:
                yield Difference(below, _shown(value), "nothing of this name")
            else:
                yield from _compare(value, found[name], below)
    elif not _is_same(expected, found, pointer):
        yield Difference(pointer, _shown(expected), _shown(found) + _distance(expected, found))


def _is_same(expected: Any, found: Any, pointer: str) -> bool:
    if pointer.rpartition("/")[2] in _FRACTIONS:
        return _fraction(expected) == _fraction(found)
    if type(expected) is int or type(found) is int:
        # Large integers are texts in documents.
        return str(expected) == str(found) and not isinstance(expected, bool)
    return bool(expected == found)


def _fraction(value: Any) -> str:
    """A number in lowest terms, so that ``2/4`` may be expected where ``1/2`` stands."""
    try:
        number = Fraction(value)
    except (TypeError, ValueError, ZeroDivisionError):
        return repr(value)
    return format_fraction(number.numerator, number.denominator)


def _distance(expected: Any, found: Any) -> str:
    is_both = type(expected) is int and type(found) is int
    return f" ({found - expected:+,})" if is_both else ""


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else canonical.encode(value).decode()
