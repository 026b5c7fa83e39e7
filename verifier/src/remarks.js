// What a verification does not show, said plainly with every verdict, in both languages.

import { hasUsageBefore } from "./start.js";
import { followedTargets } from "./successors.js";

export const REMARKS = {
  noTrust: {
    en: "No trust file was given: the bundle fits together, but nothing ties it to the co-op.",
    ja: "信頼ファイルがないため、内部の整合性のみを確かめました。どの組合のものかは示されません。",
  },
  noWitnesses: {
    en: "No witness vouches for this checkpoint: the log could show others another history.",
    ja: "証人の署名がないため、別の履歴が他者に示されていないことまでは分かりません。",
  },
  noAnchors: {
    en: "No anchor is recorded: nothing outside the log bounds its clock or holds its head.",
    ja: "アンカーの記録がないため、時刻や先頭を外部から裏づけるものがありません。",
  },
  noNode: {
    en: "This page asks no chain node: whether the anchors' blocks are in the chain, and whether " +
      "the contract has the expected code, was not looked up.",
    ja: "このページはチェーンのノードに照会しないため、ブロックの存在とコントラクトのコードは未確認です。",
  },
  end: {
    en: "A bundle cannot show that no entry was added after its end.",
    ja: "この監査束の後に追加されたエントリーがないことは示せません。",
  },
  truth: {
    en: "Whether the usage, revenue and costs that were reported took place, and whether all of " +
      "it was reported, no log can show.",
    ja: "報告された利用・収入・費用が実際にあったか、漏れがないかは、記録だけでは分かりません。",
  },
  statementComplete: {
    en: "Whether the usage batches in it are all that this member sent, the member itself knows.",
    ja: "この計算書の送信束がこの組合員の送ったすべてであるかは、本人だけが知っています。",
  },
  statementLabels: {
    en: "Labels, ranks, names and anchors in a statement are for reading; nothing is verified " +
      "from them.",
    ja: "計算書の名称・順位・アンカーは表示用であり、検証の根拠ではありません。",
  },
  statementRules: {
    en: "That the settlement follows from the rules and from everybody's totals is checked with " +
      "an audit bundle, not with a statement.",
    ja: "精算が規則と全員の合計から導かれることは、計算書ではなく監査束で検証します。",
  },
  noStatementTrust: {
    en: "No trust file was given: who signed the checkpoint was not checked.",
    ja: "信頼ファイルがないため、チェックポイントの署名者は確かめていません。",
  },
  proofMeaning: {
    en: "A proof shows that the entry stands in the log, not that the ledger's rules allowed it.",
    ja: "証明はエントリーが記録にあることを示します。規則に適うことは示しません。",
  },
  membership: {
    en: "Whether the key that signed a batch was a member's at that time, which other records " +
      "there are, and whether one of these was reversed later: the audit bundle shows that.",
    ja: "署名した鍵が当時の組合員のものか、他の記録の有無、後の取消しは、監査束で確かめます。",
  },
  extra: {
    en: "The proof's extra line is covered by no signature and was not looked at.",
    ja: "証明の extra 行は署名の対象外であり、確かめていません。",
  },
};

// What stands beside the net, of which this page sees no state.
export function payableRemark(part) {
  if (part === null) {
    return {
      en: "Whether all that is settled with this month is in the lines: repaid costs, " +
        "corrections, disputes and offsets stand in the state; compare with an audit bundle " +
        "(kyojo verify-statement --bundle).",
      ja: "配分の行のほかに、費用の補填・訂正・異議・相殺がないかは、監査束で確かめます" +
        "（kyojo verify-statement --bundle）。",
    };
  }
  return {
    en: "What is repaid, posted, held back and offset adds up with the net that is proved, but " +
      `was only said, of the state at ${part.size} entries with the hash ${part.state_hash}; ` +
      "compare with an audit bundle (kyojo verify-statement --bundle).",
    ja: "費用の補填・計上・保留・相殺の額は、証明された差引額と計算は合いますが、" +
      `台帳 ${part.size} 件の時点の状態（ハッシュ ${part.state_hash}）の記載であり、` +
      "監査束で確かめます（kyojo verify-statement --bundle）。",
  };
}

function refusedFrom(index) {
  return {
    en: `Entry ${index} was refused; what depends on it could not be judged on its own.`,
    ja: `エントリー ${index} が拒否されたため、それに依存する内容は単独では判断できません。`,
  };
}

// The genesis hash that one trusts is of a charter that has been changed since.
function changedCharter(entries) {
  const named = entries.join(", ");
  return {
    en: "The charter is not as it was founded: the co-op changed it by the votes of the entries " +
      `${named}, whose words say what; everything after each was judged by the charter then in ` +
      "force.",
    ja: `規約は設立時のままではありません。エントリー ${named} の決定により変更され、以後の内容は` +
      "その時点の規約で判断しています。変更の内容は決定の文にあります。",
  };
}

function unproven(anchor) {
  const { entry, block, chainId } = anchor;
  return {
    en: `The anchor of entry ${entry}: its evidence is consistent, but its block hash (block ` +
      `${block} of chain ${chainId}) is not one you trust.`,
    ja: `エントリー ${entry} のアンカー: 証拠は整合していますが、ブロック ${block}` +
      `(チェーン ${chainId})のハッシュは未確認です。`,
  };
}

// A contract that only the log's own decision leads to.
function followed({ index, contract, chain_id: chainId, previous }) {
  return {
    en: `Your trust file does not name the contract ${contract} on chain ${chainId}: the members ` +
      `decided in entry ${index} that it follows ${previous.contract} on chain ` +
      `${previous.chain_id}.`,
    ja: `信頼ファイルにないコントラクト ${contract}（チェーン ${chainId}）は、エントリー ${index} の決定に` +
      `より ${previous.contract}（チェーン ${previous.chain_id}）を引き継いだものです。`,
  };
}

export function hasQuorum(trust) {
  return trust !== null && trust.policy !== null && trust.policy.quorum !== "none";
}

// What a slice leaves out.
function before({ start, state, records }) {
  if (start === null) return [];
  const { size } = start.state;
  const found = [{
    en: `Entries before ${size} are not in this bundle: signatures and records there were not ` +
      "looked at. What lies before rests on the state hash that the co-op's own quorum approved " +
      "with a settlement; compare who approved it with whom you know.",
    ja: `エントリー ${size} より前はこの監査束になく、署名と利用記録は確認していません。それ以前の内容は、` +
      "組合自身が精算とともに承認した状態ハッシュに拠ります。承認者が既知の組合員かどうかを" +
      "確かめてください。",
  }];
  const isPartly = (id) =>
    hasUsageBefore(start, id) && start.state.periods.get(id).status !== "settled";
  const partly = [...state.periods.keys()].filter(isPartly).join(", ");
  if (partly) {
    found.push({
      en: `Of ${partly} some or all records lie before entry ${size}: their figures stand by the ` +
        "signed totals, and ids were compared within this bundle only.",
      ja: `${partly} の利用記録の一部または全部はエントリー ${size} より前にあります。数量は署名済み合計に` +
        "拠り、識別子の照合はこの監査束の中だけで行いました。",
    });
  }
  const unknown = records.unknownOriginals;
  if (unknown) {
    found.push({
      en: `${unknown} reversal(s) take back records that lie before this bundle; they were not ` +
        "compared.",
      ja: `取消 ${unknown} 件の元の記録はこの監査束より前にあり、照合していません。`,
    });
  }
  return found;
}

export function bundleRemarks(fold, trust, anchors) {
  const found = trust === null ? [REMARKS.noTrust] : [];
  found.push(...before(fold));
  if (fold.firstRefused !== null) found.push(refusedFrom(fold.firstRefused));
  const { charter_changes: changes } = fold.state;
  if (changes.length) found.push(changedCharter(changes));
  if (!hasQuorum(trust)) found.push(REMARKS.noWitnesses);
  found.push(anchors.length ? REMARKS.noNode : REMARKS.noAnchors);
  found.push(...anchors.filter((one) => one.restsOn === "evidence-only").map(unproven));
  found.push(...followedTargets(fold.state, trust).filter((one) => !one.known).map(followed));
  return [...found, REMARKS.end, REMARKS.truth];
}

// What erasures leave to trust, and whether the bundle still holds what was erased.
export function erasureRemarks({ erased, held }) {
  const found = [];
  if (erased) {
    found.push({
      en: `${erased} record(s) were erased: their leaves stand in the signed roots, but their ` +
        "figures rest on the totals that were signed with their batches, and their ids and " +
        "reversals cannot be compared any more.",
      ja: `利用記録 ${erased} 件が消去されています。葉は署名された根に残りますが、数量は送信束の` +
        "署名済み合計に拠り、識別子と取消は照合できません。",
    });
  }
  if (held) {
    found.push({
      en: `This bundle still holds ${held} record(s) that the log erases.`,
      ja: `消去されたはずの利用記録 ${held} 件がこの監査束に残っています。`,
    });
  }
  return found;
}

// What is said of signature lines by keys that the auditor does not know.
export function lineRemarks(unchecked) {
  if (!unchecked.length) return [];
  const names = [...unchecked].sort().join(", ");
  return [{
    en: "The checkpoint bears signatures by keys that you did not name; they count for nothing " +
      `here: ${names}.`,
    ja: `信頼ファイルにない鍵による署名は、判断に用いていません: ${names}`,
  }];
}
