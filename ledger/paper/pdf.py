"""A statement as a PDF document, for printing and for those who file paper.

The same statement gives the same bytes; ``sheet`` has the faces and what a page is set with.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from reportlab.platypus import Flowable

from ledger.paper.reasons import Reason
from ledger.paper.sheet import Foot, Sheet, faces_with, set_pdf
from ledger.paper.speech import Language, Speech
from ledger.paper.statement_view import StatementView, statement_view
from ledger.paper.steps import Flow


def statement_pdf(
    statement: Mapping[str, Any],
    settlement: Mapping[str, Any],
    language: Language,
    font: Path | None = None,
) -> bytes:
    """The document of a member statement (``ledger.coop.grounds``), A4.

    Raises MalformedDocument if either is not what it should be, InvalidInput for an unusable font.
    """
    view = statement_view(statement, settlement, language)
    sheet = _StatementSheet(Speech(language), faces_with(font))
    foot = Foot(sheet.faces, f"{view.coop} · {view.month} · {view.member_id}")
    title = f"{view.month} {view.member}"
    return set_pdf(sheet.story(view), foot, title=title, author=view.coop)


class _StatementSheet(Sheet):
    """Sets a statement's texts, in one language."""

    def story(self, view: StatementView) -> Iterator[Flowable]:
        """The whole document, from top to bottom."""
        yield from self._head(view)
        yield from self._payable(view)
        yield from self._corrections(view)
        yield from self._flows(view)
        yield from self._amounts(view)
        for reason in view.reasons:
            yield from self._reason(reason)
        yield from self._usage(view)
        yield from self._check(view)

    def _head(self, view: StatementView) -> Iterator[Flowable]:
        say = self.say
        yield self.text(view.coop, 9, soft=True)
        yield self.text(say(f"{view.month}分 計算書", f"Statement for {view.month}"), 18, after=4)
        yield self.text(f"{view.member} ({view.member_id}) — {view.status}", 10)
        label, amount = say("お受け取り額", "Your amount"), view.net
        if view.payable is not None:
            label, amount = view.payable.label, view.payable.total
        yield self.text(f"{label}{say('：', ': ')}{amount}", 14, before=6)
        yield self.text(say("対象期間：", "Period: ") + view.bounds, 8.5, soft=True)

    def _payable(self, view: StatementView) -> Iterator[Flowable]:
        say, part = self.say, view.payable
        if part is None:
            return
        yield self.heading(say("支払額", "What is payable"))
        head = (say("内訳", "Item"), say("金額", "Amount"))
        rows = [(f"{row.label}\n{row.source}".rstrip(), row.amount) for row in part.rows]
        yield self.table([head, *rows, (part.label, part.total)], (0.7, 0.3), numbers=1)
        state = say(
            f"差引額のほかは、台帳 {part.size} 件の時点の状態によります。"
            f"状態のハッシュ：{part.state_hash}",
            f"All but the net is what the co-op’s state says at {part.size} entries of the log. "
            f"State hash: {part.state_hash}",
        )
        yield self.text(state, 7.5, soft=True)
        for limit in part.limits:
            yield self.text(f"・{limit}", 8, indent=8)

    def _corrections(self, view: StatementView) -> Iterator[Flowable]:
        say = self.say
        if not view.corrections:
            return
        yield self.heading(say("後から行われた訂正", "Corrected later"))
        head = (
            say("計上月", "Posted with"),
            say("訂正", "Correction"),
            say("この月の差額", "Change"),
        )
        rows = [(one.month, f"#{one.entry}\n{one.id}", one.amount) for one in view.corrections]
        yield self.table([head, *rows], (0.2, 0.56, 0.24), numbers=1)
        told = "The figures of this statement are those that were settled; they are not edited."
        told_ja = "この計算書の金額は精算時のもので、書き換えられません。"
        yield self.text(say(told_ja, told), 8, soft=True)

    def _flows(self, view: StatementView) -> Iterator[Flowable]:
        say = self.say
        yield self.heading(say("お金の流れ", "Where the month’s money went"))
        for flow in view.flows:
            yield from self._flow(flow)
        rules = f"{say('配分規則', 'Rule set')} {view.ruleset} {view.rule_hash}"
        yield self.text(rules, 7.5, soft=True)

    def _flow(self, flow: Flow) -> Iterator[Flowable]:
        say = self.say
        sources = f" ({flow.sources})" if flow.sources else ""
        pool = f"{say('原資', 'Pool')} {flow.pool}{say('：', ': ')}{flow.opening}{sources}"
        yield self.text(pool, 9, before=2, after=2)
        head = (
            *(say("段階", "Step"), say("行き先", "Goes to")),
            *(say("金額", "Amount"), say("残り", "Left")),
        )
        rows = [(f"{row.title}\n{row.purpose}", row.to, row.taken, row.left) for row in flow.rows]
        left = (say("翌月に残る額", "Stays in the pool for next month"), "", "", flow.left)
        yield self.table([head, *rows, left], (0.46, 0.18, 0.18, 0.18), numbers=2)

    def _amounts(self, view: StatementView) -> Iterator[Flowable]:
        say = self.say
        yield self.heading(say("この金額になった理由", "Why this amount?"))
        if not view.reasons:
            nothing = "Nothing of this month was divided to you."
            yield self.text(say("この月にあなたへの配分はありません。", nothing), 9)
            return
        head = (say("段階", "Step"), say("金額", "Amount"))
        rows = [(reason.title, reason.amount) for reason in view.reasons]
        total = (say("合計", "Your amount"), view.net)
        if view.payable is not None:
            total = (say("配分の差引額", "Net of the lines"), view.net)
        yield self.table([head, *rows, total], (0.7, 0.3), numbers=1)

    def _reason(self, reason: Reason) -> Iterator[Flowable]:
        say = self.say
        yield self.text(f"{reason.title} [{reason.step}] — {reason.amount}", 10.5, before=8)
        yield self.text(reason.purpose, 8.5, soft=True)
        yield self.item("1", say("分けるお金", "The money"), reason.pool)
        for note in reason.notes:
            yield self.text(note, 8, soft=True, indent=12)
        yield self.item("2", say("あなたの持分", "Your part of it"), "")
        yield from self._bases(reason)
        yield self.item("3", say("端数処理の前", "Before rounding"), reason.before)
        yield self.text(reason.arithmetic, 7.5, soft=True, indent=12)
        yield self.item("4", say("端数処理", "Rounding"), f"+{reason.extra}. {reason.rounding}")
        yield self.item("5", say("金額", "Your amount"), reason.amount)

    def _bases(self, reason: Reason) -> Iterator[Flowable]:
        say = self.say
        for basis in reason.bases:
            if reason.is_parted:
                of_step = say(f"この段階の {basis.fraction}", f"{basis.fraction} of this step")
                yield self.text(f"{basis.title} — {of_step}", 8.5, indent=12, before=2)
            for figure in basis.figures:
                entries = self._entries(figure.entries)
                yield self.text(f"{figure.name}: {figure.value}{entries}", 8.5, indent=18)
                for place in figure.places:
                    entries = self._entries(place.entries)
                    text = f"{place.facility}: {place.value}{entries}"
                    yield self.text(text, 8, indent=24, soft=True)
            sums = say(
                f"全体 {basis.weight_total} のうち {basis.weight} {basis.share}",
                f"{basis.weight} out of {basis.weight_total} in all {basis.share}",
            )
            yield self.text(sums, 8.5, indent=18)

    def _entries(self, indices: Sequence[int], most: int = 20) -> str:
        if not indices:
            return ""
        named = ", ".join(f"#{index}" for index in indices[:most])
        rest = len(indices) - most
        more = self.say(f"ほか{rest}件", f" and {rest} more") if rest > 0 else ""
        return f" ({self.say('台帳の記帳', 'ledger entries')} {named}{more})"

    def _usage(self, view: StatementView) -> Iterator[Flowable]:
        say = self.say
        yield self.heading(say("もとになった利用記録", "The usage behind it"))
        if not view.batches:
            nothing = "You submitted no usage for this month."
            yield self.text(say("この月の利用記録はありません。", nothing), 9)
            return
        count = view.batch_records
        signed = f"The signed totals of these batches ({count} records) are the usage above."
        signed_ja = f"次の送信束（利用記録 計{count}件）の署名済み合計が、上の利用量のもとです。"
        yield self.text(say(signed_ja, signed), 9, after=2)
        head = (
            *(say("記帳", "Entry"), say("受付", "Received")),
            *(say("記録数", "Records"), say("束の根", "Root of the batch")),
        )
        rows = [(f"#{one.index}", one.received, one.count, one.root) for one in view.batches]
        yield self.table([head, *rows], (0.09, 0.26, 0.1, 0.55), size=7)

    def _check(self, view: StatementView) -> Iterator[Flowable]:
        say, index = self.say, view.proposed_index
        yield self.heading(say("自分で確かめる", "Check it yourself"))
        how = (
            f"The settlement stands in entry #{index} of the log. The statement’s data (JSON) "
            "holds the proofs; this paper does not. Verify it with kyojo verify-statement or in "
            "the browser verifier: nobody has to be trusted."
        )
        how_ja = (
            f"この精算は、台帳の記帳 #{index} にあります。証明は計算書のデータ（JSON）にあり、"
            "この書面にはありません。kyojo verify-statement またはブラウザの検証器で、"
            "運営者を信用せずに検証できます。"
        )
        yield self.text(say(how_ja, how), 9, after=2)
        yield self.table(list(self._facts(view)), (0.24, 0.76), size=7, head=False)
        yield self.text(say("証明できないこと", "What this does not prove"), 9, before=4)
        for limit in view.limits:
            yield self.text(f"・{limit}", 8, indent=8)

    def _facts(self, view: StatementView) -> Iterator[tuple[str, str]]:
        say, checkpoint = self.say, view.checkpoint
        yield say("精算の識別子", "Settlement id"), view.settlement_id
        yield say("創設の記帳", "Genesis hash"), view.genesis
        yield say("台帳", "Log"), view.origin
        yield say("チェックポイント", "Checkpoint"), f"{checkpoint.size} {checkpoint.root.hex()}"
        for anchor in view.anchors:
            place = f"{anchor['chain_id']} / {anchor['contract']}"
            block = f"{anchor['block_number']} {anchor['transaction']}"
            yield say("アンカー", "Anchor"), f"{place}\n{block}"
