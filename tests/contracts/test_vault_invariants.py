"""The vault's invariants hold under random calls: a sample here, 100,000 under ``make long``."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

pytest.importorskip("pyrevm", reason="pyrevm has no wheel for this Python: contract tests skipped")
pytest.importorskip("vyper", reason="vyper is not installed: the vault's token cannot be compiled")

from tests.contracts.vault_machine import CALLS, VaultMachine

CALLS_WANTED = 100_000


def run(examples, steps):
    run_state_machine_as_test(
        VaultMachine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_invariants_hold_under_a_sample_of_random_calls():
    CALLS.clear()
    run(examples=5, steps=25)
    assert CALLS.total() > 50


@pytest.mark.long
def test_the_invariants_hold_under_100_000_random_calls(capsys):
    CALLS.clear()
    while CALLS.total() < CALLS_WANTED:
        before = CALLS.total()
        run(examples=100, steps=100)
        assert CALLS.total() > before
    with capsys.disabled():
        by_name = ", ".join(f"{count:,} {name}" for name, count in CALLS.most_common())
        print(f"\nRevenueVault: {CALLS.total():,} random calls, no invariant broken ({by_name})")
