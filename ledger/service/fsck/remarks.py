"""What a check of the database does not show, said with every report."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.audit.report import Remark
from ledger.service.fsck.fold import Fold
from ledger.service.fsck.head import Wanted
from ledger.service.fsck.report import OutsideHead
from ledger.store.tables import metadata

# The tables whose rows are compared; of any other it is said that they are not.
COMPARED = frozenset(
    {
        "batches", "blobs", "cosignatures", "cosigned_heads", "entries",
        "key_changes", "logs", "nonces", "outbox", "record_ids",
        "snapshots", "tiles", "tokens", "totals", "witnesses",
    }
)  # fmt: skip

NO_TRUST = Remark(
    "No trust file was given: which keys are the log's was taken from this installation alone.",
    "信頼ファイルがないため、記録の鍵はこのシステム自身の情報によります。",
)
NO_NODE = Remark(
    "No chain node was asked: neither the contract's head nor the anchors' blocks were looked up.",
    "チェーンのノードに照会していないため、コントラクトの先頭とブロックは未確認です。",
)
NOBODY = Remark(
    "Nobody outside vouches for any part of this log: whoever has its key could have written it.",
    "外部で裏づける者がいないため、鍵を持つ者が全体を書き換えた可能性を否定できません。",
)
SESSIONS = Remark(
    "Of token hashes, their times and the outbox's notes only the form can be checked: "
    "they stand nowhere else.",
    "トークンのハッシュとその時刻、送信控えの覚え書きは、形式のみを確かめました。",
)


def remarks_for(
    fold: Fold, wanted: Wanted, heads: Sequence[OutsideHead], *, has_node: bool
) -> tuple[Remark, ...]:
    """The limits of this very check."""
    found = [] if wanted.trust is not None or wanted.policy is not None else [NO_TRUST]
    if not has_node:
        found.append(NO_NODE)
    if not any(head.rests_on != "record" for head in heads):
        found.append(NOBODY)
    if fold.first_passed is not None:
        found.append(_after(fold.first_passed))
    found += [_not_compared(name) for name in sorted(metadata.tables.keys() - COMPARED)]
    return (*found, SESSIONS)


def _not_compared(table: str) -> Remark:
    return Remark(
        f"The rows of the table {table} were not compared with anything.",
        f"表 {table} の行は照合していません。",
    )


def _after(index: int) -> Remark:
    return Remark(
        f"Entry {index} could not be applied: totals, snapshots and index columns that depend on "
        "it were compared as if it had said nothing.",
        f"エントリー {index} を適用できないため、それに依存する合計や索引は、ないものとして"
        "比べました。",
    )
