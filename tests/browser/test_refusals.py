"""What the ledger refuses, the page refuses too: entry by entry, for the same reason."""

from __future__ import annotations

import pytest

from ledger.audit.trust import format_trust
from tests.audit.world import trust_in, verify
from tests.browser.forging import Forger, codes
from tests.browser.refusals import STAGES, forged
from tests.browser.refusals_founding import founding, foundings
from tests.browser.refusals_settling import SCENES, scene
from tests.browser.session import CHROMIUM

pytestmark = [
    pytest.mark.skipif(
        CHROMIUM is None, reason="SKIPPED FOR WANT OF CHROMIUM: no second verifier; see make tools"
    ),
    pytest.mark.slow,
]


def differences(forgers: list[Forger], reports) -> list[tuple[str, str, object]]:
    """Forged entries that the page does not refuse for the ledger's reason."""
    bundles = [forger.bundle() for forger in forgers]
    trusts = [trust_in(forger) for forger in forgers]
    pairs = list(zip(bundles, trusts, strict=True))
    answers = reports([{"bundle": one, "trust": format_trust(trust)} for one, trust in pairs])
    wrong: list[tuple[str, str, object]] = []
    for forger, pair, answer in zip(forgers, pairs, answers, strict=True):
        report = verify(*pair)
        there = codes([(one.where, one.code) for one in report.findings])
        here = codes(answer["places"])
        assert forger.refused.keys() <= there.keys()
        assert (report.verdict, answer["verdict"]) == ("refused", "refused")
        wrong += [
            (forger.named[index], error.code, here.get(index))
            for index, error in forger.refused.items()
            if error.code not in here.get(index, ())
        ]
        # What only one of the two finds fault with, such as an entry that the ledger takes.
        others = here.keys() ^ there.keys()
        wrong += [(f"entry {index}", str(there.get(index)), here.get(index)) for index in others]
    return wrong


@pytest.fixture(scope="module")
def forgers() -> list[Forger]:
    """The logs of all stages, scenes and charters."""
    founded = [founding(*given) for given in foundings()]
    return [*map(forged, STAGES), *map(scene, SCENES), *founded]


def test_every_forged_entry_is_refused_by_the_page_too(forgers, reports):
    assert differences(forgers, reports) == []
