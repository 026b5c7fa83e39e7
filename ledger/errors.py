"""Every error that kyojo raises on purpose, in one tree.

::

    KyojoError
    ├─ InvalidInput        MalformedRecord MalformedBatch MalformedNote MalformedCheckpoint
    │                      MalformedProof MalformedRules MalformedEntry MalformedDocument
    │                      MalformedPaymentFile UnknownField OutOfRange HolidaysUnknown TooLarge
    ├─ Infeasible          NoWeights FloorsExceedPool CapsBelowPool GameIncomplete
    ├─ NotFound
    ├─ Conflict            DuplicateId PeriodClosed StaleCheckpoint SequenceGap AlreadyExported
    ├─ NotPermitted        QuorumMissing WrongSigner
    ├─ VerificationError   BadSignature NotIncluded NotConsistent AnchorMismatch SumMismatch
    │                      VaultMismatch
    ├─ Unavailable         ChainUnavailable StoreBusy          (the only retryable branch)
    └─ InvariantViolated   a bug of ours

Each class has a stable ``code`` that programs may match on, the offending values in
``details``, and a one-line remedy in English and Japanese. The domain knows nothing of HTTP or
exit codes: ``api/errors.py`` and ``ledger/cli`` hold those tables.

>>> error = SequenceGap("expected sequence 4, got 6", expected=4, got=6)
>>> error.code, error.details["expected"]
('sequence-gap', 4)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in an input: where it is, what it is, and how to mend it.

    ``where`` is a place that a person can find: ``line 17``, a JSON pointer such as
    ``/steps/0/rate``, or ``rules.yaml:12:5``.
    """

    where: str
    code: str
    message: str
    remedy: str = ""

    def as_dict(self) -> dict[str, str]:
        """The fault as a JSON object, in the shape used by problem documents and ``--json``."""
        found = {"where": self.where, "code": self.code, "message": self.message}
        return {**found, "remedy": self.remedy} if self.remedy else found


class KyojoError(Exception):
    """The root of the tree; raise one of its leaves.

    ``message`` says what happened and names the values. ``faults`` lists every fault found when
    an input was read to its end. Keyword arguments are kept as ``details``.
    """

    code: ClassVar[str] = "kyojo-error"
    remedy_en: ClassVar[str] = "Read the message; it names what was refused."
    remedy_ja: ClassVar[str] = "メッセージに示された箇所を確認してください。"

    def __init__(self, message: str, *, faults: tuple[Fault, ...] = (), **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.faults = faults
        self.details = details

    def as_fault(self, where: str) -> Fault:
        """This error as one fault of a larger input, found at ``where``."""
        return Fault(where, self.code, self.message, self.remedy_en)


class InvalidInput(KyojoError):
    """The input cannot be read as what it claims to be."""

    code = "invalid-input"
    remedy_en = "Correct the input at the place named and send it again."
    remedy_ja = "示された箇所を直して再送してください。"


class MalformedRecord(InvalidInput):
    """A usage record line does not have the form that FORMATS prescribes."""

    code = "malformed-record"


class MalformedBatch(InvalidInput):
    """A usage batch as a whole is wrong: its first line, count, root or totals."""

    code = "malformed-batch"


class MalformedNote(InvalidInput):
    """Bytes are not a C2SP signed note, verifier key or signature line."""

    code = "malformed-note"


class MalformedCheckpoint(InvalidInput):
    """A note's text is not a three-line C2SP checkpoint."""

    code = "malformed-checkpoint"


class MalformedProof(InvalidInput):
    """Bytes are not a proof in the format asked for."""

    code = "malformed-proof"


class MalformedRules(InvalidInput):
    """A rule set or its inputs are not what the rule language allows."""

    code = "malformed-rules"


class MalformedEntry(InvalidInput):
    """An entry's envelope or body does not have the form of its kind."""

    code = "malformed-entry"


class MalformedDocument(InvalidInput):
    """Bytes are not strict JSON, or not the canonical form of it (RFC 8785)."""

    code = "malformed-document"


class MalformedPaymentFile(InvalidInput):
    """Bytes are no payment file of a bank, or not one of the formats that are read."""

    code = "malformed-payment-file"
    remedy_en = "Take the file as the bank gave it; docs/payout-files.md says what is read."
    remedy_ja = "銀行から受け取ったままのファイルを使ってください（docs/payout-files.md）。"


class UnknownField(InvalidInput):
    """A field, metric, facility, member or kind that nobody declared."""

    code = "unknown-field"
    remedy_en = "Use a declared name; the co-op's vocabulary and registers list them."
    remedy_ja = "登録済みの名称を使ってください。語彙と台帳に一覧があります。"


class OutOfRange(InvalidInput):
    """A number, time or text lies outside its stated bounds."""

    code = "out-of-range"


class HolidaysUnknown(OutOfRange):
    """A day of payment lies beyond the years for which Japan's bank holidays are known."""

    code = "holidays-unknown"
    remedy_en = (
        "Get the Cabinet Office's table of national holidays (syukujitsu.csv) for that year and "
        'name it: holidays = ["syukujitsu.csv"] in [coops.NAME.payouts] of kyojo.toml, or '
        "--holidays FILE (docs/payout-files.md)."
    )
    remedy_ja = (
        "その年を含む内閣府の「国民の祝日」の表（syukujitsu.csv）を入手し、kyojo.toml の "
        '[coops.名前.payouts] に holidays = ["syukujitsu.csv"] と書くか、--holidays で指定して'
        "ください（docs/payout-files.md）。"
    )


class TooLarge(InvalidInput):
    """A line, batch, body or file exceeds its stated size limit."""

    code = "too-large"
    remedy_en = "Split the input; the limit is named in the message."
    remedy_ja = "上限を超えています。分割して送ってください。"


class Infeasible(KyojoError):
    """A rule set is well formed but has no answer for these inputs."""

    code = "infeasible"
    remedy_en = "Change the rule or supply the missing input."
    remedy_ja = "規則を改めるか、不足している入力を補ってください。"


class NoWeights(Infeasible):
    """Money is to be divided, but every weight is zero."""

    code = "no-weights"


class FloorsExceedPool(Infeasible):
    """The guaranteed minimums add up to more than there is."""

    code = "floors-exceed-pool"


class CapsBelowPool(Infeasible):
    """The caps leave money that nobody may receive."""

    code = "caps-below-pool"


class GameIncomplete(Infeasible):
    """A coalition game lacks the value of a coalition."""

    code = "game-incomplete"


class NotFound(KyojoError):
    """What was asked for is not in this ledger."""

    code = "not-found"
    remedy_en = "Check the name or number; list what exists first."
    remedy_ja = "名称または番号を確認してください。"


class Conflict(KyojoError):
    """The request contradicts what the ledger already holds."""

    code = "conflict"
    remedy_en = "Read the current state and build the request anew."
    remedy_ja = "現在の状態を読み直してから作り直してください。"


class DuplicateId(Conflict):
    """A record id, entry or proposal that exists already with other content."""

    code = "duplicate-id"
    remedy_en = "Use a new id; a correction is a reversal followed by a new record."
    remedy_ja = "新しい識別子を使ってください。訂正は取消と新規の組で行います。"


class PeriodClosed(Conflict):
    """The period does not take this entry in the state that it is in."""

    code = "period-closed"
    remedy_en = "Check the period's state; late usage is taken within the look-back limit only."
    remedy_ja = "期間の状態を確認してください。遅延分は遡及期限内のみ受け付けます。"


class StaleCheckpoint(Conflict):
    """A checkpoint or state that is no longer, or never was, the ledger's."""

    code = "stale-checkpoint"


class SequenceGap(Conflict):
    """A key's counter is not the next one."""

    code = "sequence-gap"
    remedy_en = "Send the sequence number named as expected; counters have no gaps."
    remedy_ja = "期待される連番を使ってください。連番に欠けは許されません。"


class AlreadyExported(Conflict):
    """An export that may happen only once has happened."""

    code = "already-exported"


class NotPermitted(KyojoError):
    """The signer or reader has no right to do this."""

    code = "not-permitted"
    remedy_en = "Have it done by somebody whose role allows it; the authority table lists them."
    remedy_ja = "権限を持つ者が行ってください。権限表に一覧があります。"


class QuorumMissing(NotPermitted):
    """Not enough approvals yet."""

    code = "quorum-missing"
    remedy_en = "Collect the missing approvals first."
    remedy_ja = "不足している承認を集めてください。"


class WrongSigner(NotPermitted):
    """The signature is not by the key that the entry names, or that key is not valid."""

    code = "wrong-signer"
    remedy_en = "Sign with the registered, unrevoked key named as actor, for this co-op."
    remedy_ja = "登録済みで有効な鍵により、この組合宛てに署名してください。"


class VerificationError(KyojoError):
    """Evidence does not show what it is said to show."""

    code = "verification-failed"
    remedy_en = "Do not rely on this evidence; ask its source for another copy and compare."
    remedy_ja = "この証拠に依拠しないでください。提供元に再発行を求めて照合してください。"


class BadSignature(VerificationError):
    """A signature does not verify under the key that it names."""

    code = "bad-signature"


class NotIncluded(VerificationError):
    """An inclusion proof does not lead to the root."""

    code = "not-included"


class NotConsistent(VerificationError):
    """Two tree heads are not shown to be of one append-only log."""

    code = "not-consistent"


class AnchorMismatch(VerificationError):
    """The chain says something else than the ledger."""

    code = "anchor-mismatch"


class VaultMismatch(VerificationError):
    """The settings, or the chain, have another vault than the log names."""

    code = "vault-mismatch"
    remedy_en = (
        "Set [coops.NAME.vault] to a vault that the log names (kyojo payout vaults), or have the "
        "members name another (kyojo payout name-vault)."
    )
    remedy_ja = (
        "[coops.NAME.vault] を台帳が指定する支払用コントラクト（kyojo payout vaults）に合わせるか、"
        "組合員の決議で別のものを指定してください（kyojo payout name-vault）。"
    )


class SumMismatch(VerificationError):
    """Figures do not add up to the total that was signed."""

    code = "sum-mismatch"


class Unavailable(KyojoError):
    """Something we depend on does not answer now; trying again may help."""

    code = "unavailable"
    remedy_en = "Try again later; nothing was changed unless the message says so."
    remedy_ja = "しばらくしてから再試行してください。"


class ChainUnavailable(Unavailable):
    """The chain node cannot be reached or does not answer sensibly."""

    code = "chain-unavailable"


class StoreBusy(Unavailable):
    """The database is busy or cannot be reached."""

    code = "store-busy"


class StoreDamaged(StoreBusy):
    """The database is damaged, or the file is no database."""

    code = "store-damaged"
    remedy_en = "Run `kyojo fsck`; docs/fsck.md says what each finding means and what to do."
    remedy_ja = "`kyojo fsck` を実行してください。対処は docs/fsck.md にあります。"


class ReadOnly(Unavailable):
    """This ledger signs nothing: its database is behind, or beside, what is known of it outside."""

    code = "read-only"
    remedy_en = "Bring back the missing entries (docs/restore.md); never sign a second history."
    remedy_ja = (
        "失われた項目を復元してください（docs/restore.md）。第二の履歴に署名してはなりません。"
    )


class InvariantViolated(KyojoError):
    """kyojo contradicts itself: a bug, and nothing was written."""

    code = "invariant-violated"
    remedy_en = "Please report this; the message names the invariant."
    remedy_ja = "不具合です。メッセージを添えて報告してください。"
