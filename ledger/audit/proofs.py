"""Check a proof file offline: a C2SP tlog-proof of an entry, or a kyojo record proof.

In this order: the leaf from the entry's own bytes; the log's origin, its signature and the
quorum of cosignatures, as the trust file asks; inclusion under the signed root. For records then
line and salt, the path to the root that the batch entry states, and the EIP-712 signature of
that entry's actor. A link that fails becomes a finding with its place and does not stop the
others. ``verified`` is only said against a trust file. Nothing is read but what is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ledger.audit.proof_report import EntryFact, Kind, ProofReport, RecordFact
from ledger.audit.report import Findings, Remark
from ledger.audit.trust import Trust
from ledger.coop.bodies import UsageBatch
from ledger.coop.envelope import Draft, parse_envelope
from ledger.coop.recordproof import (
    BatchProof,
    RecordProof,
    parse_record_proof,
    read_batch_entry,
    verify_record,
    verify_signer,
)
from ledger.errors import KyojoError, MalformedProof
from ledger.log.checkpoint import Checkpoint, parse_checkpoint
from ledger.log.merkle import leaf_hash, verify_inclusion
from ledger.log.note import parse_note
from ledger.log.policy import NO_QUORUM, open_cosigned
from ledger.log.proof import HEADER, TlogProof, parse_proof

LEAF = Remark(
    "the leaf was computed from the entry's own bytes",
    "エントリーのバイト列から葉を計算しました",
)
INCLUSION = Remark(
    "the leaf stands at its index under the root that the checkpoint states",
    "葉がその位置で、チェックポイントの根に至ることを確かめました",
)
LOG_SIGNED = Remark(
    "the checkpoint is signed by a key of the log that your trust file names",
    "信頼ファイルにある台帳の鍵が、チェックポイントに署名しています",
)
QUORUM = Remark(
    "enough witnesses cosigned the checkpoint for your trust file's policy",
    "信頼ファイルの方針が求める数の証人が連署しています",
)
RECORDS = Remark(
    "each line and its salt lead to the root of records that its batch entry states",
    "各行と塩が、送信束のエントリーに記された根に至ることを確かめました",
)
SIGNER = Remark(
    "the key that each batch entry names as its actor signed that entry (EIP-712)",
    "各送信束のエントリーは、そこに記された鍵で署名されています（EIP-712）",
)
GENESIS = Remark(
    "the genesis hash in the file is the one that your trust file names",
    "ファイルの創設ハッシュは信頼ファイルのものと一致します",
)

NO_TRUST = Remark(
    "Which log this is: without a trust file no signature of a log can be checked, and whoever "
    "made the file may have made the log up.",
    "どの台帳のものか: 信頼ファイルがないため台帳の署名を確認できず、作られたものかもしれません。",
)
NO_WITNESSES = Remark(
    "Whether others were shown the same log: no quorum of witnesses was asked for.",
    "他の人にも同じ台帳が示されたか: 証人の連署は求められていません。",
)
EXTRA = Remark(
    "The extra line of the proof: nobody signed it, and it was ignored.",
    "証明の extra 行: 誰の署名もないため、無視しました。",
)
CONTENT = Remark(
    "What the entry says, who signed it and with what right: verify the audit bundle for that.",
    "エントリーの内容、署名者、その権限: 監査束で検証してください。",
)
MEMBERSHIP = Remark(
    "Whether the key that signed a batch was a member's at that time: no proof of single records "
    "shows that; the audit bundle does.",
    "署名した鍵がその時点で組合員のものであったか: 個別の証明では示せません。監査束が示します。",
)
OTHERS = Remark(
    "Which other records there are, and whether one of these was reversed later.",
    "他の記録の有無、またこれらの記録が後に取り消されたかどうか。",
)
TRUTH = Remark(
    "Whether the usage took place: no log can show that.",
    "利用が実際にあったか: 台帳だけでは分かりません。",
)


def verify_proof_file(data: bytes, trust: Trust | None, *, entry: bytes | None) -> ProofReport:
    """The report on a proof file of either format.

    ``entry`` holds the caller's own entry, which a tlog-proof is about and does not contain; a
    record proof brings its entries along. Raises MalformedProof for bytes that are neither, and
    for a tlog-proof without an entry: there is nothing that could be verified.
    """
    if data.startswith(HEADER.encode() + b"\n"):
        if entry is None:
            raise MalformedProof(
                "a tlog-proof does not hold its entry: give the file with the entry's bytes"
            )
        return _verify_entry(parse_proof(data), entry, trust)
    return _verify_records(parse_record_proof(data), trust, entry)


@dataclass(slots=True)
class _Checks:
    """What was checked and found so far."""

    trust: Trust | None
    findings: Findings = field(default_factory=Findings)
    passed: dict[Remark, bool] = field(default_factory=dict)

    def note(self, remark: Remark, before: int) -> None:
        """Note a check that was made; it passed if there are still ``before`` findings."""
        self.passed[remark] = self.passed.get(remark, True) and self.findings.count == before

    def report(
        self, kind: Kind, origin: str, entries: Sequence[EntryFact], limits: Sequence[Remark]
    ) -> ProofReport:
        trusted = self.trust is not None
        wrong = self.findings.count > 0
        return ProofReport(
            verdict="refused" if wrong else "verified" if trusted else "consistent",
            kind=kind,
            origin=origin,
            checked=tuple(remark for remark, passed in self.passed.items() if passed),
            findings=tuple(self.findings),
            findings_count=self.findings.count,
            entries=tuple(entries),
            not_checked=(*self._limits(), *limits),
        )

    def _limits(self) -> tuple[Remark, ...]:
        if self.trust is None:
            return (NO_TRUST,)
        return (NO_WITNESSES,) if self.trust.to_policy().quorum == NO_QUORUM else ()


def _verify_entry(proof: TlogProof, entry: bytes, trust: Trust | None) -> ProofReport:
    checks = _Checks(trust)
    fact, head = _check_place(proof, entry, "", checks)
    limits = [CONTENT] if proof.extra is None else [EXTRA, CONTENT]
    return checks.report("entry", head.origin, [fact], limits)


def _verify_records(proof: RecordProof, trust: Trust | None, entry: bytes | None) -> ProofReport:
    checks = _Checks(trust)
    if trust is not None:
        before = checks.findings.count
        _compare(checks, "wrong-log", "/genesis", proof.genesis.hex(), trust.genesis)
        checks.note(GENESIS, before)
    facts = [
        _check_batch(batch, proof, f"/batches/{place}", checks)
        for place, batch in enumerate(proof.batches)
    ]
    if entry is not None and all(batch.entry != entry for batch in proof.batches):
        checks.findings.add(
            "not-included", "--entry",
            "the entry given is none of those in the file",
            "指定されたエントリーはファイルに含まれていません",
        )  # fmt: skip
    limits = [MEMBERSHIP, OTHERS, TRUTH]
    if any(batch.proof.extra is not None for batch in proof.batches):
        limits.insert(0, EXTRA)
    return checks.report("records", proof.origin, facts, limits)


def _check_batch(batch: BatchProof, proof: RecordProof, where: str, checks: _Checks) -> EntryFact:
    fact, head = _check_place(batch.proof, batch.entry, where, checks)
    _compare(checks, "wrong-log", f"{where}/tlog_proof, origin", head.origin, proof.origin)
    try:
        draft, body = read_batch_entry(batch.entry, proof.origin)
    except KyojoError as error:
        checks.findings.add_error(error, f"{where}/entry")
        return fact
    _check_records(batch, body, where, checks)
    _check_signer(draft, proof.genesis, where, checks)
    return EntryFact(
        fact.index, fact.leaf, fact.size, fact.root,
        actor=draft.actor,
        received_at=parse_envelope(batch.entry).received_at,
        records_count=body.count,
        records=tuple(
            RecordFact(record.number, record.line.decode("utf-8", "replace"))
            for record in batch.records
        ),
    )  # fmt: skip


def _check_place(
    proof: TlogProof, entry: bytes, where: str, checks: _Checks
) -> tuple[EntryFact, Checkpoint]:
    """Leaf, origin, signatures and inclusion of one entry."""
    prefix = f"{where}/tlog_proof, " if where else ""
    leaf = leaf_hash(entry)
    checks.note(LEAF, checks.findings.count)
    head = parse_checkpoint(parse_note(proof.checkpoint).text)
    if checks.trust is not None:
        _check_signatures(proof, head, checks.trust, f"{prefix}checkpoint", checks)
    before = checks.findings.count
    try:
        verify_inclusion(leaf, proof.index, head.size, proof.hashes, head.root)
    except KyojoError as error:
        checks.findings.add_error(error, f"{prefix}index {proof.index}")
    checks.note(INCLUSION, before)
    return EntryFact(proof.index, leaf.hex(), head.size, head.root.hex()), head


def _check_signatures(
    proof: TlogProof, head: Checkpoint, trust: Trust, where: str, checks: _Checks
) -> None:
    before = checks.findings.count
    _compare(checks, "wrong-log", f"{where}, origin", head.origin, trust.origin)
    if checks.findings.count > before:
        return
    policy = trust.to_policy()
    try:
        open_cosigned(proof.checkpoint, origin=trust.origin, policy=policy)
    except KyojoError as error:
        checks.findings.add_error(error, f"{where}, signatures")
    checks.note(LOG_SIGNED, before)
    if policy.quorum != NO_QUORUM:
        checks.note(QUORUM, before)


def _check_records(batch: BatchProof, body: UsageBatch, where: str, checks: _Checks) -> None:
    before = checks.findings.count
    for place, record in enumerate(batch.records):
        try:
            verify_record(record, body)
        except KyojoError as error:
            checks.findings.add_error(error, f"{where}/records/{place}, record {record.number}")
    checks.note(RECORDS, before)


def _check_signer(draft: Draft, genesis: bytes, where: str, checks: _Checks) -> None:
    before = checks.findings.count
    try:
        verify_signer(draft, genesis)
    except KyojoError as error:
        checks.findings.add_error(error, f"{where}/entry, signature")
    checks.note(SIGNER, before)


def _compare(checks: _Checks, code: str, where: str, found: str, wanted: str) -> None:
    if found != wanted:
        checks.findings.add(
            code, where,
            f"this is {found!r}, expected was {wanted!r}",
            f"{found!r} です。{wanted!r} でなければなりません",
        )  # fmt: skip
