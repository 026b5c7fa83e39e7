"""Check a member's part of a correction offline: the file, a trust file, and nothing else.

As ``ledger.audit.statement`` checks statements: the log's origin, genesis, signature and witnesses;
that the correction stands in the log; that the member's difference is among those that add up to
its sums; that what is payable adds up.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ledger import canonical
from ledger.audit.report import Remark
from ledger.audit.statement import (
    NO_TRUST,
    NO_WITNESSES,
    QUORUM,
    SIGNED,
    STATEMENT_BYTES_MAX,
    StatementReport,
    open_under_trust,
    payable_untold,
)
from ledger.audit.trust import Trust
from ledger.coop.correction_grounds import verify_member_correction
from ledger.errors import KyojoError, MalformedDocument, TooLarge
from ledger.log.policy import NO_QUORUM

IN_THE_LOG = Remark(
    "the proposed correction stands in the log, signed by its sender",
    "提案された訂正は、送信者の署名とともに台帳にあります",
)
DIFFERENCE = Remark(
    "your difference is among those that add up to the correction's sums",
    "あなたの差額は、訂正の総計に含まれます",
)
PAYABLE = Remark("what is payable adds up", "支払額の内訳は計算が合います")
APPROVED = Remark(
    "Whether the members approved the correction: verify the audit bundle for that.",
    "訂正が承認されたか: 監査束で検証してください。",
)
MONTHS = Remark(
    "From which months the difference comes: that is told, not proven month by month.",
    "どの月の差額か: 記載のとおりで、月ごとの証明はありません。",
)


def is_correction(data: bytes) -> bool:
    """Whether a file is a member's part of a correction rather than a statement of a month."""
    return b'"kyojo_member_correction"' in data[:STATEMENT_BYTES_MAX]


def verify_correction_file(data: bytes, trust: Trust | None) -> StatementReport:
    """Check the JSON of a member's part of a correction.

    Raises VerificationError for what does not hold, MalformedDocument for what is no such part.
    """
    document = _parse(data)
    part = document.get("payable")
    adds = (IN_THE_LOG, DIFFERENCE, *(() if part is None else (PAYABLE,)))
    told = (APPROVED, MONTHS, *(() if part is None else (payable_untold(part),)))
    if trust is None:
        verify_member_correction(document, origin=str(document["origin"]), verifiers=None)
        return StatementReport(document, False, adds, (NO_TRUST, NO_WITNESSES, *told))
    verifiers = open_under_trust(document, trust)
    verify_member_correction(document, origin=trust.origin, verifiers=verifiers)
    asked = trust.to_policy().quorum != NO_QUORUM
    checked = (SIGNED, *((QUORUM,) if asked else ()), *adds)
    return StatementReport(document, True, checked, told if asked else (NO_WITNESSES, *told))


def _parse(data: bytes) -> Mapping[str, Any]:
    if len(data) > STATEMENT_BYTES_MAX:
        raise TooLarge(f"a part of a correction has at most {STATEMENT_BYTES_MAX} bytes")
    what = "not a member's part of a correction"
    try:
        document = canonical.parse(data, what="the part of a correction")
    except KyojoError as error:
        raise MalformedDocument(f"{what}: {error.message}") from error
    if not isinstance(document, dict) or document.get("kyojo_member_correction") != 1:
        raise MalformedDocument(f"{what}: kyojo_member_correction must be 1")
    if not isinstance(document.get("origin"), str) or not isinstance(document.get("genesis"), str):
        raise MalformedDocument(f"{what}: origin and genesis are texts")
    return document
