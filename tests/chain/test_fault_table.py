"""The fault table: every step to a chain crossed with every fault, on a real node.

What is brought there: an anchor, a month's claims root, a claim for somebody's account, funds, and
an instruction of the quorum.

A cell runs the service as cron would, run after run, through a proxy (``proxy``) in front of anvil.
In the first run that begins in the step's phase the fault lasts for the whole run. After each run
what is shown is compared with the chain; at the end the log stands on chain exactly once, final,
recorded exactly once; the root is published once; the account is paid once. ``make long`` runs
the whole table, ``make test`` a sample.
"""

from functools import partial

import pytest

from tests.chain.anvil import require_anvil
from tests.chain.fault_vault import (
    ApprovedWorld,
    FundWorld,
    PublishWorld,
    WithdrawWorld,
    make_ordered,
    making_claim,
)
from tests.chain.fault_world import Fault, World, make_template, making_world, run_cell


def is_tag(parameters):
    """A block by tag: base fee and heights."""
    return parameters[0] in {"latest", "safe", "finalized"}


def is_number(parameters):
    """A block by its height: is it still the chain's own."""
    return not is_tag(parameters)


def is_latest(parameters):
    """A call at the newest block."""
    return parameters[1] == "latest"


def is_old(parameters):
    """A call at the final block."""
    return not is_latest(parameters)


# Each step: the phase in which its run begins, the request, and which of these requests.
STEPS = {
    "chain id": ("fresh", "eth_chainId", None),
    "code": ("fresh", "eth_getCode", None),
    "read head": ("fresh", "eth_call", None),
    "nonce": ("fresh", "eth_getTransactionCount", is_latest),
    "fees": ("fresh", "eth_getBlockByNumber", is_tag),
    "send": ("fresh", "eth_sendRawTransaction", None),
    "look after sending": ("fresh", "eth_getTransactionReceipt", None),
    "look again": ("sent", "eth_getTransactionReceipt", None),
    "send again": ("sent", "eth_sendRawTransaction", None),
    "receipt": ("mined", "eth_getTransactionReceipt", None),
    "block": ("mined", "eth_getBlockByNumber", is_number),
    "heights": ("mined", "eth_getBlockByNumber", is_tag),
    "state": ("mined", "eth_call", is_latest),
    "final nonce": ("final", "eth_getTransactionCount", None),
    "final state": ("final", "eth_call", is_old),
    "final receipt": ("final", "eth_getTransactionReceipt", None),
    "record": ("final", "eth_getBlockByHash", None),
}
NETWORK = ["slow", "drop the answer", "drop the request", "duplicate", "half", "error", "html",
           "other chain", "behind"]  # fmt: skip
# What happens to the chain just before the request, and what ends it.
EVENTS = {
    "forgotten": (lambda world: world.forget(), None),
    "reorg 1": (lambda world: world.reorg(1), None),
    "reorg 2": (lambda world: world.reorg(2), None),
    "reorg 3": (lambda world: world.reorg(3), None),
    "reorg below finality": (lambda world: world.reorg(7), None),
    "nonce stolen": (lambda world: world.steal_nonce(), None),
    "fee spike": (lambda world: world.fees_rise(), lambda world: world.fees_fall()),
    "key revoked": (lambda world: world.revoke(), lambda world: world.restore()),
}
CRASHES = ["kill before", "kill after"]
FAULTS = [*NETWORK, *EVENTS, *CRASHES]
CELLS = [(step, fault) for step in STEPS for fault in FAULTS]
CELLS += [("nonce", "count too high"), ("final nonce", "count too high")]
SAMPLE = [
    ("send", "drop the answer"),
    ("receipt", "reorg 2"),
    ("look again", "nonce stolen"),
    ("fees", "fee spike"),
]
# Publishing goes through the same outbox; nothing is recorded in the log.
PUBLISH_STEPS = {name: step for name, step in STEPS.items() if name != "record"}
PUBLISH_CELLS = [(step, fault) for step, fault in CELLS if step in PUBLISH_STEPS]
PUBLISH_SAMPLE = [("state", "reorg 2")]
# Funds are approved first; an instruction of the quorum has no state of its own to be known by.
FUND_STEPS = ("send", "send again", "receipt", "final state")
FUND_CELLS = [(step, fault) for step, fault in CELLS if step in FUND_STEPS]
SEND_CELLS = [("send", fault) for fault in FAULTS]
ACT_CELLS = [(step, fault) for step, fault in FUND_CELLS if step != "final state"]
# A claim is sent by whoever comes, who waits for it and keeps nothing.
CLAIM_STEPS = {
    "chain id": ("fresh", "eth_chainId", None),
    "code": ("fresh", "eth_getCode", None),
    "read vault": ("fresh", "eth_call", None),
    "nonce": ("fresh", "eth_getTransactionCount", None),
    "fees": ("fresh", "eth_getBlockByNumber", None),
    "send": ("fresh", "eth_sendRawTransaction", None),
    "wait": ("fresh", "eth_getTransactionReceipt", None),
    "look after waiting": ("fresh", "eth_call", "waited"),
    "look again": ("paid", "eth_call", None),
}
CLAIM_CELLS = [(step, fault) for step in CLAIM_STEPS for fault in FAULTS]
CLAIM_CELLS += [("nonce", "count too high")]
CLAIM_SAMPLE = [("wait", "reorg 1")]


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    require_anvil()
    return make_template(tmp_path_factory.mktemp("anchored") / "template")


def require_vault():
    """Skip, loudly, where there is no node or no compiler for the vault's token."""
    pytest.importorskip("vyper", reason="vyper is not installed: the vault's token is not compiled")
    require_anvil()


@pytest.fixture(scope="session")
def ordered(templates, tmp_path_factory):
    require_vault()
    return make_ordered(templates["settled"], tmp_path_factory.mktemp("ordered") / "template")


def armed(world, step, name):
    """Run the world of a cell with its fault; how many runs it took."""
    phase, method, matches = step
    act, heal = EVENTS.get(name, (None, None))
    fault = Fault((act and "act") or name, method, matches or (lambda _parameters: True))
    fault.act = act and partial(act, world)
    return run_cell(
        world,
        phase,
        fault,
        heal=heal and partial(heal, world),
        is_world=act is not None,
        dies=name in CRASHES,
    )


def cell(template, folder, kind, step, name):
    """Run one cell of what goes through the outbox."""
    phase = STEPS[step][0]
    with making_world(template, folder / "cell", kind) as world:
        runs = armed(world, STEPS[step], name)
        if name.startswith("reorg") and name != "reorg 1" and phase == "mined":
            # Its block was the second newest, so each of these took it away, and that was shown.
            after = world.shown[world.shown.index("mined") :]
            assert {"sent", "reorged"} & set(after), world.shown
        return runs


def claim_cell(step, name):
    """Run one cell of a claim."""
    phase, method, matches = CLAIM_STEPS[step]
    with making_claim() as world:
        if matches == "waited":

            def matches(_parameters):
                return "eth_getTransactionReceipt" in world.proxy.seen

        return armed(world, (phase, method, matches), name)


def table(cells):
    """The cells of a table as parameters."""
    return pytest.mark.parametrize(
        ("step", "fault"), cells, ids=[" / ".join(pair) for pair in cells]
    )


@pytest.mark.long
@table(CELLS)
def test_every_fault_at_every_step(template, tmp_path, step, fault):
    assert cell(template, tmp_path, World, step, fault)


@table(SAMPLE)
def test_a_fault_at_a_step(template, tmp_path, step, fault):
    assert cell(template, tmp_path, World, step, fault)


@pytest.mark.long
@table(PUBLISH_CELLS)
def test_every_fault_at_every_step_of_a_publication(ordered, tmp_path, step, fault):
    assert cell(ordered, tmp_path, PublishWorld, step, fault)


@table(PUBLISH_SAMPLE)
def test_a_fault_at_a_step_of_a_publication(ordered, tmp_path, step, fault):
    assert cell(ordered, tmp_path, PublishWorld, step, fault)


@pytest.mark.long
@table(FUND_CELLS)
def test_every_fault_while_the_vault_is_funded(ordered, tmp_path, step, fault):
    assert cell(ordered, tmp_path, FundWorld, step, fault)


@pytest.mark.long
@table(SEND_CELLS)
def test_every_fault_when_approved_funds_are_sent(ordered, tmp_path, step, fault):
    assert cell(ordered, tmp_path, ApprovedWorld, step, fault)


@pytest.mark.long
@table(ACT_CELLS)
def test_every_fault_while_an_instruction_is_carried_out(ordered, tmp_path, step, fault):
    assert cell(ordered, tmp_path, WithdrawWorld, step, fault)


@pytest.mark.long
@table(CLAIM_CELLS)
def test_every_fault_at_every_step_of_a_claim(step, fault):
    require_vault()
    assert claim_cell(step, fault)


@table(CLAIM_SAMPLE)
def test_a_fault_at_a_step_of_a_claim(step, fault):
    require_vault()
    assert claim_cell(step, fault)
