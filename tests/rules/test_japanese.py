"""Every sentence in which the rule language refuses something has its Japanese."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import ledger.rules
from ledger.rules.faults import _SPOKEN as SPOKEN
from ledger.rules.japanese import japanese

VALUE = "7"
NOT_SENTENCES = {"7 (7: 7)"}  # legal checks are written in both languages where they stand


def text_of(node: ast.expr) -> str | None:
    """A text or an f-string with ``VALUE`` for its values; None for what is neither."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        parts = (one.value if isinstance(one, ast.Constant) else VALUE for one in node.values)
        return "".join(str(part) for part in parts)
    if isinstance(node, ast.BinOp):
        left, right = text_of(node.left), text_of(node.right)
        return None if left is None or right is None else left + right
    return None


def refusals(function: ast.FunctionDef) -> Iterator[str]:
    """What a function yields as a problem, notes as a fault, or raises as out of range."""
    named: dict[str, list[str]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            text = text_of(node.value)
            named.setdefault(node.targets[0].id, []).extend([] if text is None else [text])
    for node in ast.walk(function):
        said: ast.expr | None = None
        if isinstance(node, ast.Yield) and isinstance(node.value, ast.Tuple):
            said = node.value.elts[1] if len(node.value.elts) == 2 else None
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            at = {"OutOfRange": 0, "refuse": 2}.get(name)
            said = node.args[at] if at is not None and len(node.args) > at else None
        if isinstance(said, ast.Name):
            yield from named.get(said.id, [])
        elif said is not None and (text := text_of(said)) is not None:
            yield text


def sentences() -> list[str]:
    found = set(SPOKEN.values())
    for path in sorted(Path(ledger.rules.__path__[0]).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef):
                found.update(refusals(node))
    return sorted(found - NOT_SENTENCES)


def test_every_sentence_of_the_rule_language_is_there_in_japanese():
    listed = sentences()
    assert len(listed) > 150
    assert [one for one in listed if japanese(one) is None] == []


@pytest.mark.parametrize(
    ("sentence", "spoken"),
    [
        ("the pool 'a' is fed by a step, so it is declared with 'from: []'",
         "原資 'a' は手順から入るため 'from: []' と宣言します"),
        ("'c' is already recovered", None),
        ("with 3 members: the floors add up to 6/5 of the amount, more than all of it",
         "組合員 3 者の場合: 下限の合計が金額の 6/5 となり、全額を超えます"),
        ("the mode 'dynamic' takes no coefficients",
         "方式 'dynamic' に係数（coefficients）は使えません"),
    ],
)  # fmt: skip
def test_the_values_are_the_same_in_both(sentence, spoken):
    assert japanese(sentence) == spoken
