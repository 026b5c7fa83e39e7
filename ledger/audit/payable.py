"""What a statement says is payable, compared with the state that an audit bundle leads to.

The bundle is folded as always; at the size of the statement's checkpoint the state is kept. Its
hash and the log's root there must be the statement's, and the part, computed again from that state
and from the settlement's own inputs, must be the same to the byte: also where the statement has no
such part, since one could have been left out. Only in which order it lists what is posted and what
is held is no matter: that has not always been the same (decision 0036).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ledger import canonical
from ledger.audit.fold import Fold
from ledger.audit.start import STUMBLES
from ledger.coop import bodies
from ledger.coop.envelope import parse_envelope
from ledger.coop.payable import payable_figures
from ledger.coop.settlements import rules_of
from ledger.coop.state import Period, State, state_hash
from ledger.errors import (
    KyojoError,
    NotConsistent,
    NotFound,
    NotIncluded,
    SumMismatch,
    VerificationError,
)
from ledger.log.checkpoint import Checkpoint, parse_checkpoint
from ledger.log.note import parse_note
from ledger.rules.inputs import parse_inputs
from ledger.settlement.result import Result
from ledger.settlement.run import run
from ledger.usage.totals import SALT_BYTES


@dataclass(slots=True)
class StateLookup:
    """Takes from a fold what one statement of a month is compared with.

    ``index`` is that of the entry that proposed the settlement, ``size`` the checkpoint's.
    """

    index: int
    size: int
    state: State | None = None
    root: bytes = b""
    result: Result | None = None
    why_not: str = ""

    def see(self, fold: Fold) -> None:
        """Look at a fold that has come to one more entry; what fails is a finding for later."""
        if fold.tree.size != self.size:
            return
        self.state, self.root = fold.state, fold.tree.root(self.size)
        try:
            self.result = self._run(fold)
        except KyojoError as error:
            self.why_not = error.message
        except STUMBLES as error:
            if fold.start is None:
                raise
            self.why_not = f"the state at the start misleads: {error!r}"

    def _run(self, fold: Fold) -> Result | None:
        """The settlement's run again; None where its entry lies before a slice."""
        try:
            draft = parse_envelope(fold.entry(self.index)).draft
        except NotFound:
            return None
        if draft.kind != "settlement-proposed":
            raise NotIncluded(f"entry {self.index} of the bundle is a {draft.kind}")
        body = bodies.parse_body(bodies.SettlementProposed, draft.body)
        rules = rules_of(fold.state, fold.state.period(str(body.settlement["period"])), fold)
        return run(rules, parse_inputs(fold.blob(body.inputs.sha256)[SALT_BYTES:]))


def lookup_of(document: Mapping[str, Any]) -> StateLookup:
    """What to look for in the fold of a bundle, for a statement that was verified by itself."""
    proof = document["proof"]
    return StateLookup(int(proof["index"]), _head_of(document).size)


def compare_with_state(document: Mapping[str, Any], lookup: StateLookup) -> bool:
    """Whether the bundle could tell what is payable; raises if it tells otherwise.

    False where the bundle ends before the statement's checkpoint, or starts after its settlement.
    Raises NotConsistent for another log, SumMismatch for other figures.
    """
    state, result = lookup.state, lookup.result
    if lookup.why_not:
        raise VerificationError(f"the bundle does not give the settlement: {lookup.why_not}")
    if state is None or result is None:
        return False
    if lookup.root != _head_of(document).root or state.genesis != document["genesis"]:
        raise NotConsistent(f"the bundle has another log at {lookup.size} entries")
    member = str(document["member"])
    period = state.period(str(document["statement"]["settlement"]["period"]))
    if period.settlement != document["statement"]["settlement_id"]:
        raise NotConsistent(f"another settlement of {period.id} stands at {lookup.size} entries")
    _compare_corrections(state, period, document.get("corrections") or ())
    found = payable_figures(state, period, result, member)
    wanted = None
    if found is not None:
        wanted = {"size": state.size, "state_hash": state_hash(state).hex(), **found}
    stated = document.get("payable")
    if _encoded(by_id(stated)) != _encoded(by_id(wanted)):
        raise SumMismatch(
            "what is payable is not what the state in the bundle says",
            part=_differing(by_id(stated), by_id(wanted)),
            size=lookup.size,
        )
    return True


def _compare_corrections(
    state: State, period: Period, corrections: Sequence[Mapping[str, Any]]
) -> None:
    """The corrections that a statement names are posted, and the last one has the figures now."""
    last = period.run.id if period.is_corrected and period.run is not None else None
    for one in corrections:
        statement = one["statement"]
        month = str(statement["correction"]["posted_in"])
        if statement["correction_id"] not in state.period(month).posted:
            raise SumMismatch(f"a correction is said to be posted with {month}, and is not")
    if last != (corrections[-1]["statement"]["correction_id"] if corrections else None):
        raise SumMismatch("the corrections of the month are not those that the state has")


def _head_of(document: Mapping[str, Any]) -> Checkpoint:
    return parse_checkpoint(parse_note(str(document["proof"]["checkpoint"]).encode()).text)


def by_id(part: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """A part of which what is posted, and what is held, is listed by id."""
    if part is None:
        return None
    posted = sorted(part["posted"], key=lambda row: str(row["id"]))
    held = sorted(part["held"], key=lambda row: str(row["dispute"]))
    return {**part, "posted": posted, "held": held}


def _encoded(part: Mapping[str, Any] | None) -> bytes:
    return canonical.encode(part)


def _differing(stated: Mapping[str, Any] | None, wanted: Mapping[str, Any] | None) -> str:
    """The first field in which two parts differ, or ``payable`` where one of them is none."""
    if stated is None or wanted is None:
        return "payable"
    names = sorted(stated.keys() | wanted.keys())
    return next((one for one in names if stated.get(one) != wanted.get(one)), "payable")
