"""What of a charter can be changed, as an entry says it, and the words in which people decide.

Rights, deadlines, terms of payment, readers and further words of the vocabulary can be. Whatever
else a charter says stays as the founders signed it: origin, name, nonce, time zone, currencies and
their digits, ``decided_by`` and founders; keys of the log and contracts have kinds of their own. A
body has no place for these, so no vote can touch them::

    {"charter": "<hash of the charter that is changed>", "reason": "…",
     "changes": {"period": {"grace_days": 5},
                 "payouts": {"destination_days": 7},
                 "readers": {"totals": ["operator"]},
                 "authority": {"payout-ordered": {"write": ["operator"], "approve": {…}}},
                 "vocabulary": {"metrics": [{"id", "unit", "name", "aliases"}], "charges": […]}}}

What stays is left out. No kind is ever taken away: a right is replaced, never removed, and words
are only added. A role may lose a right that is replaced; ``ledger.coop.charter_changes`` says who
must agree to that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from ledger.coop.bodies import READABLE, Body, Hash, Label, LocalName, Role, ShortText
from ledger.coop.charter import (
    ChargeTerm,
    Charter,
    MetricTerm,
    PayoutTerms,
    PeriodTerms,
    Readers,
    Right,
    VocabularyTerms,
)
from ledger.errors import DuplicateId, OutOfRange

TERMS_MAX: Final = 64
VERSION_MAX: Final = 1_000_000
SUBJECT_CHARACTERS_MAX: Final = 500
NOBODY: Final = "nobody"

# What the words of a change are built of, and what looks like it: ``;`` ends one, ``→`` is between
# old and new, brackets are around a new word's names. In a name they would say what is not done.
UNBUILT: Final = (
    "[^;\u037e\u061b\ufe14\ufe54\uff1b()\u207d\u207e\u208d\u208e\ufe35\ufe36\ufe59\ufe5a"
    "\uff08\uff09\u2190-\u21ff\u2794-\u27be\u27f0-\u27ff\u2900-\u297f\u2b00-\u2bff\uffe9-\uffec]*"
)

Days = Annotated[int, Field(ge=0, le=90)]


def _says_one_thing(word: str) -> str:
    if re.fullmatch(UNBUILT, word) is None:
        raise ValueError(
            "a new word has no semicolon, bracket or arrow in it: members sign it between such"
        )
    return word


Said = AfterValidator(_says_one_thing)
Aliases = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=64, pattern=READABLE), Said]],
    Field(max_length=16),
]


class Partial(Body):
    """A document in which what stays as it is is left out; it is never null."""

    @model_validator(mode="before")
    @classmethod
    def _names_no_null(cls, value: Any) -> Any:
        if isinstance(value, dict) and any(inner is None for inner in value.values()):
            raise ValueError("leave out what stays as it is")
        return value

    @model_serializer(mode="wrap")
    def _without_what_stays(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        found: dict[str, Any] = handler(self)
        return {name: value for name, value in found.items() if value is not None}


class PeriodChange(Partial):
    """Other deadlines."""

    grace_days: Days | None = None
    objection_days: Days | None = None
    lookback_periods: Annotated[int, Field(ge=0, le=120)] | None = None


class ReadersChange(Partial):
    """Other readers."""

    entries: Literal["everyone", "members"] | None = None
    totals: list[Role] | None = None
    records: list[Role] | None = None
    settlements: list[Role] | None = None


class NewName(LocalName):
    """A further word's name, which says nothing but itself in the words that are voted on."""

    ja: Annotated[Label, Said]
    en: Annotated[Label, Said]


class NewMetric(MetricTerm):
    """A further metric, whose names and aliases can be read in the words that are voted on."""

    name: NewName
    aliases: Aliases


class NewCharge(ChargeTerm):
    """A further kind of charge, whose names and aliases can be read in what is voted on."""

    name: NewName
    aliases: Aliases


class NewTerms(Partial):
    """Further words of the vocabulary; at least one, for they count its version up."""

    metrics: Annotated[list[NewMetric], Field(min_length=1, max_length=TERMS_MAX)] | None = None
    charges: Annotated[list[NewCharge], Field(min_length=1, max_length=TERMS_MAX)] | None = None

    @model_validator(mode="after")
    def _has_one(self) -> Self:
        if self.metrics is None and self.charges is None:
            raise ValueError("name a further metric or charge, or leave the vocabulary out")
        return self


class Changes(Partial):
    """What is to be another than it is."""

    period: PeriodChange | None = None
    payouts: PayoutTerms | None = None
    readers: ReadersChange | None = None
    authority: dict[str, Right] | None = None
    vocabulary: NewTerms | None = None


class CharterChanged(Body):
    """A change of the charter whose hash is ``charter``: of the one in force, and of no other."""

    charter: Hash
    changes: Changes
    reason: ShortText


def changed(charter: Charter, changes: Changes) -> Charter:
    """The charter with what is changed in it.

    Raises DuplicateId for a word that names something already, OutOfRange for too many.
    """
    found: dict[str, Any] = {}
    if changes.period is not None:
        found["period"] = PeriodTerms(
            **{**charter.period.model_dump(), **changes.period.model_dump()}
        )
    if changes.payouts is not None:
        found["payouts"] = changes.payouts
    if changes.readers is not None:
        found["readers"] = Readers(
            **{**charter.readers.model_dump(), **changes.readers.model_dump()}
        )
    if changes.authority is not None:
        found["authority"] = {**charter.authority, **changes.authority}
    if changes.vocabulary is not None:
        found["vocabulary"] = _with_terms(charter.vocabulary, changes.vocabulary)
    return charter.model_copy(update=found)


def words_of(before: Charter, after: Charter) -> list[str]:
    """What differs between two charters, old → new; empty if nothing does."""
    return [
        *_period_words(before.period, after.period),
        *_payout_words(before.payouts, after.payouts),
        *_reader_words(before.readers, after.readers),
        *_right_words(before.authority, after.authority),
        *_term_words(before.vocabulary, after.vocabulary),
    ]


def subject_of(before: Charter, after: Charter) -> str:
    """What the electorate signs; raises OutOfRange for what no wallet would show."""
    subject = f"Change the charter: {'; '.join(words_of(before, after))}"
    if len(subject) > SUBJECT_CHARACTERS_MAX:
        raise OutOfRange(
            f"in words the change has {len(subject)} characters, more than the "
            f"{SUBJECT_CHARACTERS_MAX} that a decision can name; propose it in parts"
        )
    return subject


def _with_terms(before: VocabularyTerms, new: NewTerms) -> VocabularyTerms:
    metrics = [MetricTerm(**one.model_dump()) for one in new.metrics or ()]
    charges = [ChargeTerm(**one.model_dump()) for one in new.charges or ()]
    _check_words([*before.metrics, *before.charges], [*metrics, *charges])
    counts = len(before.metrics) + len(metrics), len(before.charges) + len(charges)
    if max(counts) > TERMS_MAX or before.version >= VERSION_MAX:
        raise OutOfRange(f"a vocabulary has at most {TERMS_MAX} metrics and as many charges")
    return VocabularyTerms(
        version=before.version + 1,
        metrics=[*before.metrics, *metrics],
        charges=[*before.charges, *charges],
    )


Term = MetricTerm | ChargeTerm


def _check_words(known: Iterable[Term], new: Iterable[Term]) -> None:
    """A word that names something names nothing else later: not even as an alias."""
    taken = {word for term in known for word in _names_of(term)}
    for term in new:
        own = _names_of(term)
        if not taken.isdisjoint(own):
            raise DuplicateId(f"{min(taken & own)!r} names something in the vocabulary already")
        taken |= own


def _names_of(term: Term) -> set[str]:
    return {term.id, term.name.ja, term.name.en, *term.aliases}


# The words. What they say is signed: another spelling is another decision.


def _period_words(before: PeriodTerms, after: PeriodTerms) -> Iterator[str]:
    for text, old, new in (
        ("grace days", before.grace_days, after.grace_days),
        ("objection days", before.objection_days, after.objection_days),
        ("look-back periods", before.lookback_periods, after.lookback_periods),
    ):
        if old != new:
            yield f"{text} {old} → {new}"


def _payout_words(before: PayoutTerms | None, after: PayoutTerms | None) -> Iterator[str]:
    if after is not None and before != after:
        old = "as objections" if before is None else before.destination_days
        yield f"destination days {old} → {after.destination_days}"


def _reader_words(before: Readers, after: Readers) -> Iterator[str]:
    if before.entries != after.entries:
        yield f"entries read by {before.entries} → {after.entries}"
    for text, old, new in (
        ("totals", before.totals, after.totals),
        ("records", before.records, after.records),
        ("settlements", before.settlements, after.settlements),
    ):
        if old != new:
            yield f"{text} read by {_roles(old)} → {_roles(new)}"


def _roles(roles: Sequence[str]) -> str:
    return ", ".join(roles) or NOBODY


def _right_words(before: Mapping[str, Right], after: Mapping[str, Right]) -> Iterator[str]:
    for kind, right in sorted(after.items()):
        old = before.get(kind)
        if old != right:
            was = NOBODY if old is None else right_in_words(old)
            yield f"{kind} by {was} → {right_in_words(right)}"


def right_in_words(right: Right) -> str:
    """Who writes a kind and who approves it, as a change is put to the vote."""
    if right.approve is None:
        return f"{_roles(right.write)} at once"
    return f"{_roles(right.write)} with {right.approve.threshold} of {_roles(right.approve.roles)}"


def _term_words(before: VocabularyTerms, after: VocabularyTerms) -> Iterator[str]:
    for metric in after.metrics[len(before.metrics) :]:
        yield f"new metric {metric.id} in {metric.unit} ({_term(metric)})"
    for charge in after.charges[len(before.charges) :]:
        yield f"new charge {charge.id} ({_term(charge)})"


def _term(term: Term) -> str:
    return ", ".join([term.name.ja, term.name.en, *term.aliases])
