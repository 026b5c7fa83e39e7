"""What RevenueVault does: funded money reaches accounts once, whatever the order of claims."""

import pytest
from eth_abi import encode
from eth_hash.auto import keccak

pytest.importorskip("pyrevm", reason="pyrevm has no wheel for this Python: contract tests skipped")

from contracts import load_contract
from tests.contracts.anchor_world import SENDER, Reverted, accounts
from tests.contracts.vault_world import (
    DAY,
    NOW,
    ORIGIN,
    OTHER,
    PERIOD,
    RESERVE,
    WINDOW,
    ZERO,
    Tree,
    Vault,
    address,
    typed_data,
)

ANN, BEN, CHO = (address(number) for number in range(3))


@pytest.fixture
def vault():
    """2 of 3 approvers; 3,501 published in one tree and funded."""
    found = Vault(accounts(3, b"approver"), 2)
    found.fund(3501)
    found.publish(Tree({ANN: 1000, BEN: 2500, CHO: 1}))
    return found


def test_the_derived_vector_of_the_reference():
    leaves = {"0x" + digit * 40: amount for digit, amount in [("a", 1000), ("b", 2500), ("c", 1)]}
    tree = Tree(leaves)
    assert tree.root.hex() == "9f55cd836275003c7c85a326265e3a7da3595f8301caf19df358771b72aad452"
    world = Vault()
    world.fund(3501)
    world.publish(tree)
    for account, amount in leaves.items():
        assert world.claimable(tree, account) == amount
        assert world.claim(tree, account) == amount
        assert world.balance(account) == amount
    assert world.balance(world.contract) == 0


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 8, 9, 33])
def test_every_leaf_of_a_tree_of_any_shape_is_paid(count):
    tree = Tree({address(number): 10 + number for number in range(count)})
    world = Vault()
    world.fund(tree.total)
    world.publish(tree)
    assert [world.claim(tree, one) for one in tree.amounts] == list(tree.amounts.values())
    assert world.sum("unclaimed") == 0


def test_a_longest_proof():
    siblings = [keccak(bytes([index])) for index in range(32)]
    root = Tree.leaf(ANN, 7)
    for sibling in siblings:
        root = keccak(b"".join(sorted([root, sibling])))
    world = Vault()
    world.fund(7)
    world.publish(root, total=7)
    assert world.claim(None, ANN, amount=7, proof=siblings) == 7


def test_anybody_claims_and_the_account_is_paid(vault):
    tree = Tree({ANN: 1000, BEN: 2500, CHO: 1})
    vault.evm.set_balance("0x" + "99" * 20, 10**18)
    vault.claim(tree, BEN, sender="0x" + "99" * 20)
    assert (vault.balance(BEN), vault.balance("0x" + "99" * 20)) == (2500, 0)
    assert (vault.paid(BEN), vault.sum("paidTotal"), vault.sum("unclaimed")) == (2500, 2500, 1001)


def test_a_later_tree_pays_the_difference_only(vault):
    first, second = Tree({ANN: 1000, BEN: 2500, CHO: 1}), Tree({ANN: 1600, BEN: 2500, CHO: 9})
    vault.claim(first, ANN)
    vault.fund(608)
    vault.publish(second, PERIOD + 1)
    assert vault.claim(second, ANN) == 600
    assert vault.claim(second, CHO) == 9
    assert (vault.balance(ANN), vault.balance(CHO), vault.paid(ANN)) == (1600, 9, 1600)


def test_a_correction_publishes_its_period_again(vault):
    vault.fund(500)
    vault.publish(Tree({ANN: 1500, BEN: 2500, CHO: 1}), PERIOD)
    assert vault.published()[1:] == (4001, PERIOD)


def test_a_month_without_earnings_keeps_its_root(vault):
    root, total, _ = vault.published()
    vault.publish(root, PERIOD + 1, total=total)
    assert vault.published() == (root, total, PERIOD + 1)


def test_after_a_change_of_account_the_old_leaf_stays_and_the_new_one_starts_at_zero(vault):
    old, new = BEN, address(77)
    vault.fund(400)
    after = Tree({ANN: 1000, old: 2500, CHO: 1, new: 400})
    vault.publish(after, PERIOD + 1)
    assert vault.claim(after, new) == 400
    assert vault.claim(after, old) == 2500
    assert vault.paid(old) + vault.paid(new) == 2900


def test_origins_do_not_reach_into_one_another(vault):
    """A tree of another co-op whose leaves exceed its total is stopped at that total."""
    greedy = Tree({ANN: 100, BEN: 3000})
    vault.fund(100, OTHER)
    vault.publish(greedy, total=100, origin=OTHER)
    assert vault.claim(greedy, ANN, origin=OTHER) == 100
    assert vault.claimable(greedy, BEN, OTHER) == 0
    honest = Tree({ANN: 1000, BEN: 2500, CHO: 1})
    assert [vault.claim(honest, one) for one in (ANN, BEN, CHO)] == [1000, 2500, 1]


def test_money_sent_without_fund_belongs_to_nobody(vault):
    vault.mint(vault.contract, 10**6)
    assert (vault.sum("deposited"), vault.sum("surplus")) == (3501, 0)
    assert vault.balance(vault.contract) == 10**6 + 3501


def test_what_is_funded_and_not_published_can_be_withdrawn_by_the_quorum(vault):
    vault.fund(1000)
    assert vault.sum("surplus") == 1000
    vault.withdraw(400)
    vault.withdraw(600)
    assert (vault.balance(RESERVE), vault.sum("withdrawn"), vault.sum("surplus")) == (1000, 1000, 0)
    tree = Tree({ANN: 1000, BEN: 2500, CHO: 1})
    assert [vault.claim(tree, one) for one in (ANN, BEN, CHO)] == [1000, 2500, 1]


def test_an_unclaimed_entitlement_expires_to_the_reserve_and_later_trees_stay_right(vault):
    old = Tree({ANN: 1000, BEN: 2500, CHO: 1})
    vault.at(NOW + WINDOW // 2)
    vault.fund(50)
    later = Tree({ANN: 1050, BEN: 2500, CHO: 1})
    vault.publish(later, 202705)
    vault.at(NOW + WINDOW)
    assert vault.expire(old, ANN) == 1000
    assert (vault.balance(RESERVE), vault.balance(ANN), vault.paid(ANN)) == (1000, 0, 1000)
    assert vault.claim(later, ANN) == 50
    assert vault.claim(later, BEN) == 2500
    assert vault.sum("paidTotal") == 3550


def test_a_part_that_was_claimed_does_not_expire(vault):
    vault.claim(Tree({ANN: 1000, BEN: 2500, CHO: 1}), ANN)
    vault.fund(9)
    more = Tree({ANN: 1009, BEN: 2500, CHO: 1})
    vault.publish(more)
    vault.at(NOW + WINDOW)
    assert vault.expire(more, ANN) == 9


def test_one_approver_holds_a_period_and_the_quorum_releases_it(vault):
    vault.hold(PERIOD + 1, NOW + 30 * DAY, by=vault.signers[2:])
    assert vault.held() == (PERIOD + 1, NOW + 30 * DAY, 1)
    vault.publish(Tree({ANN: 900, BEN: 2600, CHO: 1}), PERIOD)
    vault.release()
    vault.fund(10)
    vault.publish(Tree({ANN: 910, BEN: 2600, CHO: 1}), PERIOD + 1)
    assert vault.published()[2] == PERIOD + 1


def test_a_hold_ends_by_itself_and_published_claims_go_on_meanwhile(vault):
    vault.hold(PERIOD + 1, NOW + 30 * DAY, by=vault.signers[:1])
    assert vault.claim(Tree({ANN: 1000, BEN: 2500, CHO: 1}), CHO) == 1
    vault.at(NOW + 30 * DAY)
    root, total, _ = vault.published()
    vault.publish(root, PERIOD + 1, total=total)


def test_one_approver_delays_a_first_publication_by_45_days_and_no_more(vault):
    """Before it every past month is another one that was never held."""
    one = vault.signers[:1]
    tree = Tree({ANN: 1000})
    vault.fund(tree.total, OTHER)
    vault.hold(202501, NOW + 30 * DAY, origin=OTHER, by=one)
    vault.at(NOW + 30 * DAY)
    vault.hold(202502, NOW + 45 * DAY, origin=OTHER, by=one)
    vault.at(NOW + 45 * DAY)
    for month in range(202503, 202513):
        with pytest.raises(Reverted) as caught:
            vault.hold(month, NOW + 46 * DAY, origin=OTHER, by=one)
        assert str(caught.value) == "hold: beyond what one approver may"
    vault.publish(tree, origin=OTHER)
    # After a publication there is a new month to dispute, and as long again to do it; the quorum
    # is bound by none of this.
    vault.hold(PERIOD + 1, NOW + 90 * DAY, origin=OTHER, by=one)
    vault.hold(PERIOD + 1, NOW + 80 * DAY, origin=OTHER)
    vault.at(NOW + 91 * DAY)
    vault.hold(PERIOD + 1, NOW + 136 * DAY, origin=OTHER)


def test_a_hold_gives_way_to_a_stricter_one_and_the_quorum_holds_as_it_likes(vault):
    one = vault.signers[:1]
    vault.hold(202702, NOW + 20 * DAY, by=one)
    vault.hold(202701, NOW + 20 * DAY, by=vault.signers[1:2])
    assert vault.held()[:2] == (202701, NOW + 20 * DAY)
    vault.hold(202702, NOW + 45 * DAY)
    vault.release()
    vault.hold(202702, NOW + DAY)
    assert vault.held() == (202702, NOW + DAY, 5)


def test_rotation_hands_over_to_the_new_set_and_its_quorum(vault):
    old, new = vault.signers, accounts(4, b"new")
    vault.rotate(new, 3, 1, by=old[1:])
    assert (vault.view("epoch", "uint64"), vault.view("k", "uint8")) == (2, 3)
    vault.fund(1)
    vault.publish(Tree({ANN: 1001, BEN: 2500, CHO: 1}), by=new[1:])
    assert vault.published()[1] == 3502


def test_any_k_of_sixteen_approvers():
    approvers = accounts(16, b"approver")
    for chosen in (approvers[:3], approvers[13:], approvers):
        world = Vault(approvers, 3)
        world.fund(5)
        world.publish(Tree({ANN: 5}), by=chosen)
        assert world.published()[1] == 5


def test_what_was_deployed_can_be_read():
    approvers = accounts(4, b"approver")
    world = Vault(approvers, 2)
    listed = [one.lower() for one in world.view("signers", "address[]")]
    assert listed == [one.address.lower() for one in approvers]
    assert (world.view("k", "uint8"), world.view("epoch", "uint64")) == (2, 1)
    assert world.view("claimWindow", "uint64") == WINDOW
    assert world.view("token", "address").lower() == world.token.lower()
    separator = typed_data("Release", [ORIGIN, 0], world.contract).header
    assert world.view("DOMAIN_SEPARATOR", "bytes32") == separator
    assert (world.published(), world.held()) == ((ZERO, 0, 0), (0, 0, 0))


def test_the_code_is_the_artefact_and_behind_it_the_token(vault):
    code = bytes(vault.evm.get_code(vault.contract))
    runtime = load_contract("RevenueVault").runtime
    assert code.rstrip(b"\0") == (runtime + encode(["address"], [vault.token])).rstrip(b"\0")


def events(world):
    """Name and arguments in words of what the vault logged in the last call."""
    names = {
        keccak(f"{one['name']}({','.join(i['type'] for i in one['inputs'])})".encode()): one["name"]
        for one in load_contract("RevenueVault").abi
        if one["type"] == "event"
    }
    found = []
    for log in world.evm.result.logs:
        if log.address.lower() != world.contract.lower():
            continue
        topics, data = log.data
        first, *rest = [bytes(topic) for topic in topics]
        found.append((names[first], b"".join(rest) + bytes(data)))
    return found


def test_events_say_what_happened(vault):
    tree = Tree({ANN: 1000, BEN: 2500, CHO: 1})
    root = tree.root
    vault.claim(tree, ANN)
    kinds = ["bytes32", "address", "uint256", "uint256"]
    assert events(vault) == [("Claimed", encode(kinds, [ORIGIN, ANN, 1000, 1000]))]
    vault.fund(9)
    assert events(vault) == [("Funded", encode(kinds, [ORIGIN, SENDER, 9, 3510]))]
    vault.withdraw(4)
    assert events(vault) == [("Withdrawn", encode(kinds, [ORIGIN, RESERVE, 4, 4]))]
    vault.publish(root, PERIOD + 1, total=3502)
    kinds = ["bytes32", "uint32", "bytes32", "uint256", "bytes32"]
    values = [ORIGIN, PERIOD + 1, root, 3502, root]
    assert events(vault) == [("Published", encode(kinds, values))]
    vault.hold(PERIOD + 101, NOW + 9)
    held = [ORIGIN, PERIOD + 101, NOW + 9, 1]
    assert events(vault) == [("Held", encode(["bytes32", "uint32", "uint64", "uint64"], held))]
    vault.release()
    released = [ORIGIN, PERIOD + 101, 2]
    assert events(vault) == [("Released", encode(["bytes32", "uint32", "uint64"], released))]
    vault.at(NOW + WINDOW)
    vault.expire(tree, CHO)
    kinds = ["bytes32", "address", "address", "uint256", "uint256"]
    assert events(vault) == [("Expired", encode(kinds, [ORIGIN, CHO, RESERVE, 1, 1]))]
