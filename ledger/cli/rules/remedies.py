"""How to mend each kind of fault, in English and Japanese."""

from __future__ import annotations

from collections.abc import Mapping

from ledger.errors import Fault

# By the code of the fault. A fault that says more precisely what to do keeps its own English.
_REMEDIES: Mapping[str, tuple[str, str]] = {
    "shape": (
        "Write it in the form that `kyojo rules schema` describes.",
        "`kyojo rules schema` が示す形で書いてください。",
    ),
    "meaning": (
        "Change this place, or the one that it contradicts; docs/rules.md explains each field.",
        "この箇所か、矛盾する箇所を直してください。各項目は docs/rules.md にあります。",
    ),
    "missing": (
        "Add the field; `kyojo rules schema` lists what each kind needs.",
        "項目を加えてください。種類ごとの必須項目は `kyojo rules schema` にあります。",
    ),
    "unknown-field": (
        "Check the spelling; a field that nobody knows is refused, never ignored.",
        "綴りを確かめてください。知らない項目は無視せず拒否します。",
    ),
    "unknown-kind": (
        "Use one of the kinds that the message names.",
        "メッセージにある種類のいずれかを使ってください。",
    ),
    "unsupported": (
        "Do without it in this version; it is refused so that nobody signs a rule without effect.",
        "この版では使えません。効果のない規則に署名しないよう拒否しています。",
    ),
    "float": (
        'Write the number in quotes, such as "2.5", so that it stays exact.',
        '数を "2.5" のように引用符で囲み、正確な値にしてください。',
    ),
    "integer": (
        "Write a plain whole number, such as 1200.",
        "1200 のような整数で書いてください。",
    ),
    "ambiguous": (
        "Put the text in quotes, so that every reader takes it the same way.",
        "文字列は引用符で囲み、どの読み手にも同じに読めるようにしてください。",
    ),
    "alias": (
        "Write the value out where it is used.",
        "値を、使う箇所にそのまま書いてください。",
    ),
    "tag": ("Take the tag away.", "タグを取り除いてください。"),
    "duplicate": ("Keep one of the two.", "二つのうち一つだけを残してください。"),
    "unknown-name": (
        "Use a name that is registered, or register this one first.",
        "登録済みの名称を使うか、先に登録してください。",
    ),
    "unknown-member": (
        "Add the id to `members`, or correct it.",
        "`members` に加えるか、識別子を直してください。",
    ),
    "overlap": (
        "Give each version its own number and a later date than the one before.",
        "版ごとに固有の番号と、前の版より後の日付を付けてください。",
    ),
    "gap": (
        "Name the files of all versions, or number them without a gap.",
        "すべての版のファイルを示すか、番号を続けて付けてください。",
    ),
    "number": (
        'Write a whole number, or an exact text such as "2.5", "70%" or "1/3".',
        '整数か、"2.5"、"70%"、"1/3" のような正確な数を書いてください。',
    ),
    "negative": ("Write an amount of 0 or more.", "0 以上の金額を書いてください。"),
    "date": (
        "Write a day of the calendar, such as 2026-10-01.",
        "2026-10-01 のような暦の日付で書いてください。",
    ),
    "no-pool": (
        "Let a pool take this money, or leave it out of the inputs.",
        "この金額を受け取る原資を定めるか、入力から除いてください。",
    ),
    "no-step": (
        "Keep a step that recovers or carries this cost, or leave the amount out.",
        "この費用を補填する手順、または繰越を行う同名の手順を残すか、金額を除いてください。",
    ),
    "public-money": (
        "Give public money a pool of its own that says 'origin: public'.",
        "公的な資金（公助）には「origin: public」と記した別の原資を設けてください。",
    ),
    "pool-unused": (
        "Let a step use the pool, or leave it out; nothing is refused.",
        "この原資を使う手順を加えるか、原資を除いてください(拒否はしません)。",
    ),
    "pool-unfed": (
        "Put the step that feeds the pool first, unless last month's rest is meant.",
        "前月の残りを意図するのでなければ、原資に入れる手順を先に置いてください。",
    ),
}
_ELSE = (
    "Correct the input at the place named; docs/rules.md describes rules and inputs.",
    "示された箇所を直してください。規則と入力は docs/rules.md にあります。",
)


def remedy_of(fault: Fault) -> tuple[str, str]:
    """What to do about a fault, in English and Japanese."""
    en, ja = _REMEDIES.get(fault.code, _ELSE)
    return fault.remedy or en, ja
