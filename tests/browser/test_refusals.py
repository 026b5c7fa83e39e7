"""What the ledger refuses, the page refuses too: entry by entry, for the same reason."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from ledger.audit.trust import format_trust
from tests.audit.world import trust_in, verify
from tests.browser.forging import Forger, codes
from tests.browser.refusals import STAGES, forged
from tests.browser.refusals_founding import founding, foundings
from tests.browser.refusals_scenes import SCENES, scene
from tests.browser.refusals_shapes import misshapen
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


def test_bodies_out_of_shape_are_refused_by_the_page_too(reports):
    some = list(misshapen(0.12))
    assert sum(len(forger.refused) for forger in some) > 100
    assert differences(some, reports) == []


@pytest.mark.long
def test_every_body_out_of_shape_is_refused_by_the_page_too(reports):
    every = list(misshapen())
    assert sum(len(forger.refused) for forger in every) > 1000
    assert differences(every, reports) == []


ROOT = Path(__file__).parents[2]
# Whatever raises where no entry of a log can make it, and why.
ELSEWHERE = {
    "ledger/coop/apply.py check_signer": "the door asks before it reads; apply judges the log",
    "ledger/coop/authority.py right_of 0": "the page says that it does not know such a kind",
    "ledger/coop/charter.py _is_given_or_absent": "a shape: the charter's reader says it",
    "ledger/coop/charter_terms.py _has_one": "a shape: the reader of bodies says it",
    "ledger/coop/charter_terms.py _names_no_null": "a shape: the reader of bodies says it",
    "ledger/coop/charter_terms.py _says_one_thing": "a shape: the reader of bodies says it",
    "ledger/coop/claimed.py figure_at 2": "figures that a log reports are whole numbers",
    "ledger/coop/corrections.py compute_correction": "a bug of ours",
    "ledger/coop/corrections.py propose_correction 0": "a charter without that quorum is refused",
    "ledger/coop/corrections.py run_of": "asked of settled periods only, which have a run",
    "ledger/coop/payout_results.py report_results 0": "a charter without that quorum is refused",
    "ledger/coop/payouts.py propose_order 0": "a charter without that quorum is refused",
    "ledger/coop/proposals.py propose 0": "subjects are hashes of entries, or of what stands once",
    "ledger/coop/proposals.py put_to_vote": "a charter without that quorum is refused",
    "ledger/coop/rulesets.py propose_rules": "a charter without that quorum is refused",
    "ledger/coop/settlements.py propose_settlement 1": "a charter without that quorum is refused",
    "ledger/coop/settlements.py objections_until": "asked of proposed and approved periods only",
    "ledger/coop/settlements.py cut_off_of": "asked of closed periods only",
    "ledger/usage/totals.py encode_totals": "a member's own hand; a log holds what came of it",
}
# Files, proofs, statements and books have tests of their own, an entry's bytes test_bundles.
OF_FILES = (
    "recordproof.py", "grounds.py", "ground_weights.py", "correction_grounds.py", "submission.py",
    "state.py", "envelope.py", "bookkeeping.py", "bookkeeping_moves.py", "payable.py",
    "charter_draft.py",
)  # fmt: skip


def raises(file: Path) -> dict[str, range]:
    """The ``raise`` statements of a module: ``file function`` and, of several, which; the lines."""
    found: dict[str, list[range]] = {}

    def look(node: ast.AST, function: str) -> None:
        for inner in ast.iter_child_nodes(node):
            named = inner.name if isinstance(inner, ast.FunctionDef) else function
            if isinstance(inner, ast.Raise):
                name = f"{file.relative_to(ROOT)} {named}"
                lines = range(inner.lineno, (inner.end_lineno or inner.lineno) + 1)
                found.setdefault(name, []).append(lines)
            look(inner, named)

    look(ast.parse(file.read_text("utf-8")), "")
    return {
        f"{name} {at}" if len(rows) > 1 else name: lines
        for name, rows in found.items()
        for at, lines in enumerate(rows)
    }


def test_every_refusal_of_the_fold_has_a_forged_entry(forgers):
    """Whoever adds a refusal adds an entry that meets it, and the page has to refuse it too."""
    files = [one for one in (ROOT / "ledger/coop").glob("*.py") if one.name not in OF_FILES]
    met = {place for forger in forgers for place in forger.places()}
    unmet = {
        name
        for file in [*files, ROOT / "ledger/usage/totals.py"]
        for name, lines in raises(file).items()
        if not any((str(file), line) in met for line in lines)
    }
    assert unmet == ELSEWHERE.keys()
