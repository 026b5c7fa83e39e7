"""Bodies of every kind of entry with one value out of shape: too long, missing, of another type."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import Any

from ledger.coop.submission import Submission
from ledger.errors import KyojoError
from tests.browser.forging import Forger
from tests.coop.stages import ALL_CASES, stage

NAME = re.compile("[0-9A-Za-z]{1,200}")
MOST = 250
"""Forged entries a log: a report names a thousand findings, and a body may have several."""


def bent(value: Any) -> Iterator[tuple[str, Any]]:
    """Other values in the place of one, and what each of them is."""
    yield "null", None
    yield "true", True
    if isinstance(value, str):
        yield "a number", 5
        yield "empty", ""
        yield "with a line end", value + "\n"
        yield "turned around", value + "\u202e"
        yield "full width", value.translate({ord("0") + n: 0xFF10 + n for n in range(10)}) + "０"
        yield "upper case", value.upper() + "X"
        yield "long", value + "x" * 4_100
        yield "cut short", value[:-1]
    if isinstance(value, int):
        yield "a text", str(value)
        yield "negative", -1 - value
        yield "nothing", 0
        yield "the most", 2**53 - 1
    if isinstance(value, list):
        yield "an object", {}
        yield "empty", []
        yield "long", value * 20_000 if value and isinstance(value[0], int) else value * 70
    if isinstance(value, dict):
        yield "a list", []
        yield "empty", {}
        yield "more", {**value, "more": 1}


def bodies(body: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """The body with one value changed or missing, at any depth but that of documents."""
    yield f"{path}/more", {**body, "more": 1}
    for field, value in body.items():
        rest = {name: other for name, other in body.items() if name != field}
        yield f"{path}/{field} missing", rest
        for what, other in bent(value):
            if field == "sha256" and isinstance(other, str) and not NAME.fullmatch(other):
                continue  # no bundle holds a file of such a name
            yield f"{path}/{field} {what}", {**body, field: other}
        if isinstance(value, dict) and field not in ("settlement", "correction"):
            for name, inner in bodies(value, f"{path}/{field}"):
                yield name, {**body, field: inner}
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for name, inner in bodies(value[0], f"{path}/{field}/0"):
                yield name, {**body, field: [inner, *value[1:]]}


def misshapen(share: float = 1.0) -> Iterator[Forger]:
    """Logs with the misshapen bodies that the ledger refuses; of the others nothing is said."""
    chosen = random.Random(20_261_201)
    stages = sorted({case.stage for case in ALL_CASES.values()})
    for name in stages:
        forger = Forger.of(stage(name))
        for kind, case in ALL_CASES.items():
            if case.stage != name:
                continue
            good = case.submission(forger, kind)
            for what, body in bodies(dict(good.draft.body)):
                if chosen.random() >= share:
                    continue
                draft = _signed(forger, case.who, kind, body)
                if draft is None:
                    continue
                entry = Submission(draft, good.blobs, good.batch)
                if forger.attempt(entry) is not None:
                    forger.force(f"{kind} {what}", entry)
                if len(forger.refused) == MOST:
                    yield forger
                    forger = Forger.of(stage(name))
        if forger.refused:
            yield forger


def _signed(forger: Forger, who: str, kind: str, body: dict[str, Any]) -> Any:
    """The entry; None for a decision that cannot even be put into the words that are signed."""
    try:
        return forger.draft(who, kind, body)
    except KyojoError:
        return None
