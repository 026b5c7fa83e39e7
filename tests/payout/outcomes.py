"""What a function makes of an input: a value, or the error of ours that it raised."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ledger.errors import KyojoError


def outcome(function: Callable[..., Any], *arguments: Any) -> Any:
    """The result, or the KyojoError; any other error is the test's failure."""
    try:
        return function(*arguments)
    except KyojoError as error:
        return error
