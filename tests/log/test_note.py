"""Signed notes: the published one, every trap of the format, and what must not be trusted."""

import contextlib
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import BadSignature, MalformedNote
from ledger.log import key, note
from ledger.log.key import KeyType, SigningKey
from ledger.log.note import Ed25519Signer, Ed25519Verifier, Signature, UnverifiedNote
from tests.log.vectors import PETER_KEY, PETER_VKEY

PETER = Ed25519Verifier(key.parse_vkey(PETER_VKEY))
TEXT = b"""\
If you think cryptography is the answer to your problem,
then you don't know what your problem is.
"""
PETER_LINE = """\
— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6K\
E6RyyBwJnAM=
""".encode()
NOTE = TEXT + b"\n" + PETER_LINE


def signer(name, seed=1):
    return Ed25519Signer(SigningKey(name, KeyType.ED25519, bytes([seed] * 32)))


def verifier(name, seed=1):
    return Ed25519Verifier(signer(name, seed).key.verifier_key)


def lines(data):
    return data.split(b"\n\n")[-1].splitlines(keepends=True)


def test_the_published_note_is_made_byte_for_byte():
    peter = Ed25519Signer(key.parse_signing_key(PETER_KEY))
    assert note.sign_note(TEXT, [peter]) == NOTE


def test_the_published_note_opens():
    opened = note.open_note(NOTE, [PETER])
    assert opened.text == TEXT
    assert [s.name for s in opened.signatures] == ["PeterNeumann"]
    assert opened.ignored == ()


@pytest.mark.parametrize("place", range(len(NOTE)))
def test_no_changed_byte_of_the_published_note_opens(place):
    changed = NOTE[:place] + bytes([NOTE[place] ^ 1]) + NOTE[place + 1 :]
    with pytest.raises((MalformedNote, BadSignature)):
        note.open_note(changed, [PETER])


def test_the_last_empty_line_ends_the_text():
    text = b"first\n\n\xe2\x80\x94 fake AAAAAAA=\n\n\nlast\n\n"
    data = note.sign_note(text, [signer("a")])
    assert note.open_note(data, [verifier("a")]).text == text


def test_a_text_may_hold_other_line_ends_of_unicode():
    text = "a\u2028b\x85c\u2029\x7f\n".encode()
    assert note.open_note(note.sign_note(text, [signer("a")]), [verifier("a")]).text == text


def test_the_smallest_text_is_one_newline():
    assert note.open_note(note.sign_note(b"\n", [signer("a")]), [verifier("a")]).text == b"\n"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"\n\n",
        b"\n\n\n",
        TEXT,
        TEXT + b"\n",
        b"\n" + PETER_LINE,
        TEXT + PETER_LINE,
        NOTE[:-1],
        NOTE + b"\n",
        NOTE + b"\n\n",
        NOTE + b"x",
        NOTE + b"a line\n",
        TEXT + b"\na line\n" + PETER_LINE,
        NOTE.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf\x00" + NOTE,
        b"\t" + NOTE,
        b"\xff" + NOTE,
        b"\xed\xa0\x80" + NOTE,
        NOTE.replace("— ".encode(), b"- "),
        NOTE.replace("— ".encode(), "—".encode()),
        NOTE.replace("— ".encode(), "—  ".encode()),
        NOTE.replace(b"PeterNeumann ", b"PeterNeumann  "),
        NOTE.replace(b"PeterNeumann ", b"Peter Neumann "),
        NOTE.replace(b"PeterNeumann ", b"Peter+Neumann "),
        NOTE.replace(b"PeterNeumann ", "Peter\u00a0Neumann ".encode()),
        NOTE.replace(b"PeterNeumann ", b" "),
        NOTE.replace(b"nAM=\n", b"nAM= \n"),
        NOTE.replace(b"nAM=\n", b"nAM\n"),
        NOTE.replace(b"nAM=\n", b"nAN=\n"),
        NOTE.replace(b"nAM=\n", b"nA-=\n"),
        TEXT + "\n— PeterNeumann \n".encode(),
        TEXT + "\n— PeterNeumann AAAA\n".encode(),
        TEXT + "\n— PeterNeumann AAAAAA==\n".encode(),
    ],
)
def test_what_is_no_note_is_refused(data):
    with pytest.raises(MalformedNote):
        note.parse_note(data)
    with pytest.raises(MalformedNote):
        note.open_note(data, [PETER])


def test_limits():
    names = [f"signer{i}" for i in range(101)]
    data = note.sign_note(b"t\n", [signer(name) for name in names[:100]])
    assert len(note.open_note(data, [verifier("signer99")]).ignored) == 99
    with pytest.raises(MalformedNote, match="101 signatures"):
        note.sign_note(b"t\n", [signer(name) for name in names])
    with pytest.raises(MalformedNote, match="limit"):
        note.sign_note(b"x" * 1_000_000 + b"\n", [signer("a")])


@pytest.mark.parametrize("text", [b"", b"no newline", b"tab\t\n", b"\xff\n", b"cr\r\n"])
def test_what_cannot_be_signed(text):
    with pytest.raises(MalformedNote):
        note.sign_note(text, [signer("a")])
    with pytest.raises(MalformedNote):
        note.sign_text(text, signer("a"))


def test_a_note_needs_a_signature():
    with pytest.raises(MalformedNote):
        note.sign_note(TEXT, [])


# Whom to trust.


def test_unknown_keys_are_ignored_even_with_a_known_name_or_id():
    data = note.sign_note(TEXT, [signer("a", 1), signer("a", 2), signer("b", 1)])
    opened = note.open_note(data, [verifier("a", 1)])
    assert [s.key_id for s in opened.signatures] == [verifier("a", 1).key_id]
    assert [s.name for s in opened.ignored] == ["a", "b"]


@pytest.mark.parametrize("known", [[], [verifier("c")], [verifier("a", 3)], [verifier("b", 2)]])
def test_a_note_without_a_known_signature_is_refused(known):
    data = note.sign_note(TEXT, [signer("a", 1), signer("b", 1)])
    with pytest.raises(BadSignature, match="no signature by a known key"):
        note.open_note(data, known)


def test_one_wrong_signature_of_a_known_key_spoils_the_note():
    good, other = note.sign_note(TEXT, [signer("a")]), note.sign_note(b"other\n", [signer("b")])
    data = good + lines(other)[0]
    assert note.open_note(data, [verifier("a")]).text == TEXT
    for known in ([verifier("a"), verifier("b")], [verifier("b")]):
        with pytest.raises(BadSignature, match="wrong"):
            note.open_note(data, known)


def test_repeated_signatures_count_once():
    data = note.sign_note(TEXT, [signer("a")])
    assert len(note.open_note(data + lines(data)[0], [verifier("a")]).signatures) == 1


def test_a_repeated_signature_must_not_be_wrong():
    wrong = lines(note.sign_note(b"other\n", [signer("a")]))[0]
    with pytest.raises(BadSignature):
        note.open_note(note.sign_note(TEXT, [signer("a")]) + wrong, [verifier("a")])


def test_keys_that_cannot_be_told_apart_are_refused():
    @dataclass(frozen=True)
    class Impostor:
        name: str = "a"
        key_id: bytes = verifier("a").key_id

        def verify(self, text, value):
            raise AssertionError("never asked")

    data = note.sign_note(TEXT, [signer("a")])
    with pytest.raises(BadSignature, match="same key name and id"):
        note.open_note(data, [verifier("a"), Impostor()])


@pytest.mark.parametrize("key_type", [KeyType.ED25519_COSIGNATURE, KeyType.ML_DSA_44])
def test_only_plain_ed25519_keys_sign_plain_notes(key_type):
    other = SigningKey("a", key_type, bytes(32))
    with pytest.raises(MalformedNote):
        Ed25519Signer(other)
    with pytest.raises(MalformedNote):
        Ed25519Verifier(other.verifier_key)


# Adding signatures.


def test_signatures_are_added_behind_the_others_and_once():
    data = note.sign_note(TEXT, [signer("a")])
    new = note.sign_text(TEXT, signer("b"))
    twice = note.add_signatures(data, [new, new])
    assert (
        twice
        == note.add_signatures(twice, [new])
        == note.sign_note(TEXT, [signer("a"), signer("b")])
    )


def test_signature_lines_alone():
    (signature,) = note.parse_signatures(PETER_LINE)
    assert note.format_signature(signature) == PETER_LINE
    for bad in (b"", b"\n", PETER_LINE + b"\n", TEXT + b"\n" + PETER_LINE, b"x\n" + PETER_LINE):
        with pytest.raises(MalformedNote):
            note.parse_signatures(bad)


@pytest.mark.parametrize(
    "signature",
    [
        Signature("", b"abcd", b"x"),
        Signature("a b", b"abcd", b"x"),
        Signature("\ud800", b"abcd", b"x"),
        Signature("a", b"abc", b"xy"),
        Signature("a", b"abcd", b""),
    ],
)
def test_impossible_signatures_are_not_written(signature):
    with pytest.raises(MalformedNote):
        note.format_note(UnverifiedNote(TEXT, (signature,)))


# Properties.

TEXTS = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]) | st.just("\n")).map(
    lambda text: f"{text}\n".encode()
)
SIGNATURES = st.builds(
    Signature,
    st.sampled_from(["a", "例.jp/共助", "b.example/x"]),
    st.binary(min_size=4, max_size=4),
    st.binary(min_size=1, max_size=80),
)


@given(TEXTS, st.lists(SIGNATURES, min_size=1, max_size=5))
def test_notes_round_trip(text, signatures):
    made = UnverifiedNote(text, tuple(signatures))
    assert note.parse_note(note.format_note(made)) == made


@given(st.one_of(st.binary(), st.text().map(lambda text: text.encode("utf-8", "replace"))))
def test_reading_a_note_fails_in_one_way_only(data):
    for candidate in (data, TEXT + b"\n" + data, NOTE + data, data + NOTE):
        with contextlib.suppress(MalformedNote):
            assert note.format_note(note.parse_note(candidate)) == candidate
