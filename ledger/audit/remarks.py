"""What an audit of a bundle does not show, said plainly with every verdict."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.audit.erasures import ErasureFacts
from ledger.audit.fold import Fold
from ledger.audit.report import AnchorFact, Remark, WitnessFact
from ledger.audit.start import Start
from ledger.audit.targets import Followed, followed_targets
from ledger.audit.trust import Trust
from ledger.log.policy import NO_QUORUM, parse_policy

CLOCK_SLACK_SECONDS = 900  # two honest clocks may differ; as with blocks

NO_TRUST = Remark(
    "No trust file was given: the bundle fits together, but nothing ties it to the co-op.",
    "信頼ファイルがないため、内部の整合性のみを確かめました。どの組合のものかは示されません。",
)
NO_WITNESSES = Remark(
    "No witness vouches for this checkpoint: the log could show others another history.",
    "証人の署名がないため、別の履歴が他者に示されていないことまでは分かりません。",
)
NO_ANCHORS = Remark(
    "No anchor is recorded: nothing outside the log bounds its clock or holds its head.",
    "アンカーの記録がないため、時刻や先頭を外部から裏づけるものがありません。",
)
NO_NODE = Remark(
    "No chain node was asked: whether the anchors' blocks are in the chain, and whether the "
    "contract has the expected code, was not looked up.",
    "チェーンのノードに照会していないため、ブロックの存在とコントラクトのコードは未確認です。",
)
END = Remark(
    "A bundle cannot show that no entry was added after its end.",
    "この監査束の後に追加されたエントリーがないことは示せません。",
)
TRUTH = Remark(
    "Whether the usage, revenue and costs that were reported took place, and whether all of it "
    "was reported, no log can show.",
    "報告された利用・収入・費用が実際にあったか、漏れがないかは、記録だけでは分かりません。",
)


def remarks_for(
    fold: Fold,
    trust: Trust | None,
    anchors: Sequence[AnchorFact],
    later: Sequence[int],
    *,
    has_node: bool,
) -> tuple[Remark, ...]:
    """The limits of this very audit; ``later`` are sizes that a contract holds beyond the end."""
    found = [] if trust is not None else [NO_TRUST]
    if fold.start is not None:
        found += _before(fold, fold.start)
    if fold.first_refused is not None:
        found.append(_after(fold.first_refused))
    if fold.state.charter_changes:
        found.append(_changed(fold.state.charter_changes))
    if not _has_quorum(trust):
        found.append(NO_WITNESSES)
    if not anchors:
        found.append(NO_ANCHORS)
    elif not has_node:
        found.append(NO_NODE)
    found += [_unproven(anchor) for anchor in anchors if anchor.rests_on == "evidence-only"]
    if trust is not None:
        found += [_followed(one) for one in followed_targets(fold.state, trust) if not one.known]
    found += [_later(size) for size in later] or [END]
    return (*found, TRUTH)


def remarks_on_lines(unchecked: Sequence[str]) -> tuple[Remark, ...]:
    """What is said of signature lines by keys (name and id) that the auditor does not know."""
    if not unchecked:
        return ()
    names = ", ".join(sorted(unchecked))
    remark = Remark(
        f"The checkpoint bears signatures by keys that you did not name; they count for nothing "
        f"here: {names}.",
        f"信頼ファイルにない鍵による署名は、判断に用いていません: {names}",
    )
    return (remark,)


def clock_remarks(witnesses: Sequence[WitnessFact]) -> tuple[Remark, ...]:
    """What is said where a witness's clock contradicts the log's: nobody knows which is right."""
    return tuple(_clocks(one) for one in witnesses if one.lag_seconds < -CLOCK_SLACK_SECONDS)


def _clocks(found: WitnessFact) -> Remark:
    return Remark(
        f"The witness {found.witness} had seen the first {found.size:,} entries at {found.time}, "
        f"but the last of them says that it was received at {found.last_received_at}: the log's "
        "clock was ahead, or the witness's behind.",
        f"証人 {found.witness} は先頭 {found.size:,} 件を {found.time} に確認していますが、最後の"
        f"エントリーの受付時刻は {found.last_received_at} です。台帳の時計が進んでいたか、"
        "証人の時計が遅れています。",
    )


def erasure_remarks(found: ErasureFacts) -> tuple[Remark, ...]:
    """What erasures leave to trust, and whether this bundle still holds what was erased."""
    remarks = [_erased(found.erased)] if found.erased else []
    if found.held:
        remarks.append(_held(found.held))
    return tuple(remarks)


def _erased(count: int) -> Remark:
    return Remark(
        f"{count:,} record(s) were erased: their leaves stand in the signed roots, but their "
        "figures rest on the totals that were signed with their batches, and their ids and "
        "reversals cannot be compared any more.",
        f"利用記録 {count:,} 件が消去されています。葉は署名された根に残りますが、数量は送信束の"
        "署名済み合計に拠り、識別子と取消は照合できません。",
    )


def _held(count: int) -> Remark:
    return Remark(
        f"This bundle still holds {count:,} record(s) that the log erases: whoever made it had not "
        "destroyed them.",
        f"消去されたはずの利用記録 {count:,} 件がこの監査束に残っています。"
        "作成元で消去されていません。",
    )


def _has_quorum(trust: Trust | None) -> bool:
    if trust is None or trust.policy is None:
        return False
    return parse_policy(trust.policy.encode()).quorum != NO_QUORUM


def _before(fold: Fold, start: Start) -> list[Remark]:
    """What a slice leaves out."""
    size = start.before.size
    found = [
        Remark(
            f"Entries before {size:,} are not in this bundle: signatures and records there were "
            "not looked at. What lies before rests on the state hash that the co-op's own quorum "
            "approved with a settlement; compare who approved it with whom you know.",
            f"エントリー {size:,} より前はこの監査束になく、署名と利用記録は確認していません。"
            "それ以前の内容は、組合自身が精算とともに承認した状態ハッシュに拠ります。承認者が"
            "既知の組合員かどうかを確かめてください。",
        )
    ]
    partly = [name for name in fold.state.periods if start.has_usage(name)
              and start.state.periods[name].status != "settled"]  # fmt: skip
    if partly:
        names = ", ".join(partly)
        found.append(
            Remark(
                f"Of {names} some or all records lie before entry {size:,}: their figures stand by "
                "the signed totals, and ids were compared within this bundle only.",
                f"{names} の利用記録の一部または全部はエントリー {size:,} より前にあります。数量は"
                "署名済み合計に拠り、識別子の照合はこの監査束の中だけで行いました。",
            )
        )
    unknown = fold.records.unknown_originals
    if unknown:
        found.append(
            Remark(
                f"{unknown:,} reversal(s) take back records that lie before this bundle; they were "
                "not compared.",
                f"取消 {unknown:,} 件の元の記録はこの監査束より前にあり、照合していません。",
            )
        )
    return found


def _after(index: int) -> Remark:
    return Remark(
        f"Entry {index} was refused; what depends on it could not be judged on its own.",
        f"エントリー {index} が拒否されたため、それに依存する内容は単独では判断できません。",
    )


def _changed(entries: Sequence[int]) -> Remark:
    """The genesis hash that one trusts is of a charter that has been changed since."""
    named = ", ".join(map(str, entries))
    return Remark(
        f"The charter is not as it was founded: the co-op changed it by the votes of the entries "
        f"{named}, whose words say what; everything after each was judged by the charter then in "
        "force.",
        f"規約は設立時のままではありません。エントリー {named} の決定により変更され、以後の内容は"
        "その時点の規約で判断しています。変更の内容は決定の文にあります。",
    )


def _unproven(anchor: AnchorFact) -> Remark:
    return Remark(
        f"The anchor of entry {anchor.entry}: its evidence is consistent, but its block hash "
        f"(block {anchor.block_number} of chain {anchor.chain_id}) is not one you trust.",
        f"エントリー {anchor.entry} のアンカー: 証拠は整合していますが、ブロック "
        f"{anchor.block_number}(チェーン {anchor.chain_id})のハッシュは未確認です。",
    )


def _followed(found: Followed) -> Remark:
    """A contract that only the log's own decision leads to."""
    new, old = found.target, found.previous
    before = f"{old.contract} on chain {old.chain_id}" if old else "nothing"
    earlier = f"{old.contract}（チェーン {old.chain_id}）" if old else "なし"
    return Remark(
        f"Your trust file does not name the contract {new.contract} on chain {new.chain_id}: the "
        f"members decided in entry {found.index} that it follows {before}.",
        f"信頼ファイルにないコントラクト {new.contract}（チェーン {new.chain_id}）は、エントリー "
        f"{found.index} の決定により {earlier} を引き継いだものです。",
    )


def _later(size: int) -> Remark:
    return Remark(
        f"The contract holds a head of {size} entries: the log goes on after this bundle's end.",
        f"コントラクトには {size} 件の先頭が記録されており、この監査束の後にも続きがあります。",
    )
