"""The Japanese of the sentences that faults of rule sets and inputs are told in.

A sentence is written once, in English, where the fault is found. Here stands what it is in
Japanese, as in a catalogue of messages: ``@1``, ``@2`` … are the values, which are the same in
both. A test looks through the sources of the rule language and finds every sentence here.

>>> japanese("there is no pool 'net'")
"原資 'net' がありません"
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, partial
from typing import Final

_SENTENCES: Final = """\
the field is required
=> 必須の項目です
an integer is expected
=> 整数が必要です
text is expected
=> 文字列が必要です
true or false is expected
=> true か false が必要です
a list is expected
=> 一覧（リスト）が必要です
a mapping is expected
=> 名前と値の組（マッピング）が必要です
the field 'kind' is required
=> 項目 'kind' が必要です
at least one is needed
=> 少なくとも一つ必要です
unknown field @1
=> 知らない項目 @1 です
unknown step kind @1
=> 知らない手順の種類 @1 です
unknown key kind @1
=> 知らない配賦基準の種類 @1 です
@1 is @2, but must be @3
=> @1 は @2 ですが、@3 のいずれかでなければなりません
@1 is not a name allowed here
=> @1 はここで使えない名称です
Input should be greater than or equal to @1
=> @1 以上でなければなりません
Input should be less than or equal to @1
=> @1 以下でなければなりません
@1 of a @2 is not supported by this version
=> @2 の @1 はこの版では使えません
a rule set is a mapping of names to values
=> 配分規則は名前と値の組（マッピング）です
not readable as YAML: @1
=> YAML として読めません: @1
the text is not UTF-8
=> 文字コードが UTF-8 ではありません
the text is longer than @1 bytes
=> 文章が @1 バイトを超えています
the text holds no document
=> 文書がありません
a name in a mapping must be plain text
=> 項目の名前は文字列でなければなりません
YAML readers disagree about @1
=> @1 は YAML の読み手によって解釈が異なります
anchors and aliases are not allowed
=> アンカーとエイリアスは使えません
merge keys are not allowed
=> マージキー（<<）は使えません
the name @1 stands twice
=> 名前 @1 が二度現れます
the tag @1 is not allowed
=> タグ @1 は使えません
@1 is not a plain decimal integer within ±(2**53 − 1)
=> @1 は ±(2**53 − 1) 以内の十進整数ではありません
@1 would be read as a binary float, which is never exact
=> @1 は二進小数として読まれ、正確な値になりません
there is nothing between @1 and @2
=> @1 と @2 の間に数はありません
@1 is a binary float; write the number in quotes
=> @1 は二進小数です。数は引用符で囲んでください
@1 is not a number
=> @1 は数ではありません
@1 is not a number such as 5, 2.5, 70% or 1/3
=> @1 は 5、2.5、70%、1/3 のような数ではありません
@1 is not an integer as kyojo writes it
=> @1 は kyojo が書く形の整数ではありません
@1… is longer than @2 characters
=> @1… は @2 文字を超えています
@1 is negative
=> @1 は負の数です
@1 is more than 100 %
=> @1 は 100 % を超えています
@1 is not a member id
=> @1 は組合員の識別子ではありません
@1 is not a date like 2026-10-01
=> @1 は 2026-10-01 のような日付ではありません
@1 is not the number 1
=> @1 は数 1 ではありません
@1 is not an amount, a percentage or a map
=> @1 は金額でも百分率でもマッピングでもありません
@1 is neither whole minor units nor a percentage
=> @1 は最小通貨単位の整数でも百分率でもありません
@1 is a percentage, but @2
=> @1 は百分率ですが、測定値は与えられたまま比べます（例: 尺度 1000000 の 90 % は 900000）
a limit of something else is {of: …, times: 2}, of one of @1
=> 他のものに対する上限は {of: …, times: 2} と書き、対象は @1 のいずれかです
a limit or rate as a map is {percent: 5%, of: opening}
=> マッピングで書く上限や率は {percent: 5%, of: opening} です
@1; a limit of something else is {of: step.x, times: 5%}
=> 百分率の対象は手順の原資か 'opening' です。他は {of: step.x, times: 5%} と書きます
a token stands twice
=> 同じ語が二度現れます
half-even rounding needs an account: half_even_residual_to: fund.x
=> 偶数丸めには残りを受ける口座が必要です: half_even_residual_to: fund.x
the last token must be member_asc, member_desc or declared
=> 最後の語は member_asc、member_desc、declared のいずれかです
the method is @1, which leaves no residual
=> 方式 @1 では残りが生じません
@1 is not a time zone@2
=> @1 は時間帯ではありません
@1 stands twice
=> @1 が二度現れます
the step @1 stands twice
=> 手順 @1 が二度現れます
the part @1 stands twice
=> 部分 @1 が二度現れます
@1 already flows into the pool @2
=> @1 はすでに原資 @2 に入ります
@1 is metered, no money; the pool needs a 'unit', such as Wh
=> @1 は計量値で金額ではありません。原資に Wh などの 'unit' が必要です
@1 is money, but the pool holds @2
=> @1 は金額ですが、原資の単位は @2 です
only money has an origin, and the pool holds @1
=> 'origin' は金額だけのもので、この原資の単位は @1 です
there is no pool @1
=> 原資 @1 がありません
there is no pool @1 to pay into
=> 入れる先の原資 @1 がありません
@1 is a cost: members pay for it with 'kind: allocate, as: charge'
=> @1 は費用です。組合員の負担は 'kind: allocate, as: charge' と書きます
members are charged for a cost: 'source: cost.<id>'
=> 組合員が負担するのは費用です: 'source: cost.<id>'
no step @1 stands before this one
=> この手順より前に手順 @1 はありません
@1 holds money, but @2 holds @3
=> @1 は金額の口座ですが、@2 の単位は @3 です
the pool @1 is fed by a step, so it is declared with 'from: []'
=> 原資 @1 は手順から入るため 'from: []' と宣言します
@1 holds @2, but @3 @4
=> @1 の単位は @2 ですが、@3 の単位は @4 です
the source holds @1, which can only be allocated
=> 原資の単位は @1 で、配分（allocate）だけができます
projects are paid money, but the source holds @1
=> 事業に払うのは金額ですが、原資の単位は @1 です
what rounding leaves is @1, and @2 holds money
=> 端数の残りの単位は @1 ですが、@2 は金額の口座です
money of the pool @1 would come back to it
=> 原資 @1 の資金が同じ原資に戻ってしまいます
a quadratic key pays projects: it must be the only key of an allocate step
=> quadratic は事業に払います。allocate の唯一の基準でなければなりません
the cost @1 is already recovered by step @2
=> 費用 @1 はすでに手順 @2 が補填します
an input needs either 'metric' or 'kpi'
=> 入力には 'metric' か 'kpi' のどちらか一つが必要です
a kpi is read, not aggregated
=> kpi は読み取るもので、集計（agg）しません
a total's default is 0: who is not in it has nothing
=> 合計の default は 0 に限ります。載っていない者は 0 です
an allocation needs either 'key' or 'parts' or 'split'
=> allocate には 'key'、'parts'、'split' のいずれか一つが必要です
what the caps of a charge leave over stays in the cost
=> 負担の上限を超えた分は費用に残ります
a short rule of an allocation is for its floors; it has none
=> allocate の short_rule は下限のためのものですが、下限がありません
a split pays no members, so nothing is bounded
=> split は組合員に払わないため、上限も下限もありません
members are charged by a 'key' or 'parts', not by a split
=> 組合員の負担は 'key' か 'parts' によります。split は使えません
projects are paid, not charged
=> 事業は支払先であり、負担させられません
a quadratic key pays projects, which have no floor
=> quadratic は事業に払い、事業に下限はありません
the cap of a match is one value for all projects
=> 事業への上限は全事業に共通の一つの値です
the weights of the parts add up to 0
=> 部分の重みの合計が 0 です
bounds need a 'cap' or a 'floor'
=> bounds には 'cap' か 'floor' が必要です
a bound is given to @1, whom the key leaves out
=> 配賦基準に含まれない @1 に上限または下限があります
a floor is above its cap@1
=> 下限が上限を超えています@1
@1 members with a cap of @2 each cannot get everything; say what becomes of the rest with
  'overflow'
=> 組合員 @1 者で上限が各 @2 では全額を配れません。残りの扱いを 'overflow' で定めてください
@1; say what becomes of the rest with 'overflow'
=> この上限では全額を配れません。残りの扱いを 'overflow' で定めてください（@1）
the floors add up to @1 of the amount, more than all of it
=> 下限の合計が金額の @1 となり、全額を超えます
the floors are more than the limit of @1 leaves for them
=> 下限の合計が上限 @1 の残りを超えます
with @1 members: @2
=> 組合員 @1 者の場合: @2
@1 belongs to the method @2, not @3
=> @1 は方式 @2 のもので、@3 では使えません
a coefficient is given to somebody outside 'members'
=> 'members' にない者に係数があります
only one coefficient may be 'remaining'
=> 'remaining' にできる係数は一つだけです
the coefficients add up to @1, not to 1
=> 係数の合計が 1 ではなく @1 です
the mode @1 takes no coefficients
=> 方式 @1 に係数（coefficients）は使えません
the mode @1 needs coefficients
=> 方式 @1 には係数（coefficients）が必要です
the mode @1 @2 coefficients
=> 方式 @1 と係数（coefficients）の組合せが誤りです
the mode @1 takes no base
=> 方式 @1 に base は使えません
the mode @1 needs a base
=> 方式 @1 には base が必要です
the mode @1 @2 base
=> 方式 @1 と base の組合せが誤りです
a weight is given to somebody outside 'members'
=> 'members' にない者に重みがあります
nothing remains: the other weights add up to @1
=> 残りがありません。他の重みの合計は @1 です
only one weight may be 'remaining'
=> 'remaining' にできる重みは一つだけです
the weights add up to 0
=> 重みの合計が 0 です
the weights add up to @1, and strict demands 1
=> 重みの合計は @1 ですが、strict では 1 でなければなりません
a base divides everything; this one may leave a part over
=> base は全額を分けるものですが、この基準は一部を残すことがあります
a kpi has both 'min' and 'max', or neither
=> kpi には 'min' と 'max' の両方を書くか、どちらも書きません
the weights of the kpis add up to 0
=> kpi の重みの合計が 0 です
@1 is not above the minimum @2
=> @1 は最小値 @2 を超えていません
a quadratic key pays projects, not members
=> quadratic は事業に払うもので、組合員には払いません
every tier weighs 0
=> すべての段階の重みが 0 です
only the last tier has no 'upto'
=> 'upto' がないのは最後の段階だけです
the last tier has no end: leave 'upto' out
=> 最後の段階に終わりはありません。'upto' を除いてください
@1 is not above @2
=> @1 は @2 を超えていません
a short rule is for those who bore the cost, not for a 'key'
=> short_rule は費用を負担した者のためのもので、'key' とは併用できません
either 'pay: payers' or a 'key', not both
=> 'pay: payers' と 'key' は併用できません
the key may leave a part over, but a cost is paid back whole
=> この基準は一部を残すことがありますが、費用は全額を返します
a reserve needs either 'rate' or 'amount'
=> reserve には 'rate' か 'amount' のどちらか一つが必要です
nothing remains: the other parts add up to @1
=> 残りがありません。他の割合の合計は @1 です
only one target may take what is 'remaining'
=> 'remaining' を受ける先は一つだけです
the parts add up to @1, not to 1; one of them may be 'remaining'
=> 割合の合計が 1 ではなく @1 です。一つを 'remaining' にできます
the capital ratios add up to @1, not to 1
=> 出資の割合の合計が 1 ではなく @1 です
neither an estate nor a claim can be negative
=> 原資も請求も負にはなりません
@1 covers all claims, @2; a short rule has nothing to say
=> @1 で請求の合計 @2 をすべて払えるため、不足時の規則は働きません
a floor of @1 above its cap of @2
=> 下限 @1 が上限 @2 を超えています
a weight of @1 with a floor of @2; neither is negative
=> 重み @1 と下限 @2。どちらも負にはなりません
@1 is negative; divide its size, and turn the amounts round
=> @1 は負の数です。大きさを分け、符号を戻します
a list of projects is expected
=> 事業の一覧が必要です
a project is {cost}, or {}
=> 事業は {cost} か {} と書きます
a project with a cost costs at least 1
=> 費用のある事業の費用は 1 以上です
a vote is {voter, approve} or {voter, amounts}
=> 票は {voter, approve} か {voter, amounts} と書きます
ballots are {projects, votes}
=> 投票は {projects, votes} と書きます
there is no project @1
=> 事業 @1 がありません
votes are a list of at most @1
=> 票は @1 件までの一覧です
@1 approves twice
=> @1 が二度賛成しています
@1 cannot name a project: 1 to 64 of A-Z a-z 0-9 - _
=> @1 は事業の名前にできません（英数字と - _ で 1〜64 文字）
@1 is not an id of 1 to 128 characters without spaces
=> @1 は空白のない 1〜128 文字の識別子ではありません
@1 projects, at most @2
=> 事業が @1 件あります。@2 件までです
beside must be a list of ids
=> beside は識別子の一覧です
kyojo_inputs must be 1
=> kyojo_inputs は 1 でなければなりません
members must be a list of 1 to @1 ids
=> members は 1〜@1 件の識別子の一覧です
period must be {start, end}, both dates
=> period は {start, end} で、どちらも日付です
@1 is not before @2
=> @1 は @2 より前ではありません
@1 is not one of the members
=> @1 は組合員（members）にありません
a change of funding is {amount_minor, from}
=> 出資の増減は {amount_minor, from} と書きます
a list of changes has 1 to @1 rows
=> 増減の一覧は 1〜@1 行です
on @1 more is taken out than was put in: @2
=> @1 に、払い込まれた額を超えて引き出されています: @2
a game is {form: table | tree | scrb, …}
=> ゲームは {form: table | tree | scrb, …} と書きます
a game of form @1 has form, @2
=> 形式 @1 のゲームの項目は form, @2 です
a parent is the name of a node, or null
=> parent は節の名前か null です
a table has at most @1 players, this one @2
=> 表の参加者は @1 者までですが、@2 者います
an edge is {node, parent, cost}
=> 枝は {node, parent, cost} と書きます
edges are a list of at most @1
=> 枝は @1 件までの一覧です
the node @1 stands twice
=> 節 @1 が二度現れます
the way from @1 never comes to an edge without a parent
=> @1 からたどっても根の枝に着きません
there is no node @1
=> 節 @1 がありません
@1 has no @2 cost; write 0 if that is meant
=> @1 に @2 の費用がありません。0 ならば 0 と書いてください
@1 is not a name of 1 to 64 characters without spaces
=> @1 は空白のない 1〜64 文字の名前ではありません
a line of an invoice is {id, rate, net_minor}
=> 請求書の行は {id, rate, net_minor} と書きます
a list of at most @1 lines is expected
=> @1 行までの一覧が必要です
an invoice is {rounding, lines}
=> 請求書は {rounding, lines} と書きます
rounding is floor, half_up or ceil
=> rounding は floor、half_up、ceil のいずれかです
@1 is no rate in quotes, such as '10%'
=> @1 は '10%' のような引用符つきの税率ではありません
@1 is no text, or stands twice
=> @1 は文字列でないか、二度現れます
a reading is {value, scale}
=> 測定値は {value, scale} と書きます
a scale is at least 1, not @1
=> 尺度は 1 以上です。@1 にはできません
the readings of one kpi have one scale, these have @1
=> 一つの kpi の測定値の尺度は一つですが、@1 があります
charges are whole minor units
=> 計量された料金は最小通貨単位の整数です
origin is member, other or public
=> origin は member、other、public のいずれかです
revenue is an int or {amount_minor, origin}
=> 収入は整数か {amount_minor, origin} と書きます
the amounts do not add up to the carry of step @1
=> 金額の合計が手順 @1 の繰越と一致しません
@1 is metered as charges; the same money cannot be reported too
=> @1 は料金として計量されています。同じ金額を別に報告できません
an origin split off is other or public; the rest is members'
=> 分ける origin は other か public です。残りは組合員の分です
@1 of @2 are split off, its total is @3
=> @2 から @1 が分けられていますが、合計は @3 です
a matrix has at most @1 figures
=> 表の数値は @1 件までです
there are at most @1 payers
=> 支払者は @1 者までです
@1 is not a payer's id
=> @1 は支払者の識別子ではありません
an object is expected here
=> ここには項目の組（オブジェクト）が必要です
@1 is beyond ±(2**53 − 1); write it in quotes
=> @1 は ±(2**53 − 1) を超えています。引用符で囲んでください
@1 is not a whole number of minor units
=> @1 は最小通貨単位の整数ではありません
no step uses the pool @1: what comes into it stays there
=> 原資 @1 を使う手順がありません。入ったものはそこに残ります
@1 uses the pool @2, which only a later step feeds: it holds what a month before left
=> 手順 @1 が使う原資 @2 には後の手順からしか入りません。前月の残りだけがあります
@1 uses the pool @2, which nothing feeds: it holds what a month before left
=> 手順 @1 が使う原資 @2 には何も入りません。前月の残りだけがあります
@1 is not among the known @2: @3
=> @1 は登録（@2）にありません: @3
the time zone is @1, not @2
=> 時間帯は @2 ではなく @1 です
@1 is not among the currencies: @2
=> @1 は通貨の一覧にありません: @2
@1 has @2 digits, not @3
=> @1 の小数桁は @3 ではなく @2 です
"""


def japanese(sentence: str) -> str | None:
    """A fault's sentence in Japanese, with the same values; None for one that is not known."""
    for pattern, spoken in _catalogue():
        found = pattern.fullmatch(sentence)
        if found is not None:
            return re.sub(r"@(\d)", partial(_value, found), spoken)
    return None


def _value(found: re.Match[str], place: re.Match[str]) -> str:
    """The value for ``@1``, which may be a sentence itself."""
    value = found[int(place[1])]
    return japanese(value) or value


@cache
def _catalogue() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Patterns of the English sentences with their Japanese; those that say most come first."""
    rows = sorted(_rows(), key=lambda row: len(re.sub(r"@\d", "", row[0])), reverse=True)
    return tuple(
        (re.compile(re.sub(r"@\d", "(.*?)", re.escape(english)), re.DOTALL), spoken)
        for english, spoken in rows
    )


def _rows() -> Iterator[tuple[str, str]]:
    """The pairs; an indented line goes on where the one above it ends."""
    whole = _SENTENCES.replace("\n  ", " ")
    for pair in re.findall(r"(.+)\n=> (.+)\n", whole):
        yield pair[0], pair[1]
