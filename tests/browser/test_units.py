"""The parts of the browser's verifier, by published vectors and against the other verifier's."""

from __future__ import annotations

import hmac
from hashlib import sha256, shake_256
from typing import Any

import pytest
import yaml
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from eth_hash.auto import keccak

from ledger import canonical
from ledger.errors import KyojoError
from ledger.identity.signature import SigningKey, recover_address
from ledger.rules.yamltext import read_yaml
from ledger.usage.record import parse_line
from tests.audit.world import flipped
from tests.browser.session import CHROMIUM
from tests.builder import RULES, record

pytestmark = [
    pytest.mark.skipif(
        CHROMIUM is None, reason="SKIPPED FOR WANT OF CHROMIUM: no second verifier; see make tools"
    ),
    pytest.mark.slow,
]

SEED = bytes(range(32))


def test_hashes_signatures_and_base64(calls):
    wanted: list[tuple[list[Any], Any]] = []
    for size in [*range(140), 200, 271, 272, 273, 1000]:
        data = bytes(7 * at % 256 for at in range(size))
        wanted.append((["sha256", data.hex()], sha256(data).hexdigest()))
        wanted.append((["keccak", data.hex()], keccak(data).hex()))
    for size in (0, 32, 64, 65):
        mac = hmac.digest(bytes(size), b"x", "sha256").hex()
        wanted.append((["hmac", bytes(size).hex(), b"x".hex()], mac))
    for at in range(60):
        digest = sha256(b"m%d" % at).digest()
        key = SigningKey(sha256(b"k%d" % at).digest())
        wanted.append((["recover", digest.hex(), key.sign(digest).hex()], key.address))
    for text, data in (("", ""), ("YQ==", "61"), ("YWI=", "6162"), ("YWJj", "616263")):
        wanted.append((["base64", text], [data, text]))
    bad = ("YR==", "YQ", "YQ=", "Y===", "YWJ=", "YW J", "YWJj\n", "YWJ-", "====")
    wanted += [(["base64", text], None) for text in bad]
    answers = calls([call for call, _ in wanted])
    assert [answer.get("is") for answer in answers] == [value for _, value in wanted]


def test_ml_dsa_is_what_another_library_says_it_is(calls):
    """FIPS 204: signatures of several keys, and every part of one changed."""
    shakes = [(bytes(size), length) for size in (0, 135, 136, 137, 300) for length in (1, 136, 400)]
    wanted: list[tuple[list[Any], Any]] = [
        (["shake", data.hex(), length], shake_256(data).hexdigest(length))
        for data, length in shakes
    ]
    for at in range(6):
        key = MLDSA44PrivateKey.from_seed_bytes(sha256(b"key %d" % at).digest())
        public, message = key.public_key().public_bytes_raw(), b"m" * 50 * at
        signature = key.sign(message)
        wanted.append((["mldsa", public.hex(), message.hex(), signature.hex()], True))
        wanted.append((["mldsa", public.hex(), (message + b"x").hex(), signature.hex()], False))
    ends = (0, 31, 32, 33, 34, 608, 2335, 2336, 2337, 2415, *range(2416, 2420))
    changed = [flipped(signature, end, bit) for end in ends for bit in (0, 7)]
    changed += [signature[:-1], signature + b"x", bytes(2420), b"\xff" * 2420, b""]
    wanted += [
        (["mldsa", public.hex(), message.hex(), one.hex()], is_signed(key, message, one))
        for one in changed
    ]
    wanted.append((["mldsa", flipped(public, 40).hex(), message.hex(), signature.hex()], False))
    answers = calls([call for call, _ in wanted])
    assert [answer.get("is") for answer in answers] == [value for _, value in wanted]


def is_signed(key: MLDSA44PrivateKey, message: bytes, signature: bytes) -> bool:
    try:
        key.public_key().verify(signature, message)
    except InvalidSignature:
        return False
    return True


def test_signatures_that_are_none(calls):
    digest = sha256(b"m").digest()
    good = SigningKey(sha256(b"k").digest()).sign(digest)
    made = [good[:64], good + b"\x00", good[:64] + b"\x00", bytes(65), bytes(64) + b"\x1b"]
    made += [b"\xff" * 64 + b"\x1b", good[:32] + b"\xff" * 32 + good[64:]]
    made += [bytes([at]) + good[1:] for at in range(24)]
    expected = []
    for signature in made:
        try:
            expected.append(recover_address(digest, signature))
        except KyojoError as error:
            expected.append(error.code)
    answers = calls([["recover", digest.hex(), signature.hex()] for signature in made])
    assert [answer.get("is") or answer["refused"] for answer in answers] == expected


def test_examples_of_the_specifications(calls):
    """C2SP signed-note's first example; tile names; RULES' odd unit and its sum tree."""
    note = (
        "If you think cryptography is the answer to your problem,\n"
        "then you don't know what your problem is.\n\n"
        "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdng"
        "otpRZb6KE6RyyBwJnAM=\n"
    )
    vkey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    text = note[: note.index("\n\n") + 1]
    rows = [["bike", 163], ["bus", 491], ["ev", 346]]
    answers = calls(
        [
            ["note", note.encode().hex(), [vkey]],
            ["note", note.replace("answer", "anrwes").encode().hex(), [vkey]],
            ["tile", "tile/0/x001/x234/067"],
            ["tile", "tile/0/1234067"],
            ["tile", "tile/1/000.p/256"],
            ["divide", 1000, [413, 291, 137], ["bus", "ev", "bike"]],
            ["divide", -1000, [413, 291, 137], ["bus", "ev", "bike"]],
            ["sumTree", SEED.hex(), "amounts", rows],
        ]
    )
    assert answers[0]["is"] == [text, ["PeterNeumann"], 0]
    assert answers[1]["refused"] == "bad-signature"
    assert [answer["is"] for answer in answers[2:7]] == [
        "tile/0/x001/x234/067", None, None, [491, 346, 163], [-491, -346, -163],
    ]  # fmt: skip
    assert answers[7]["is"] == [
        "cace8f8c3057aa06c6114fed54857c0a1c5fba36d149fa7db23b9f8d9b3e69a6",
        1000,
        "033d88febeec0b337da89ff1bb52195c26cf6943b2aac7747c0564384ec3d0b3",
    ]


DOCUMENTS = [
    b"{}", b"[]", b"1", b"-1", b"0", b"-0", b"1.0", b"1e2", b"01", b"9007199254740991",
    b"9007199254740992", b"-9007199254740992", b'"a"', b'"\\u00e9"', b'"\\ud83d\\ude00"',
    b'"\\ud800"', b'"\\udc00x"', b'"\\/\\b\\f\\n\\r\\t"', b'"\x7f"', b'"\t"', b'"\xff"',
    b"\xef\xbb\xbf{}",
    b'{"b":1,"a":2}', b'{"a":1,"a":2}', b'{"a":1,"\\u0061":2}', b' { "a" : [ 1 , 2 ] } \n',
    b"{", b"[1,]", b'{"a":1,}', b"[" * 32 + b"]" * 32, b"[" * 33 + b"]" * 33, b"true", b"nul",
    b"NaN", b"Infinity", b'{"__proto__":{"a":1}}',
    b'{"10":1,"9":2,"\xf0\x9f\x98\x80":3,"\xef\xac\xb3":4}',
    b'{"a":null,"b":false}', b"", b" ", b"1 2", b"'a'", b'"a', b'{"a"}', b"[1 2]", b'"\\x"',
    b'"\\u12"',
    b"\x0b1", b"\xc2\xa01",
]  # fmt: skip


def test_json_is_read_and_written_alike(calls):
    expected: list[Any] = []
    for data in DOCUMENTS:
        try:
            expected.append(canonical.encode(canonical.parse(data)).hex())
        except KyojoError:
            expected.append(None)
    answers = calls([["json", data.hex()] for data in DOCUMENTS])
    assert [answer.get("is") for answer in answers] == expected
    assert expected.count(None) > 20


def odd_lines() -> list[bytes]:
    """Record lines at the edges of what is a record."""
    good = record("r", charges={"fare": 5}, currency="JPY")
    swaps = [
        (b'"trips":1', b'"trips":%b' % number)
        for number in (b"-0", b"1.0", b"1e2", b"0", b"-1", b"9007199254740991", b"9007199254740992",
                       b"true", b"null", b'"1"', b"[1]")
    ]  # fmt: skip
    start = b"2026-10-05T08:00:00+09:00"
    swaps += [
        (start, time)
        for time in (b"2026-10-05t08:00:00z", b"2026-10-05 08:00:00Z", b"2026-10-05T08:00:00",
                     b"2026-10-05T08:00:00+0900", b"2026-10-05T08:00:00+09", b"2026-10-05",
                     b"2026-10-04T23:00:00.123456Z", b"2026-10-04T23:00:00.1234567Z",
                     b"2026-10-04T23:00:00.Z", b"2026-10-04T24:00:00Z", b"2026-10-04T23:00:60Z",
                     b"2026-10-04T23:00:00+24:00", b"0000-10-04T23:00:00Z", b"2026-02-29T00:00:00Z",
                     b"0001-01-01T00:00:00+09:00", b"2026-10-04T23:00:00-00:00", b"")
    ]  # fmt: skip
    swaps += [
        (b'"r"', b'"%b"' % text)
        for text in (b"", b"a b", b"\\u0041", b"\\ud800", b"a\xc3\xa9", b"x" * 128, b"x" * 129)
    ]
    swaps += [
        (b'"hub-1"', b'"%b"' % text)
        for text in (b"a+b", b"\xc2\x85", b"\xef\xbb\xbf", b"\x1c", b"\xe3\x80\x80", b"\xff",
                     b"x" * 64, b"x" * 65, "拠点".encode())
    ]  # fmt: skip
    swaps += [
        (b'"currency":"JPY"', b'"currency":%b' % text)
        for text in (b'"jpy"', b"null", b'"JPY","currency":"JPY"', b'"JPY","more":1',
                     b'"JPY","payer":null', b'"JPY","payer":"x"', b'"JPY","reverses":"q"',
                     b'"JPY","attributes":{}', b'"JPY","attributes":{"a":1.5}',
                     b'"JPY","attributes":{"a":[1]}', b'"JPY","attributes":{"a":null}',
                     b'"JPY","attributes":{"a":true,"b":"c","d":-3}', b'"JPY","attributes":null',
                     b'"JPY","attributes":{"a":1,"\\u0061":2}', b'"JPY" , "payer" : "x"')
    ]  # fmt: skip
    swaps += [(b'{"fare":5}', b"{}"), (b'{"fare":5}', b"null"), (b'{"trips":1}', b"{}")]
    lines = [good.replace(old, new) for old, new in swaps]
    return [
        good,
        *lines,
        b" " + good + b"\r",
        b"[]",
        b"null",
        b"",
        b"\xef\xbb\xbf" + good,
        good * 2,
    ]


def test_record_lines_are_judged_alike(calls):
    expected: list[Any] = []
    for line in odd_lines():
        try:
            found = parse_line(line)
            expected.append([found.id, found.measures])
        except KyojoError:
            expected.append(None)
    answers = calls([["line", line.hex()] for line in odd_lines()])
    wrong = [
        (line, there, here)
        for line, there, here in zip(odd_lines(), expected, answers, strict=True)
        if here.get("is") != there
    ]
    assert wrong == []
    assert expected.count(None) > 30


TEXTS = [
    RULES, "a: 1", "a: [1, two, {b: c}]", "a:\n- 1\n- b: 2\n  c: 3\n", "a:\n  - - 1\n    - 2\n",
    "{a: 1, b: [x, y],\n c: 'it''s', \"d\": \"\\u00e9\\n\"}", "a: 2026-10-01", "a: 1.5", "a: yes",
    "a: 0x1f", "a: 010", "a: ~\nb:\nc: null\n", "a: &x 1", "a: *x", "a: !!str 1", "<<: {a: 1}",
    "a: 1\na: 2", "a: # nothing\n  b: 1 # one\n# end\n", "---\na: 1\n", "a: 70%", "a: 1/3",
    "a: http://x#y", "a: x #y", "a: 'x' y", "a: [1, 2", "a: }", "a: b: c", "- a\n- b", "a:b",
    "a: -1",
    "a: - 1", "  a: 1\n b: 2", "a:\n b: 1\n  c: 2", "? a\n: b", "a: |\n  text\n", "a: >\n  text\n",
    "a: one\n  two\n", "a: 'one\n  two'", "\ta: 1", "a:\t1", "", "# only\n", "a: 12:30:45", "a: @x",
    "a: 99999999999999999999", "[a, b]", "x", "a: {b}", "a: {b: }", "a: [,]", "a: [1,,2]",
    "a: [1,]",
    "a: {x: 1, x: 2}", 'a: "\\q"', "a: ''", "a: -", "a: ?x", "a: :x", "a: x:", "a: {b:c}",
    "a: {b: c:d}",
    "a: [b: c]", "'a b': 1", "a b: 1", "a: %x", "%YAML 1.1\n---\na: 1", "a: 1\n---\nb: 2",
    "a: 1\n...\n",
    "a: +1", "a: 1_000", "a: .5", "a: .inf", "a: =", "a: TRUE", "a: True", "1: a", "true: a",
    "a: \x01",
    "a: '\x85'", "a: [x y, z]", "a: [x #c\n, y]", "a: {'b': 1}", 'a: {"b":1}', 'a: ["b":1]',
    "steps:\n  - {id: a, kind: b,\n     c: d}\n  - id: e\n    kind: f\n",
]  # fmt: skip


def test_yaml_is_read_alike_or_said_to_be_unknown(calls):
    answers = calls([["yaml", text.encode().hex()] for text in TEXTS])
    wrong, unknown = [], 0
    for text, answer in zip(TEXTS, answers, strict=True):
        try:
            reading = read_yaml(text)
            there = None if reading.faults else canonical.encode(reading.document).hex()
        except (KyojoError, yaml.YAMLError):
            there = None
        unknown += "unknown" in answer
        if "unknown" not in answer and answer.get("is") != there:
            wrong.append((text, answer, there))
    assert wrong == []
    assert unknown <= 16
    assert "is" in answers[0]
