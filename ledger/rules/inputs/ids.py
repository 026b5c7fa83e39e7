"""Ids and dates as inputs and rules write them."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

SUSPENSE = "suspense"
"""The account of usage that names nobody."""

_MEMBER = re.compile(r"[^+\s]{1,64}")
_RESERVED = ("fund.", "pool.", "project.", "suspense:")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def is_date(text: str) -> bool:
    """Whether ``text`` is a day of the calendar written like 2026-10-01."""
    if _DATE.fullmatch(text) is None:
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def is_member_id(value: Any) -> bool:
    """Whether ``value`` can name a member: 1 to 64 characters, no space, no ``+``, not reserved."""
    if not isinstance(value, str) or _MEMBER.fullmatch(value) is None:
        return False
    encodable = not any("\ud800" <= character <= "\udfff" for character in value)
    return encodable and not value.startswith(_RESERVED)
