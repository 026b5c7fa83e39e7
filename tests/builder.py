"""A small co-op for tests: keys, charter, and a hand that signs what its members would sign."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from ledger.coop.apply import apply
from ledger.coop.authority import default_authority
from ledger.coop.charter import Charter
from ledger.coop.envelope import Draft, Envelope
from ledger.coop.signing import Seen, show_possession, sign_charter, sign_decision, sign_entry
from ledger.coop.state import State
from ledger.coop.step import AccountKey, Change
from ledger.coop.submission import Batch, Submission, check_submission
from ledger.errors import NotFound
from ledger.identity.signature import SigningKey
from ledger.log.key import KeyType, format_vkey
from ledger.log.key import SigningKey as LogKey
from ledger.log.merkle import Frontier, leaf_hash, root_hash
from ledger.usage.batch import read_lines, seal_batch

ORIGIN = "ledger.example.jp/kaga-mobility"
SALT = bytes(range(32))
START = "2026-11-01T00:00:00.000Z"
FIRMS = ("bike", "bus", "ev")

RULES = """\
kyojo_rules: 1
ruleset: kaga-mobility
version: 1
effective_from: 2026-10-01
timezone: Asia/Tokyo
currency: JPY
minor_digits: 0
pools:
  gross: {from: [revenue.fares, charge.fare], if_missing: zero}
steps:
  - {id: opex, kind: recover_cost, source: gross, costs: [platform], limit: 40%,
     carry_forward: true}
  - {id: reserve, kind: reserve, source: gross, to: fund.reserve, rate: 5%}
  - id: share
    kind: allocate
    source: gross
    parts:
      - {id: use, weight: 70%, key: {kind: proportional, input: trips}}
      - {id: capital, weight: 20%, key: {kind: capital, asset: network}}
      - {id: heads, weight: 10%, key: {kind: equal}}
"""


# Kinds that charters from before there were such do not name.
LATER_KINDS = (
    "correction-proposed",
    "dispute-opened",
    "dispute-answered",
    "dispute-withdrawn",
    "kpi-reported",
    "figures-reported",
    "payout-ordered",
    "payout-exported",
    "payout-resulted",
    "anchor-successor-named",
    "vault-named",
    "charter-changed",
)


def authority(*, later: bool = True) -> dict[str, Any]:
    """The default rights; without ``later``, those of a charter that lacks ``LATER_KINDS``."""
    rights = {name: right.model_dump() for name, right in default_authority().items()}
    return {name: right for name, right in rights.items() if later or name not in LATER_KINDS}


def signing_key(name: str) -> SigningKey:
    """A key that only tests use: its secret is the hash of its name."""
    return SigningKey(sha256(b"kyojo test key " + name.encode()).digest())


def log_key(origin: str = ORIGIN) -> LogKey:
    """The log's own key, as a test knows it."""
    return LogKey(origin, KeyType.ED25519, sha256(b"kyojo test log " + origin.encode()).digest())


def charter(**changes: Any) -> Charter:
    """The charter of the test co-op; ``changes`` replace fields of its document."""
    founders = [
        {"id": "office", "roles": ["operator"]},
        {"id": "town", "roles": ["municipality"]},
        {"id": "audit", "roles": ["auditor"]},
        *({"id": firm, "roles": ["member"]} for firm in FIRMS),
    ]
    document: dict[str, Any] = {
        "origin": ORIGIN,
        "name": {"ja": "加賀モビリティ共助", "en": "Kaga Mobility"},
        "nonce": "ab" * 32,
        "time_zone": "Asia/Tokyo",
        "currencies": [{"code": "JPY", "digits": 0}],
        "period": {
            "decided_by": "end", "grace_days": 0, "objection_days": 0, "lookback_periods": 2,
        },
        "members": [
            {
                **founder,
                "name": {"ja": founder["id"], "en": founder["id"].title()},
                "keys": [signing_key(founder["id"]).address],
            }
            for founder in founders
        ],
        "authority": authority(),
        "vocabulary": {
            "version": 1,
            "metrics": [
                {"id": "trips", "unit": "count", "name": {"ja": "利用回数", "en": "trips"},
                 "aliases": ["rides"]},
                {"id": "energy_wh", "unit": "Wh", "name": {"ja": "電力量", "en": "energy"},
                 "aliases": []},
            ],
            "charges": [{"id": "fare", "name": {"ja": "運賃", "en": "fare"}, "aliases": []}],
        },
        "readers": {
            "entries": "members",
            "totals": ["operator", "auditor"],
            "records": ["auditor"],
            "settlements": ["operator", "auditor"],
        },
        "log_keys": [],
        "anchors": [{"chain_id": 31337, "contract": "0x" + "11" * 20, "code_hash": "22" * 32}],
        **changes,
    }  # fmt: skip
    if not document["log_keys"]:
        document["log_keys"] = [format_vkey(log_key(document["origin"]).verifier_key)]
    return Charter.model_validate(document)


def record(record_id: str, **changes: Any) -> bytes:
    """A record line of October 2026."""
    document = {
        "id": record_id,
        "facility": "hub-1",
        "started_at": "2026-10-05T08:00:00+09:00",
        "ended_at": "2026-10-05T08:30:00+09:00",
        "measures": {"trips": 1},
        **changes,
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def blob_ref(data: bytes) -> dict[str, Any]:
    """How a body names a blob."""
    return {"sha256": sha256(data).hexdigest(), "bytes": len(data)}


@dataclass
class World:
    """A log in memory: the naive model that the real store is compared with."""

    state: State = field(default_factory=State)
    entries: list[bytes] = field(default_factory=list)
    blobs: dict[str, bytes] = field(default_factory=dict)
    rows: list[Any] = field(default_factory=list)
    batches: dict[int, Batch] = field(default_factory=dict)
    now: str = START
    charter: Charter = field(default_factory=charter)
    rules: str = RULES

    # Evidence.

    def blob(self, sha256: str) -> bytes:
        if sha256 not in self.blobs:
            raise NotFound(f"there is no blob {sha256}")
        return self.blobs[sha256]

    def root(self, size: int) -> bytes:
        return root_hash([leaf_hash(data) for data in self.entries[:size]])

    def totals(self, period: str, epochs: int) -> dict[AccountKey, int]:
        found: dict[AccountKey, int] = {}
        for row in self.rows:
            if row.period == period and row.epoch < epochs:
                key = AccountKey(*row[2:6])
                found[key] = found.get(key, 0) + row.amount
        return found

    def entry(self, index: int) -> bytes:
        if not 0 <= index < len(self.entries):
            raise NotFound(f"there is no entry {index}")
        return self.entries[index]

    # What members do.

    def found(self) -> Change:
        keys = [signing_key(founder.id) for founder in self.charter.members]
        return self.accept(Submission(sign_charter(self.charter, keys)))

    def seen(self) -> Seen:
        genesis = bytes.fromhex(self.state.genesis or "00" * 32)
        frontier = Frontier(self.state.size, tuple(map(bytes.fromhex, self.state.subtrees)))
        return Seen(self.charter.origin, genesis, self.state.size, frontier.root())

    def sequence(self, who: str) -> int:
        key = self.state.keys.get(signing_key(who).address)
        return key.sequence if key else 0

    def draft(self, who: str, kind: str, body: Any, **changes: Any) -> Draft:
        key = signing_key(changes.pop("key", who))
        sequence = changes.pop("sequence", self.sequence(who))
        seen = changes.pop("seen", self.seen())
        return sign_entry(key, seen, kind=kind, sequence=sequence, body=body)

    def write(self, who: str, kind: str, body: Any, *blobs: bytes) -> Change:
        named = {sha256(blob).hexdigest(): blob for blob in blobs}
        return self.accept(Submission(self.draft(who, kind, body), named))

    def vote(self, who: str, subject_hash: str, action: str = "approve") -> Change:
        return self.accept(Submission(self.ballot(who, subject_hash, action)))

    def ballot(self, who: str, subject_hash: str, action: str = "approve") -> Draft:
        return sign_decision(
            signing_key(who),
            self.seen(),
            sequence=self.sequence(who),
            action=action,
            subject=self.state.proposals[subject_hash].subject,
            subject_hash=subject_hash,
        )

    def carry(self, *voters: str) -> None:
        """Approve whatever was proposed last."""
        wanted = max(self.state.proposals, key=lambda h: self.state.proposals[h].index)
        for voter in voters:
            if wanted in self.state.proposals:
                self.vote(voter, wanted)

    def usage(self, who: str, *lines: bytes, account: str = "own", n: int = 0) -> Submission:
        return usage_submission(self, who, lines, account=account, n=n)

    def submit(self, who: str, *lines: bytes, account: str = "own", n: int = 0) -> Change:
        return self.accept(self.usage(who, *lines, account=account, n=n))

    def accept(self, submission: Submission) -> Change:
        check_submission(submission)
        envelope = Envelope(submission.draft, self.now)
        known = dict(self.blobs)
        self.blobs.update(submission.blobs)
        try:
            change = apply(self.state, envelope, self)
        except Exception:
            self.blobs = known
            raise
        if submission.batch is not None:
            self.batches[self.state.size] = submission.batch
        self.entries.append(envelope.data)
        self.rows.extend(change.totals)
        self.state = change.state
        return change

    # A whole month.

    def prepare(self, *, with_usage: bool = True) -> None:
        """Everything up to the end of October's usage."""
        self.found()
        facility = {"id": "hub-1", "name": {"ja": "拠点一", "en": "Hub 1"}, "owner": "bus"}
        self.write("office", "facility-registered", facility)
        text = SALT + self.rules.encode()
        self.blobs[sha256(text).hexdigest()] = text
        self.write("office", "ruleset-proposed", rules_body(text), text)
        self.carry("bus", "ev")
        for member, amount in (("bus", 5_000_000), ("ev", 3_000_000), ("bike", 2_000_000)):
            funding = {"asset": "network", "id": member, "member": member, "amount_minor": amount,
                       "currency": "JPY", "origin": "member"}  # fmt: skip
            self.write("office", "funding-reported", funding)
            self.carry("bus", "ev")
        opened = {"period": "2026-10", "start": "2026-09-30T15:00:00.000Z",
                  "end": "2026-10-31T15:00:00.000Z"}  # fmt: skip
        self.write("office", "period-opened", opened)
        revenue = {"period": "2026-10", "id": "fares", "amount_minor": 1_000_001,
                   "currency": "JPY", "origin": "member"}  # fmt: skip
        self.write("office", "revenue-reported", revenue)
        self.carry("bus", "ev")
        for member, amount in (("bus", 30_000), ("bike", 10_000)):
            cost = {"period": "2026-10", "id": "platform", "member": member,
                    "amount_minor": amount, "currency": "JPY"}  # fmt: skip
            self.write("office", "cost-reported", cost)
            self.carry("bus", "ev")
        if with_usage:
            for firm, trips in (("bus", 413), ("ev", 291), ("bike", 137)):
                self.submit(firm, record(f"{firm}-1", measures={"trips": trips}))

    def close(self, month: str = "2026-10") -> None:
        self.write("office", "period-closing", {"period": month})
        self.write("office", "period-closed", {"period": month})


def rules_body(text: bytes) -> dict[str, Any]:
    """The body that proposes the test rule set."""
    from ledger.rules.document import parse_rules

    rules = parse_rules(text[32:])
    return {
        "ruleset": rules.name,
        "version": rules.version,
        "effective_from": rules.effective_from,
        "rule_hash": rules.rule_hash.hex(),
        "text": blob_ref(text),
    }


def usage_submission(
    world: World, who: str, lines: tuple[bytes, ...], *, account: str = "own", n: int = 0
) -> Submission:
    """A sealed batch of one member; ``n`` varies its seed."""
    seed = sha256(f"{who} {n} {len(world.entries)}".encode()).digest()
    sealed = seal_batch(lines, world.state.scope(), seed=seed, salt=SALT)
    body = {
        "count": len(lines),
        "root": sealed.root.hex(),
        "totals": blob_ref(sealed.totals_blob),
        "account": account,
        "custody": "ledger",
        "source": None,
    }
    judged = read_lines(sealed.lines, world.state.scope())
    blobs = {sha256(sealed.totals_blob).hexdigest(): sealed.totals_blob}
    return Submission(world.draft(who, "usage-batch", body), blobs, Batch(seed, judged))


def new_key(world: World, name: str, member: str) -> dict[str, str]:
    """A new key that shows possession for a member of this co-op."""
    genesis = bytes.fromhex(world.state.genesis)
    return show_possession(
        signing_key(name), origin=world.charter.origin, genesis=genesis, member=member
    )
