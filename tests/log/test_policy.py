"""Trust policies: what they may say, and which checkpoints they let pass."""

import contextlib
import dataclasses
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import BadSignature, MalformedCheckpoint, MalformedDocument, MalformedNote
from ledger.log import checkpoint, key, merkle, note, policy
from ledger.log.checkpoint import Checkpoint
from ledger.log.cosignature import CosignatureSigner
from ledger.log.key import KeyType, SigningKey
from ledger.log.note import Ed25519Signer
from ledger.log.policy import Group, open_cosigned, parse_policy

ORIGIN = "log.example/coop"
HEAD = Checkpoint(ORIGIN, 7, merkle.leaf_hash(b"root"))
TEXT = checkpoint.format_checkpoint(HEAD)


def log_key(seed=1, name=ORIGIN, key_type=KeyType.ED25519):
    return SigningKey(name, key_type, bytes([seed] * 32))


def witness_key(seed, key_type=KeyType.ED25519_COSIGNATURE):
    return SigningKey(f"witness{seed}.example", key_type, bytes([seed] * 32))


def vkey(signing_key):
    return key.format_vkey(signing_key.verifier_key)


LOG = f"log {vkey(log_key())} https://log.example/\n"
WITNESSES = {f"W{n}": witness_key(n) for n in range(10, 16)}
LINES = {name: f"witness {name} {vkey(signing)}\n" for name, signing in WITNESSES.items()}


def policy_of(text):
    return parse_policy(text.encode())


def signed(*witnesses, log=None):
    """The checkpoint, signed by the log and cosigned by the named witnesses."""
    data = checkpoint.sign_checkpoint(HEAD, [Ed25519Signer(log or log_key())])
    signers = [CosignatureSigner(WITNESSES[name], 1_700_000_000) for name in witnesses]
    return note.add_signatures(data, [note.sign_text(TEXT, signer) for signer in signers])


TWO_LEVELS = (
    LOG
    + "".join(LINES.values())
    + "group X 2 W10 W11 W12\n"
    + "group Y any W13 W14 W15\n"
    + "group Both all X Y\n"
    + "quorum Both\n"
)


# Reading.


def test_a_policy_of_two_levels():
    read = policy_of(TWO_LEVELS)
    assert [(log.key, log.url) for log in read.logs] == [
        (log_key().verifier_key, "https://log.example/")
    ]
    assert [w.name for w in read.witnesses] == list(WITNESSES)
    assert [w.key for w in read.witnesses] == [w.verifier_key for w in WITNESSES.values()]
    assert {w.url for w in read.witnesses} == {None}
    assert read.groups == (
        Group("X", 2, ("W10", "W11", "W12")),
        Group("Y", 1, ("W13", "W14", "W15")),
        Group("Both", 2, ("X", "Y")),
    )
    assert read.quorum == "Both"


@pytest.mark.parametrize("text", [TWO_LEVELS, LOG + "quorum none\n"])
def test_a_written_policy_is_read_as_it_was(text):
    found = policy_of(text)
    assert parse_policy(policy.format_policy(found)) == found


@pytest.mark.parametrize("change", [{"quorum": "nobody"}, {"quorum": "W10 W11"}, {"logs": "url"}])
def test_parts_that_are_no_policy_are_not_written(change):
    found = policy_of(TWO_LEVELS)
    if "logs" in change:
        change = {"logs": (dataclasses.replace(found.logs[0], url=""),)}
    with pytest.raises(MalformedDocument):
        policy.format_policy(dataclasses.replace(found, **change))


def test_space_and_comments_mean_nothing():
    spaced = "\n# comment\n \t # another: 共助\n" + TWO_LEVELS.replace(" ", " \t ").replace(
        "\n", "  \n\n"
    )
    assert policy_of(spaced) == policy_of(TWO_LEVELS)


def test_the_smallest_policy():
    assert policy_of("quorum none\n") == policy.Policy((), (), (), "none")


def test_names_are_opaque_octets():
    line = LINES["W10"].encode()
    for name in (b"\xff\xfe", "ケルビン".encode(), b"\xe3\x80\x80"):
        read = parse_policy(line.replace(b"W10", name) + b"quorum " + name + b"\n")
        assert read.quorum.encode("utf-8", "surrogateescape") == name
        with pytest.raises(MalformedDocument):
            parse_policy(line.replace(b"W10", name) + b"quorum " + name[:-1] + b"\n")


def test_a_key_is_rotated_by_a_second_line():
    read = policy_of(LOG + f"log {vkey(log_key(2))}\nquorum none\n")
    assert [log.key.name for log in read.logs] == [ORIGIN, ORIGIN]


def test_thirty_two_of_everything():
    lines = [f"log {vkey(log_key(n, f'log{n}.example'))}\n" for n in range(1, 33)]
    lines += [f"witness w{n} {vkey(witness_key(n + 100))}\n" for n in range(1, 33)]
    lines += [f"group g{n} any w{n}\n" for n in range(1, 33)]
    assert len(policy_of("".join(lines) + "quorum g32\n").groups) == 32


def test_there_is_a_limit():
    lines = [f"log {vkey(log_key(n))}\n" for n in range(1, 102)]
    assert len(policy_of("".join(lines[:100]) + "quorum none\n").logs) == 100
    with pytest.raises(MalformedDocument, match="more than 100"):
        policy_of("".join(lines) + "quorum none\n")
    with pytest.raises(MalformedDocument, match="exceeds"):
        policy_of("#" * 1_000_000 + "\nquorum none\n")


def test_a_published_key_with_a_wrong_id_is_refused():
    ml_dsa = witness_key(9, KeyType.ML_DSA_44)
    right = f"witness w {vkey(ml_dsa)}\nquorum w\n"
    assert policy_of(right).quorum == "w"
    with pytest.raises(MalformedDocument, match=r"line 1.*has id"):
        policy_of(right.replace(ml_dsa.verifier_key.key_id.hex(), "5893dc2c"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "quorum none",
        "\n",
        LOG,
        "quorum none\nquorum none\n",
        "quorum\n",
        "quorum none none\n",
        "Quorum none\n",
        "quorum W10\n" + LINES["W10"],
        "quorum any\n",
        "quorum none\r\n",
        "quorum\vnone\n",
        "quorum\u00a0none\n",
        "quorum none\n\x7f\n",
        "quorum none\n# \x00\n",
        "log\nquorum none\n",
        LOG.replace("\n", " extra\n") + "quorum none\n",
        "log not-a-key\nquorum none\n",
        LOG + LOG + "quorum none\n",
        LOG + f"log {vkey(log_key(1, 'renamed.example'))}\nquorum none\n",
        f"log {vkey(witness_key(1))}\nquorum none\n",
        "witness W\nquorum none\n",
        "witness W10\nquorum none\n",
        f"witness W {vkey(log_key())}\nquorum none\n",
        f"witness none {vkey(witness_key(1))}\nquorum none\n",
        LINES["W10"] + LINES["W11"].replace("W11", "W10") + "quorum none\n",
        LINES["W10"] + LINES["W10"].replace("W10", "W11") + "quorum none\n",
        LOG + f"witness W {vkey(witness_key(1))}\nquorum none\n",
        LINES["W10"].replace("\n", " url extra\n") + "quorum none\n",
        LINES["W10"] + "group\nquorum none\n",
        LINES["W10"] + "group G any\nquorum none\n",
        LINES["W10"] + "group none any W10\nquorum none\n",
        LINES["W10"] + "group W10 any W10\nquorum none\n",
        LINES["W10"] + "group G any none\nquorum none\n",
        LINES["W10"] + "group G any G\nquorum none\n",
        LINES["W10"] + "group G any W11\nquorum none\n" + LINES["W11"],
        LINES["W10"] + "group G any W10 W10\nquorum none\n",
        LINES["W10"] + "group G any W10\ngroup H any W10\nquorum none\n",
        LINES["W10"] + "group G 0 W10\nquorum none\n",
        LINES["W10"] + "group G 2 W10\nquorum none\n",
        LINES["W10"] + "group G 01 W10\nquorum none\n",
        LINES["W10"] + "group G +1 W10\nquorum none\n",
        LINES["W10"] + "group G ANY W10\nquorum none\n",
        LINES["W10"] + "group G １ W10\nquorum none\n",
    ],
)
def test_what_is_no_policy_is_refused(text):
    with pytest.raises(MalformedDocument):
        policy_of(text)


# Deciding.


def test_every_set_of_cosigners_is_judged_by_the_rule():
    read = policy_of(TWO_LEVELS)
    for count in range(7):
        for names in itertools.combinations(WITNESSES, count):
            holds = len({"W10", "W11", "W12"} & set(names)) >= 2 and bool(
                {"W13", "W14", "W15"} & set(names)
            )
            keys = {(WITNESSES[n].name, WITNESSES[n].verifier_key.key_id) for n in names}
            if holds:
                policy.verify_quorum(read, keys)
            else:
                with pytest.raises(BadSignature, match="not reached"):
                    policy.verify_quorum(read, keys)


def test_a_checkpoint_with_its_quorum_opens():
    opened = open_cosigned(signed("W10", "W12", "W15"), origin=ORIGIN, policy=policy_of(TWO_LEVELS))
    assert opened.checkpoint == HEAD
    assert len(opened.note.signatures) == 4


def test_a_checkpoint_without_its_quorum_is_refused():
    with pytest.raises(BadSignature, match="quorum") as caught:
        open_cosigned(signed("W10", "W15"), origin=ORIGIN, policy=policy_of(TWO_LEVELS))
    assert caught.value.details["cosigners"] == ["W10", "W15"]


def test_a_repeated_cosignature_does_not_make_two():
    data = signed("W10", "W15")
    again = note.sign_text(TEXT, CosignatureSigner(WITNESSES["W10"], 1_700_000_001))
    with pytest.raises(BadSignature, match="quorum"):
        open_cosigned(
            note.add_signatures(data, [again]), origin=ORIGIN, policy=policy_of(TWO_LEVELS)
        )


def test_a_single_witness_and_no_witness():
    data = signed("W10")
    for quorum in ("W10", "none"):
        text = LOG + LINES["W10"] + LINES["W11"] + f"quorum {quorum}\n"
        assert open_cosigned(data, origin=ORIGIN, policy=policy_of(text)).checkpoint == HEAD
    with pytest.raises(BadSignature, match="quorum"):
        open_cosigned(data, origin=ORIGIN, policy=policy_of(LOG + LINES["W11"] + "quorum W11\n"))


def test_either_key_of_a_rotation_opens():
    read = policy_of(LOG + f"log {vkey(log_key(2))}\nquorum none\n")
    for seed in (1, 2):
        assert open_cosigned(signed(log=log_key(seed)), origin=ORIGIN, policy=read)
    with pytest.raises(BadSignature):
        open_cosigned(signed(log=log_key(3)), origin=ORIGIN, policy=read)


def test_an_ml_dsa_log_key_opens():
    ml_dsa = log_key(4, key_type=KeyType.ML_DSA_44)
    signers = [Ed25519Signer(log_key()), CosignatureSigner(ml_dsa, 1_700_000_000)]
    data = checkpoint.sign_checkpoint(HEAD, signers)
    read = policy_of(f"log {vkey(ml_dsa)}\nquorum none\n")
    assert open_cosigned(data, origin=ORIGIN, policy=read).checkpoint == HEAD


def test_a_log_that_the_policy_does_not_name_is_refused():
    with pytest.raises(BadSignature, match="knows no log"):
        open_cosigned(signed(), origin=ORIGIN, policy=policy_of("quorum none\n"))


def test_a_witness_with_the_name_of_the_log_is_not_the_log():
    impostor = SigningKey(ORIGIN, KeyType.ED25519_COSIGNATURE, bytes([7] * 32))
    data = note.sign_note(TEXT, [CosignatureSigner(impostor, 1_700_000_000)])
    read = policy_of(LOG + f"witness W {vkey(impostor)}\nquorum W\n")
    with pytest.raises(BadSignature, match="no signature by a known key"):
        open_cosigned(data, origin=ORIGIN, policy=read)


def test_a_wrong_cosignature_of_any_known_witness_is_refused():
    wrong = note.sign_text(
        TEXT.replace(b"7", b"8"), CosignatureSigner(WITNESSES["W13"], 1_700_000_000)
    )
    data = note.add_signatures(signed("W10"), [wrong])
    read = policy_of(LOG + LINES["W10"] + LINES["W13"] + "quorum W10\n")
    with pytest.raises(BadSignature, match="wrong"):
        open_cosigned(data, origin=ORIGIN, policy=read)


def test_what_is_no_note_or_no_checkpoint_is_refused():
    read = policy_of(LOG + "quorum none\n")
    with pytest.raises(MalformedNote):
        open_cosigned(b"", origin=ORIGIN, policy=read)
    data = note.sign_note(b"no checkpoint\n", [Ed25519Signer(log_key())])
    with pytest.raises(MalformedCheckpoint):
        open_cosigned(data, origin=ORIGIN, policy=read)


WORDS = ["log", "witness", "group", "quorum", "none", "any", "all", "1", "W10", "G", "#", "\t", ""]
TOKENS = st.sampled_from([*WORDS, vkey(log_key()), vkey(witness_key(10))])


@given(
    st.one_of(
        st.binary(),
        st.lists(st.lists(TOKENS, max_size=5).map(" ".join), max_size=6).map(
            lambda lines: "".join(f"{line}\n" for line in [*lines, "quorum none"]).encode()
        ),
    )
)
def test_reading_a_policy_fails_in_one_way_only(data):
    with contextlib.suppress(MalformedDocument):
        assert parse_policy(data).quorum
