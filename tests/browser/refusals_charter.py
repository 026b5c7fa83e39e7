"""Changes of a charter that the ledger refuses."""

from __future__ import annotations

from typing import Any

from ledger import canonical
from ledger.coop.charter_changes import KIND
from ledger.coop.charter_terms import TERMS_MAX
from ledger.coop.submission import Submission
from tests.browser.forging import Forger
from tests.builder import SALT, blob_ref
from tests.coop.stages import MONTH, change_body, propose

VOTE = {"roles": ["member"], "threshold": "2/3"}
ORDERS = {"write": ["operator"], "approve": VOTE}
ALONE = {"roles": ["operator"], "threshold": "1"}


def _metric(name: str, *aliases: str) -> dict[str, Any]:
    words = {"name": {"ja": f"{name}の量", "en": f"all {name}"}, "aliases": list(aliases)}
    return {"id": name, "unit": "count", **words}


def _charge(name: str) -> dict[str, Any]:
    return {name_: value for name_, value in _metric(name).items() if name_ != "unit"}


def changes(forger: Forger) -> None:
    """Of another charter, of nothing, of what stays; rights that nobody has; words in use."""
    blob = SALT + canonical.encode({"bus": 3})
    reported = {"period": MONTH, "section": "totals", "id": "docks", "figures": blob_ref(blob)}
    forger.write("office", "figures-reported", reported, blob)
    forger.carry("bus", "ev")
    tips = {"period": MONTH, "id": "tips", "amount_minor": 5, "currency": "JPY"}
    forger.write("office", "revenue-reported", {**tips, "origin": "member"})

    def say(name: str, **given: Any) -> None:
        forger.forge(f"a charter with {name}", "office", KIND, change_body(forger, **given))

    other = {**change_body(forger, period={"grace_days": 1}), "charter": "00" * 32}
    forger.forge("a change of another charter", "office", KIND, other)
    say("nothing else")
    say("the days it has", period={"grace_days": 0})
    say("another origin", origin="ledger.example.jp/x")
    say("another zone", time_zone="UTC")
    say("months of the start", period={"decided_by": "start"})
    say("days that are null", period={"grace_days": None})
    for name, kind, right in (
        ("orders that nobody approves", "payout-ordered", {**ORDERS, "approve": None}),
        ("a vote on usage", "usage-batch", ORDERS),
        ("more than all", "payout-ordered", {**ORDERS, "approve": {**VOTE, "threshold": "3/2"}}),
        ("four of three", "payout-ordered", {**ORDERS, "approve": {**VOTE, "threshold": "4"}}),
        ("one who approves of itself", "payout-ordered", {**ORDERS, "approve": ALONE}),
        ("members without a vote", "decision", {"write": ["operator"], "approve": None}),
    ):
        say(name, authority={kind: right})
    for name, words in (
        ("a metric again", {"metrics": [_metric("trips")]}),
        ("an alias in use", {"metrics": [_metric("x", "rides")]}),
        ("a word twice", {"metrics": [_metric("x")], "charges": [_charge("x")]}),
        ("a charge that is reported", {"charges": [_charge("fares")]}),
        ("a charge that waits", {"charges": [_charge("tips")]}),
        ("a metric that is reported", {"metrics": [_metric("docks")]}),
        ("too many words", {"metrics": [_metric(f"m{n}") for n in range(TERMS_MAX)]}),
        ("words for no wallet", {"metrics": [_metric(f"m{n}") for n in range(30)]}),
    ):
        say(name, vocabulary=words)
    say("another version of the same words", period={"grace_days": 9}, vocabulary={})
    for sign in "; → ( ) \u037e ； （ ⟶":
        if sign != " ":
            _words(forger, sign)
    _beside(forger)
    _two(forger)


def _words(forger: Forger, sign: str) -> None:
    """A new word in which a sign would say that something else is changed."""
    spoken = f"docks{sign} grace days 3"
    for name, term in (
        ("an alias", _metric("x", spoken)),
        ("a name", {**_metric("x"), "name": {"ja": "x", "en": spoken}}),
        ("a Japanese name", {**_metric("x"), "name": {"ja": spoken, "en": "all x"}}),
    ):
        body = change_body(forger, vocabulary={"metrics": [term]})
        forger.forge(f"{name} with {sign}", "office", KIND, body)
    spoken_charge = {**_charge("y"), "aliases": [spoken]}
    body = change_body(forger, vocabulary={"charges": [spoken_charge]})
    forger.forge(f"a charge with {sign}", "office", KIND, body)


def _beside(forger: Forger) -> None:
    """A right that the office approves is changed by firms and office, and by nobody else."""
    forger.write("bus", KIND, change_body(forger, authority={"payout-destination-set": ORDERS}))
    change = next(reversed(forger.state.proposals))
    forger.force("the auditor's vote", Submission(forger.ballot("audit", change)))
    forger.carry("bus", "office")
    forger.force("the office's second vote", Submission(forger.ballot("office", change)))
    place = {"type": "evm", "address": "0x" + "55" * 20}
    destination = {"member": "bus", "currency": "JPY", "destination": place}
    forger.write("bus", "payout-destination-set", destination)
    late = forger.ballot("bike", change)
    forger.vote("ev", change)
    forger.force("a vote on what is carried", Submission(late))
    forger.forge("a firm's own destination", "bus", "payout-destination-set", destination)


def _two(forger: Forger) -> None:
    """The second of two changes has no object when the first is carried."""
    for days in (1, 2):
        forger.write("office", KIND, change_body(forger, period={"grace_days": days}))
    slow = list(forger.state.proposals)[-2]
    late = forger.ballot("bike", slow)
    forger.carry("bus", "ev")
    forger.force("a vote on a change of the charter before", Submission(late))
    old = {**change_body(forger, period={"grace_days": 1}), "charter": forger.charter.hash().hex()}
    forger.forge("a change of the charter before", "office", KIND, old)


def unnamed(forger: Forger) -> None:
    """A charter that does not name the kind: everybody decides, and books begin between months."""
    orders = {"payout-ordered": ORDERS}
    body = change_body(forger, authority=orders)
    forger.forge("a change by the town", "town", KIND, body)
    forger.write("office", KIND, body)
    forger.carry("bus", "ev", "bike", "office", "town")
    last = next(reversed(forger.state.proposals))
    forger.close()
    settlement = propose(forger)
    forger.force("books that begin with half a month", Submission(forger.ballot("audit", last)))
    for who in ("bus", "ev"):
        forger.vote(who, settlement)
    forger.write("office", "settlement-settled", {"period": MONTH, "settlement_id": settlement})
    forger.vote("audit", last)
