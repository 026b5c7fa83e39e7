"""Words of the rule language that this version does not carry out.

They are refused by name, so that nobody signs a rule that would be ignored. A kind moves from
here into its table when its module is written.
"""

from __future__ import annotations

STEP_KINDS: frozenset[str] = frozenset()
KEY_KINDS: frozenset[str] = frozenset()
FIELDS: frozenset[str] = frozenset()
VALUES: frozenset[str] = frozenset()
INPUT_FIELDS = frozenset({"invoice"})


def refusal(what: str, name: str) -> str:
    """The sentence with which an unsupported word is refused."""
    return f"{what} {name!r} is not supported by this version"
