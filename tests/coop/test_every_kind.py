"""For every kind of entry: it is accepted, and refused with one thing wrong. Then the charter."""

from __future__ import annotations

from dataclasses import replace

import pytest
from stages import ALL_CASES, admit, fork, stage

from ledger.coop.authority import KINDS, default_authority
from ledger.coop.signing import Seen, sign_charter
from ledger.coop.state import parse_state, state_document, state_hash
from ledger.coop.submission import Submission
from ledger.errors import (
    BadSignature,
    DuplicateId,
    InvalidInput,
    KyojoError,
    MalformedEntry,
    NotPermitted,
    OutOfRange,
    SequenceGap,
    StaleCheckpoint,
    WrongSigner,
)
from ledger.identity.signature import SigningKey
from ledger.log.merkle import root_hash
from tests.builder import FIRMS, World, charter, new_key, signing_key


def refusal(world: World, submission: Submission, error: type[KyojoError], code: str) -> KyojoError:
    """The refusal, after checking that it left nothing behind."""
    before = (world.state, len(world.entries), dict(world.blobs), len(world.rows))
    document = state_document(world.state)
    with pytest.raises(error) as caught:
        world.accept(submission)
    assert caught.value.code == code
    assert caught.value.message
    assert (world.state, len(world.entries), world.blobs, len(world.rows)) == before
    assert state_document(world.state) == document
    return caught.value


def test_every_kind_has_its_cases():
    assert ALL_CASES.keys() == KINDS.keys()


@pytest.fixture(params=list(ALL_CASES))
def kind(request) -> str:
    return request.param


@pytest.fixture
def case(kind):
    return ALL_CASES[kind]


@pytest.fixture
def world(case) -> World:
    return stage(case.stage)


def test_accepted(kind, case, world):
    before, size = world.state, world.state.size
    document = state_document(before)
    change = world.accept(case.submission(world, kind))
    assert change.state.size == size + 1
    assert change.member
    assert state_document(before) == document, "apply changed the state before"
    assert state_document(change.state) != document


def test_snapshot_is_read_back(kind, case, world):
    from ledger import canonical
    from ledger.coop.apply import apply
    from ledger.coop.envelope import parse_envelope

    before = canonical.encode(state_document(world.state))
    world.accept(case.submission(world, kind))
    data = canonical.encode(state_document(world.state))
    again = parse_state(data)
    assert again == world.state
    assert state_hash(again) == state_hash(world.state)
    from_snapshot = apply(parse_state(before), parse_envelope(world.entries[-1]), world).state
    assert state_hash(from_snapshot) == state_hash(world.state)


def test_wrong_role(kind, case, world):
    if case.wrong is None:
        assert {r for role in KINDS[kind].write for r in [role]} == {
            "member", "operator", "auditor", "municipality",
        }  # fmt: skip
        return
    submission = case.submission(world, kind, who=case.wrong, key=case.wrong)
    refusal(world, submission, NotPermitted, "not-permitted")


def test_strangers_key(kind, case, world):
    submission = case.submission(world, kind, key="stranger", sequence=0)
    refusal(world, submission, WrongSigner, "wrong-signer")


def test_signed_by_another_member(kind, case, world):
    good = case.submission(world, kind)
    other = case.submission(world, kind, key="town")
    forged = replace(good, draft=replace(good.draft, signature=other.draft.signature))
    refusal(world, forged, WrongSigner, "wrong-signer")


def test_revoked_key(kind, case, world):
    who = case.who
    body = {"member": who, "key": new_key(world, "second", who), "label": "second"}
    world.write(who, "key-added", body)
    late = case.submission(world, kind, sequence=world.sequence(who) + 1)
    world.write(who, "key-revoked", {"key": signing_key(who).address, "reason": "test"})
    refusal(world, late, WrongSigner, "wrong-signer")


def test_member_who_left(kind, case, world):
    late = case.submission(world, kind, sequence=world.sequence(case.who) + 1)
    if case.who == "office":
        admit(world, "deputy", "operator")
    world.write(case.who, "member-left", {"member": case.who, "reason": "test"})
    refusal(world, late, WrongSigner, "wrong-signer")


def test_replay_from_a_coop_with_another_origin(kind, case, world):
    other = replace(world.seen(), origin="ledger.example.jp/another")
    refusal(world, case.submission(world, kind, seen=other), WrongSigner, "wrong-signer")


def test_replay_from_a_coop_with_the_same_origin_and_another_genesis(kind, case, world):
    other = replace(world.seen(), genesis=b"\x01" * 32)
    refusal(world, case.submission(world, kind, seen=other), WrongSigner, "wrong-signer")


def test_stale_counter(kind, case, world):
    stale = case.submission(world, kind, sequence=world.sequence(case.who) - 1)
    error = refusal(world, stale, DuplicateId, "duplicate-id")
    assert error.details["expected"] == world.sequence(case.who)


def test_the_same_entry_twice(kind, case, world):
    submission = case.submission(world, kind)
    world.accept(submission)
    if kind == "member-left":
        refusal(world, submission, WrongSigner, "wrong-signer")
    else:
        refusal(world, submission, DuplicateId, "duplicate-id")


def test_gap_in_the_counter(kind, case, world):
    ahead = case.submission(world, kind, sequence=world.sequence(case.who) + 1)
    error = refusal(world, ahead, SequenceGap, "sequence-gap")
    assert error.details["expected"] == world.sequence(case.who)


def test_seen_beyond_the_end(kind, case, world):
    future = replace(world.seen(), size=world.state.size + 1)
    submission = case.submission(world, kind, seen=future)
    refusal(world, submission, StaleCheckpoint, "stale-checkpoint")


def test_seen_with_a_wrong_root(kind, case, world):
    fork_ = replace(world.seen(), root=b"\x01" * 32)
    submission = case.submission(world, kind, seen=fork_)
    refusal(world, submission, StaleCheckpoint, "stale-checkpoint")


def test_seen_long_ago_is_as_good(kind, case, world):
    old = replace(world.seen(), size=3, root=world.root(3))
    world.accept(case.submission(world, kind, seen=old))


def test_time_running_backwards(kind, case, world):
    submission = case.submission(world, kind)
    world.now = "2026-10-31T23:59:59.999Z"
    refusal(world, submission, OutOfRange, "out-of-range")


def test_body_changed_after_signing(kind, case, world):
    good = case.submission(world, kind)
    body = {**good.draft.body}
    name = {
        "decision": "comment",
        "usage-batch": "root",
        "settlement-proposed": "settlement",
        "correction-proposed": "correction",
    }.get(kind, next(iter(body)))
    body[name] = "ff" * 32 if isinstance(body[name], str) else {}
    forged = replace(good, draft=replace(good.draft, body=body), batch=None)
    before = world.state
    envelope_world = fork(world)
    with pytest.raises(WrongSigner):
        _apply(envelope_world, forged)
    assert world.state is before


def test_an_unknown_field(kind, case, world):
    made = case.submission(world, kind)
    if kind == "decision":
        forged = replace(made, draft=replace(made.draft, body={**made.draft.body, "x": 1}))
    else:
        forged = case.submission(world, kind, body={**made.draft.body, "colour": "red"})
    refusal(world, forged, MalformedEntry, "malformed-entry")


def test_an_empty_body(kind, case, world):
    made = case.submission(world, kind)
    forged = replace(made, draft=replace(made.draft, body={}), batch=None)
    with pytest.raises((InvalidInput, WrongSigner)):
        _apply(fork(world), forged)


def _apply(world: World, submission: Submission) -> None:
    """Without the checks at the door: what an auditor's fold does."""
    from ledger.coop.apply import apply
    from ledger.coop.envelope import Envelope

    world.blobs.update(submission.blobs)
    apply(world.state, Envelope(submission.draft, world.now), world)


def test_an_unknown_kind():
    world = stage("month")
    refusal(
        world, Submission(world.draft("office", "coffee", {})), MalformedEntry, "malformed-entry"
    )


# The charter.


def founding(world: World, **changes) -> Submission:
    terms = charter(**changes)
    keys = [signing_key(founder.id) for founder in terms.members]
    return Submission(sign_charter(terms, keys))


def test_the_charter_is_accepted():
    world = World()
    world.accept(founding(world))
    assert world.state.size == 1
    assert world.state.genesis == world.root(1).hex()
    assert set(world.state.members) == {"office", "town", "audit", *FIRMS}


def test_a_second_charter():
    world = stage("month")
    again = world.draft("office", "charter", founding(world).draft.body)
    refusal(world, Submission(again), MalformedEntry, "malformed-entry")


def test_another_kind_first():
    world = World()
    draft = world.draft("office", "period-closing", {"period": "2026-10"})
    refusal(world, Submission(draft), MalformedEntry, "malformed-entry")


def test_a_charter_that_a_founder_did_not_sign():
    terms = charter()
    keys = [signing_key(founder.id) for founder in terms.members]
    world = World()
    refusal(world, Submission(sign_charter(terms, keys[:-1])), WrongSigner, "wrong-signer")
    extra = [*keys, signing_key("stranger")]
    refusal(world, Submission(sign_charter(terms, extra)), WrongSigner, "wrong-signer")
    twice = [*keys, keys[-1]]
    refusal(world, Submission(sign_charter(terms, twice)), WrongSigner, "wrong-signer")


class _Impostor(SigningKey):
    """Signs with its own secret in another's name."""

    def __init__(self, secret: bytes, address: str) -> None:
        super().__init__(secret)
        self.address = address


def test_a_charter_signed_in_another_name():
    terms = charter()
    keys = [signing_key(founder.id) for founder in terms.members]
    keys[-1] = _Impostor(b"\x09" * 32, keys[-1].address)
    world = World()
    refusal(world, Submission(sign_charter(terms, keys)), BadSignature, "bad-signature")


def _authority(**changes) -> dict:
    found = {name: right.model_dump() for name, right in default_authority().items()}
    for name, right in changes.items():
        if right is None:
            del found[name.replace("_", "-")]
        else:
            found[name.replace("_", "-")] = right
    return found


OFFICE = ["operator"]
FOUNDERS = charter().model_dump(mode="json")["members"]

BAD_CHARTERS = {
    "a right for no kind": (
        {"authority": _authority(coffee={"write": OFFICE, "approve": None})},
        MalformedEntry,
    ),
    "rule sets without approval": (
        {"authority": _authority(ruleset_proposed={"write": OFFICE, "approve": None})},
        MalformedEntry,
    ),
    "settlements without approval": (
        {"authority": _authority(settlement_proposed={"write": OFFICE, "approve": None})},
        MalformedEntry,
    ),
    "approval of what cannot be voted on": (
        {
            "authority": _authority(
                period_closed={"write": OFFICE, "approve": {"roles": OFFICE, "threshold": "1"}}
            )
        },
        MalformedEntry,
    ),
    "more approvals than voters": (
        {
            "authority": _authority(
                ruleset_proposed={
                    "write": OFFICE, "approve": {"roles": ["member"], "threshold": "3/2"},
                }
            )
        },
        MalformedEntry,
    ),
    "a member twice": ({"members": [*FOUNDERS, FOUNDERS[0]]}, DuplicateId),
    "a reserved member": ({"members": [{**FOUNDERS[0], "id": "suspense"}]}, DuplicateId),
    "a key of two members": (
        {"members": [FOUNDERS[0], {**FOUNDERS[1], "keys": FOUNDERS[0]["keys"]}]},
        DuplicateId,
    ),
    "no such time zone": ({"time_zone": "Mars/Olympus"}, OutOfRange),
    "a folder of time zones": ({"time_zone": "America"}, OutOfRange),
    "a currency twice": (
        {"currencies": [{"code": "JPY", "digits": 0}, {"code": "JPY", "digits": 2}]},
        DuplicateId,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "error"), BAD_CHARTERS.values(), ids=BAD_CHARTERS.keys())
def test_a_charter_that_makes_no_sense(changes, error):
    world = World()
    refusal(world, founding(world, **changes), error, error.code)


def test_a_metric_of_two_units():
    terms = charter().model_dump(mode="json")["vocabulary"]
    terms["metrics"].append({**terms["metrics"][0], "unit": "s"})
    world = World()
    refusal(world, founding(world, vocabulary=terms), DuplicateId, "duplicate-id")


def test_a_charter_whose_entry_names_another_origin():
    world = World()
    draft = founding(world).draft
    nothing = Seen("ledger.example.jp/another", bytes(32), 0, root_hash(()))
    from ledger.coop.signing import sign_entry

    forged = sign_entry(signing_key("office"), nothing, kind="charter", sequence=0, body=draft.body)
    refusal(world, Submission(forged), MalformedEntry, "malformed-entry")


@pytest.mark.parametrize("change", [{"sequence": 1}, {"seen_size": 1}, {"seen_root": bytes(32)}])
def test_entry_0_has_seen_nothing(change):
    world = World()
    draft = replace(founding(world).draft, **change)
    refusal(world, Submission(draft), MalformedEntry, "malformed-entry")


def test_a_stranger_submits_the_charter():
    world = World()
    draft = founding(world).draft
    stranger = replace(draft, actor=signing_key("stranger").address)
    refusal(world, Submission(stranger), WrongSigner, "wrong-signer")
    other = replace(draft, actor=signing_key("bus").address)
    refusal(world, Submission(other), WrongSigner, "wrong-signer")
