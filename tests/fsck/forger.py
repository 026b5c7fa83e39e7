"""An attacker with the database and the keys he is given: he rewrites the log from a place on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, delete, select, update

from ledger.coop.envelope import Draft, Envelope, parse_envelope
from ledger.coop.signing import Seen, sign_entry
from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from ledger.log.merkle import leaf_hash, root_hash
from ledger.log.note import Ed25519Signer
from ledger.log.tile import grow
from ledger.store.tables import batches, blobs, entries, logs, snapshots, tiles, totals
from ledger.usage.commitment import records_root
from ledger.usage.totals import encode_totals, parse_totals
from tests.builder import ORIGIN, SALT, blob_ref, log_key, signing_key
from tests.fsck.world import SECOND_KEY, Checked
from tests.installation import MEMBERS

NAMES = {signing_key(name).address: name for name in MEMBERS}
Change = Callable[[Draft], dict[str, Any] | None]


@dataclass
class Forger:
    """Rewrites through one connection; all his writes are rolled back with it."""

    checked: Checked
    connection: Connection
    data: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        statement = select(entries.c.data).order_by(entries.c.index)
        self.data = [bytes(row) for row in self.connection.execute(statement).scalars()]

    def drafts(self, kind: str) -> list[tuple[int, Draft]]:
        found = enumerate(parse_envelope(data).draft for data in self.data)
        return [(index, draft) for index, draft in found if draft.kind == kind]

    def move_a_trip(self, index: int) -> dict[str, Any]:
        """Edit a record of the batch, its totals blob and the sums; answers with the new body."""
        draft = parse_envelope(self.data[index]).draft
        row = self.connection.execute(select(batches).where(batches.c.index == index)).one()
        lines = bytes(row.lines).split(b"\n")
        lines[0] = lines[0].replace(b'"trips":1', b'"trips":9')
        assert b'"trips":9' in lines[0]
        old = parse_totals(self._blob(draft.body["totals"]["sha256"]))
        new = {key: amount + 8 * (key.name == "trips") for key, amount in old.items()}
        blob = encode_totals(SALT, new)
        self._run(update(batches).where(batches.c.index == index).values(lines=b"\n".join(lines)))
        changed = {"sha256": sha256(blob).digest(), "data": blob}
        digest = bytes.fromhex(draft.body["totals"]["sha256"])
        self._run(update(blobs).where(blobs.c.sha256 == digest).values(changed))
        member = NAMES[draft.actor]
        period = next(key.period for key in old)
        self._run(
            update(totals)
            .where(totals.c.account == member, totals.c.name == "trips", totals.c.period == period)
            .values(amount=totals.c.amount + 8)
        )
        root = records_root(bytes(row.seed), lines).hex()
        return {**draft.body, "root": root, "totals": blob_ref(blob)}

    def put(self, index: int, data: bytes) -> None:
        """Replace one entry's bytes as they are."""
        self.data[index] = data
        self._run(update(entries).where(entries.c.index == index).values(data=data))

    def unsigned(self, index: int, body: dict[str, Any]) -> bytes:
        """The entry with another body, under the signature of the old one."""
        envelope = parse_envelope(self.data[index])
        return Envelope(replace(envelope.draft, body=body), envelope.received_at).data

    def rewrite(self, start: int, change: Change) -> None:
        """Sign every entry from ``start`` on anew, by its own key; no body drops the entry."""
        statement = select(entries).where(entries.c.index >= start).order_by(entries.c.index)
        rows = list(self.connection.execute(statement).mappings())
        self._run(delete(entries).where(entries.c.index >= start))
        self.data = self.data[:start]
        leaves = [leaf_hash(data) for data in self.data]
        counters = Counter(parse_envelope(data).draft.actor for data in self.data)
        for row in rows:
            envelope = parse_envelope(bytes(row["data"]))
            draft = envelope.draft
            body = change(draft)
            if body is None:
                continue
            size = min(draft.seen_size, len(leaves))
            seen = Seen(ORIGIN, leaves[0], size, root_hash(leaves[:size]))
            sequence = counters[draft.actor]
            counters[draft.actor] += 1
            key = signing_key(NAMES[draft.actor])
            signed = sign_entry(key, seen, kind=draft.kind, sequence=sequence, body=body)
            data = Envelope(signed, envelope.received_at).data
            new = {**row, "index": len(leaves), "data": data, "sequence": sequence}
            self._run(entries.insert().values(new))
            self.data.append(data)
            leaves.append(leaf_hash(data))

    def root(self, size: int) -> bytes:
        return root_hash([leaf_hash(data) for data in self.data[:size]])

    def fit_tiles(self) -> None:
        """Make every tile that of the entries as they now are."""
        self._run(delete(tiles))
        leaves = [leaf_hash(data) for data in self.data]
        rows = [
            {"log_id": self.checked.log_id, "level": tile.level, "index": tile.index, "data": data}
            for tile, data in grow(0, leaves, lambda _: []).items()
        ]
        self.connection.execute(tiles.insert(), rows)

    def fit_head(self, *, sign: bool) -> None:
        """Make the log's row fit, with the log's stolen key if told so; forget snapshots."""
        size = len(self.data)
        root = self.root(size)
        values: dict[str, Any] = {"size": size, "root": root}
        if sign:
            checkpoint = Checkpoint(ORIGIN, size, root)
            values["checkpoint"] = sign_checkpoint(
                checkpoint, [Ed25519Signer(key) for key in (log_key(), SECOND_KEY)]
            )
        self._run(update(logs).values(values))
        self._run(delete(snapshots))

    def _blob(self, digest: str) -> bytes:
        found = select(blobs.c.data).where(blobs.c.sha256 == bytes.fromhex(digest))
        return bytes(self.connection.execute(found).scalar_one())

    def _run(self, statement: Any) -> None:
        self.connection.execute(statement)
