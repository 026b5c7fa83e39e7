"""Statements: what each member of a settlement gets, why, and the proof that it stands in the log.

A member reads its own; the roles that the charter names for settlements read all, and that of
``suspense``. Everything is computed again from the blobs of the entry that proposed the settlement
and must arrive at the settlement's id. The seed and other members' rows never leave.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from ledger.coop.envelope import parse_envelope
from ledger.coop.grounds import OwnBatch, proof_document, read_batch, usage_totals
from ledger.coop.payable import payable_figures
from ledger.coop.rulesets import read_rules
from ledger.coop.settlements import Computed
from ledger.coop.state import SUSPENSE, Period, State, state_hash
from ledger.errors import InvariantViolated, NotFound, NotPermitted
from ledger.log.merkle import HashReader, prove_inclusion_from
from ledger.log.tile import Tile, tile_hash_reader
from ledger.rules.inputs import parse_inputs
from ledger.service.coop import Coop
from ledger.service.correct import find_corrections
from ledger.service.office import office_of
from ledger.service.read import (
    Proposed,
    find_proposed,
    may_read,
    require_member,
    search_all,
)
from ledger.service.sign_in import Reader, reader_of
from ledger.settlement import document as settlement_document
from ledger.settlement.correction_statement import correction_statement, open_correction
from ledger.settlement.corrections_of_period import Correction
from ledger.settlement.document import build_settlement, settlement_id
from ledger.settlement.statement import StatementMaker, statement_maker
from ledger.store.reading import Filter, Head, IndexRow, LogReader
from ledger.usage.totals import SALT_BYTES

_FUNDING = "funding-reported"


def statement(coop: Coop, reader: Reader, month: str, member: str) -> dict[str, Any]:
    """The statement of one member, tied to the log (see ``ledger.coop.grounds``).

    Raises NotPermitted for somebody else's, NotFound where there is no settlement or no figures.
    """
    with coop.reading() as (state, log):
        if not reader.is_same(member):
            require_member(reader)
            _require_reader_of_all(state, reader)
        book = _open_book(state, log, month, member)
        submitter = None if member == SUSPENSE else member
        return book.statement(member, _batches(state, log, month, submitter).get(member, []))


def statements(coop: Coop, reader: Reader, month: str) -> dict[str, dict[str, Any]]:
    """The statements of all members and of suspense, for those who may read any; one pass."""
    with coop.reading() as (state, log):
        require_member(reader)
        _require_reader_of_all(state, reader)
        book = _open_book(state, log, month, None)
        batches = _batches(state, log, month, None)
        return {
            member: book.statement(member, batches.get(member, []))
            for member in sorted(book.maker.positions)
        }


def office_statements(coop: Coop, month: str) -> dict[str, dict[str, Any]]:
    """The statements of all members and of suspense, as the office of this installation reads."""
    return statements(coop, reader_of(coop.state(), office_of(coop).key.address), month)


def recompute(state: State, log: LogReader, proposed: Proposed) -> tuple[Computed, bytes]:
    """The settlement again, from the blobs that its entry names, and the seed of its trees."""
    document = proposed.body["settlement"]
    adopted = next(a for a in state.rule_sets if a.rule_hash == document["rule_hash"])
    rules = read_rules(log, adopted.text_sha256)
    inputs_blob = log.blob(proposed.body["inputs"]["sha256"])
    inputs = parse_inputs(inputs_blob[SALT_BYTES:])
    seed = log.blob(proposed.body["seed"]["sha256"])
    facts = settlement_document.CutOff(
        period=document["period"],
        as_of_index=document["as_of_index"],
        log_root=bytes.fromhex(document["log_root"]),
        state_hash=bytes.fromhex(document["state_hash"]),
    )
    settlement = build_settlement(facts, rules, inputs, seed)
    found = settlement_id(settlement.document)
    if found != settlement_id(document):
        raise InvariantViolated(f"entry {proposed.index} and its blobs give other settlements")
    return Computed(found, rules, inputs, inputs_blob, settlement), seed


@dataclass(frozen=True, slots=True)
class _Followed:
    """A posted correction that has run the month again, and the entry that proposed it."""

    index: int
    entry: bytes
    correction: Correction
    seed: bytes


@dataclass(frozen=True, slots=True)
class _Book:
    """What all statements of one settlement share."""

    state: State
    period: Period
    head: Head
    hashes: HashReader
    proposed: Proposed
    proof: Mapping[str, Any]
    maker: StatementMaker
    reports: Mapping[str, Sequence[IndexRow]]
    state_hash: Callable[[], bytes]
    corrections: tuple[_Followed, ...]

    def statement(self, member: str, batches: Sequence[OwnBatch]) -> dict[str, Any]:
        own = self.maker.statement(member)
        return {
            "kyojo_member_statement": 1,
            "origin": self.state.terms().origin,
            "genesis": self.state.genesis,
            "member": member,
            "statement": own,
            "usage": {
                "batches": [batch.document(self._proof(batch.index)) for batch in batches],
                "totals": usage_totals(batches, self.period.id),
            },
            "reports": list(self._own_reports(own)),
            "proof": self.proof,
            "anchors": anchors_over(self.state, self.proposed.index),
            "names": {
                **statement_names(self.state, self.period, member),
                "rules": dict(self.maker.ruleset.document),
            },
            **self._payable(member),
            **self._corrections(member),
        }

    def _corrections(self, member: str) -> dict[str, Any]:
        """The corrections that followed on the month, oldest first; nothing without any."""
        found = [
            {
                "statement": correction_statement(one.correction, one.seed, member),
                "proof": proof_document(one.index, one.entry, self._proof(one.index)),
            }
            for one in self.corrections
        ]
        return {"corrections": found} if found else {}

    def _payable(self, member: str) -> dict[str, Any]:
        """What is payable of the month, where that is not just what the run gave."""
        result = self.maker.settlement.result
        figures = payable_figures(self.state, self.period, result, member)
        if figures is None:
            return {}
        of = {"size": self.state.size, "state_hash": self.state_hash().hex()}
        return {"payable": of | figures}

    def _proof(self, index: int) -> tuple[bytes, ...]:
        return prove_inclusion_from(self.hashes, index, self.head.size)

    def _own_reports(self, own: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """The entries that reported each cost and funding behind the statement.

        A rejected report is an entry too; where the reports do not add up to the confirmed figure
        none is named, since a page must not point to a wrong one.
        """
        for where, value in sorted(set(_source_values(own))):
            rows = self.reports.get(where, ())
            if rows and sum(row.amount_minor or 0 for row in rows) == int(value):
                yield {"where": where, "entries": [row.index for row in rows]}


def anchors_over(state: State, index: int) -> list[dict[str, Any]]:
    """The recorded anchors whose checkpoint covers the entry at ``index``."""
    found = []
    for target, anchor in sorted(state.anchors.items()):
        chain_id, _, contract = target.partition("/")
        if anchor.size > index:
            row = {"chain_id": int(chain_id), "contract": contract, "size": anchor.size}
            row |= {"root": anchor.root, "transaction": anchor.transaction}
            row |= {"block_number": anchor.block_number, "block_hash": anchor.block_hash}
            found.append(row)
    return found


def statement_names(state: State, period: Period, member: str) -> dict[str, Any]:
    """The words that a page needs: of the co-op, the member, facilities and metrics."""
    terms = state.terms()
    known = state.members.get(member)
    words: dict[str, dict[str, str]] = {}
    for metric in terms.vocabulary.metrics:
        words[metric.id] = {"unit": metric.unit, **metric.name.model_dump()}
    for charge in terms.vocabulary.charges:
        words[f"charge.{charge.id}"] = {"unit": "", **charge.name.model_dump()}
    return {
        "coop": terms.name.model_dump(),
        "member": None if known is None else dict(known.name),
        "period": {"start": period.start, "end": period.end, "status": period.status},
        "time_zone": terms.time_zone,
        "facilities": {name: dict(found.name) for name, found in state.facilities.items()},
        "words": words,
        "currencies": {currency.code: currency.digits for currency in terms.currencies},
    }


def _open_book(state: State, log: LogReader, month: str, member: str | None) -> _Book:
    """What is shared; ``member`` limits the search for reports to one, None takes all."""
    period = state.period(month)
    proposed = find_proposed(log, period)
    computed, seed = recompute(state, log, proposed)
    head = log.head()
    hashes = _cached_hashes(log, head.size)
    path = prove_inclusion_from(hashes, proposed.index, head.size)
    proof = proof_document(proposed.index, proposed.data, path)
    return _Book(
        state=state,
        period=period,
        head=head,
        hashes=hashes,
        proposed=proposed,
        proof={**proof, "checkpoint": head.note.decode()},
        maker=statement_maker(computed.settlement, computed.rules, computed.inputs, seed),
        reports=_reports(log, month, member, int(proposed.body["settlement"]["as_of_index"])),
        state_hash=cache(
            lambda: state_hash(state)
        ),  # of use to few months, and then to many members
        corrections=tuple(_followed(state, log, period)),
    )


def _followed(state: State, log: LogReader, period: Period) -> Iterator[_Followed]:
    """The posted corrections of a month, in the order in which they were proposed."""
    for one in find_corrections(state, log) if period.is_corrected else ():
        months = {row["period"] for row in one.document["periods"]}
        if one.status == "posted" and period.id in months:
            seed = log.blob(one.body["seed"]["sha256"])
            rows = log.blob(one.body["rows"]["sha256"])
            again = open_correction(one.document, rows, seed)
            yield _Followed(one.index, log.entry(one.index), again, seed)


def _reports(
    log: LogReader, month: str, member: str | None, as_of_index: int
) -> dict[str, list[IndexRow]]:
    """The reports of costs and funding below the cut-off, by the place of the input they fed."""
    found: dict[str, list[IndexRow]] = {}
    for table, kind, period in (("costs", "cost-reported", month), ("funding", _FUNDING, None)):
        for row in search_all(log, Filter(kind=kind, member=member, period=period)):
            if row.index < as_of_index:
                body = parse_envelope(log.entry(row.index)).draft.body
                name = body["asset"] if kind == _FUNDING else body["id"]
                found.setdefault(f"inputs:/{table}/{name}/{row.member}", []).append(row)
    return found


def _cached_hashes(log: LogReader, size: int) -> HashReader:
    """The log's nodes, every tile read once however many proofs are made."""
    cache: dict[Tile, bytes] = {}

    def read_tiles(wanted: Sequence[Tile]) -> list[bytes]:
        missing = [tile for tile in wanted if tile not in cache]
        cache.update(zip(missing, log.tiles(missing), strict=True))
        return [cache[tile] for tile in wanted]

    return tile_hash_reader(read_tiles, size)


def _batches(
    state: State, log: LogReader, month: str, member: str | None
) -> dict[str, list[OwnBatch]]:
    """The batches that count for a month, by account; of one submitter, or of all.

    They lie between the entry that opened the month and its cut-off: a bounded stretch of the log.
    """
    cut_off = state.period(month).cut_off
    opened = log.search(Filter(kind="period-opened", period=month), limit=1)
    if cut_off is None or not opened:
        raise NotFound(f"{month} has not been closed")
    found: dict[str, list[OwnBatch]] = {}
    wanted = Filter(kind="usage-batch", member=member)
    for row in search_all(log, wanted, start=opened[0].index):
        if row.index >= cut_off.index:
            break
        if row.period in (month, None):
            batch = _batch(log, row)
            if any(key.period == month for key in batch.totals):
                found.setdefault(batch.account, []).append(batch)
    return found


def _batch(log: LogReader, row: IndexRow) -> OwnBatch:
    data = log.entry(row.index)
    blob = log.blob(parse_envelope(data).draft.body["totals"]["sha256"])
    return read_batch(row.index, data, blob, row.member or "")


def _source_values(own: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for step in own["steps"]:
        for holder in (step, *step["parts"]):
            for source in holder["sources"]:
                yield source["where"], source["value"]


def _require_reader_of_all(state: State, reader: Reader) -> None:
    if not may_read(state, reader, "settlements"):
        raise NotPermitted("you may read your own statement; others are for the charter's readers")
