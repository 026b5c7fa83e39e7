"""Check a member statement offline: the file, a trust file, and nothing else.

In this order: the log's origin and genesis; the checkpoint's signature and the quorum of
cosignatures, as the trust file asks; that the settlement and each of the member's batches stand in
the log; that weights and amounts are among those that add up to the public totals, and that every
amount follows from them; that what is payable adds up. With an audit bundle, what is payable is
compared with the state that it leads to (``with_bundle``). The first thing that does not hold is
raised, with its place.

Without a trust file the statement can only agree with itself: whoever made it may have made up the
log.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from ledger import canonical
from ledger.audit.payable import StateLookup, compare_with_state
from ledger.audit.report import Remark, Report
from ledger.audit.trust import Trust
from ledger.coop.grounds import verify_member_statement
from ledger.errors import (
    InvalidInput,
    KyojoError,
    MalformedDocument,
    NotConsistent,
    SumMismatch,
    TooLarge,
    VerificationError,
)
from ledger.log.cosignature import verifier_of
from ledger.log.note import Verifier
from ledger.log.policy import NO_QUORUM, open_cosigned
from ledger.settlement.statement import LIMITS

STATEMENT_BYTES_MAX: Final = 64 * 2**20

SIGNED = Remark(
    "the checkpoint is signed by a key of the log that your trust file names",
    "信頼ファイルにある台帳の鍵が、チェックポイントに署名しています",
)
QUORUM = Remark(
    "enough witnesses cosigned the checkpoint for your trust file's policy",
    "信頼ファイルの方針が求める数の証人が連署しています",
)
IN_THE_LOG = Remark(
    "the proposed settlement and each of your batches stand in the log, signed by their senders",
    "提案された精算と各送信束は、送信者の署名とともに台帳にあります",
)
FIGURES = Remark(
    "your weights and amounts are among those that add up to the settlement's totals, and every "
    "amount follows from them",
    "あなたの重みと金額は精算の総計に含まれ、各金額はそこから導かれます",
)

NO_TRUST = Remark(
    "Which log this is: without a trust file whoever made the statement may have made the log up.",
    "どの台帳のものか: 信頼ファイルがないため、作られたものかもしれません。",
)
NO_WITNESSES = Remark(
    "Whether others were shown the same log: no quorum of witnesses was asked for.",
    "他の人にも同じ台帳が示されたか: 証人の連署は求められていません。",
)
DECISION = Remark(
    "Whether the members approved the settlement: verify the audit bundle for that.",
    "精算が承認されたか: 監査束で検証してください。",
)
TOLD = Remark(
    "Costs, capital and readings behind your weights, and all names: they are told; compare them "
    "with your own books.",
    "重みのもとになった費用・出資・指標と名称: 記載のとおりです。ご自身の帳簿と比べてください。",
)
# Ours, whatever the file says: whoever makes a statement could leave its limits out.
OF_ANY_STATEMENT = tuple(Remark(limit["en"], limit["ja"]) for limit in LIMITS)
COMPLETE = Remark(
    "Whether these are all of your batches: compare their number with what you sent.",
    "送信束がすべて含まれるか: ご自身の送信数と比べてください。",
)
PAYABLE = Remark(
    "what is payable adds up: the net that is proved, and what is said to stand beside it",
    "支払額の内訳は、証明された差引額と併記された各額から計算が合います",
)
CORRECTED = Remark(
    "each correction of the month that is named stands in the log and follows the one before, and "
    "your difference is among those that add up to its sums",
    "記載された各訂正は台帳にあり、順に連なり、あなたの差額はその総計に含まれます",
)
PAYABLE_IS_THE_STATES = Remark(
    "what is payable is what the state says to which your audit bundle leads, and nothing of it is "
    "left out",
    "支払額は、監査束からたどった状態の示すとおりであり、漏れはありません",
)
PAYABLE_UNSAID = Remark(
    "Whether all that is settled with this month is in the lines: repaid costs, corrections, "
    "disputes and offsets stand in the state; give an audit bundle (--bundle).",
    "配分の行のほかに、費用の補填・訂正・異議・相殺がないか: "
    "監査束 (--bundle) で確かめてください。",
)
BUNDLE_IS_SILENT = Remark(
    "What is payable, against your bundle: it ends before the statement's checkpoint, or starts "
    "after the settlement was proposed. Take a longer one.",
    "支払額と監査束の照合: 監査束が計算書の時点より前に終わるか、"
    "精算の提案より後に始まっています。",
)


@dataclass(frozen=True, slots=True)
class StatementReport:
    """What was checked of a statement, and what was not; ``is_trusted`` says against what."""

    document: Mapping[str, Any]
    is_trusted: bool
    checked: tuple[Remark, ...]
    not_checked: tuple[Remark, ...]

    @property
    def exit_code(self) -> int:
        """0 verified, 4 consistent with itself but tied to nothing that is trusted."""
        return 0 if self.is_trusted else 4


def payable_untold(part: Mapping[str, Any]) -> Remark:
    """Where a part stands on a state, that nobody has looked at it."""
    size, digest = part["size"], part["state_hash"]
    return Remark(
        f"What is repaid, posted, held back and offset: it is said of the state at {size} entries "
        f"with the hash {digest}; give an audit bundle (--bundle).",
        f"費用の補填・計上・保留・相殺の額: 台帳 {size} 件の時点の状態（ハッシュ {digest}）の"
        "記載です。"
        "監査束 (--bundle) で確かめてください。",
    )


def with_bundle(report: StatementReport, bundle: Report, lookup: StateLookup) -> StatementReport:
    """The report, when the state in a bundle was compared too; raises if they disagree.

    ``bundle`` is the report on the bundle whose fold ``lookup`` has seen.
    """
    if bundle.verdict == "refused":
        where = bundle.findings[0].where if bundle.findings else "?"
        raise VerificationError(f"the bundle is not verified ({where}): audit it by itself")
    if not compare_with_state(report.document, lookup):
        return replace(report, not_checked=(BUNDLE_IS_SILENT, *report.not_checked))
    part = report.document.get("payable")
    open_ = PAYABLE_UNSAID if part is None else payable_untold(part)
    rest = tuple(remark for remark in report.not_checked if remark != open_)
    return replace(report, checked=(*report.checked, PAYABLE_IS_THE_STATES), not_checked=rest)


def verify_statement_file(data: bytes, trust: Trust | None) -> StatementReport:
    """Check a member statement's JSON.

    Raises VerificationError for what does not hold, MalformedDocument for what is no statement.
    """
    document = _parse(data)
    if trust is None:
        verify_member_statement(document, origin=str(document["origin"]), verifiers=None)
        adds, told = _payable(document)
        rest = (NO_TRUST, NO_WITNESSES, DECISION, told, COMPLETE, TOLD, *OF_ANY_STATEMENT)
        return StatementReport(document, False, (IN_THE_LOG, FIGURES, *adds), rest)
    _verify_log(document, trust)
    policy = trust.to_policy()
    asked = policy.quorum != NO_QUORUM
    adds, told = _payable(document)
    checked = (SIGNED, *((QUORUM,) if asked else ()), IN_THE_LOG, FIGURES, *adds)
    rest = (DECISION, told, COMPLETE, TOLD, *OF_ANY_STATEMENT)
    return StatementReport(document, True, checked, rest if asked else (NO_WITNESSES, *rest))


def _payable(document: Mapping[str, Any]) -> tuple[tuple[Remark, ...], Remark]:
    """What was checked of what is payable without a bundle, and what was not."""
    part = document.get("payable")
    followed = () if document.get("corrections") is None else (CORRECTED,)
    if part is None:
        return followed, PAYABLE_UNSAID
    return (PAYABLE, *followed), payable_untold(part)


def _verify_log(document: Mapping[str, Any], trust: Trust) -> None:
    """The log's identity, its signature, its witnesses, and then the statement under it."""
    verifiers = open_under_trust(document, trust)
    verify_member_statement(document, origin=trust.origin, verifiers=verifiers)


def open_under_trust(document: Mapping[str, Any], trust: Trust) -> list[Verifier]:
    """Check the log's identity, signature and witnesses; answers with the log's verifiers.

    ``document`` names origin, genesis and, in its proof, a checkpoint. Raises NotConsistent,
    BadSignature or VerificationError.
    """
    for name, wanted in (("origin", trust.origin), ("genesis", trust.genesis)):
        if document[name] != wanted:
            text = (
                f"the statement's {name} is {document[name]!r:.80}, the trust file names {wanted}"
            )
            raise NotConsistent(text, field=name)
    policy = trust.to_policy()
    try:
        open_cosigned(_note(document), origin=trust.origin, policy=policy)
    except InvalidInput as error:
        raise VerificationError(f"the checkpoint cannot be read: {error.message}") from error
    return [verifier_of(log.key) for log in policy.logs]


def _note(document: Mapping[str, Any]) -> bytes:
    try:
        return str(document["proof"]["checkpoint"]).encode()
    except (KeyError, TypeError, UnicodeEncodeError) as error:
        raise SumMismatch("not a member statement: it has no checkpoint") from error


def _parse(data: bytes) -> Mapping[str, Any]:
    if len(data) > STATEMENT_BYTES_MAX:
        raise TooLarge(f"a statement has at most {STATEMENT_BYTES_MAX} bytes")
    try:
        document = canonical.parse(data, what="statement")
    except KyojoError as error:
        raise MalformedDocument(f"not a statement: {error.message}") from error
    if not isinstance(document, dict) or document.get("kyojo_member_statement") != 1:
        raise MalformedDocument("not a member statement: kyojo_member_statement must be 1")
    if not isinstance(document.get("origin"), str) or not isinstance(document.get("genesis"), str):
        raise MalformedDocument("not a member statement: origin and genesis are texts")
    return document
