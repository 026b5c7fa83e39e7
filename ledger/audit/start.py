"""Where a slice starts: all that the fold needs of the entries before its first one.

::

    start/state          the state at ``start``, as its hash was taken (RFC 8785)
    start/prefix         the roots of the perfect subtrees over [0, start), largest first
    start/genesis        entry 0, the charter
    start/proofs         {"entries": [[index, entry, [hash …]] …], "genesis": [hash …],
                         "roots": [[size, root, [hash …]] …]}: that entry 0 and other entries that
                         the slice names are in the log, and smaller trees the beginning of it
    start/usage.ndjson   the usage batches before ``start`` of months that are not settled there
    start/checkpoint     a signed tree head of exactly this size, cosigned or not, if it was kept

What lies before is not in a slice. It rests on the state's hash, which a settlement carries that
the co-op's quorum approved in the slice itself (``check_approved``). The hash chain of ``Usage`` in
that state shows that the batches are all there, unchanged and in their order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256

from ledger import canonical
from ledger.audit.bundle import (
    START_PREFIX,
    START_STATE,
    START_USAGE,
    USAGE_BATCH,
    split_hashes,
)
from ledger.audit.files import Files
from ledger.audit.report import Findings
from ledger.audit.start_proofs import check_proofs
from ledger.coop.bodies import FiguresReported, RulesetProposed, UsageBatch, parse_body
from ledger.coop.envelope import parse_envelope, parse_hash
from ledger.coop.state import SUSPENSE, Period, State, Usage, parse_state, state_document
from ledger.coop.step import AccountKey
from ledger.errors import KyojoError, MalformedDocument, NotFound
from ledger.log.key import parse_vkey
from ledger.log.merkle import Frontier
from ledger.period import parse_instant
from ledger.usage.batch import BATCH_RECORDS_MAX
from ledger.usage.totals import TotalKey, parse_totals

TAKES_USAGE = ("open", "closing")
SETTLED = "settled"
RULESET = "ruleset-proposed"
FIGURES = "figures-reported"
STUMBLES = (LookupError, ValueError, TypeError, AttributeError, ArithmeticError)
"""What a made-up state makes the fold stumble over: its parts have types, but no meaning."""

Totals = dict[tuple[str, int], dict[AccountKey, int]]


@dataclass(frozen=True, slots=True)
class Start:
    """The beginning of a slice: state, tree, earlier roots, and what had been metered."""

    state: State
    state_hash: str
    before: Frontier
    earlier: dict[int, bytes] = field(default_factory=dict)
    totals: Totals = field(default_factory=dict)
    entries: dict[int, bytes] = field(default_factory=dict)

    def has_usage(self, period: str) -> bool:
        """Whether records of this period lie before the slice."""
        found = self.state.periods.get(period)
        return found is not None and bool(found.usage)

    def is_settled(self, period: str) -> bool:
        """Whether a period was settled where the slice starts."""
        found = self.state.periods.get(period)
        return found is not None and found.status == SETTLED


def open_start(files: Files, findings: Findings) -> Start | None:
    """Read where a slice starts; None, with findings, if the fold cannot begin there."""
    try:
        data = files.read(START_STATE) or b""
        state = _read_state(data)
        before = Frontier(state.size, tuple(map(bytes.fromhex, state.subtrees)))
        blobs = needed_blobs(state)
    except KyojoError as error:
        findings.add_error(error, START_STATE)
        return None
    except STUMBLES as error:
        findings.add_error(MalformedDocument(f"not a state: {error}"), START_STATE)
        return None
    start = Start(state, sha256(data).hexdigest(), before)
    _check_prefix(files, before, findings)
    proofs = check_proofs(files, state.genesis, before, findings)
    for digest in blobs:
        try:
            files.blob(digest)
        except NotFound:
            continue  # noted by the files, at the file
    return replace(
        start,
        earlier=proofs.roots,
        entries=proofs.entries,
        totals=_check_usage(files, state, findings),
    )


def needed_blobs(state: State) -> list[str]:
    """The blobs that a fold from here on may need: rule sets, and figures of open months.

    Also those of settled months that a correction may run again.
    """
    found = [adopted.text_sha256 for adopted in state.rule_sets]
    found += [
        str(reference["sha256"])
        for period in state.periods.values()
        if period.status != SETTLED or period.run is not None
        for reference in period.figures.values()
    ]
    for proposal in state.proposals.values():
        if proposal.kind == RULESET:
            found.append(parse_body(RulesetProposed, dict(proposal.body)).text.sha256)
        elif proposal.kind == FIGURES:
            found.append(parse_body(FiguresReported, dict(proposal.body)).figures.sha256)
    return list(dict.fromkeys(found))


def unsettled(state: State) -> dict[str, Period]:
    """The months whose totals are still needed."""
    return {name: period for name, period in state.periods.items() if period.status != SETTLED}


def counts_for(totals: Iterable[TotalKey], state: State) -> set[str]:
    """The months among those not settled that a usage batch has figures of."""
    return {key.period for key in totals} & unsettled(state).keys()


# The parts.


def _read_state(data: bytes) -> State:
    state = parse_state(data)
    if canonical.encode(state_document(state)) != data:
        raise MalformedDocument("the state is not in the form in which its hash is taken")
    texts = (state.genesis, *state.subtrees)
    texts += tuple(row.digest for period in state.periods.values() for row in period.usage.values())
    for text in texts:
        parse_hash(text, "a hash in the state")
    parse_instant(state.received_at)
    for vkey in state.log_keys:
        parse_vkey(vkey)
    if state.size < 1 or state.charter is None:
        raise MalformedDocument("a slice starts after entry 0; its state has a charter")
    for period in state.periods.values():
        if period.status not in (*TAKES_USAGE, SETTLED):
            raise MalformedDocument(f"a slice cannot start while {period.id} is {period.status}")
        parse_instant(period.start)
        parse_instant(period.end)
    for batch, ranges in state.erased.items():
        if not batch.isdecimal() or not all(0 <= a <= b < BATCH_RECORDS_MAX for a, b in ranges):
            raise MalformedDocument(f"the state erases no records of a batch by {batch[:20]!r}")
    return state


def _check_prefix(files: Files, before: Frontier, findings: Findings) -> None:
    data = files.read(START_PREFIX)
    found = split_hashes(data or b"")
    if data is None or found == list(before.roots):
        return
    pairs = enumerate(zip(found, before.roots, strict=False))
    item = next((at for at, (a, b) in pairs if a != b), min(len(found), len(before.roots)))
    findings.add(
        "root-mismatch", f"{START_PREFIX}, hash {item}",
        "these are not the subtrees that the state names", "状態が示す部分木の根と一致しません",
    )  # fmt: skip


def _check_usage(files: Files, state: State, findings: Findings) -> Totals:
    """Totals of the months that are not settled, from batches that lead to the state's digests."""
    totals: Totals = {}
    chains: dict[tuple[str, str], Usage] = {}
    data = files.read(START_USAGE) or b""
    for number, line in enumerate(_lines(data), start=1):
        where = f"{START_USAGE}, line {number}"
        try:
            _count(files, state, line, totals, chains)
        except KyojoError as error:
            findings.add_error(error, where)
    wanted = {
        (name, account): usage
        for name, period in unsettled(state).items()
        for account, usage in period.usage.items()
    }
    for place in sorted(wanted.keys() | chains.keys()):
        if wanted.get(place) != chains.get(place):
            findings.add(
                "root-mismatch", f"{START_USAGE}, {'/'.join(place)}",
                "these are not all the batches that the state counts, unchanged and in order",
                "状態が示す送信束の全部ではないか、内容または順序が異なります",
            )  # fmt: skip
    return totals


def _count(
    files: Files,
    state: State,
    line: bytes,
    totals: Totals,
    chains: dict[tuple[str, str], Usage],
) -> None:
    envelope = parse_envelope(line)
    draft = envelope.draft
    key = state.keys.get(draft.actor)
    if draft.kind != USAGE_BATCH or key is None:
        raise MalformedDocument("this is not a usage batch of a member")
    body = parse_body(UsageBatch, draft.body)
    amounts = parse_totals(files.blob(body.totals.sha256))
    account = SUSPENSE if body.account == SUSPENSE else key.member
    periods = counts_for(amounts, state)
    if not periods:
        raise MalformedDocument("nothing in this slice needs this batch")
    for period in periods:
        before = chains.get((period, account), Usage())
        digest = sha256(bytes.fromhex(before.digest) + envelope.leaf).hexdigest()
        chains[period, account] = Usage(before.batches + 1, before.records + body.count, digest)
    for total, amount in amounts.items():
        if total.period in periods:
            row = totals.setdefault((total.period, 0), {})
            place = AccountKey(account, *total[1:])
            row[place] = row.get(place, 0) + amount


def _lines(data: bytes) -> Iterator[bytes]:
    position = 0
    while position < len(data):
        end = data.find(b"\n", position)
        end = len(data) if end < 0 else end
        yield data[position:end]
        position = end + 1
