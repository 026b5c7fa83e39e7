"""How far the log, or one entry of it, is shown: signed, witnessed, anchored, final; in words."""

from __future__ import annotations

from collections.abc import Iterator

from ledger.paper.speech import Speech
from ledger.service.shown import Shown, covering_state

_STATES = {
    "none": ("未アンカー", "not anchored yet"),
    "queued": ("送信待ち", "queued"),
    "sent": ("送信済み", "sent"),
    "mined": ("ブロックに収録", "mined"),
    "safe": ("安全", "safe"),
    "final": ("確定", "final"),
    "reorged": ("チェーンの再編で取り消し", "taken back by a reorganisation of the chain"),
    "replaced": ("置き換え済み", "replaced"),
}


def log_lines(say: Speech, found: Shown) -> Iterator[str]:
    """Four claims, each with what it rests on; none stands for another."""
    signed = say.number(found.size)
    yield say(f"署名済み：{signed}件（台帳の鍵）", f"Signed by the log's key: {signed} entries")
    if found.witnessed_size is None:
        yield say("証人：定足数の連署なし", "Witnessed: no quorum of witnesses has cosigned")
    else:
        count = say.number(found.witnessed_size)
        yield say(f"証人の定足数が連署：{count}件", f"Witnessed by the quorum: {count} entries")
    for target in found.targets:
        chain, final = target.chain_id, say.number(target.final_size)
        if target.newest is not None and target.newest.size > target.final_size:
            size, state = say.number(target.newest.size), target.newest.state
            yield say(f"チェーン{chain}へ送信中：{size}件（{state}）",
                      f"On its way to chain {chain}: {size} entries ({state})")  # fmt: skip
        yield say(f"チェーン{chain}で確定：{final}件", f"Final on chain {chain}: {final} entries")


def entry_lines(say: Speech, found: Shown, index: int) -> Iterator[str]:
    """The same four claims about one entry."""
    if found.witnessed_size is not None and index < found.witnessed_size:
        yield say("証人の定足数が連署済み", "Witnessed by the quorum")
    else:
        yield say("証人：まだ定足数の連署なし", "Not witnessed by a quorum yet")
    for target in found.targets:
        state = covering_state(target, index)
        words = say(*_STATES.get(state, (state, state)))
        yield say(f"チェーン{target.chain_id}：{words}", f"On chain {target.chain_id}: {words}")
