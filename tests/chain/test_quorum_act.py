"""Whose signatures count over an instruction, which sets may be installed, which settings lead."""

from types import SimpleNamespace

import pytest
from eth_utils.address import to_checksum_address

from ledger.chain.instruction import VAULT, Instruction, Rotation, Withdrawal
from ledger.chain.quorum import address_word, key_address, recover_signer
from ledger.chain.signature_file import parse_signed, sign_file
from ledger.chain.vault import WithdrawMessage
from ledger.coop.charter import AnchorTarget
from ledger.errors import Conflict, InvalidInput, NotFound, OutOfRange, QuorumMissing, WrongSigner
from ledger.service.anchor_access import ChainAccess, access_to
from ledger.service.quorum_act import Quorum, usable_signatures
from ledger.service.quorum_refusals import overtaken, require_signer_set
from tests.chain.vault_on_chain import ORIGIN, keys_of

KEYS = sorted(keys_of(5), key=lambda key: address_word(key_address(key)))
ADDRESSES = tuple(key_address(key) for key in KEYS)
CONTRACT = to_checksum_address("0x" + "ab" * 20)
QUORUM = Quorum(CONTRACT, ADDRESSES[:3], 2, 4)
WITHDRAWAL = Instruction(
    1, CONTRACT, Withdrawal(WithdrawMessage(ORIGIN, 0, 5, to_checksum_address("0x" + "7e" * 20))), 0
)
ROTATION = Instruction(1, CONTRACT, Rotation(VAULT, ADDRESSES[1:5], 2, 4), 0)


def usable(instruction, *numbers, **options):
    """Who counts of those who signed."""
    digest = instruction.digest
    files = [parse_signed(sign_file(digest, KEYS[one]), name=f"{one}.sig") for one in numbers]
    found = usable_signatures(QUORUM, instruction, files, **options)
    return [recover_signer(digest, one) for one in found]


def test_as_many_as_are_asked_for_in_the_contracts_order():
    assert usable(WITHDRAWAL, 2, 0) == [ADDRESSES[0], ADDRESSES[2]]
    assert len(usable(WITHDRAWAL, 2, 1, 0)) == 2


@pytest.mark.parametrize("numbers", [(), (1,), (1, 1, 1)])
def test_too_few_are_told_who_is_missing(numbers):
    with pytest.raises(QuorumMissing) as caught:
        usable(WITHDRAWAL, *numbers)
    assert ADDRESSES[0] in caught.value.message
    assert caught.value.details["found"] == len(set(numbers))


def test_a_stranger_is_refused_although_there_are_enough():
    with pytest.raises(WrongSigner, match=r"3\.sig"):
        usable(WITHDRAWAL, 0, 1, 3)


def test_the_next_signers_show_that_they_have_their_keys():
    # Signer 1 stays and so counts for both; 3 is new, and counts for the next quorum alone.
    assert usable(ROTATION, 0, 1, 3) == [ADDRESSES[0], ADDRESSES[1]]
    with pytest.raises(QuorumMissing, match="unproven") as caught:
        usable(ROTATION, 0, 1)
    assert ADDRESSES[4] in caught.value.message
    assert usable(ROTATION, 0, 1, is_unproven=True) == [ADDRESSES[0], ADDRESSES[1]]
    with pytest.raises(QuorumMissing, match="asks for 2 of its 3"):
        usable(ROTATION, 3, 4, is_unproven=True)


@pytest.mark.parametrize(
    ("signers", "k"),
    [
        (ADDRESSES[:2], 0),
        (ADDRESSES[:2], 3),
        ((), 0),
        ((), 1),
        (ADDRESSES[1::-1], 1),
        ((ADDRESSES[0], ADDRESSES[0]), 1),
        (("0x" + "00" * 20, ADDRESSES[0]), 1),
        (tuple(f"0x{number:040x}" for number in range(1, 18)), 1),
    ],
)
def test_sets_that_no_contract_installs(signers, k):
    with pytest.raises(OutOfRange):
        require_signer_set(signers, k)
    require_signer_set(ADDRESSES, 5)


@pytest.mark.parametrize("instruction", [WITHDRAWAL, ROTATION])
def test_what_was_overtaken_is_told_in_words(instruction):
    with pytest.raises(Conflict, match="never be carried out") as caught:
        overtaken(instruction)
    assert caught.value.details["kind"] == "overtaken"


def test_the_settings_that_lead_to_a_contract():
    targets = [
        AnchorTarget(chain_id=chain_id, contract="0x" + digit * 40, code_hash="00" * 32)
        for chain_id, digit in ((1, "a"), (2, "b"))
    ]
    state = SimpleNamespace(charter=SimpleNamespace(anchors=targets), successors={})
    one, other = (
        ChainAccess("embedded:x", bytes(32), (), chain_id=chain_id) for chain_id in (1, 2)
    )
    found = access_to(state, [one, other], "2/0x" + "B" * 40)
    assert (found.chain_id, found.contract) == (2, "0x" + "b" * 40)
    assert access_to(state, [one]).contract == "0x" + "a" * 40
    with pytest.raises(InvalidInput, match="say which"):
        access_to(state, [one, other])
    for accesses, place in (([one], "2/0x" + "b" * 40), ([], None)):
        with pytest.raises(NotFound):
            access_to(state, accesses, place)
