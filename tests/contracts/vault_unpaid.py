"""Claims, holds, expiries, withdrawals and tokens that the vault refuses."""

from tests.contracts.vault_cases import ANN, BEN, CHO, NEXT, TREE, case, with_token
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
)

# Claims -------------------------------------------------------------------------------------------


@case("claim: nothing is due")
def a_double_claim(vault):
    vault.claim(TREE, ANN)
    vault.claim(TREE, ANN)


@case("claim: nothing is due")
def a_double_claim_after_republication(vault):
    vault.claim(TREE, BEN)
    vault.publish(NEXT)
    vault.claim(NEXT, BEN)


@case("claim: nothing is due")
def a_leaf_below_what_is_paid(vault):
    vault.claim(TREE, ANN)
    vault.publish(Tree({ANN: 400, BEN: 3100, CHO: 1}))
    vault.claim(Tree({ANN: 400, BEN: 3100, CHO: 1}), ANN)


@case("claim: nothing is due")
def a_claim_of_what_has_expired(vault):
    vault.at(NOW + WINDOW)
    vault.expire(TREE, ANN)
    vault.claim(TREE, ANN)


@case("proof: not in the published tree")
def the_proof_of_another(vault):
    vault.claim(TREE, ANN, proof=TREE.proof(BEN))


@case("proof: not in the published tree")
def one_unit_more(vault):
    vault.claim(TREE, ANN, amount=1001)


@case("proof: not in the published tree")
def one_unit_less(vault):
    vault.claim(TREE, ANN, amount=999)


@case("proof: not in the published tree")
def the_largest_amount_that_there_is(vault):
    vault.claim(TREE, ANN, amount=2**256 - 1)


@case("proof: not in the published tree")
def the_tree_of_another_origin(vault):
    vault.fund(NEXT.total, OTHER)
    vault.publish(NEXT, origin=OTHER)
    vault.claim(TREE, ANN, origin=OTHER)


@case("proof: not in the published tree")
def an_origin_that_published_nothing(vault):
    vault.fund(NEXT.total, OTHER)
    vault.claim(TREE, ANN, origin=OTHER)


@case("proof: not in the published tree")
def the_tree_before(vault):
    vault.publish(NEXT)
    vault.claim(TREE, ANN)


@case("proof: not in the published tree")
def an_empty_proof(vault):
    vault.claim(TREE, ANN, proof=[])


@case("proof: more than 32 hashes")
def a_proof_of_33_hashes(vault):
    vault.claim(TREE, ANN, proof=[ZERO] * 33)


@case("claim: above the total")
def leaves_that_exceed_the_total(vault):
    greedy = Tree({ANN: 1000, BEN: 2500, CHO: 3})
    vault.publish(greedy, total=TREE.total + 1)
    vault.claim(greedy, ANN)
    vault.claim(greedy, BEN)
    vault.claim(greedy, CHO)


@case("claim: above the total")
def a_leaf_of_256_bits(vault):
    greedy = Tree({ANN: 2**256 - 1, BEN: 1})
    vault.publish(greedy, total=TREE.total)
    vault.claim(greedy, ANN)


# Holds --------------------------------------------------------------------------------------------


@case("hold: the period is published")
def a_published_period(vault):
    vault.hold(PERIOD, NOW + DAY)


@case("hold: ends in the past")
def a_hold_that_is_over(vault):
    vault.hold(PERIOD + 1, NOW)


@case("hold: longer than 45 days")
def a_hold_of_46_days(vault):
    vault.hold(PERIOD + 1, NOW + 45 * DAY + 1)


@case("quorum: too few signatures")
def one_approver_holds_a_period_twice(vault):
    vault.hold(PERIOD + 1, NOW + DAY, by=vault.signers[:1])
    vault.at(NOW + 2 * DAY)
    vault.hold(PERIOD + 1, NOW + 3 * DAY, by=vault.signers[1:2])


@case("quorum: too few signatures")
def one_approver_replaces_a_hold_by_a_later_one(vault):
    vault.hold(PERIOD + 1, NOW + DAY, by=vault.signers[:1])
    vault.hold(202701, NOW + DAY, by=vault.signers[:1])


@case("quorum: too few signatures")
def one_approver_shortens_the_quorums_hold(vault):
    vault.hold(202701, NOW + 9 * DAY)
    vault.hold(PERIOD + 1, NOW + DAY, by=vault.signers[:1])


@case("quorum: too few signatures")
def a_release_by_one(vault):
    vault.hold(PERIOD + 1, NOW + DAY)
    vault.release(by=vault.signers[:1])


@case("release: nothing is held")
def a_release_without_a_hold(vault):
    vault.release()


@case("release: nothing is held")
def a_release_after_the_end(vault):
    vault.hold(PERIOD + 1, NOW + DAY)
    vault.at(NOW + DAY)
    vault.release()


@case("release: count is stale")
def a_release_of_an_earlier_hold(vault):
    vault.hold(PERIOD + 1, NOW + DAY)
    vault.release()
    vault.hold(PERIOD + 1, NOW + DAY)
    vault.release(1)


# Expiry and surplus -------------------------------------------------------------------------------


@case("expire: the claim window is open")
def an_expiry_before_its_time(vault):
    vault.at(NOW + WINDOW - 1)
    vault.expire(TREE, ANN)


@case("expire: the claim window is open")
def an_expiry_of_what_came_later(vault):
    vault.at(NOW + WINDOW // 2)
    vault.publish(NEXT)
    vault.at(NOW + WINDOW)
    vault.expire(NEXT, ANN)


@case("expire: root was never published")
def an_expiry_by_a_root_of_nobody(vault):
    vault.at(NOW + WINDOW)
    vault.expire(NEXT, ANN)


@case("expire: root was never published")
def an_expiry_by_the_root_of_another_origin(vault):
    vault.at(NOW + WINDOW)
    vault.expire(TREE, ANN, origin=OTHER)


@case("quorum: too few signatures")
def an_expiry_without_quorum(vault):
    vault.at(NOW + WINDOW)
    vault.expire(TREE, ANN, by=vault.signers[:1])


@case("claim: nothing is due")
def the_same_expiry_again(vault):
    vault.at(NOW + WINDOW)
    vault.expire(TREE, ANN)
    vault.expire(TREE, ANN)


@case("claim: nothing is due")
def an_expiry_of_what_was_claimed(vault):
    vault.claim(TREE, ANN)
    vault.at(NOW + WINDOW)
    vault.expire(TREE, ANN)


@case("proof: not in the expired tree")
def an_expiry_by_a_wrong_proof(vault):
    vault.at(NOW + WINDOW)
    vault.expire(TREE, ANN, proof=TREE.proof(BEN))


@case("recipient: zero or the vault")
def an_expiry_into_the_vault(vault):
    vault.at(NOW + WINDOW)
    vault.expire(TREE, ANN, reserve=vault.contract)


@case("withdraw: above the surplus")
def a_withdrawal_of_entitled_funds(vault):
    vault.withdraw(11)


@case("withdraw: above the surplus")
def a_withdrawal_of_what_another_origin_funded(vault):
    vault.fund(100, OTHER)
    vault.withdraw(11)


@case("withdraw: above the surplus")
def a_withdrawal_of_256_bits(vault):
    vault.withdraw(2**256 - 1)


@case("withdraw: amount is zero")
def a_withdrawal_of_nothing(vault):
    vault.withdraw(0)


@case("withdraw: previous amount is stale")
def the_same_withdrawal_again(vault):
    message = [ORIGIN, 0, 5, RESERVE]
    signatures = vault.signed("Withdraw", message)
    vault.withdraw_signed(message, signatures)
    vault.withdraw_signed(message, signatures)


@case("quorum: too few signatures")
def a_withdrawal_without_quorum(vault):
    vault.withdraw(5, by=vault.signers[:1])


@case("recipient: zero or the vault")
def a_withdrawal_to_nobody(vault):
    vault.withdraw(5, to="0x" + "00" * 20)


# Tokens -------------------------------------------------------------------------------------------


@case("token: transferFrom refused")
def a_token_that_returns_false_when_funded(_):
    other = Vault(token="Refusing")
    other.call(other.token, "refuse(bool)", [True])
    other.fund(1)


@case("token: transfer refused")
def a_token_that_returns_false_when_claimed(_):
    other = with_token("Refusing")
    other.call(other.token, "refuse(bool)", [True])
    other.claim(TREE, ANN)


@case("fund: nothing arrived")
def a_token_that_keeps_everything(_):
    Vault(token="Fee").fund(99)


@case("fund: nothing arrived")
def funding_with_nothing(vault):
    vault.fund(0)
