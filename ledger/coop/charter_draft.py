"""A change of the charter, drafted from the fields that are to be others, before it is signed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from ledger import canonical
from ledger.coop.bodies import faults_of
from ledger.coop.charter import ChargeTerm, Charter, MetricTerm
from ledger.coop.charter_terms import CharterChanged, changed, subject_of, words_of
from ledger.errors import DuplicateId, InvalidInput
from ledger.usage.vocabulary import fold


@dataclass(frozen=True, slots=True)
class Drafted:
    """A change that may be signed: its body, what it changes in words, and all of these in one."""

    body: CharterChanged
    words: tuple[str, ...]
    subject: str


def parse_charter(document: Mapping[str, Any], *, digest: str) -> Charter:
    """A charter that somebody sent, if it is the one with this hash; raises InvalidInput."""
    try:
        charter = Charter.model_validate(dict(document))
    except ValidationError as error:
        raise InvalidInput("this is not a charter", faults=faults_of(error)) from error
    if charter.hash().hex() != digest:
        raise InvalidInput(f"the charter does not have the hash {digest}")
    return charter


def draft_change(charter: Charter, data: bytes, *, reason: str = "") -> Drafted:
    """A change of the charter in force, from the fields (JSON) that are to be others.

    Raises InvalidInput for what cannot be changed or changes nothing, DuplicateId for a word that
    would be taken for another, OutOfRange for more than a decision can name. Whether the co-op can
    go on with it, the ledger judges.
    """
    document = {"changes": canonical.parse(data, what="the changes"), "reason": reason}
    try:
        body = CharterChanged.model_validate({**document, "charter": charter.hash().hex()})
    except ValidationError as error:
        faults = faults_of(error)
        first = f"{faults[0].where}: {faults[0].message}"
        raise InvalidInput(f"a charter cannot be changed so: {first}", faults=faults) from error
    after = changed(charter, body.changes)
    words = tuple(words_of(charter, after))
    if not words:
        raise InvalidInput("the charter says just this already")
    _refuse_likenesses(charter, after)
    return Drafted(body, words, subject_of(charter, after))


def _refuse_likenesses(before: Charter, after: Charter) -> None:
    """A word that differs in width or case alone would be read as the other one.

    The ledger compares words as they are written: a verdict must not hang on tables of Unicode.
    """
    old, new = before.vocabulary, after.vocabulary
    terms: list[MetricTerm | ChargeTerm] = [*new.metrics, *new.charges]
    known = {term.id for term in old.metrics} | {term.id for term in old.charges}
    taken: dict[str, str] = {}
    for term in sorted(terms, key=lambda term: term.id not in known):
        for word in (term.id, term.name.ja, term.name.en, *term.aliases):
            other = taken.setdefault(fold(word), term.id)
            if other != term.id and term.id not in known:
                raise DuplicateId(f"{word!r} of {term.id} reads like a word for {other}")
