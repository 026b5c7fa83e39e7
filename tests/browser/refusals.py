"""Logs full of entries that the ledger refuses, each signed properly and breaking one rule.

One function for each stage of a month. What each entry breaks is its name; the order of the
functions' lines is that of the handlers in ``ledger/coop``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from typing import Any

from ledger import canonical
from ledger.coop.logkeys import possession_text
from ledger.coop.signing import sign_entry
from ledger.coop.submission import Submission
from ledger.log.key import KeyType, format_vkey
from ledger.log.key import SigningKey as LogKey
from ledger.log.note import Ed25519Signer, sign_note
from ledger.usage.totals import TotalKey, encode_totals
from tests.browser.forging import Forger
from tests.builder import RULES, SALT, blob_ref, new_key, rules_body, signing_key
from tests.coop.stages import (
    ALL_CASES,
    MONTH,
    NAME,
    NOVEMBER,
    batches_of,
    log_key_body,
    rules_text,
    second_log_key,
    stage,
)

NOBODY = "0x" + "00" * 20
MONEY = {"period": MONTH, "amount_minor": 5, "currency": "JPY"}
FUNDING = {"asset": "network", "id": "x", "member": "bus", "amount_minor": 1, "currency": "JPY",
           "origin": "member"}  # fmt: skip


def envelopes(forger: Forger) -> None:
    """Who signs, in which order, having seen what: refused whatever the entry says."""
    body = {"id": "hub-9", "name": NAME, "owner": None}
    facility = ("office", "facility-registered", body)
    forger.forge("a second charter", "office", "charter", {})
    seen = forger.seen()
    forger.forge("another origin", *facility, seen=replace(seen, origin="ledger.example.jp/x"))
    forger.forge("a stranger", *facility, key="stranger", sequence=0)
    forger.forge("a used sequence", *facility, sequence=0)
    forger.forge("a gap", *facility, sequence=forger.sequence("office") + 1)
    forger.forge("another genesis", *facility, seen=replace(forger.seen(), genesis=bytes(32)))
    draft = forger.draft(*facility)
    other = forger.draft("town", *facility[1:])
    forger.force("another's signature", Submission(replace(draft, signature=other.signature)))
    draft = forger.draft(*facility)
    forger.force("no point", Submission(replace(draft, signature=bytes(64) + b"\x1b")))
    late, forger.now = forger.now, "2026-09-01T00:00:00.000Z"
    forger.forge("before the last", *facility)
    forger.now = late
    seen = replace(forger.seen(), size=10_000)
    forger.forge("a size of the future", *facility, seen=seen)
    seen = replace(forger.seen(), root=bytes(32))
    forger.forge("a root that never was", *facility, seen=seen)
    for kind, case in ALL_CASES.items():
        if kind == "usage-batch":
            forger.force("usage-batch by office", case.submission(forger, kind, who="office"))
        elif case.wrong is not None:
            forger.forge(f"{kind} by {case.wrong}", case.wrong, kind, {})


def members(forger: Forger) -> None:
    """Members, keys, facilities, destinations."""
    key = new_key(forger, "taxi", "taxi")
    taxi = {"id": "taxi", "name": NAME, "roles": ["member"], "keys": [key]}
    for name, change in (
        ("a reserved id", {"id": "suspense"}),
        ("an id in use", {"id": "ev"}),
        ("a key twice", {"keys": [key, key]}),
        ("a key in use", {"keys": [{**key, "address": signing_key("ev").address}]}),
        ("possession for another", {"keys": [new_key(forger, "taxi", "lorry")]}),
        ("no possession", {"keys": [{**key, "possession": "0x" + "00" * 65}]}),
    ):
        forger.forge(name, "bus", "member-admitted", {**taxi, **change})
    forger.forge("nobody leaves", "bus", "member-left", {"member": "taxi", "reason": ""})
    forger.forge("the last operator leaves", "office", "member-left",
                 {"member": "office", "reason": ""})  # fmt: skip
    for name, member, found in (
        ("a key of nobody", "taxi", new_key(forger, "bus-2", "taxi")),
        ("a known key", "bus", new_key(forger, "bus", "bus")),
        ("a key of another's", "bus", new_key(forger, "bus-2", "ev")),
    ):
        body = {"member": member, "key": found, "label": ""}
        forger.forge(name, "bus", "key-added", body)
    forger.forge("an unknown key", "bus", "key-revoked", {"key": NOBODY, "reason": ""})
    own = {"key": signing_key("bus").address, "reason": ""}
    forger.forge("the last key", "bus", "key-revoked", own)
    for name, body in (
        ("a facility again", {"id": "hub-1", "name": NAME, "owner": None}),
        ("a facility of nobody", {"id": "hub-3", "name": NAME, "owner": "taxi"}),
    ):
        forger.forge(name, "office", "facility-registered", body)
    evm = {"type": "evm", "address": "0x" + "55" * 20}
    absent = {"type": "bank", "details": absent_blob(forger), "hint": "···4711"}
    destination = {"member": "bus", "currency": "JPY", "destination": evm}
    for name, change in (
        ("another's destination", {"member": "ev"}),
        ("an unknown currency", {"currency": "CHF"}),
        ("no bank details", {"destination": absent}),
    ):
        forger.forge(name, "bus", "payout-destination-set", {**destination, **change})


def absent_blob(forger: Forger) -> dict[str, Any]:
    """A reference to bytes that nobody has."""
    blob = f"absent {len(forger.entries)}".encode()
    digest = sha256(blob).hexdigest()
    forger.blobs[digest] = blob
    forger.absent.add(digest)
    return blob_ref(blob)


def money(forger: Forger) -> None:
    """Funding, revenue, costs, readings and figures; what was confirmed or waits already."""
    most = 2**53 - 1
    for name, change in (
        ("funding by nobody", {"member": "taxi"}),
        ("funding in no currency", {"currency": "CHF"}),
        ("funding confirmed already", {"id": "bus"}),
        ("funding beyond everything", {"amount_minor": most}),
    ):
        forger.forge(name, "office", "funding-reported", {**FUNDING, **change})
    revenue = {**MONEY, "id": "adverts", "origin": "member"}
    cost = {**MONEY, "id": "repairs", "member": "bus"}
    for name, kind, body in (
        ("revenue in no currency", "revenue-reported", {**revenue, "currency": "CHF"}),
        ("revenue that is metered", "revenue-reported", {**revenue, "id": "fare"}),
        ("revenue confirmed already", "revenue-reported", {**revenue, "id": "fares"}),
        ("revenue of no period", "revenue-reported", {**revenue, "period": "2027-05"}),
        ("a cost in no currency", "cost-reported", {**cost, "currency": "CHF"}),
        ("a cost of nobody", "cost-reported", {**cost, "member": "taxi"}),
        ("a cost confirmed already", "cost-reported", {**cost, "id": "platform"}),
        ("a cost of no period", "cost-reported", {**cost, "period": "2027-05"}),
    ):
        forger.forge(name, "office", kind, body)
    for kind, body in (("revenue-reported", revenue), ("cost-reported", cost),
                       ("funding-reported", FUNDING)):  # fmt: skip
        forger.write("office", kind, body)
        forger.forge(f"{kind} again, before anybody confirms", "office", kind, body)
    _readings(forger)
    _figures(forger)


def _readings(forger: Forger) -> None:
    reading = {"period": MONTH, "id": "uptime_ppm", "member": "bus", "value": 5, "scale": 10,
               "evidence_hash": None}  # fmt: skip
    forger.write("office", "kpi-reported", reading)
    forger.forge("a reading that waits", "office", "kpi-reported", {**reading, "value": 6})
    forger.carry("bus", "ev")
    for name, change in (
        ("a reading confirmed already", {}),
        ("a reading of another scale", {"member": "ev", "scale": 100}),
        ("a reading of nobody", {"member": "taxi"}),
        ("a reading of no period", {"period": "2027-05"}),
    ):
        forger.forge(name, "office", "kpi-reported", {**reading, **change})


def _figures(forger: Forger) -> None:
    def figures(value: Any, **changes: Any) -> tuple[dict[str, Any], bytes]:
        content = value if isinstance(value, bytes) else canonical.encode(value)
        blob = SALT + content
        body = {"period": MONTH, "section": "matrices", "id": "plays", "figures": blob_ref(blob)}
        return {**body, **changes}, blob

    good = {"u1": {"bus": 3}}
    body, blob = figures(good)
    forger.write("office", "figures-reported", body, blob)
    forger.forge("figures that wait", "office", "figures-reported", body, blob)
    forger.carry("bus", "ev")
    game = {"form": "table", "values": {"bus": 1}}
    for name, value, change in (
        ("figures confirmed already", good, {}),
        ("figures of no period", good, {"period": "2027-05"}),
        ("metered figures", {"bus": 1}, {"section": "totals", "id": "trips"}),
        ("figures that are no JSON", b"{", {"id": "other"}),
        ("figures in another form", b'{"u1": {"bus":3}}', {"id": "other"}),
        ("a matrix of nobody", {"u1": {"nobody": 3}}, {"id": "other"}),
        ("a negative matrix", {"u1": {"bus": -3}}, {"id": "other"}),
        ("a matrix that is a list", [], {"id": "other"}),
        ("a charge that is reported", {"bus": 1}, {"section": "totals", "id": "charge.fare"}),
        ("half a trip", {"bus": "5/2"}, {"section": "totals", "id": "count.trips"}),
        ("two trips as a fraction", {"bus": "4/2"}, {"section": "totals", "id": "count.trips"}),
        ("two trips as a decimal", {"bus": "2.0"}, {"section": "totals", "id": "count.trips"}),
        ("five trips in words", {"bus": "5"}, {"section": "totals", "id": "count.trips"}),
        ("counts of nobody", {"nobody": 3}, {"section": "totals", "id": "count.trips"}),
        ("a payment in words", {"u1": "x"}, {"section": "payments"}),
        ("a negative payment", {"u1": -1}, {"section": "payments"}),
        ("a game in words", {**game, "values": {"bus": "x"}}, {"section": "games"}),
        ("a game of no form", {**game, "form": "dice"}, {"section": "games"}),
        ("a game of nobody", {**game, "values": {"nobody": 1}}, {"section": "games"}),
        ("ballots without projects", {"votes": []}, {"section": "ballots"}),
        ("a vote for nothing", {"projects": {"a": {"cost": 1}},
                                "votes": [{"voter": "v", "approve": ["b"]}]},
         {"section": "ballots"}),
        ("two votes of one", {"projects": {"a": {"cost": 1}},
                              "votes": [{"voter": "v", "approve": ["a"]}] * 2},
         {"section": "ballots"}),
    ):  # fmt: skip
        body, blob = figures(value, **change)
        forger.forge(name, "office", "figures-reported", body, blob)
    absent = {**body, "id": "gone", "figures": absent_blob(forger)}
    forger.forge("figures that nobody has", "office", "figures-reported", absent)


def usage(forger: Forger) -> None:
    """Batches, confirmations, erasures."""

    def batch(name: str, totals: dict[TotalKey, int] | bytes) -> None:
        blob = totals if isinstance(totals, bytes) else encode_totals(SALT, totals)
        made = forger.usage("bus", b'{"id":"z","facility":"hub-1","started_at":'
                            b'"2026-10-05T08:00:00+09:00","ended_at":"2026-10-05T08:30:00+09:00",'
                            b'"measures":{"trips":1}}')  # fmt: skip
        draft = forger.draft("bus", "usage-batch", {**made.draft.body, "totals": blob_ref(blob)})
        forger.force(name, Submission(draft, {sha256(blob).hexdigest(): blob}, made.batch))

    key = TotalKey(MONTH, "hub-1", "trips", "")
    batch("no totals", {})
    for name, change in (
        ("an unknown facility", {"facility": "hub-9"}),
        ("an unknown metric", {"name": "energy"}),
        ("a metric with a currency", {"name": "charge.tip", "currency": "JPY"}),
        ("a charge in no currency", {"name": "charge.fare", "currency": "CHF"}),
        ("a period that is not open", {"period": "2027-05"}),
    ):
        batch(name, {key._replace(**change): 1})
    for name, content in (
        ("totals that are no JSON", b"{"),
        ("totals that are no list", b"{}"),
        ("a row that is too short", b'[["2026-10","hub-1","trips","" ]]'),
        ("a charge without currency", b'[["2026-10","hub-1","charge.fare","",1]]'),
        ("a metric in yen", b'[["2026-10","hub-1","trips","JPY",1]]'),
        ("a row of words", b'[["2026-10","hub-1","trips","","1"]]'),
        ("rows out of order", b'[["2026-10","hub-1","z","",1],["2026-10","hub-1","a","",1]]'),
        ("a row twice", b'[["2026-10","hub-1","trips","",1],["2026-10","hub-1","trips","",1]]'),
        ("totals in another form", b'[["2026-10", "hub-1","trips","",1]]'),
        ("too short for a salt", b""),
    ):  # fmt: skip
        batch(name, (SALT if content else b"x") + content)
    confirmed = {"period": MONTH, "batches": 1, "records": 1}
    for name, change in (
        ("more batches", {"batches": 2}),
        ("fewer records", {"records": 0}),
        ("a month that is not open", {"period": "2027-05"}),
    ):
        forger.forge(name, "bus", "usage-confirmed", {**confirmed, **change})
    _erasures(forger)


def _erasures(forger: Forger) -> None:
    own = batches_of(forger, "bus")[0]
    other = batches_of(forger, "ev")[0]
    body = {"batch": own, "records": [0], "reason": ""}
    for name, change in (
        ("a batch of the future", {"batch": 10_000}),
        ("no batch", {"batch": 0}),
        ("records out of order", {"records": [1, 0]}),
        ("a record twice", {"records": [0, 0]}),
        ("a record that is not there", {"records": [1]}),
    ):
        forger.forge(name, "bus", "records-erased", {**body, **change})
    forger.write("bus", "records-erased", body)
    forger.forge("an erased record", "bus", "records-erased", body)
    forger.write("bus", "records-erased", {**body, "batch": other})


def anchors(forger: Forger) -> None:
    """Anchors that are none, go back, or lack their evidence."""
    evidence = b"evidence"
    good = {
        "size": 5, "root": forger.root(5).hex(), "chain_id": 31337,
        "contract": "0x" + "11" * 20, "transaction": "33" * 32, "block_number": 7,
        "block_hash": "44" * 32, "evidence": blob_ref(evidence),
    }  # fmt: skip
    for name, change in (
        ("another contract", {"contract": "0x" + "12" * 20}),
        ("another chain", {"chain_id": 1}),
        ("another root", {"root": "00" * 32}),
        ("a size of the future", {"size": 9_999}),
        ("no evidence", {"evidence": absent_blob(forger)}),
        ("evidence of another size", {"evidence": {**blob_ref(evidence), "bytes": 9}}),
    ):
        forger.forge(f"anchor: {name}", "office", "anchor-recorded", {**good, **change}, evidence)
    forger.write("office", "anchor-recorded", good, evidence)
    forger.forge("anchored already", "office", "anchor-recorded", good, evidence)
    back = {**good, "size": 4, "root": forger.root(4).hex()}
    forger.forge("an anchor that goes back", "office", "anchor-recorded", back, evidence)


def log_keys(forger: Forger) -> None:
    """Keys of the log: of others, of other kinds, known, without possession, the last."""
    new = second_log_key()
    good = log_key_body(forger, new)
    stranger = LogKey("elsewhere.example/x", KeyType.ED25519, b"y" * 32)
    witness = format_vkey(new.verifier_key)
    text = possession_text(new.verifier_key, "00" * 32)
    elsewhere = sign_note(text, [Ed25519Signer(new)]).decode()
    unsigned = good["possession"].split("\n\n")[0] + "\n\n"
    for name, change in (
        ("a key that is none", {"vkey": "x"}),
        ("a key of another name", {"vkey": format_vkey(stranger.verifier_key)}),
        ("a key in use", {"vkey": forger.charter.log_keys[0]}),
        ("possession elsewhere", {"possession": elsewhere}),
        ("possession by nobody", {"possession": unsigned}),
        ("no possession", {"possession": ""}),
        ("a vkey cut short", {"vkey": witness[:-4]}),
    ):
        forger.forge(name, "office", "log-key-added", {**good, **change})
    forger.forge("a key that does not sign", "office", "log-key-retired",
                 {"vkey": witness, "reason": ""})  # fmt: skip
    forger.forge("the last key of the log", "office", "log-key-retired",
                 {"vkey": forger.charter.log_keys[0], "reason": ""})  # fmt: skip


def votes(forger: Forger) -> None:
    """Votes in other words, by others, twice, on nothing; and withdrawals by others."""
    wanted = next(iter(forger.state.proposals))
    subject = forger.state.proposals[wanted].subject
    good = {"action": "approve", "subject": subject, "subject_hash": wanted, "comment": ""}
    for name, who, change in (
        ("a vote on nothing", "bus", {"subject_hash": "00" * 32}),
        ("a vote in other words", "bus", {"subject": subject + "."}),
        ("a vote of the office", "office", {}),
        ("a vote of the town", "town", {}),
    ):
        decide(forger, name, who, {**good, **change})
    forger.forge("another's proposal", "bus", "proposal-withdrawn",
                 {"subject_hash": wanted, "reason": ""})  # fmt: skip
    forger.forge("no proposal", "office", "proposal-withdrawn",
                 {"subject_hash": "00" * 32, "reason": ""})  # fmt: skip
    for who, action in (("bus", "approve"), ("bike", "abstain")):
        forger.vote(who, wanted, action)
        decide(forger, f"a second vote of {who}", who, good)


def decide(forger: Forger, name: str, who: str, body: dict[str, Any]) -> None:
    draft = sign_entry(
        signing_key(who), forger.seen(), kind="decision", sequence=forger.sequence(who), body=body
    )
    forger.force(name, Submission(draft))


def periods(forger: Forger) -> None:
    """Months that overlap, gape or are none; closings that come too early or twice."""
    for name, change in (
        ("October again", {"period": MONTH}),
        ("a month that ends before it starts", {"end": "2026-10-30T15:00:00.000Z"}),
        ("a month of ten days", {"end": "2026-11-10T15:00:00.000Z"}),
        ("another month than it says", {"period": "2026-12"}),
        ("a month that overlaps", {"start": "2026-10-31T14:00:00.000Z"}),
        ("a month that gapes", {"start": "2026-10-31T16:00:00.000Z"}),
    ):
        forger.forge(name, "office", "period-opened", {**NOVEMBER, **change})
    before = {"period": "2026-09", "start": "2026-08-31T15:00:00.000Z",
              "end": "2026-09-30T14:00:00.000Z"}  # fmt: skip
    forger.forge("a month that gapes before", "office", "period-opened", before)
    forger.write("office", "period-opened", NOVEMBER)
    for name, kind, body in (
        ("a month that is not over", "period-closing", {"period": "2026-11"}),
        ("a month that nobody opened", "period-closing", {"period": "2027-05"}),
        ("closed before it closes", "period-closed", {"period": MONTH}),
        ("closed and never opened", "period-closed", {"period": "2027-05"}),
        ("settled before it is cut off", "settlement-settled",
         {"period": MONTH, "settlement_id": "00" * 32}),
    ):  # fmt: skip
        forger.forge(name, "office", kind, body)


def rules(forger: Forger) -> None:
    """Rule sets: another header, unknown names, other terms than the charter's, other order."""

    def offer(name: str, text: bytes, **changes: Any) -> None:
        forger.forge(name, "bus", "ruleset-proposed", {**rules_body(text), **changes}, text)

    good = rules_text()
    for name, change in (
        ("another name in the entry", {"ruleset": "other"}),
        ("another version in the entry", {"version": 3}),
        ("another date in the entry", {"effective_from": "2026-12-02"}),
        ("another hash in the entry", {"rule_hash": "00" * 32}),
    ):
        offer(name, good, **change)
    use = "{kind: proportional, input: trips}"
    heads = "steps:\n  - {id: extra, kind: allocate, source: gross, key: {kind: equal}, "
    for name, old, new in (
        ("an unknown metric", use, "{kind: proportional, input: hours}"),
        ("a count of an unknown metric", use, "{kind: proportional, input: count.hours}"),
        ("an unknown charge", "charge.fare", "charge.tip"),
        ("an unknown member", "{kind: equal}", "{kind: equal, members: [taxi]}"),
        ("another time zone", "Asia/Tokyo", "Asia/Seoul"),
        ("an unknown currency", "JPY", "CHF"),
        ("other digits", "minor_digits: 0", "minor_digits: 2"),
        ("another grace time", "steps:", "late: {grace_days: 9, max_lookback_periods: 2}\nsteps:"),
        ("caps below everything", "steps:", heads + "bounds: {cap: 30%}}"),
        ("floors above everything", "steps:", heads + "bounds: {floor: 40%}}"),
        ("floors above the limit", "steps:", heads + "limit: 100, bounds: {floor: 40}}"),
        ("another name than the last", "ruleset: kaga-mobility", "ruleset: noto"),
        ("a version left out", "version: 2", "version: 3"),
        ("an earlier date", "2026-12-01", "2026-09-01"),
    ):  # fmt: skip
        offer(name, rules_text(old, new))
    offer("the rule set in force", SALT + RULES.encode())
    for name, text in _broken_rules():
        body = {**rules_body(good), "text": blob_ref(text)}
        forger.forge(f"rules with {name}", "bus", "ruleset-proposed", body, text)
    forger.forge("rules that nobody has", "bus", "ruleset-proposed",
                 {**rules_body(good), "text": absent_blob(forger)})  # fmt: skip


def _broken_rules() -> Iterator[tuple[str, bytes]]:
    """Texts that are no rule set, or none that could be signed."""
    opex = "costs: [platform], limit: 40%"
    for name, old, new in (
        ("no pools", "pools:", "pool:"),
        ("a percentage as a reading", "rate: 5%", "rate: 5%, when: {kpi: u, at_least: 99%}"),
        ("a negative limit", "limit: 40%", "limit: -1"),
        ("a share above everything", "rate: 5%", "rate: 105%"),
        ("a step twice", "id: reserve", "id: opex"),
        ("a pool that is not there", "source: gross", "source: net"),
        ("a cost twice", opex, "costs: [platform, platform]"),
        ("a limit of nothing", "limit: 40%", "limit: {of: step.share}"),
        ("an unknown profile's articles", "profile", "profile"),
        ("nobody's law", "pools:", "profile: jp-sme-coop\npools:"),
        ("no work", "pools:", "profile: jp-worker-coop\npools:"),
        ("no writing", "pools:", "profile: jp-llp\npools:"),
        ("a source twice", "charge.fare]", "revenue.fares]"),
        ("a total as money", "charge.fare]", "total.trips]"),
        ("parts that weigh nothing", "weight: 70%", "weight: -70%"),
        ("a rate and an amount", "rate: 5%", "rate: 5%, amount: 3"),
        ("a zone of nowhere", "Asia/Tokyo", "Asia/Nowhere"),
        ("a date that is none", "2026-12-01", "2026-02-30"),
    ):
        later = RULES.replace("version: 1", "version: 2").replace("2026-10-01", "2026-12-01")
        if old in later:
            yield name, SALT + later.replace(old, new).encode()
    yield "no YAML", SALT + b"a: [1"
    yield "a list", SALT + b"[]\n"
    yield "nothing", SALT
    yield "bytes that are no text", SALT + b"\xff\n"
    yield "less than a salt", b"x"


STAGES: dict[str, tuple[str, tuple[Callable[[Forger], None], ...]]] = {
    "a month": (
        "all kinds",
        (envelopes, members, money, usage, anchors, log_keys, periods, rules),
    ),
    "a proposal": ("proposed", (votes,)),
}


def forged(name: str) -> Forger:
    """The log of a stage with everything that is refused there."""
    base, functions = STAGES[name]
    forger = Forger.of(stage(base))
    for run in functions:
        run(forger)
    return forger
