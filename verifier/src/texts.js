// What the page says, in both languages.

export const TEXTS = {
  en: {
    title: "Verify it yourself",
    intro: "Checks an audit bundle, a member statement or a proof of a kyojo ledger from " +
      "scratch, in your browser. Nothing leaves this device: the page cannot open any connection.",
    drop: "Choose files or drop them here",
    dropHelp: "A bundle, statement or proof; and, for a full verdict, the co-op's trust file. A " +
      "tlog-proof also needs the entry it is about.",
    private: "A bundle holds every record: open it only where you may. The page keeps nothing; " +
      "closing it forgets everything.",
    foreign: "This is a second program: it shares no code with the kyojo command. Where the two " +
      "disagree, trust neither, and report it.",
    remove: "Remove",
    running: "Verifying …",
    entries: "entries of",
    needsMain: "Add a bundle, a statement or a proof.",
    needsEntry: "Add the file with the bytes of the entry that this proof is about.",
    several: "Several files to verify: remove all but one.",
    needsTrust: "Without a trust file the page can only say whether the file fits together. Add " +
      "the trust file for a full verdict.",
    failed: "The page failed while verifying: this is a fault of the page, not a verdict.",
    kinds: {
      bundle: "audit bundle", statement: "member statement", proof: "tlog-proof",
      records: "record proof", trust: "trust file", other: "entry, or not recognised",
    },
    verdicts: {
      verified: ["Verified", "Nothing is wrong, and it is the log that your trust file names."],
      consistent: [
        "Consistent, no trust file",
        "Nothing is wrong in it, but without a trust file it may be anybody's invention.",
      ],
      refused: ["Not verified", "Something is wrong. Each finding is listed with its place."],
      unknown: [
        "Cannot verify", "It holds something that this page does not know. This is no verdict.",
      ],
    },
    findings: "What is wrong", more: "further findings are not listed",
    unknownTitle: "What this page does not know",
    facts: "What was read", notChecked: "What was not checked",
    names: {
      origin: "Log", genesis: "Genesis", size: "Entries", root: "Root", signedBy: "Signed by",
      records: "Records", files: "Files", span: "Received", periods: "Periods",
      settlements: "Settlements", corrections: "Corrections", disputes: "Disputes",
      anchors: "Anchors", member: "Member", period: "Period",
      net: "Net amount", payable: "Payable of the month",
      corrected: "Corrected later, posted with", batches: "Usage batches", index: "Entry",
      leaf: "Leaf hash",
      lines: "Records", time: "Time taken", stateHash: "State at the start",
      approval: "Approved with",
    },
    inBatches: "batches:", block: "block",
    paid: (money, members) => `${money} to members (${members})`,
    suspense: (money) => `, and ${money} held in suspense`,
    corrected: (raised, lowered) => `${raised} more and ${lowered} less to members`,
    undecided: ", not in effect",
    disputed: (period, member) => `${period}, by ${member}`,
    openUntil: (deadline) => `open, until ${deadline} at the latest`,
    ended: "ended",
    held: "; what it touches is held back",
    recordsBefore: (before, all) => `${before} of its ${all} records lie before this bundle`,
    restsOn: {
      "trusted-block": "rests on a block that your trust file names",
      "evidence-only": "evidence is consistent, its block is not one you named",
      nothing: "not shown",
    },
    status: {
      open: "open", closing: "closing", closed: "closed", proposed: "proposed",
      approved: "approved", settled: "settled", disputed: "disputed",
    },
  },
  ja: {
    title: "自分で検証する",
    intro: "kyojo の監査束・組合員の計算書・証明を、このブラウザの中だけで一から検証します。" +
      "データはこの端末から出ません。このページは一切の通信ができません。",
    drop: "ファイルを選ぶか、ここに置いてください",
    dropHelp: "監査束・計算書・証明のいずれか。完全な判定には組合の信頼ファイルも加えてください。" +
      "tlog-proof には対象のエントリーも必要です。",
    private: "監査束にはすべての利用記録が入っています。閲覧を許された場所でのみ開いてください。" +
      "このページは何も保存せず、閉じればすべて消えます。",
    foreign: "これは kyojo コマンドとコードを共有しない第二のプログラムです。両者の判定が食い違うときは、" +
      "どちらも信用せず、ご報告ください。",
    remove: "外す",
    running: "検証しています …",
    entries: "件目のエントリー / 全",
    needsMain: "監査束・計算書・証明のいずれかを加えてください。",
    needsEntry: "この証明の対象であるエントリーのファイルを加えてください。",
    several: "検証するファイルが複数あります。一つだけ残してください。",
    needsTrust: "信頼ファイルがないと、内部の整合性しか判定できません。完全な判定には信頼ファイルを" +
      "加えてください。",
    failed: "検証中にこのページ自体が失敗しました。これは判定ではなく、ページの不具合です。",
    kinds: {
      bundle: "監査束", statement: "組合員の計算書", proof: "tlog-proof(エントリーの証明)",
      records: "利用記録の証明", trust: "信頼ファイル", other: "エントリー、または不明",
    },
    verdicts: {
      verified: ["検証済み", "誤りはなく、信頼ファイルが示す記録です。"],
      consistent: [
        "内部整合のみ(信頼ファイルなし)",
        "誤りはありませんが、信頼ファイルがないため、誰かの作り物である可能性は残ります。",
      ],
      refused: ["検証できません", "誤りがあります。指摘と場所を以下に示します。"],
      unknown: ["判定できません", "このページの知らない内容が含まれています。これは判定ではありません。"],
    },
    findings: "指摘", more: "件の指摘は省略しました",
    unknownTitle: "このページの知らない内容",
    facts: "読み取った内容", notChecked: "確かめていないこと",
    names: {
      origin: "記録", genesis: "起点", size: "エントリー数", root: "根", signedBy: "署名者",
      records: "利用記録", files: "ファイル", span: "受付", periods: "期間", settlements: "精算",
      corrections: "訂正", disputes: "異議", anchors: "アンカー", member: "組合員", period: "期間",
      net: "差引額", payable: "この月の支払額", corrected: "後の訂正の計上月", batches: "送信束",
      index: "エントリー", leaf: "葉のハッシュ", lines: "利用記録", time: "所要時間",
      stateHash: "開始時の状態", approval: "承認した精算",
    },
    inBatches: "送信束:", block: "ブロック",
    paid: (money, members) => `組合員(${members})へ ${money}`,
    suspense: (money) => `、仮勘定に ${money}`,
    corrected: (raised, lowered) => `組合員へ ${raised} の追加と ${lowered} の減額`,
    undecided: "(未発効)",
    disputed: (period, member) => `${period}(${member})`,
    openUntil: (deadline) => `係属中(遅くとも ${deadline} まで)`,
    ended: "終了",
    held: "、対象額は留保中",
    recordsBefore: (before, all) => `利用記録 ${all} 件のうち ${before} 件はこの監査束より前`,
    restsOn: {
      "trusted-block": "信頼ファイルのブロックに基づきます",
      "evidence-only": "証拠は整合していますが、ブロックは未確認です",
      nothing: "示されていません",
    },
    status: {
      open: "受付中", closing: "締切準備", closed: "締切済み", proposed: "提案中",
      approved: "承認済み", settled: "精算済み", disputed: "異議申立て中",
    },
  },
};
