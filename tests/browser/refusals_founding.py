"""Charters that the ledger refuses, each in a log of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from ledger.coop.charter import Charter
from ledger.coop.envelope import Draft
from ledger.coop.signing import Seen, sign_charter, sign_entry
from ledger.coop.submission import Submission
from ledger.log.key import KeyType, format_vkey
from ledger.log.key import SigningKey as LogKey
from ledger.log.merkle import root_hash
from tests.browser.forging import Forger
from tests.builder import ORIGIN, authority, charter, log_key, signing_key

NOTHING = Seen(ORIGIN, bytes(32), 0, root_hash(()))
VKEY = format_vkey(log_key(ORIGIN).verifier_key)
STRANGER = LogKey("elsewhere.example/x", KeyType.ED25519, b"y" * 32)
WITNESS = LogKey(ORIGIN, KeyType.ED25519_COSIGNATURE, b"z" * 32)
LATTICE = LogKey(ORIGIN, KeyType.ML_DSA_44, b"x" * 32)
VOTE = {"roles": ["member"], "threshold": "2"}


def _founders(terms: Charter) -> list[Any]:
    return [signing_key(founder.id) for founder in terms.members]


def signed(terms: Charter) -> Draft:
    """The charter, signed by everybody whom it names."""
    return sign_charter(terms, _founders(terms))


def _terms(**changes: Any) -> Draft:
    return signed(charter(**changes))


def _rights(**changes: Any) -> Draft:
    rights = authority()
    for name, change in changes.items():
        kind = name.replace("_", "-")
        rights[kind] = {**rights[kind], "approve": change}
    return _terms(authority=rights)


def _members(change: Callable[[list[dict[str, Any]]], None]) -> Draft:
    document = charter().model_dump(mode="json")
    change(document["members"])
    named = Charter.model_validate(document)
    return sign_charter(named, _founders(charter()))


def _again(**changes: Any) -> Draft:
    """Entry 0, signed again by the first founder after ``changes``."""
    draft = signed(charter())
    seen = changes.pop("seen", NOTHING)
    body = {**draft.body, **changes.pop("body", {})}
    who = changes.pop("who", "office")
    given = {"kind": "charter", "sequence": 0, **changes}
    return sign_entry(signing_key(who), seen, body=body, **given)


def _twice(names: list[Any]) -> list[Any]:
    return [*names, names[0]]


def _signatures(change: Callable[[list[Any]], list[Any]]) -> Draft:
    return _again(body={"signatures": change(signed(charter()).body["signatures"])})


def foundings() -> Iterator[tuple[str, Draft]]:
    """Name and entry 0 of each."""
    terms = charter().model_dump(mode="json")
    words = terms["vocabulary"]
    yield "no charter", _again(kind="period-closing", body={"period": "2026-10"})
    yield "another origin", _again(seen=replace(NOTHING, origin="ledger.example.jp/x"))
    yield "a sequence that begins at 1", _again(sequence=1)
    yield "a tree that was seen before", _again(seen=replace(NOTHING, size=1))
    yield "another empty tree", _again(seen=replace(NOTHING, root=bytes(32)))
    yield "a founder who is none", _again(who="stranger")
    yield "another's signature", replace(signed(charter()), signature=_again(who="bus").signature)
    yield "revenue that nobody approves", _rights(revenue_reported=None)
    yield "more than all of them", _rights(revenue_reported={**VOTE, "threshold": "3/2"})
    yield "a vote on usage", _rights(usage_batch=VOTE)
    for name, change in (
        ("a log key twice", {"log_keys": [VKEY, VKEY]}),
        ("a log key of another", {"log_keys": [format_vkey(STRANGER.verifier_key)]}),
        ("a log key that is none", {"log_keys": ["x"]}),
        ("a log key of a witness", {"log_keys": [VKEY, format_vkey(WITNESS.verifier_key)]}),
        ("a log that only ML-DSA signs", {"log_keys": [format_vkey(LATTICE.verifier_key)]}),
        ("a currency twice", {"currencies": _twice(terms["currencies"])}),
        ("a metric twice", {"vocabulary": {**words, "metrics": _twice(words["metrics"])}}),
        ("a charge twice", {"vocabulary": {**words, "charges": _twice(words["charges"])}}),
        ("a zone of nowhere", {"time_zone": "Asia/Nowhere"}),
    ):
        yield name, _terms(**change)
    for name, rename in (
        ("a founder twice", lambda found: found[1].update(id=found[0]["id"])),
        ("a founder named suspense", lambda found: found[1].update(id="suspense")),
        ("a founder's key twice", lambda found: found[1].update(keys=found[0]["keys"])),
        ("a founder without a signature", lambda found: found[1].update(keys=["0x" + "12" * 20])),
    ):
        yield name, _members(rename)
    yield "a signature too few", _signatures(lambda found: found[1:])
    yield "a signature twice", _signatures(_twice)
    yield (
        "signatures exchanged",
        _signatures(lambda found: [{**found[0], "signature": found[1]["signature"]}, *found[1:]]),
    )
    yield "payouts that are null", _again(body={"charter": {**terms, "payouts": None}})
    yield "no signatures", _again(body={"signatures": []})
    yield "a charter and more", _again(body={"more": 1})


def founding(name: str, draft: Draft) -> Forger:
    """A log of one entry."""
    forger = Forger()
    forger.force(name, Submission(draft))
    return forger
