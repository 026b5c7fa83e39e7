"""Check a member statement offline: the file, a trust file, and nothing else.

In this order: the log's origin and genesis; the checkpoint's signature and the quorum of
cosignatures, as the trust file asks; that the settlement and each of the member's batches stand in
the log; that weights and amounts are among those that add up to the public totals, and that every
amount follows from them. The first thing that does not hold is raised, with its place.

Without a trust file the statement can only agree with itself: whoever made it may have made up the
log.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ledger import canonical
from ledger.audit.report import Remark
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


def verify_statement_file(data: bytes, trust: Trust | None) -> StatementReport:
    """Check a member statement's JSON.

    Raises VerificationError for what does not hold, MalformedDocument for what is no statement.
    """
    document = _parse(data)
    if trust is None:
        verify_member_statement(document, origin=str(document["origin"]), verifiers=None)
        rest = (NO_TRUST, NO_WITNESSES, DECISION, COMPLETE, TOLD, *OF_ANY_STATEMENT)
        return StatementReport(document, False, (IN_THE_LOG, FIGURES), rest)
    _verify_log(document, trust)
    policy = trust.to_policy()
    asked = policy.quorum != NO_QUORUM
    checked = (SIGNED, *((QUORUM,) if asked else ()), IN_THE_LOG, FIGURES)
    rest = (*(() if asked else (NO_WITNESSES,)), DECISION, COMPLETE, TOLD, *OF_ANY_STATEMENT)
    return StatementReport(document, True, checked, rest)


def _verify_log(document: Mapping[str, Any], trust: Trust) -> None:
    """The log's identity, its signature, its witnesses, and then the statement under it."""
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
    verifiers = [verifier_of(log.key) for log in policy.logs]
    verify_member_statement(document, origin=trust.origin, verifiers=verifiers)


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
