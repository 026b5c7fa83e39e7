"""Delivery: a signed request is sent, byte for byte the same, until it is known what became of it.

The journal lets go of a request in two cases only: its receipt was verified, or the ledger refused
it and its number is still free. A refusal alone does not tell: an answer may have been lost, the
request been taken, and the same request be refused when it comes again (its month closed since, its
key revoked). So after a refusal the key's counter is asked for; if the number is used, the entry
that used it is looked up, and if it is this request's, that is its receipt.
"""

from __future__ import annotations

import base64
import gzip
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ledger import canonical
from ledger.client.journal import Journal, Pending
from ledger.client.transport import Transport, as_documented, rows_of
from ledger.coop.envelope import parse_envelope
from ledger.errors import Conflict, KyojoError, NotFound, NotPermitted, Unavailable

PAGE = 500
RECEIPT = ("index", "leaf", "entry", "size", "checkpoint", "proof", "late")

Receipt = dict[str, Any]


class Delivery:
    """Brings the requests of one key's journal to one co-op."""

    def __init__(
        self,
        http: Transport,
        coop: str,
        journal: Journal,
        *,
        verify: Callable[[Mapping[str, Any], Mapping[str, Any]], None],
        sign_in: Callable[[], str],
    ) -> None:
        """``verify`` checks a receipt against the entry that was sent."""
        self._http = http
        self._base = f"/v1/{coop}"
        self._journal = journal
        self._verify = verify
        self._sign_in = sign_in

    def begin(self, pending: Pending) -> Receipt:
        """Keep a request, then send it; nothing is sent that could not be kept."""
        self._journal.begin(pending)
        return self.send(pending)

    def send(self, pending: Pending) -> Receipt:
        """Send a kept request; the verified receipt.

        Raises Unavailable while the outcome is unknown, and then the request stays; or the
        ledger's refusal, and then its number is free again.
        """
        sent = entry_of(pending)
        try:
            receipt = self._post(pending)
        except Unavailable:
            raise
        except KyojoError as refusal:
            receipt = self._taken_before(pending, sent, refusal)
        self._verify(receipt, sent)
        kept = {name: receipt[name] for name in ("index", "leaf", "size", "checkpoint", "proof")}
        self._journal.accept(pending, kept)
        return receipt

    def _post(self, pending: Pending) -> Receipt:
        headers = {"Content-Type": "application/json"}
        body = pending.body
        if pending.path == "usage":
            headers = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}
            body = gzip.compress(body, compresslevel=1, mtime=0)
        receipt = self._http.post(f"{self._base}/{pending.path}", body, headers=headers)
        with as_documented("a signed request"):
            missing = [name for name in RECEIPT if name not in receipt]
            if missing:
                raise KeyError(*missing)
            return dict(receipt)

    def _taken_before(
        self, pending: Pending, sent: Mapping[str, Any], refusal: KyojoError
    ) -> Receipt:
        """The receipt of a request that was taken all the same; else raises the refusal."""
        if self._next_number(sent["actor"]) <= pending.sequence:
            self._journal.drop()
            raise refusal
        try:
            found = self._find(sent)
        except NotPermitted as error:
            raise Conflict(
                f"the ledger refused this request ({refusal.message}), but number "
                f"{pending.sequence} of this key is used and the key may not look for what used "
                f"it ({error.message}); another key of yours can: kyojo member token"
            ) from refusal
        if found is None:
            self._journal.drop()
            raise refusal
        return found

    def _next_number(self, address: str) -> int:
        try:
            found = self._http.get(f"{self._base}/keys/{address}")
        except NotFound:
            return 0  # no key of this co-op: it never wrote anything
        with as_documented("the key's counter"):
            return int(found["sequence"])

    def _find(self, sent: Mapping[str, Any]) -> Receipt | None:
        """The receipt of the entry that says what was sent; it lies beyond what was seen then."""
        self._sign_in()
        for row in self._rows(sent["kind"], sent["seen"]["size"]):
            if row["actor"] == sent["actor"]:
                entry = self._http.get(f"{self._base}/entries/{row['index']}")
                with as_documented("an entry"):
                    data = base64.b64decode(entry["entry"])
                if parse_envelope(data).draft.document() == sent:
                    proof = self._http.get(f"{self._base}/entries/{row['index']}/proof")
                    late = row["late"].split(",") if row["late"] else []
                    return {**entry, **proof, "late": late, "status": "signed", "is_new": False}
        return None

    def _rows(self, kind: str, start: int) -> Iterator[Mapping[str, Any]]:
        while True:
            params = {"kind": kind, "start": start, "limit": PAGE}
            rows = self._http.get(f"{self._base}/entries", **params)
            with as_documented("entries"):
                yield from rows_of(rows)
                if len(rows) < PAGE:
                    return
                start = rows[-1]["index"] + 1


def entry_of(pending: Pending) -> dict[str, Any]:
    """The signed entry that a request brings."""
    head = pending.body.partition(b"\n")[0] if pending.path == "usage" else pending.body
    found: dict[str, Any] = canonical.parse(head, what="the request on its way")["entry"]
    return found
