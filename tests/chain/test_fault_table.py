"""The fault table: every step of anchoring crossed with every fault, on a real node.

A cell runs the service as cron would, run after run, through a proxy (``proxy``) in front of anvil.
In the first run that begins in the step's phase the fault lasts for the whole run. After each run
what is shown is compared with the chain; at the end the log stands on chain exactly once, final,
recorded exactly once. ``make long`` runs the whole table, ``make test`` a sample.
"""

from functools import partial

import pytest

from tests.chain.anvil import require_anvil
from tests.chain.fault_world import ANCHORERS, Fault, make_template, making_world, run_cell


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
    "key revoked": (
        lambda world: world.rotate(ANCHORERS[0], ANCHORERS[1]),
        lambda world: world.rotate(ANCHORERS[1], ANCHORERS[0]),
    ),
}
CRASHES = ["kill before", "kill after"]
CELLS = [(step, fault) for step in STEPS for fault in [*NETWORK, *EVENTS, *CRASHES]]
CELLS += [("nonce", "count too high"), ("final nonce", "count too high")]
SAMPLE = [
    ("send", "drop the answer"),
    ("receipt", "reorg 2"),
    ("look again", "nonce stolen"),
    ("fees", "fee spike"),
]


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    require_anvil()
    return make_template(tmp_path_factory.mktemp("anchored") / "template")


def cell(template, folder, step, name):
    """Run one cell of the table."""
    phase, method, matches = STEPS[step]
    with making_world(template, folder / "cell") as world:
        act, heal = EVENTS.get(name, (None, None))
        kind = "act" if act else name
        fault = Fault(kind, method, matches or (lambda _parameters: True))
        fault.act = act and partial(act, world)
        runs = run_cell(
            world,
            phase,
            fault,
            heal=heal and partial(heal, world),
            is_world=act is not None,
            dies=name in CRASHES,
        )
        if name.startswith("reorg") and name != "reorg 1" and phase == "mined":
            # Its block was the second newest, so each of these took it away, and that was shown.
            after = world.shown[world.shown.index("mined") :]
            assert {"sent", "reorged"} & set(after), world.shown
        return runs


@pytest.mark.long
@pytest.mark.parametrize(("step", "fault"), CELLS, ids=[" / ".join(pair) for pair in CELLS])
def test_every_fault_at_every_step(template, tmp_path, step, fault):
    assert cell(template, tmp_path, step, fault)


@pytest.mark.parametrize(("step", "fault"), SAMPLE, ids=[" / ".join(pair) for pair in SAMPLE])
def test_a_fault_at_a_step(template, tmp_path, step, fault):
    assert cell(template, tmp_path, step, fault)
