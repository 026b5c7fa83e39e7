"""Sign-in texts (EIP-4361): read back as written, and refused when anything is amiss."""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import BadSignature, InvalidInput, KyojoError, NotPermitted
from ledger.identity.signature import SigningKey
from ledger.identity.signin import (
    SignIn,
    check_sign_in,
    format_sign_in,
    parse_sign_in,
    personal_digest,
)

KEY = SigningKey(b"\x07" * 32)
MESSAGE = SignIn(
    domain="ledger.example.jp",
    address=KEY.address,
    statement="Read the ledger of 加賀モビリティ.",
    uri="https://ledger.example.jp/kaga",
    chain_id=1,
    nonce="abcdefgh12345678",
    issued_at="2026-11-01T00:00:00.000Z",
    expiration_time="2026-11-01T00:05:00.000Z",
)
TEXT = format_sign_in(MESSAGE)
NOW = "2026-11-01T00:01:00.000Z"


def sign(text: str, key: SigningKey = KEY) -> bytes:
    return key.sign(personal_digest(text))


def test_what_is_written_is_read_back():
    assert parse_sign_in(TEXT) == MESSAGE


def test_a_good_text_is_accepted():
    assert check_sign_in(TEXT, sign(TEXT), domain=MESSAGE.domain, now=NOW) == MESSAGE


def test_a_wallets_personal_signature_is_ours():
    wallet = Account.sign_message(encode_defunct(text=TEXT), b"\x07" * 32)
    assert bytes(wallet.signature) == sign(TEXT)


@pytest.mark.parametrize(
    "now",
    [
        "2026-11-01T00:05:00.000Z",
        "2026-11-01T00:05:00.001Z",
        "2026-10-31T23:59:59.999Z",
        "2027-11-01T00:01:00.000Z",
    ],
)
def test_outside_its_time_it_is_refused(now):
    with pytest.raises(NotPermitted):
        check_sign_in(TEXT, sign(TEXT), domain=MESSAGE.domain, now=now)


def test_it_holds_from_the_instant_at_which_it_was_issued():
    check_sign_in(TEXT, sign(TEXT), domain=MESSAGE.domain, now=MESSAGE.issued_at)


def test_another_servers_text_is_refused():
    with pytest.raises(NotPermitted):
        check_sign_in(TEXT, sign(TEXT), domain="evil.example.jp", now=NOW)


def test_another_signers_signature_is_refused():
    stranger = SigningKey(b"\x08" * 32)
    with pytest.raises(BadSignature):
        check_sign_in(TEXT, sign(TEXT, stranger), domain=MESSAGE.domain, now=NOW)


def test_a_signature_of_another_text_is_refused():
    other = format_sign_in(replace(MESSAGE, nonce="zzzzzzzz99999999"))
    with pytest.raises(BadSignature):
        check_sign_in(TEXT, sign(other), domain=MESSAGE.domain, now=NOW)


MANGLED = {
    "no statement": TEXT.replace(MESSAGE.statement, ""),
    "another version": TEXT.replace("Version: 1", "Version: 2"),
    "address without checksum capitals mixed": TEXT.replace(
        TEXT.split("\n")[1], TEXT.split("\n")[1].swapcase()
    ),
    "a field too many": TEXT + "\nNot Before: 2026-11-01T00:00:00Z",
    "a field missing": TEXT.rsplit("\n", 1)[0],
    "fields in another order": TEXT.replace("Version", "X").replace("URI", "Version"),
    "chain id in words": TEXT.replace("Chain ID: 1", "Chain ID: one"),
    "short nonce": TEXT.replace(MESSAGE.nonce, "abc"),
    "nonce with a sign": TEXT.replace(MESSAGE.nonce, "abcdefgh-1234567"),
    "time without zone": TEXT.replace(MESSAGE.issued_at, "2026-11-01T00:00:00"),
    "impossible time": TEXT.replace(MESSAGE.issued_at, "2026-13-01T00:00:00Z"),
    "a lone surrogate": TEXT.replace(MESSAGE.statement, "\ud800"),
    "too long": TEXT.replace(MESSAGE.statement, "x" * 5000),
    "empty": "",
}


@pytest.mark.parametrize("text", MANGLED.values(), ids=MANGLED.keys())
def test_a_mangled_text_is_refused(text):
    with pytest.raises(InvalidInput):
        parse_sign_in(text)


@given(st.text(max_size=400), st.binary(max_size=70))
def test_any_text_raises_only_our_errors(text, signature):
    with pytest.raises(KyojoError):
        check_sign_in(text, signature, domain=MESSAGE.domain, now=NOW)


@given(st.integers(0, len(TEXT) - 1), st.characters())
def test_one_changed_character_never_signs_in(at, character):
    changed = TEXT[:at] + character + TEXT[at + 1 :]
    if changed != TEXT:
        with pytest.raises(KyojoError):
            check_sign_in(changed, sign(TEXT), domain=MESSAGE.domain, now=NOW)
