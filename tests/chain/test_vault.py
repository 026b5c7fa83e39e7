"""The vault's digests are EIP-712's, its calls are the contract's, and it works on a real node."""

import pytest
from eth_account.messages import _hash_eip191_message
from eth_utils.address import to_checksum_address
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("vyper", reason="vyper is not installed: the vault's token cannot be compiled")

from ledger.chain.anchor import origin_hash
from ledger.chain.node import open_node
from ledger.chain.quorum import key_address, signature_words
from ledger.chain.vault import (
    ExpireMessage,
    Hold,
    Publication,
    PublishMessage,
    WithdrawMessage,
    claim_call,
    deploy_vault_contract,
    expire_call,
    expire_digest,
    hold_call,
    hold_digest,
    period_name,
    period_number,
    publish_call,
    publish_digest,
    read_balance,
    read_paid,
    read_publication,
    read_published_at,
    read_sums,
    read_terms,
    release_call,
    release_digest,
    require_vault,
    rotate_vault_call,
    rotate_vault_digest,
    withdraw_call,
    withdraw_digest,
)
from ledger.errors import AnchorMismatch, Conflict, NotFound, OutOfRange
from tests.chain.chain_world import EMBEDDED_PAYER
from tests.chain.vault_on_chain import (
    DECIMALS,
    ORIGIN,
    WINDOW,
    OnChain,
    account,
    claims_of,
    plain_token,
)
from tests.contracts.vault_world import typed_data

DAY = 86_400
RESERVE = "0x" + "7e" * 20

words = st.binary(min_size=32, max_size=32)
roots = words.filter(any)
addresses = st.binary(min_size=20, max_size=20).map(to_checksum_address)
amounts = st.integers(0, 2**256 - 1)
small = st.integers(0, 2**64 - 1)
totals = st.integers(0, 2**128 - 1)
months = st.builds(
    lambda year, month: 100 * year + month, st.integers(1901, 8999), st.integers(1, 12)
)
places = st.fixed_dictionaries({"chain_id": amounts, "contract": addresses})
NAME = origin_hash(ORIGIN)


def library(kind, message, place):
    return bytes(
        _hash_eip191_message(typed_data(kind, message, place["contract"], place["chain_id"]))
    )


@settings(max_examples=40)
@given(words, months, roots, totals, places)
def test_the_digest_of_a_publication_is_the_librarys(previous, period, root, total, place):
    message = PublishMessage(ORIGIN, previous, Publication(period, root, total))
    fields = [NAME, previous, period, root, total]
    assert publish_digest(message, **place) == library("Publish", fields, place)


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), small, small, places)
def test_the_digests_of_holds_are_the_librarys(period, until, count, place):
    fields = [NAME, period, until, count]
    assert hold_digest(ORIGIN, Hold(period, until, count), **place) == library(
        "Hold", fields, place
    )
    assert release_digest(ORIGIN, count, **place) == library("Release", [NAME, count], place)


@settings(max_examples=40)
@given(words, st.tuples(addresses, addresses), st.tuples(amounts, amounts), places)
def test_the_digests_of_payments_are_the_librarys(root, accounts, sums, place):
    (one, reserve), (amount, before) = accounts, sums
    expiry = ExpireMessage(ORIGIN, root, one, amount, reserve)
    fields = [NAME, root, one, amount, reserve]
    assert expire_digest(expiry, **place) == library("Expire", fields, place)
    leaving = WithdrawMessage(ORIGIN, before, amount, reserve)
    fields = [NAME, before, amount, reserve]
    assert withdraw_digest(leaving, **place) == library("Withdraw", fields, place)


@settings(max_examples=30)
@given(st.lists(addresses, max_size=16), st.integers(0, 255), small, places)
def test_the_digest_of_a_rotation_is_the_librarys(signers, k, epoch, place):
    found = rotate_vault_digest(signers, k=k, epoch=epoch, **place)
    assert found == library("Rotate", [signers, k, epoch], place)


def test_periods_are_numbers_on_chain():
    assert period_number("2026-11") == 202611
    assert period_name(202611) == "2026-11"
    assert period_name(0) == ""


@pytest.mark.parametrize(
    ("previous", "following"),
    [
        (bytes(31), Publication(202611, b"r" * 32, 1)),
        (bytes(32), Publication(202611, b"r" * 33, 1)),
        (bytes(32), Publication(202611, bytes(32), 1)),
        (bytes(32), Publication(202611, b"r" * 32, 2**128)),
        (bytes(32), Publication(202611, b"r" * 32, -1)),
        (bytes(32), Publication(202613, b"r" * 32, 1)),
        (bytes(32), Publication(202600, b"r" * 32, 1)),
        (bytes(32), Publication(2026110, b"r" * 32, 1)),
    ],
)
def test_a_publication_that_the_contract_would_refuse(previous, following):
    message = PublishMessage(ORIGIN, previous, following)
    with pytest.raises(OutOfRange):
        publish_digest(message, chain_id=1, contract=RESERVE)
    with pytest.raises(OutOfRange):
        publish_call(message, [])


@pytest.mark.parametrize(
    ("cumulative", "proof"), [(0, []), (2**256, []), (1, [b""]), (1, [bytes(32)] * 33)]
)
def test_a_claim_that_the_contract_would_refuse(cumulative, proof):
    with pytest.raises(OutOfRange):
        claim_call(ORIGIN, RESERVE, cumulative, proof)


def test_a_signature_of_another_length_is_refused():
    with pytest.raises(OutOfRange):
        signature_words([bytes(64)])


def test_a_life_of_a_vault(node, chain):
    """Fund, publish, claim, correct, hold, release, withdraw, rotate: on both kinds of chain."""
    vault = OnChain(node, chain.payer, 3, k=2)
    claims = claims_of(5)
    vault.fund(claims.total + 100)
    vault.publish(claims, 202611)
    assert vault.claim(claims, account(3)) < 100_000
    assert read_balance(node, vault.token, account(3)) == claims.find(account(3)).cumulative
    assert read_paid(node, vault.contract, ORIGIN, account(3)) == 1003 * 10**18
    later = claims_of(5, more=1)
    vault.fund(5 * 10**18)
    vault.publish(later, 202611)
    vault.claim(later, account(3))
    assert read_balance(node, vault.token, account(3)) == later.find(account(3)).cumulative
    hold_and_release(vault)
    leaving = WithdrawMessage(ORIGIN, 0, 100, RESERVE)
    signed = vault.sign(withdraw_digest(leaving, **vault.place()))
    vault.call(withdraw_call(leaving, signed))
    sums = read_sums(node, vault.contract, ORIGIN)
    assert sums.publication == Publication(202611, later.root, later.total)
    assert (sums.surplus, sums.unclaimed) == (0, later.total - 1004 * 10**18)
    held = read_balance(node, vault.token, vault.contract)
    assert held == sums.deposited - sums.withdrawn - sums.paid == sums.unclaimed
    assert read_published_at(node, vault.contract, ORIGIN, claims.root) > 0
    assert read_published_at(node, vault.contract, ORIGIN, bytes(32)) == 0
    rotate_to_one(vault)


def hold_and_release(vault):
    hold = Hold(202612, vault.node.block("latest").timestamp + DAY, 0)
    signed = vault.sign(hold_digest(ORIGIN, hold, **vault.place()))
    vault.call(hold_call(ORIGIN, hold, signed[:1]))
    assert read_sums(vault.node, vault.contract, ORIGIN).hold == Hold(202612, hold.until, 1)
    signed = vault.sign(release_digest(ORIGIN, 1, **vault.place()))
    vault.call(release_call(ORIGIN, 1, signed))
    assert read_sums(vault.node, vault.contract, ORIGIN).hold == Hold(202612, 0, 2)


def rotate_to_one(vault):
    signers = [key_address(vault.keys[2])]
    signed = vault.sign(rotate_vault_digest(signers, k=1, epoch=1, **vault.place()))
    vault.call(rotate_vault_call(signers, k=1, epoch=1, signatures=signed))
    terms = require_vault(vault.node, vault.contract)
    assert (terms.signers, terms.k, terms.epoch) == (tuple(signers), 1, 2)
    assert (terms.token, terms.decimals, terms.claim_window_seconds) == (
        vault.token,
        DECIMALS,
        WINDOW,
    )


def test_an_entitlement_expires_on_the_embedded_chain(embedded_url):
    with open_node(embedded_url) as node:
        vault = OnChain(node, EMBEDDED_PAYER)
        claims = claims_of(3)
        vault.fund(claims.total)
        vault.publish(claims, 202611)
        found = claims.find(account(0))
        message = ExpireMessage(ORIGIN, claims.root, account(0), found.cumulative, RESERVE)
        signed = vault.sign(expire_digest(message, **vault.place()))
        data = expire_call(message, claims.proof(account(0)), signed)
        assert not vault.send(vault.contract, data).succeeded
        tester = node.web3.provider.ethereum_tester
        tester.time_travel(node.block("latest").timestamp + WINDOW)
        vault.call(data)
        assert read_balance(node, vault.token, RESERVE) == found.cumulative


def test_what_is_no_vault(embedded_url):
    with open_node(embedded_url) as node:
        vault = OnChain(node, EMBEDDED_PAYER)
        for address in (RESERVE, vault.token):
            with pytest.raises((NotFound, Conflict)):
                read_publication(node, address, ORIGIN)
            with pytest.raises((NotFound, Conflict)):
                require_vault(node, address)
        assert read_terms(node, vault.contract).k == 1


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"decimals": 6}, Conflict),
        ({"token": RESERVE}, NotFound),
        ({"token": "0x12"}, OutOfRange),
        ({"k": 0}, OutOfRange),
        ({"k": 2}, OutOfRange),
        ({"signers": [RESERVE, RESERVE], "k": 2}, OutOfRange),
        ({"signers": [account(number) for number in range(17)]}, OutOfRange),
        ({"signers": ["0x12"]}, OutOfRange),
        ({"claim_window_seconds": DAY}, OutOfRange),
    ],
)
def test_terms_that_cannot_be(embedded_url, changed, error):
    with open_node(embedded_url) as node:
        token = plain_token(node, EMBEDDED_PAYER)
        terms = {"token": token, "decimals": DECIMALS, "signers": [RESERVE], "k": 1, **changed}
        with pytest.raises(error):
            deploy_vault_contract(node, EMBEDDED_PAYER, **terms)


def test_the_code_of_another_is_refused(embedded_url, monkeypatch):
    with open_node(embedded_url) as node:
        vault = OnChain(node, EMBEDDED_PAYER)
        monkeypatch.setattr(node, "code_hash", lambda _address: bytes(32))
        with pytest.raises(AnchorMismatch):
            require_vault(node, vault.contract)
