"""Deployments, publications, signatures and rotations that the vault refuses."""

from tests.contracts.anchor_world import ORDER, accounts
from tests.contracts.vault_cases import ANN, NEXT, TREE, case
from tests.contracts.vault_world import DAY, NOW, ORIGIN, OTHER, PERIOD, ZERO, address

STRANGERS = accounts(2, b"stranger")


# Deployment ---------------------------------------------------------------------------------------


@case("token: no contract is there")
def a_token_that_is_not_there(vault):
    vault.deploy([ANN], 1, token=address(9))


@case("token: decimals differ")
def other_decimals(vault):
    vault.deploy([ANN], 1, decimals=6)


@case("window: below 30 days")
def a_short_window(vault):
    vault.deploy([ANN], 1, window=30 * DAY - 1)


@case("window: above 100 years")
def a_window_without_end(vault):
    vault.deploy([ANN], 1, window=2**64 - 1)


@case("quorum: k is zero")
def no_quorum_at_birth(vault):
    vault.deploy([ANN], 0)


@case("quorum: k exceeds signers")
def a_quorum_that_cannot_be(vault):
    vault.deploy([ANN], 2)


@case("signers: more than 16")
def seventeen_signers(vault):
    vault.deploy([one.address for one in accounts(17)], 1)


@case("signers: not ascending")
def descending_signers(vault):
    vault.deploy([one.address for one in accounts(2)][::-1], 1)


@case("signers: not ascending")
def the_same_signer_twice(vault):
    vault.deploy([ANN, ANN], 2)


@case("signers: not ascending")
def nobody_as_signer(vault):
    vault.deploy(["0x" + "00" * 20], 1)


# Publication --------------------------------------------------------------------------------------


@case("publish: total is not funded")
def more_than_is_funded(vault):
    vault.publish(NEXT, total=TREE.total + 11)


@case("publish: total is not funded")
def what_another_origin_funded(vault):
    vault.fund(100, OTHER)
    vault.publish(NEXT, total=TREE.total + 11)


@case("publish: total is not funded")
def what_was_withdrawn(vault):
    vault.withdraw(10)
    vault.publish(NEXT)


@case("publish: total is not funded")
def what_was_sent_without_fund(vault):
    vault.mint(vault.contract, 100)
    vault.publish(NEXT, total=TREE.total + 11)


@case("publish: total above 2**128 - 1")
def a_total_of_129_bits(vault):
    vault.fund(2**128)
    vault.publish(NEXT, total=2**128)


@case("publish: total falls")
def a_smaller_total(vault):
    vault.publish(NEXT, total=TREE.total - 1)


@case("publish: period falls")
def an_earlier_period(vault):
    vault.publish(NEXT, PERIOD - 1)


@case("publish: previous root is stale")
def a_previous_root_that_never_stood(vault):
    vault.publish(NEXT, previous=ZERO)


@case("publish: previous root is stale")
def the_same_publication_again(vault):
    message = [ORIGIN, TREE.root, PERIOD, NEXT.root, NEXT.total]
    signatures = vault.signed("Publish", message)
    vault.publish_signed(message, signatures)
    vault.publish_signed(message, signatures)


@case("publish: root was superseded")
def a_root_that_comes_back(vault):
    """Else the signatures over the step away from it would be good a second time."""
    vault.publish(NEXT)
    vault.publish(TREE, total=NEXT.total)


@case("publish: nothing changes")
def the_standing_root_again(vault):
    vault.publish(TREE)


@case("publish: nothing changes")
def the_month_without_earnings_again(vault):
    message = [ORIGIN, TREE.root, PERIOD + 1, TREE.root, TREE.total]
    signatures = vault.signed("Publish", message)
    vault.publish_signed(message, signatures)
    vault.publish_signed(message, signatures)


@case("publish: root is zero")
def a_zero_root(vault):
    vault.publish(ZERO, total=TREE.total)


@case("publish: the period is held")
def a_held_period(vault):
    vault.hold(PERIOD + 1, NOW + DAY, by=vault.signers[:1])
    vault.publish(NEXT, PERIOD + 1)


@case("publish: the period is held")
def a_period_after_the_held_one(vault):
    vault.hold(PERIOD + 1, NOW + DAY, by=vault.signers[:1])
    vault.at(NOW + DAY - 1)
    vault.publish(NEXT, 202701)


@case("hold: beyond what one approver may")
def another_month_when_the_lone_hold_has_run_out(vault):
    vault.hold(PERIOD + 1, NOW + 45 * DAY, by=vault.signers[:1])
    vault.at(NOW + 45 * DAY)
    vault.hold(202701, NOW + 46 * DAY, by=vault.signers[1:2])


@case("hold: beyond what one approver may")
def another_month_right_after_a_release(vault):
    vault.hold(PERIOD + 1, NOW + DAY, by=vault.signers[:1])
    vault.release()
    vault.at(NOW + 2 * DAY)
    vault.hold(202701, NOW + 46 * DAY, by=vault.signers[:1])


@case("period: not a month YYYYMM")
def a_thirteenth_month(vault):
    vault.publish(NEXT, 202613)


@case("period: not a month YYYYMM")
def a_month_zero(vault):
    vault.hold(202700, NOW + DAY)


@case("period: not a month YYYYMM")
def a_year_beyond_the_calendar(vault):
    vault.publish(NEXT, 2026110)


# Signatures ---------------------------------------------------------------------------------------


@case("quorum: too few signatures")
def one_signature_too_few(vault):
    vault.publish(NEXT, by=vault.signers[:1])


@case("quorum: too few signatures")
def no_signature_for_a_hold(vault):
    vault.hold(PERIOD + 1, NOW + DAY, by=[])


@case("quorum: signers not ascending")
def the_same_approver_twice(vault):
    vault.publish(NEXT, by=[vault.signers[0]] * 2)


@case("quorum: signers not ascending")
def approvers_in_another_order(vault):
    vault.publish(NEXT, by=vault.signers[1::-1])


@case("quorum: not a signer")
def a_stranger_beside_an_approver(vault):
    chosen = sorted([vault.signers[0], STRANGERS[0]], key=lambda one: int(one.address, 16))
    vault.publish(NEXT, by=chosen)


@case("quorum: not a signer")
def a_hold_by_a_stranger(vault):
    vault.hold(PERIOD + 1, NOW + DAY, by=STRANGERS[:1])


def changed(vault, change):
    """A publication whose first signature is changed."""
    message = [ORIGIN, TREE.root, PERIOD, NEXT.root, NEXT.total]
    (r, s, v), *rest = vault.signed("Publish", message)
    vault.publish_signed(message, [change(r, s, v), *rest])


@case("signature: high s")
def a_mirrored_signature(vault):
    high = lambda s: (ORDER - int.from_bytes(s, "big")).to_bytes(32, "big")
    changed(vault, lambda r, s, v: (r, high(s), 55 - v))


@case("signature: v not 27 or 28")
def a_v_of_zero_or_one(vault):
    changed(vault, lambda r, s, v: (r, s, v - 27))


@case("quorum: signers not ascending")
def a_signature_that_recovers_to_nobody(vault):
    changed(vault, lambda r, s, v: (ZERO, s, v))


# Rotation -----------------------------------------------------------------------------------------


@case("epoch: not the present one")
def the_same_rotation_again(vault):
    vault.rotate(vault.signers, 2, 1)
    vault.rotate(vault.signers, 2, 1)


@case("quorum: k is zero")
def a_rotation_to_no_quorum(vault):
    vault.rotate(vault.signers, 0, 1)


@case("quorum: k exceeds signers")
def a_rotation_to_an_impossible_quorum(vault):
    vault.rotate(vault.signers, 4, 1)


@case("signers: more than 16")
def a_rotation_to_seventeen(vault):
    vault.rotate(accounts(17), 1, 1)


@case("quorum: too few signatures")
def a_rotation_by_one(vault):
    vault.rotate(STRANGERS, 1, 1, by=vault.signers[:1])


@case("quorum: not a signer")
def a_former_approver(vault):
    vault.rotate([vault.signers[0], vault.signers[1]], 1, 1)
    vault.publish(NEXT, by=vault.signers[2:])
