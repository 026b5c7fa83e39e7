"""Figures that are odd in one place: both verifiers compute the same of them, or refuse them."""

from __future__ import annotations

import json
import random

import pytest

from tests.browser.bent_inputs import bent_inputs
from tests.browser.language import Language
from tests.browser.session import CHROMIUM
from tests.browser.test_language import Pair, encoded, settled
from tests.browser.test_settlements import python_settles
from tests.settlement.cases import EVERYTHING, everything_inputs

pytestmark = [
    pytest.mark.skipif(
        CHROMIUM is None, reason="SKIPPED FOR WANT OF CHROMIUM: no second verifier; see make tools"
    ),
    pytest.mark.slow,
]


def bent(share: float, cases: int) -> list[Pair]:
    """Rule sets with figures that are odd in one place; of all there are a share, always the same.

    The rules are one of every step, and random ones that have an answer.
    """
    chosen = random.Random(20_261_202)
    found = [(EVERYTHING.encode(), encoded(everything_inputs()))]
    number = 0
    while len(found) <= cases:
        case = Language(number)
        number += 1
        pair = case.rules(), case.inputs()
        if python_settles(*pair) is not None:
            found.append(pair)
    return [
        (rules, encoded(document))
        for rules, inputs in found
        for document in bent_inputs(json.loads(inputs), chosen, share)
    ]


def test_odd_figures_are_computed_or_refused_alike(calls):
    expected, _ = settled(bent(0.012, 3), calls)
    assert 60 < expected.count(None) < len(expected) - 20


@pytest.mark.long
def test_thousands_of_odd_figures_are_computed_or_refused_alike(calls):
    expected, _ = settled(bent(0.4, 5), calls)
    assert len(expected) > 5000
