"""Legal-form profiles (RULES.md section 11): what a form of association asks of a rule set.

``PROFILES`` maps a profile to a function from a rule set's model to its checks, each with the
place, the reason in Japanese and English, and the law. A check that fails refuses the rule set
before anybody signs it. These are checks of arithmetic and order, not legal advice: whether a
month's shares are dividends at all, and which facts of the articles are right, a professional
confirms.

``generic`` asks nothing but the engine's own invariants.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from ledger.rules.models import Problem
from ledger.rules.profiles import llp, sme_coop, worker_coop
from ledger.rules.profiles.check import Check, Rules

DISCLAIMER = (
    "These are checks of arithmetic and order, not legal advice; have a professional confirm them.",
    "これは計算と順序の点検であり、法的助言ではありません。専門家の確認を受けてください。",
)
"""What is said beside every list of checks, in English and Japanese."""

PROFILES: Mapping[str, Callable[[Rules], Iterator[Check]]] = {
    "generic": lambda _rules: iter(()),
    "jp-sme-coop": sme_coop.checks,
    "jp-worker-coop": worker_coop.checks,
    "jp-llp": llp.checks,
}


def profile_checks(rules: Rules) -> tuple[Check, ...]:
    """All checks of the rule set's profile, those that hold included, in their order."""
    return tuple(PROFILES[rules.profile](rules))


def profile_problems(rules: Rules) -> Iterator[Problem]:
    """The checks that fail, as places and sentences."""
    for check in profile_checks(rules):
        if not check.holds:
            yield check.where, spoken(check, rules.profile, check.en)


def spoken(check: Check, profile: str, reason: str) -> str:
    """A check's reason, in the language it is given in, with the profile and the law."""
    return f"{reason} ({profile}: {check.law})"
