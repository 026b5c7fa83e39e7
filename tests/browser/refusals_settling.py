"""Entries that the ledger refuses from the cut-off on: settlements, disputes, corrections, votes.

As ``refusals``, one function for each stage; these change the month as they go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ledger import canonical
from ledger.coop.submission import Submission
from tests.audit.world import flipped
from tests.browser.forging import Forger
from tests.browser.refusals import absent_blob, decide
from tests.builder import (
    RULES,
    SALT,
    World,
    blob_ref,
    new_key,
    record,
    rules_body,
)
from tests.coop.months import Row, revenue, submit
from tests.coop.stages import (
    MONTH,
    NAME,
    NOVEMBER,
    admit,
    correction_body,
    dispute_body,
    log_key_body,
    propose,
    rules_text,
    second_log_key,
    settlement_body,
    stage,
)

Step = Callable[[World], None]
LONG_NAMES = [f"count.{letter * 64}" for letter in "abcdefg"]
MONEY = {"period": MONTH, "amount_minor": 5, "currency": "JPY"}
WAITING = RULES + "approval: {threshold: 2/3, objection_days: 1}\n"
TWO = [{"code": "JPY", "digits": 0}, {"code": "USD", "digits": 2}]


def after_the_cut_off(forger: Forger) -> None:
    """What comes too late for a month that is cut off."""
    late = {"period": MONTH, "section": "matrices", "id": "plays", "figures": blob_ref(SALT)}
    for name, who, kind, body in (
        ("late revenue", "office", "revenue-reported", {**MONEY, "id": "x", "origin": "other"}),
        ("a late cost", "office", "cost-reported", {**MONEY, "id": "x", "member": "bus"}),
        ("a late confirmation", "bus", "usage-confirmed",
         {"period": MONTH, "batches": 1, "records": 1}),
        ("a second closing", "office", "period-closing", {"period": MONTH}),
        ("a second cut-off", "office", "period-closed", {"period": MONTH}),
        ("settled without approval", "office", "settlement-settled",
         {"period": MONTH, "settlement_id": "00" * 32}),
    ):  # fmt: skip
        forger.forge(name, who, kind, body)
    forger.forge("late figures", "office", "figures-reported", late, SALT)
    reading = {"period": MONTH, "id": "x", "member": "bus", "value": 5, "scale": 10}
    forger.forge("a late reading", "office", "kpi-reported", {**reading, "evidence_hash": None})
    text = rules_text("effective_from: 2026-12-01", "effective_from: 2026-10-01")
    forger.forge("rules that reach back", "bus", "ruleset-proposed", rules_body(text), text)


def settlements(forger: Forger) -> None:
    """Settlements that say something else than the rules and the totals give."""
    body, blobs = settlement_body(forger)
    inputs, lines, seed = blobs

    def say(name: str, *given: bytes, **changes: Any) -> None:
        forger.forge(name, "office", "settlement-proposed", {**body, **changes}, *(given or blobs))

    document = body["settlement"]
    for field in sorted(document):
        say(f"settlement without {field}", settlement=_without(document, field))
        if field != "period":
            say(
                f"settlement, other {field}",
                settlement={**document, field: _moved(document[field])},
            )
    say("settlement of no month", settlement={**document, "period": 5})
    say("settlement of a month unopened", settlement={**document, "period": "2027-05"})
    say("a settlement and more", settlement={**document, "more": 1})
    say("a settlement that says true for 1", settlement={**document, "kyojo_settlement": True})
    for name, at in (("salt", 3), ("content", 40)):
        moved = flipped(inputs, at)
        say(f"inputs, another {name}", moved, lines, seed, inputs=blob_ref(moved))
        moved = flipped(lines, at)
        say(f"lines, another {name} than the settlement's", inputs, moved, seed,
            lines=blob_ref(moved))  # fmt: skip
        linked = {**document, "lines": blob_ref(moved)} if "lines" in document else document
        say(f"lines, another {name}", inputs, moved, seed, lines=blob_ref(moved),
            settlement=linked)  # fmt: skip
    other = bytes(32)
    say("another seed", inputs, lines, other, seed=blob_ref(other))
    short = seed[:31]
    say("a short seed", inputs, lines, short, seed=blob_ref(short))
    for name in ("inputs", "lines", "seed"):
        say(f"{name} that nobody has", **{name: absent_blob(forger)})
    propose(forger)
    say("a second settlement")


def _without(document: dict[str, Any], field: str) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != field}


def _moved(value: Any) -> Any:
    """Something else of the same type."""
    if isinstance(value, bool) or value is None:
        return 1
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str):
        return value[:-1] + ("0" if value[-1:] != "0" else "1")
    if isinstance(value, list):
        return value[:-1] if value else [1]
    return dict(list(value.items())[:-1]) if value else {"x": 1}


def approvals(forger: Forger) -> None:
    """An approved settlement: settled as another one, or before objections could be raised."""
    settlement = forger.state.period(MONTH).settlement
    body = {"period": MONTH, "settlement_id": settlement}
    other = {**body, "settlement_id": "00" * 32}
    forger.forge("settled as another", "office", "settlement-settled", other)
    late, forger.now = forger.now, forger.state.received_at
    forger.forge("settled too early", "office", "settlement-settled", body)
    forger.now = "2026-11-02T00:00:00.000Z"
    claim, _ = dispute_body(forger)
    forger.forge("an objection too late", "bus", "dispute-opened", claim)
    forger.write("office", "settlement-settled", body)
    forger.forge("settled twice", "office", "settlement-settled", body)
    forger.forge("a dispute of what is settled", "bus", "dispute-opened", claim)
    forger.now = max(late, forger.now)


def disputes(forger: Forger) -> None:
    """Disputes of nothing, of figures that are not there, twice; answered and ended by others."""
    trips = {"where": "totals/trips/bus", "value": 500}
    for name, change in (
        ("another settlement", {"settlement_id": "00" * 32}),
        ("a month unopened", {"period": "2027-05"}),
        ("a line that does not move", {"line_ids": ["opex/bus"]}),
        ("a line that is not there", {"line_ids": ["reserve/bus"]}),
        ("a figure twice", {"claims": [trips, {**trips, "value": 3}]}),
        ("no figure", {"claims": [{**trips, "where": "totals/smiles/bus"}]}),
        ("no revenue", {"claims": [{**trips, "where": "revenue/tips"}]}),
        ("a figure of nobody", {"claims": [{**trips, "where": "totals/trips/taxi"}]}),
        ("what the figures are already", {"claims": [{**trips, "value": 413}]}),
        ("nobody's weight", {"claims": [
            {"where": f"totals/trips/{who}", "value": 0} for who in ("bus", "ev", "bike")]}),
        ("what changes nobody's amount", {"claims": [{**trips, "where": "totals/energy_wh/bus"}]}),
    ):  # fmt: skip
        body, _ = dispute_body(forger, **change)
        forger.forge(f"dispute of {name}", "bus", "dispute-opened", body)
    many = [{"where": f"totals/{one}/bus", "value": 9} for one in LONG_NAMES]
    body, _ = dispute_body(forger, claims=[trips, *many])
    forger.forge("a dispute in too many words", "bus", "dispute-opened", body)
    body, _ = dispute_body(forger)
    forger.write("bus", "dispute-opened", body)
    forger.forge("a second dispute", "bus", "dispute-opened", body)
    (dispute,) = forger.state.disputes
    settled = {"period": MONTH, "settlement_id": forger.state.period(MONTH).settlement}
    answer = {"dispute": dispute, "answer": "no", "evidence_hash": None}
    for name, who, kind, said in (
        ("an answer to oneself", "bus", "dispute-answered", answer),
        ("an answer to nothing", "ev", "dispute-answered", {**answer, "dispute": "00" * 32}),
        ("another's dispute", "ev", "dispute-withdrawn", {"dispute": dispute, "reason": ""}),
        ("no dispute", "bus", "dispute-withdrawn", {"dispute": "00" * 32, "reason": ""}),
        ("settled while disputed", "office", "settlement-settled", settled),
    ):
        forger.forge(name, who, kind, said)
    forger.write("bus", "dispute-withdrawn", {"dispute": dispute, "reason": ""})
    forger.forge("a dispute withdrawn twice", "bus", "dispute-withdrawn",
                 {"dispute": dispute, "reason": ""})  # fmt: skip
    forger.forge("an answer to what has ended", "ev", "dispute-answered", answer)
    forger.forge("a dispute again", "bus", "dispute-opened", body)


def corrections(forger: Forger) -> None:
    """Corrections that say something else, come at the wrong time, or correct nothing."""
    body, blobs = correction_body(forger)
    rows, seed = blobs

    def say(name: str, *given: bytes, **changes: Any) -> None:
        forger.forge(name, "office", "correction-proposed", {**body, **changes}, *(given or blobs))

    document = body["correction"]
    for field in sorted(document):
        say(f"correction without {field}", correction=_without(document, field))
        if field != "currency":
            say(
                f"correction, other {field}",
                correction={**document, field: _moved(document[field])},
            )
    say("a correction of no currency", correction={**document, "currency": "USD"})
    moved = flipped(rows, 40)
    say("rows that differ", moved, seed, rows=blob_ref(moved))
    say("a correction that differs by a type", correction={**document, "kyojo_correction": True})
    say("another seed of a correction", rows, bytes(32), seed=blob_ref(bytes(32)))
    say("a seed that nobody has", seed=absent_blob(forger))
    forger.write("office", "correction-proposed", body, *blobs)
    say("a second correction")
    wanted = next(hash_ for hash_ in forger.state.proposals)
    forger.carry("bus", "ev")
    vote = {"action": "approve", "subject": "x", "subject_hash": wanted, "comment": ""}
    decide(forger, "a vote on what is posted", "bike", vote)
    say("a correction of nothing")
    forger.now = "2026-12-01T00:00:00.000Z"
    forger.write("office", "period-closing", {"period": "2026-11"})
    forger.write("office", "period-closed", {"period": "2026-11"})
    say("a correction between cut-off and settlement")


def wrong_time(forger: Forger) -> None:
    """A correction that cannot be posted, run again, or is too small to be."""
    body, blobs = correction_body(stage("late"))
    forger.forge("a correction out of time", "office", "correction-proposed", body, *blobs)


def looking_back(forger: Forger) -> None:
    """Usage of a month beyond the look-back."""
    forger.force("usage beyond the look-back", forger.usage("bus", record("bus-late")))


def second_votes(forger: Forger) -> None:
    """What became impossible while it waited is refused with the vote that would carry it."""
    admit(forger, "deputy", "operator")
    admit(forger, "lorry", "member")
    taxi = {"id": "taxi", "name": NAME, "roles": ["member"]}
    keys = [[new_key(forger, name, "taxi")] for name in ("taxi-2", "taxi")]
    spare = {"member": "ev", "key": new_key(forger, "ev-2", "ev"), "label": ""}
    log_key = log_key_body(forger, second_log_key())
    cost = {**MONEY, "id": "repairs", "member": "bus"}
    income = {**MONEY, "id": "adverts", "origin": "other"}
    given = {"asset": "network", "id": "x", "member": "bus", "amount_minor": 1, "currency": "JPY",
             "origin": "member"}  # fmt: skip
    reading = {"period": MONTH, "id": "uptime", "member": "bus", "value": 5, "scale": 10,
               "evidence_hash": None}  # fmt: skip
    figures = SALT + canonical.encode({"u1": {"bus": 3}})
    plays = {"period": MONTH, "section": "matrices", "id": "plays", "figures": blob_ref(figures)}
    texts = [rules_text(), rules_text("rate: 5%", "rate: 6%")]
    leaves = {"member": "lorry", "reason": ""}
    for name, kind, bodies, blobs in (
        ("an id admitted twice", "member-admitted", [{**taxi, "keys": k} for k in keys], ()),
        ("a key added twice", "key-added", [spare, spare], ()),
        ("a cost confirmed twice", "cost-reported", [cost, cost], ()),
        ("a cost in two currencies", "cost-reported",
         [{**cost, "id": "roof"}, {**cost, "id": "roof", "member": "bike", "currency": "USD"}], ()),
        ("revenue confirmed twice", "revenue-reported", [income, income], ()),
        ("funding confirmed twice", "funding-reported", [given, given], ()),
        ("a reading confirmed twice", "kpi-reported", [reading, reading], ()),
        ("figures confirmed twice", "figures-reported", [plays, plays], (figures,)),
        ("a log key announced twice", "log-key-added", [log_key, log_key], ()),
        ("two rule sets of one version", "ruleset-proposed", [rules_body(t) for t in texts], texts),
        ("a member that left twice", "member-left", [leaves, leaves], ()),
    ):  # fmt: skip
        for who, body in zip(("office", "deputy"), bodies, strict=True):
            named = [blob for blob in blobs if blob_ref(blob) in body.values()]
            forger.write(who, kind, body, *named)
        first = list(forger.state.proposals)[-2]
        forger.carry("bus", "ev", "bike", "taxi")
        _vote_in_vain(forger, name, first)
    _keys_that_ended(forger)


def replacements(forger: Forger) -> None:
    """Figures that replace nothing, another's report, or one that has been replaced."""
    first = len(forger.entries)
    right = {**MONEY, "id": "adverts", "origin": "other"}
    wrong = {**right, "amount_minor": 50}
    forger.write("office", "revenue-reported", wrong)
    forger.carry("bus", "ev")
    for name, change in (
        ("a figure again, replacing nothing", {}),
        ("a figure that replaces the charter", {"replaces": 0}),
        ("a figure that replaces an entry to come", {"replaces": 10_000}),
        ("a figure that is that already", {**wrong, "replaces": first}),
        ("a figure that replaces another's", {"id": "tips", "replaces": first}),
    ):
        forger.forge(name, "office", "revenue-reported", {**right, **change})
    forger.write("office", "revenue-reported", {**right, "replaces": first})
    forger.carry("bus", "ev")
    forger.forge("a figure that replaces what was replaced", "office", "revenue-reported",
                 {**wrong, "replaces": first})  # fmt: skip


def _vote_in_vain(forger: Forger, name: str, wanted: str) -> None:
    """Vote until the vote that would carry a proposal, which is refused."""
    for voter in ("bus", "ev", "bike", "taxi"):
        vote = Submission(forger.ballot(voter, wanted))
        if forger.attempt(vote) is None:
            forger.accept(vote)
            continue
        forger.force(name, vote)
        return


def _keys_that_ended(forger: Forger) -> None:
    """Keys that were revoked, and those of members who left."""
    spare = new_key(forger, "bus-2", "bus")
    forger.write("bus", "key-added", {"member": "bus", "key": spare, "label": ""})
    body = {"id": "hub-9", "name": NAME, "owner": None}
    forger.write("bus", "key-revoked", {"key": spare["address"], "reason": ""})
    forger.forge("a revoked key", "bus", "usage-confirmed", body, key="bus-2", sequence=0)
    forger.forge("a key of who left", "lorry", "usage-confirmed", body)


def other_money(forger: Forger) -> None:
    """Money in a second currency of what is kept in the first."""
    given = {"asset": "network", "id": "x", "member": "bus", "amount_minor": 1, "currency": "USD",
             "origin": "member"}  # fmt: skip
    forger.forge("funding in another currency", "office", "funding-reported", given)
    cost = {**MONEY, "id": "platform", "member": "ev", "currency": "USD"}
    forger.forge("a cost in another currency", "office", "cost-reported", cost)


def cut_off(forger: Forger) -> None:
    """A month that its rules cannot divide."""
    forger.write("office", "period-closing", {"period": MONTH})
    body = {"period": MONTH}
    forger.forge("a month that cannot be divided", "office", "period-closed", body)


def grace(forger: Forger) -> None:
    """Cut off before everybody had time to look."""
    forger.write("office", "period-closing", {"period": MONTH})
    forger.forge("a cut-off in the grace time", "office", "period-closed", {"period": MONTH})


def order(forger: Forger) -> None:
    """Two months that are cut off: the earlier one is settled first."""
    forger.write("office", "period-opened", NOVEMBER)
    revenue(forger, "2026-11", 500)
    submit(forger, Row("2026-11", "bus", "bus-11", 5))
    forger.now = "2026-12-01T00:00:00.000Z"
    forger.write("office", "period-closing", {"period": "2026-11"})
    forger.write("office", "period-closed", {"period": "2026-11"})
    body, blobs = settlement_body(forger)
    later = {**body, "settlement": {**body["settlement"], "period": "2026-11"}}
    forger.forge("the later month first", "office", "settlement-proposed", later, *blobs)
    forger.write("office", "settlement-proposed", body, *blobs)
    forger.forge("two at a time", "office", "settlement-proposed", later, *blobs)


def facilities(forger: Forger) -> None:
    """Facilities that need approval, two of one id."""
    for who in ("hub-7", "hub-8"):
        body = {"id": "hub-7", "name": {"ja": who, "en": who}, "owner": None}
        forger.write("office", "facility-registered", body)
    first = next(iter(forger.state.proposals))
    forger.carry("bus", "ev")
    _vote_in_vain(forger, "a facility registered twice", first)


def nobody_decides(forger: Forger) -> None:
    """Nobody is left to decide beside whoever proposes."""
    for who in ("ev", "bike"):
        forger.write(who, "member-left", {"member": who, "reason": ""})
    body = {"member": "office", "key": new_key(forger, "o-2", "office"), "label": ""}
    forger.forge("nobody to agree", "bus", "key-added", body)


def unwritable(forger: Forger) -> None:
    """A kind that the charter gives to nobody."""
    for kind in ("kpi-reported", "figures-reported", "correction-proposed", "dispute-opened"):
        forger.forge(f"{kind}, which nobody may write", "office", kind, {})
