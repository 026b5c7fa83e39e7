"""Words of the rule language that this version does not carry out.

They are refused by name, so that nobody signs a rule that would be ignored.
"""

from __future__ import annotations


def refusal(what: str, name: str) -> str:
    """The sentence with which an unsupported word is refused."""
    return f"{what} {name!r} is not supported by this version"
