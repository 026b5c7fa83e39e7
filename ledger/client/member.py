"""A member's client: it trusts its own pin of the co-op, not the server.

Every receipt is checked: the log's signature on the checkpoint, the inclusion proof, and that the
entry is the one that was signed. Before the client names a newer checkpoint as seen, it has the
consistency proof from the one it knew, so a server that rewrites history is found by the next
member that writes. With a policy (C2SP tlog-policy) it takes no checkpoint as seen that lacks the
quorum of witnesses; receipts are signed by the log and witnessed later, so they need none.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from ledger import canonical
from ledger.client.delivery import Delivery
from ledger.client.journal import Journal, Pending
from ledger.client.logkeys import learn_keys
from ledger.client.records import (
    by_period,
    compare_usage,
    parts_of,
    place_of,
    read_records,
    renumber,
)
from ledger.client.transport import Patience, Transport, as_documented, rows_of
from ledger.coop.bodies import Body
from ledger.coop.correction_grounds import verify_member_correction
from ledger.coop.envelope import Draft, parse_envelope
from ledger.coop.grounds import verify_member_statement
from ledger.coop.signing import Seen, sign_decision, sign_entry
from ledger.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    NotIncluded,
    StaleCheckpoint,
)
from ledger.identity.signature import SigningKey
from ledger.identity.signin import SignIn, format_sign_in, personal_digest
from ledger.log.checkpoint import Checkpoint, open_checkpoint
from ledger.log.cosignature import verifier_of
from ledger.log.key import parse_vkey
from ledger.log.merkle import EMPTY_ROOT, leaf_hash, verify_consistency, verify_inclusion
from ledger.log.note import Verifier
from ledger.log.policy import Policy, open_cosigned
from ledger.period import format_instant
from ledger.usage.batch import Calendar, Scope, seal_batch

BATCH_RECORDS = 1000
SIGN_IN_MINUTES = 5
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Submitted:
    """What a submission came to: records sent now, and those the ledger had already."""

    sent: int
    skipped: int
    batches: int
    late: tuple[str, ...]


class MemberClient:
    """One key of one member, writing to one co-op."""

    def __init__(  # noqa: PLR0913 - the last two are for the few that set them
        self,
        url: str,
        coop: str,
        key: SigningKey,
        journal: Journal,
        patience: Patience | None = None,
        *,
        policy: Policy | None = None,
    ) -> None:
        """Work with the co-op ``coop`` at ``url``; pins what it is on first use.

        With a ``policy``, whose log keys are the member's own knowledge too, a checkpoint without
        its quorum is refused.
        """
        self._policy = policy
        self._http = Transport(url, patience)
        self._coop = coop
        self._key = key
        self._journal = journal
        self._delivery = Delivery(
            self._http, coop, journal, verify=self._verify, sign_in=self.sign_in
        )
        try:
            self._pin = self._pinned()
            self._settle_counter()
        except BaseException:
            self._http.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    # Reading.

    def describe(self) -> dict[str, Any]:
        """What the server says of the co-op."""
        found: dict[str, Any] = self._http.get(f"/v1/{self._coop}")
        return found

    def get(self, path: str, **params: Any) -> Any:
        """Any resource below the co-op, such as ``periods/2026-10/totals``."""
        return self._http.get(f"/v1/{self._coop}/{path}", **params)

    def ask(self, path: str, document: Mapping[str, Any]) -> Any:
        """What a resource below the co-op answers to a question that has no place in a URL."""
        return self._http.post_json(f"/v1/{self._coop}/{path}", document)

    def sign_in(self) -> str:
        """Sign in with the key; the token is used for what follows and returned."""
        asked = self._http.post_json(f"/v1/{self._coop}/sign-in/nonce", {})
        now = datetime.now(UTC)
        with as_documented("sign-in"):
            text = format_sign_in(
                SignIn(
                    domain=asked["domain"],
                    address=self._key.address,
                    statement=asked["statement"],
                    uri=asked["uri"],
                    chain_id=1,
                    nonce=asked["nonce"],
                    issued_at=format_instant(now - timedelta(seconds=30)),
                    expiration_time=format_instant(now + timedelta(minutes=SIGN_IN_MINUTES)),
                )
            )
        signature = "0x" + self._key.sign(personal_digest(text)).hex()
        body = {"message": text, "signature": signature}
        answer = self._http.post_json(f"/v1/{self._coop}/sign-in", body)
        with as_documented("sign-in"):
            token = str(answer["token"])
        self._http.token = token
        return token

    def statement(self, month: str, member: str) -> dict[str, Any]:
        """A member's statement, verified down to the log's signature; sign in first."""
        found = self.get(f"periods/{month}/statements/{member}")
        with as_documented("a statement"):
            found = dict(found)
        verify_member_statement(found, origin=self._pin["origin"], verifiers=self._verifiers())
        return found

    def correction(self, correction_id: str, member: str) -> dict[str, Any]:
        """A member's part of a correction, verified down to the log's signature; sign in first."""
        found = self.get(f"corrections/{correction_id}/statements/{member}")
        with as_documented("a correction"):
            found = dict(found)
        verify_member_correction(found, origin=self._pin["origin"], verifiers=self._verifiers())
        return found

    # Writing.

    def submit_records(
        self,
        lines: Iterable[bytes],
        *,
        account: str = "own",
        source: Mapping[str, str] | None = None,
        batch_records: int = BATCH_RECORDS,
        progress: Progress = lambda _done, _all: None,
    ) -> Submitted:
        """Submit usage records, dropping those the ledger has already; safe to repeat.

        ``lines`` are JSON records without LF. A refusal names every bad record of its batch;
        batches before it stay.
        """
        wanted = list(lines)
        scope = self._scope()
        fresh = self._drop_known(wanted, scope)
        late: set[str] = set()
        batches = sent = 0
        for month in by_period(fresh, scope):
            for part in parts_of(month, batch_records):
                try:
                    receipt = self._submit_batch(part, scope, account, source)
                except (InvalidInput, Conflict) as error:
                    raise renumber(error, part, wanted) from error.__cause__
                late.update(receipt["late"])
                batches, sent = batches + 1, sent + len(part)
                progress(sent, len(fresh))
        return Submitted(len(fresh), len(wanted) - len(fresh), batches, tuple(sorted(late)))

    def confirm(self, month: str, lines: Iterable[bytes]) -> dict[str, Any]:
        """Confirm a month's usage from the member's own records of it; safe to repeat.

        What is signed is the number of records counted here, so a server that dropped or made up
        one is refused by the ledger itself. Raises Conflict, naming what differs, before that.
        """
        scope = self._scope()
        judged = read_records(lines, scope, month)
        if self._http.token is None:
            self.sign_in()
        there = self.get(f"periods/{month}/usage")
        with as_documented("usage"):
            compare_usage(judged, there, month)
        if there["confirmed"]:
            return dict(there)
        body = {"period": month, "batches": there["batches"], "records": len(judged.records)}
        self.submit_entry("usage-confirmed", body)
        return {**there, "confirmed": True}

    def submit_entry(
        self, kind: str, body: Body | Mapping[str, Any], blobs: Sequence[bytes] = ()
    ) -> dict[str, Any]:
        """Sign and submit an entry of any other kind; the answer is the verified receipt."""
        draft = sign_entry(
            self._key, self._seen(), kind=kind, sequence=self._journal.counter(), body=body
        )
        return self._send_entry(draft, blobs)

    def decide(
        self, subject_hash: str, *, action: str = "approve", comment: str = ""
    ) -> dict[str, Any]:
        """Vote on a proposal in the words that it has now; raises NotFound if it is not open."""
        if self._http.token is None:
            self.sign_in()
        found = self.get("proposals")
        with as_documented("proposals"):
            subjects = {one["subject_hash"]: str(one["subject"]) for one in rows_of(found)}
        if subject_hash not in subjects:
            raise NotFound(f"nothing with the hash {subject_hash} is open for decision")
        draft = sign_decision(
            self._key,
            self._seen(),
            sequence=self._journal.counter(),
            action=action,
            subject=subjects[subject_hash],
            subject_hash=subject_hash,
            comment=comment,
        )
        return self._send_entry(draft, ())

    def resume(self) -> dict[str, Any] | None:
        """Send again what was on its way when the last run ended; None if there is nothing."""
        pending = self._journal.pending()
        return None if pending is None else self._delivery.send(pending)

    def sync(self) -> Checkpoint:
        """Fetch the newest checkpoint, prove that it extends the one known, and keep it.

        New keys of the log are learnt on the way, from what those known have signed.
        """
        self._learn_keys()
        known = self._head()
        try:
            note = self._http.get_text(f"/log/{self._coop}/checkpoint").encode()
        except NotFound:
            return known  # no checkpoint has its quorum yet: nothing newer has been seen
        found = self._open_published(note)
        if found.size < known.size:
            raise StaleCheckpoint(
                f"the server shows size {found.size}, {known.size} was seen before: it was "
                "restored from an old copy, or hides entries"
            )
        if known.size > 0:
            proof = () if found.size == known.size else self._consistency(known.size, found.size)
            verify_consistency(known.size, found.size, known.root, found.root, proof)
        self._journal.write_json("head.json", {"note": note.decode()})
        return found

    # Inside.

    def _submit_batch(
        self,
        lines: Sequence[bytes],
        scope: Scope,
        account: str,
        source: Mapping[str, str] | None,
    ) -> dict[str, Any]:
        seed = secrets.token_bytes(32)
        sealed = seal_batch(lines, scope, seed=seed, salt=secrets.token_bytes(32))
        totals = sealed.totals_blob
        body = {
            "count": len(lines),
            "root": sealed.root.hex(),
            "totals": {"sha256": sha256(totals).hexdigest(), "bytes": len(totals)},
            "account": account,
            "custody": "ledger",
            "source": None if source is None else dict(source),
        }
        sequence = self._journal.counter()
        draft = sign_entry(
            self._key, self._seen(), kind="usage-batch", sequence=sequence, body=body
        )
        head = {
            "entry": draft.document(),
            "salt_seed": seed.hex(),
            "totals": base64.b64encode(totals).decode(),
        }
        request = b"\n".join([canonical.encode(head), *sealed.lines]) + b"\n"
        return self._delivery.begin(Pending(sequence, "usage", request))

    def _send_entry(self, draft: Draft, blobs: Sequence[bytes]) -> dict[str, Any]:
        packed = {sha256(b).hexdigest(): base64.b64encode(b).decode() for b in blobs}
        request = canonical.encode({"entry": draft.document(), "blobs": packed})
        return self._delivery.begin(Pending(draft.sequence, "entries", request))

    def _verify(self, receipt: Mapping[str, Any], sent: Mapping[str, Any]) -> None:
        with as_documented("a receipt"):
            data = base64.b64decode(receipt["entry"])
            note = receipt["checkpoint"].encode()
            proof = tuple(bytes.fromhex(step) for step in receipt["proof"])
        if parse_envelope(data).draft.document() != sent:
            raise NotIncluded("the server's receipt is for another entry than the one sent")
        checkpoint = self._open(note)
        leaf = leaf_hash(data)
        verify_inclusion(leaf, receipt["index"], checkpoint.size, proof, checkpoint.root)

    def _learn_keys(self) -> None:
        rows = self._http.get(f"/v1/{self._coop}/log-keys")
        with as_documented("the log's keys"):
            learnt = learn_keys(self._pin["log_keys"], rows_of(rows), origin=self._pin["origin"])
        if learnt != self._pin["log_keys"]:
            self._pin = {**self._pin, "log_keys": learnt}
            self._journal.write_json("pin.json", self._pin)

    def _open(self, note: bytes) -> Checkpoint:
        origin = self._pin["origin"]
        return open_checkpoint(note, origin=origin, verifiers=self._verifiers()).checkpoint

    def _open_published(self, note: bytes) -> Checkpoint:
        if self._policy is None:
            return self._open(note)
        origin = self._pin["origin"]
        return open_cosigned(note, origin=origin, policy=self._policy).checkpoint

    def _verifiers(self) -> list[Verifier]:
        return [verifier_of(parse_vkey(vkey)) for vkey in self._pin["log_keys"]]

    def _consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        proof = self._http.get(f"/v1/{self._coop}/consistency", old=old, new=new)
        with as_documented("consistency"):
            return tuple(bytes.fromhex(step) for step in rows_of(proof))

    def _head(self) -> Checkpoint:
        kept = self._journal.read_json("head.json")
        if kept is None:
            return Checkpoint(self._pin["origin"], 0, EMPTY_ROOT)
        return self._open(kept["note"].encode())

    def _seen(self) -> Seen:
        if self._journal.pending() is not None:
            raise Conflict("a request is still on its way; call resume() first")
        head = self._head()
        genesis = bytes.fromhex(self._pin["genesis"])
        return Seen(self._pin["origin"], genesis, head.size, head.root)

    def _pinned(self) -> dict[str, Any]:
        known = self._journal.read_json("pin.json")
        if known is not None:
            return known
        found = self.describe()
        with as_documented("the co-op"):
            pin = {name: found[name] for name in ("origin", "genesis", "log_keys")}
        self._journal.write_json("pin.json", pin)
        return pin

    def _settle_counter(self) -> None:
        """Finish what was on its way, then compare the counter with the ledger's."""
        self.resume()
        self.sync()
        found = self.get(f"keys/{self._key.address}")
        with as_documented("the key's counter"):
            there = int(found["sequence"])
        here = self._journal.counter()
        if here == 0 and there > 0:
            self._journal.set_counter(there)  # a journal made anew for a key already in use
        elif here != there:
            raise Conflict(
                f"this journal's next number is {here}, the ledger expects {there}: the key is "
                "used elsewhere, or the server was restored from an old copy"
            )

    def _scope(self) -> Scope:
        found, periods = self.describe(), self.get("periods")
        with as_documented("the co-op"):
            vocabulary = found["vocabulary"]
            bounds = [(one["id"], one["start"], one["end"]) for one in rows_of(periods)]
            return Scope(
                Calendar.of(found["decided_by"], bounds),
                frozenset(found["facilities"]),
                frozenset(metric["id"] for metric in vocabulary["metrics"]),
                frozenset(charge["id"] for charge in vocabulary["charges"]),
            )

    def _drop_known(self, lines: Sequence[bytes], scope: Scope) -> list[bytes]:
        if self._http.token is None:
            self.sign_in()
        fresh: list[bytes] = []
        for part in parts_of(lines, 10_000):
            places = [place_of(line, scope) for line in part]
            asked: dict[str, list[str]] = {}
            for period, record_id in filter(None, places):
                asked.setdefault(period, []).append(record_id)
            answer = self._http.post_json(f"/v1/{self._coop}/usage/known", {"ids": asked})
            with as_documented("known records"):
                known = {(p, i) for p, row in answer["known"].items() for i in row}
            fresh += [line for line, at in zip(part, places, strict=True) if at not in known]
        return fresh
