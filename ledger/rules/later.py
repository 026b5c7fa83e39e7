"""Words of the rule language that this version does not carry out.

They are refused by name, so that nobody signs a rule that would be ignored. A kind moves from
here into its table when its module is written.
"""

from __future__ import annotations

STEP_KINDS = frozenset({"guarantee", "citizens_fund"})
KEY_KINDS = frozenset({"airport", "shapley", "scrb", "quadratic"})
FIELDS = frozenset(
    {"when", "tax", "as", "split", "bounds", "overflow", "cumulative"}
    | {"claims", "recoup", "ballots", "half_even_residual_to"}
)
VALUES = frozenset(
    {"cea", "cel", "talmud", "random_arrival", "priority", "minimal_overlap"}
    | {"half_even_residual_to"}
)
INPUT_FIELDS = frozenset(
    {"games", "ballots", "recoup", "invoice"},
)


def refusal(what: str, name: str) -> str:
    """The sentence with which an unsupported word is refused."""
    return f"{what} {name!r} is not supported by this version"
