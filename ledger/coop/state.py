"""What a co-op is at a size of its log: small, immutable, and a function of the entries alone.

Nothing here changes in place; every step of ``apply`` makes a new state that shares most of the
old one. The state's hash is SHA-256 of its canonical document, so two machines that folded the
same entries can compare one line. Totals of usage are not in it (tables beside the log hold
them); ``Usage.digest`` chains the batches, so the hash covers them all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Final

from pydantic import Field, TypeAdapter, ValidationError

from ledger import canonical
from ledger.coop.blocs import Bloc
from ledger.coop.bodies import AddressText, Hash
from ledger.coop.charter import Charter, PeriodTerms
from ledger.errors import InvariantViolated, MalformedDocument, NotFound
from ledger.usage.batch import Calendar, Scope

SUSPENSE = "suspense"
EMPTY_DIGEST = "00" * 32
Ranges = tuple[tuple[int, int], ...]
"""Numbers as (first, last) of each run, ascending."""


@dataclass(frozen=True, slots=True)
class Member:
    """A member; ``left`` is the instant at which it left, if it did."""

    id: str
    name: Mapping[str, str]
    roles: tuple[str, ...]
    joined: str
    left: str | None = None
    founder: bool = False


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a member; ``sequence`` is the next number of its counter and is never reset."""

    member: str
    sequence: int = 0
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class LogKey:
    """A key of the log itself: the entries that put it in force and, if it was, retired it."""

    added: int
    retired: int | None = None


@dataclass(frozen=True, slots=True)
class Facility:
    """Shared infrastructure."""

    id: str
    name: Mapping[str, str]
    owner: str | None


@dataclass(frozen=True, slots=True)
class Proposal:
    """Something that waits for Decisions; the electorate was frozen when it was proposed."""

    kind: str
    subject: str
    index: int
    proposer: str
    electorate: tuple[str, ...]
    needed: int
    body: Mapping[str, Any]
    approvals: tuple[str, ...] = ()
    rejections: tuple[str, ...] = ()
    abstentions: tuple[str, ...] = ()
    besides: tuple[Bloc, ...] = ()


@dataclass(frozen=True, slots=True)
class Adopted:
    """A rule set in force from a local date on, until the next one."""

    ruleset: str
    version: int
    effective_from: str
    rule_hash: str
    text_sha256: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What an account has submitted for a period: counts, and a hash chain over its batches."""

    batches: int = 0
    records: int = 0
    digest: str = EMPTY_DIGEST


@dataclass(frozen=True, slots=True)
class CutOff:
    """What a settlement rests on, frozen when the period was closed.

    ``index`` is the cut-off's own index: entries below it count. ``log_root`` and ``state_hash``
    are of exactly those entries. ``facts`` are the inputs beside totals and balances.
    """

    index: int
    log_root: str
    state_hash: str
    rule_hash: str
    unconfirmed: tuple[str, ...]
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Balances:
    """What the last settlement in a currency left behind: funds, carried costs, open pools.

    ``owed`` says to whom the carried costs of each step are owed. ``suspense`` is held for usage
    that named nobody, of all settlements together; no rule divides it. ``receivables`` is what
    members owe after corrections and charges, to be offset against what they earn next. ``recoup``
    is what they were advanced by guarantees and still pay back out of later lines.
    """

    funds: Mapping[str, int] = field(default_factory=dict)
    carry: Mapping[str, int] = field(default_factory=dict)
    pools: Mapping[str, int] = field(default_factory=dict)
    owed: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    suspense: int = 0
    receivables: Mapping[str, int] = field(default_factory=dict)
    recoup: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Run:
    """What the figures of an approved period rest on, as last corrected.

    ``order`` is the entry that approved its settlement: balances went from month to month in this
    order. ``opening`` are the balances that the run started from, ``epochs`` those of its usage
    that count, with ``late`` batches from after the cut-off; ``amended`` is what upheld disputes
    changed in its inputs. ``id`` is the settlement or the correction that has the figures.
    """

    order: int
    id: str
    epochs: int
    opening: Balances
    late: int = 0
    amended: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Period:
    """A month and where it stands: open, closing, closed, proposed, approved, settled.

    ``pending`` are the balances that an approved settlement will leave. ``epoch`` counts the
    cut-offs passed: rows of totals are kept per epoch, so what a settlement saw can be read back
    after late usage has arrived; ``late`` counts the batches after the first. ``run`` is what an
    approved settlement can be computed again from, ``amended`` what upheld disputes change in the
    inputs: a figure's place and the difference. ``posted`` is what is settled with this period
    beside its own lines, each member's amount by the id of a correction or an ended dispute;
    ``paid`` what the members are paid for whom something was offset, and every member where the
    charter knows payouts. ``resumes`` is the status after the last dispute. ``kpis`` are confirmed
    readings, by KPI and member, ``figures`` the blobs of confirmed figures. ``currencies`` says by
    id in what is posted, where it is not the charter's first currency. ``deadlines`` are what the
    charter said when the period began to close, if it says something else since.
    """

    id: str
    start: str
    end: str
    status: str = "open"
    epoch: int = 0
    closing_at: str | None = None
    cut_off: CutOff | None = None
    settlement: str | None = None
    proposed_at: str | None = None
    currency: str | None = None
    pending: Balances | None = None
    revenue: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    costs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    usage: Mapping[str, Usage] = field(default_factory=dict)
    confirmed: Mapping[str, str] = field(default_factory=dict)
    run: Run | None = None
    late: int = 0
    amended: Mapping[str, int] = field(default_factory=dict)
    posted: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    paid: Mapping[str, int] = field(default_factory=dict)
    resumes: str | None = None
    kpis: Mapping[str, Mapping[str, Mapping[str, int]]] = field(default_factory=dict)
    figures: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    currencies: Mapping[str, str] = field(default_factory=dict)
    deadlines: PeriodTerms | None = None

    @property
    def is_corrected(self) -> bool:
        """Whether a correction has replaced the settlement's figures."""
        return self.run is not None and self.run.id != self.settlement


@dataclass(frozen=True, slots=True)
class Dispute:
    """A member's claim that inputs of a settlement are wrong; its ``state`` is one of five.

    ``claims`` are a figure's place and by how much it was wrong at the cut-off, ``loses`` what each
    line would lose beyond what its member's other lines would gain. ``held`` is what members are
    not paid while it is open: ``suspense:dispute:<id>``.
    """

    settlement_id: str
    period: str
    member: str
    line_ids: tuple[str, ...]
    claims: Mapping[str, int]
    evidence_hash: str | None
    opened_at: str
    deadline: str
    loses: Mapping[str, int]
    pays_undisputed: bool
    state: str = "open"
    decisions: tuple[str, ...] = ()
    held: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Anchor:
    """The newest checkpoint that an entry records as anchored on a contract."""

    size: int
    root: str
    transaction: str
    block_number: int
    block_hash: str


@dataclass(frozen=True, slots=True)
class Dues:
    """What settled periods made payable to a member in a currency, and what became of it.

    ``due`` never falls: debts are offset before. ``ordered`` is on its way, ``paid`` has arrived,
    ``returned`` came back and is payable again. ``expired`` was not claimed from the vault in time
    and went to a reserve. ``ordered + paid + expired`` is never above ``due``.
    """

    due: int = 0
    ordered: int = 0
    paid: int = 0
    returned: int = 0
    expired: int = 0

    @property
    def rest(self) -> int:
        """What is due and neither on its way nor done with."""
        return self.due - self.ordered - self.paid - self.expired


@dataclass(frozen=True, slots=True)
class OrderedLine:
    """A payment of an approved order; its ``state`` is ordered, paid, returned or expired.

    ``destination`` is the hash of where it goes, ``account`` the EVM account if it goes to one.
    ``attempt`` counts from 0: a line that came back is ordered again under another id.
    """

    member: str
    amount_minor: int
    destination: str
    account: str | None
    attempt: int
    state: str = "ordered"


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """The one file that was made of an order: its format, day of payment, and blob."""

    format: str
    pay_on: str
    sha256: str


@dataclass(frozen=True, slots=True)
class PayoutOrder:
    """An approved order: its lines by id. ``index`` is the entry that proposed it.

    ``vault`` is the vault that pays it, as ``<chain id>/<contract>``; None for other methods, and
    for orders through a vault that the log does not name (``ledger.coop.vaults``).
    """

    period: str
    currency: str
    method: str
    index: int
    lines: Mapping[str, OrderedLine]
    file: ExportedFile | None = None
    vault: str | None = None


@dataclass(frozen=True, slots=True)
class Successor:
    """The contract that anchors go to instead of an earlier one; ``index`` is the last vote's."""

    chain_id: Annotated[int, Field(ge=1, le=canonical.INTEGER_MAX)]
    contract: AddressText
    code_hash: Hash
    index: int


@dataclass(frozen=True, slots=True)
class NamedVault:
    """A vault that the members named: its place, code and token; ``index`` is the last vote's."""

    chain_id: Annotated[int, Field(ge=1, le=canonical.INTEGER_MAX)]
    contract: AddressText
    code_hash: Hash
    token: AddressText
    decimals: Annotated[int, Field(ge=0, le=255)]
    index: int

    @property
    def place(self) -> str:
        """How orders name it: ``<chain id>/<contract>``."""
        return f"{self.chain_id}/{self.contract}"


@dataclass(frozen=True, slots=True)
class State:
    """The whole co-op after ``size`` entries; ``subtrees`` are the log's perfect subtrees.

    ``erased`` has, by the entry index of a batch, which of its records are erased. ``dues`` are by
    currency and member, ``orders`` by the hash under which they were approved. ``successors``
    says by ``<chain id>/<contract>`` what follows an anchor contract. ``vaults`` are by currency,
    oldest first: the last one is in force. ``charter`` is that of entry 0; ``charter_in_force`` is
    another if it has been changed, by the entries ``charter_changes``.
    """

    size: int = 0
    subtrees: tuple[str, ...] = ()
    received_at: str = ""
    genesis: str = ""
    charter: Charter | None = None
    members: Mapping[str, Member] = field(default_factory=dict)
    keys: Mapping[str, Key] = field(default_factory=dict)
    log_keys: Mapping[str, LogKey] = field(default_factory=dict)
    facilities: Mapping[str, Facility] = field(default_factory=dict)
    funding: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    proposals: Mapping[str, Proposal] = field(default_factory=dict)
    rule_sets: tuple[Adopted, ...] = ()
    periods: Mapping[str, Period] = field(default_factory=dict)
    balances: Mapping[str, Balances] = field(default_factory=dict)
    destinations: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    anchors: Mapping[str, Anchor] = field(default_factory=dict)
    erased: Mapping[str, Ranges] = field(default_factory=dict)
    disputes: Mapping[str, Dispute] = field(default_factory=dict)
    dues: Mapping[str, Mapping[str, Dues]] = field(default_factory=dict)
    orders: Mapping[str, PayoutOrder] = field(default_factory=dict)
    successors: Mapping[str, Successor] = field(default_factory=dict)
    vaults: Mapping[str, tuple[NamedVault, ...]] = field(default_factory=dict)
    charter_in_force: Charter | None = None
    charter_changes: tuple[int, ...] = ()

    def terms(self) -> Charter:
        """The charter in force; only an empty log has none."""
        if self.charter_in_force is not None:
            return self.charter_in_force
        if self.charter is None:
            raise NotFound("this log is empty: its first entry must be a charter")
        return self.charter

    def deadlines_of(self, period: Period) -> PeriodTerms:
        """The deadlines of a period: those of the charter, as it was when it began to close."""
        return self.terms().period if period.deadlines is None else period.deadlines

    def keeps_runs(self) -> bool:
        """Whether the charter knows corrections: only then is kept what they start from."""
        return "correction-proposed" in self.terms().authority

    def keeps_payouts(self) -> bool:
        """Whether the charter knows payouts: only then is kept what members are due."""
        return "payout-ordered" in self.terms().authority

    def member(self, member_id: str) -> Member:
        """A member that has not left; raises NotFound."""
        member = self.members.get(member_id)
        if member is None or member.left is not None:
            raise NotFound(f"{member_id!r} is not a member of this co-op")
        return member

    def period(self, period_id: str) -> Period:
        """An opened period; raises NotFound."""
        period = self.periods.get(period_id)
        if period is None:
            raise NotFound(f"the period {period_id} has not been opened")
        return period

    def scope(self) -> Scope:
        """What usage records may refer to at this state."""
        terms = self.terms()
        bounds = ((p.id, p.start, p.end) for p in self.periods.values())
        vocabulary = terms.vocabulary.vocabulary()
        return Scope(
            Calendar.of(terms.period.decided_by, bounds),
            self.facilities.keys(),
            vocabulary.metrics.keys(),
            vocabulary.charges.keys(),
        )

    def with_period(self, period: Period) -> State:
        """The state with one period replaced or added."""
        return replace(self, periods={**self.periods, period.id: period})


_adapter = TypeAdapter(State)

LATER: Final[Mapping[type, tuple[str, ...]]] = {
    State: (
        *("erased", "disputes", "dues", "orders", "successors", "vaults"),
        *("charter_in_force", "charter_changes"),
    ),
    Period: (
        *("run", "late", "amended", "posted", "paid", "resumes", "kpis", "figures"),
        *("currencies", "deadlines"),
    ),
    Run: ("late", "amended"),
    Balances: ("receivables", "recoup"),
    PayoutOrder: ("vault",),
    Proposal: ("besides",),
    Dues: ("expired",),
}
"""Fields that are not in a state's document while they are empty."""


def state_document(state: State) -> dict[str, Any]:
    """The state as a JSON object, for a snapshot.

    What came later than the first logs (``LATER``) is left out while it is empty: the hashes of
    states from before there was such a field stay.
    """
    document = _adapter.dump_python(state, mode="json")
    if not isinstance(document, dict):  # pragma: no cover - TypeAdapter of a dataclass
        raise InvariantViolated("a state did not become a JSON object")
    _leave_out(document, State)
    for name, of in (("orders", PayoutOrder), ("proposals", Proposal)):
        for one in document.get(name, {}).values():
            _leave_out(one, of)
    for rows in document.get("dues", {}).values():
        for dues in rows.values():
            _leave_out(dues, Dues)
    balances = list(document["balances"].values())
    for period in document["periods"].values():
        _leave_out(period, Period)
        balances.append(period["pending"])
        if "run" in period:
            _leave_out(period["run"], Run)
            balances.append(period["run"]["opening"])
    for found in balances:
        if found is not None:
            _leave_out(found, Balances)
    return {name: _exact(value) for name, value in document.items()}


def _leave_out(document: dict[str, Any], of: type) -> None:
    for name in LATER[of]:
        if not document[name]:
            del document[name]


def _exact(value: Any) -> Any:
    """Whole numbers that a double cannot hold as texts; parsing makes them numbers again."""
    if isinstance(value, dict):
        return {name: _exact(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_exact(inner) for inner in value]
    if type(value) is int and abs(value) > canonical.INTEGER_MAX:
        return str(value)
    return value


def state_hash(state: State) -> bytes:
    """SHA-256 of the state's canonical document."""
    return canonical.digest(state_document(state))


def parse_state(data: bytes) -> State:
    """Read a snapshot back; raises MalformedDocument. The caller compares its hash."""
    try:
        return _adapter.validate_python(canonical.parse(data, what="the snapshot"))
    except ValidationError as error:
        raise MalformedDocument(f"the snapshot is not a state: {error}") from error
