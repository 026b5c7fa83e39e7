"""One co-op, one anchor to make, a real node that can be made to misbehave, and what must hold.

``fault_vault`` has the vault's worlds, built from the same parts.
"""

from __future__ import annotations

import json
import multiprocessing
import shutil
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta

from ledger import canonical
from ledger.audit.anchor_evidence import ANCHORED
from ledger.chain.anchor import (
    build_transaction,
    deploy_anchor_contract,
    origin_hash,
    read_signers,
    rotate_call,
    rotate_digest,
)
from ledger.chain.fees import FeePolicy
from ledger.chain.node import Fees, Transaction, open_node, sign_transaction
from ledger.chain.outbox import FINISHED, State
from ledger.chain.quorum import key_address, sign_digest
from ledger.errors import KyojoError
from ledger.period import format_instant, parse_instant
from ledger.service.anchor import ChainAccess, anchor
from ledger.service.anchor_status import anchor_rows, statuses
from ledger.service.found import found
from ledger.service.office import write
from ledger.store.reading import Filter
from ledger.wiring import open_installation
from tests.builder import ORIGIN, signing_key
from tests.chain.anvil import running_anvil
from tests.chain.chain_world import ANCHORERS, ANVIL_PAYER
from tests.chain.proxy import Fault, Proxy, rpc, running_proxy
from tests.installation import MEMBERS, SLUG, Place, charter_of, lay_out

GWEI = 10**9
# anvil's second account: it deploys and rotates, so that the sender's nonces are the anchors' own.
OTHER_PAYER = bytes.fromhex("59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d")
SENDER = key_address(ANVIL_PAYER)
MAX_FEE_WEI = 50 * GWEI
FEES = FeePolicy(max_fee_wei=MAX_FEE_WEI, bump_after_seconds=90)
FINAL_DEPTH = 4  # twice the epoch of two slots
TIMEOUT_SECONDS = 0.4
RUNS_MAX = 25


def make_template(folder):
    """An installation whose charter names the contract that the other account deploys first."""
    place = lay_out(folder)
    with running_anvil() as url, open_node(url) as node:
        made = deploy(node)
    document = {
        "chain_id": made.chain_id,
        "contract": made.contract.lower(),
        "code_hash": made.code_hash.hex(),
    }
    (folder / "contract.json").write_text(json.dumps(document))
    text = place.config.read_text()
    place.config.write_text(text[: text.index("[coops.kaga.chain]")])
    installation = place.open()
    coop = installation.coop(SLUG)
    found(coop, charter_of(place), [signing_key(who) for who in MEMBERS])
    facility = {"id": "hub-1", "name": {"ja": "拠点一", "en": "Hub 1"}, "owner": "bus"}
    write(coop, kind="facility-registered", body=facility)
    installation.close()
    return folder


def deploy(node):
    return deploy_anchor_contract(node, OTHER_PAYER, signers=[key_address(ANCHORERS[0])], k=1)


class Clock:
    """A clock that moves a minute with every run."""

    def __init__(self, start):
        self.moment = parse_instant(start)

    def __call__(self):
        return format_instant(self.moment)

    def advance(self):
        self.moment += timedelta(minutes=1)


@dataclass
class Nodes:
    """The true node's URL, the proxy in front of it, and the contract; what happens to a chain."""

    chain: str
    proxy: Proxy
    contract: str
    shown: list[str] = field(default_factory=list)

    def start(self, target, *parameters):
        """Call ``target`` in a process of its own, which the proxy kills at the armed request."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.chain.fault_world", "tests.chain.fault_vault"])
        child = context.Process(target=target, args=parameters)
        child.start()
        self.proxy.victim = child.pid
        child.join(120)
        assert child.exitcode is not None

    # The chain, asked directly.

    def height(self):
        return int(rpc(self.chain, "eth_blockNumber"), 16)

    def mine(self, count=1):
        rpc(self.chain, "anvil_mine", hex(count))

    def receipt(self, transaction_hash):
        return rpc(self.chain, "eth_getTransactionReceipt", "0x" + transaction_hash.hex())

    def logs(self, *topics):
        """The contract's events in the chain as it is."""
        wanted = ["0x" + topic.hex() for topic in topics]
        asked = {"address": self.contract, "topics": wanted, "fromBlock": "0x0"}
        return rpc(self.chain, "eth_getLogs", asked)

    # What can be done to it.

    def forget(self):
        rpc(self.chain, "anvil_dropAllTransactions")

    def reorg(self, depth):
        rpc(self.chain, "anvil_reorg", depth, [])

    def steal_nonce(self):
        """Another transaction of the sender takes the next nonce, and is mined."""
        nonce = int(rpc(self.chain, "eth_getTransactionCount", SENDER, "latest"), 16)
        rpc(self.chain, "anvil_dropAllTransactions")
        fees = Fees(MAX_FEE_WEI, 2 * GWEI)
        stranger = Transaction(31337, nonce, SENDER, b"", 21_000, fees)
        raw = sign_transaction(stranger, ANVIL_PAYER).raw
        rpc(self.chain, "eth_sendRawTransaction", "0x" + raw.hex())
        self.mine()

    def fees_rise(self):
        rpc(self.chain, "anvil_setNextBlockBaseFeePerGas", hex(200 * GWEI))
        self.mine()

    def fees_fall(self):
        rpc(self.chain, "anvil_setNextBlockBaseFeePerGas", hex(GWEI))
        self.mine()

    def send_as_other(self, data):
        """The other account calls the contract, and it is mined."""
        with open_node(self.chain) as node:
            nonce = node.nonce(key_address(OTHER_PAYER), at="pending")
            sent = build_transaction(
                node, OTHER_PAYER, contract=self.contract, data=data, nonce=nonce
            )
            node.send(sent.raw)
        self.mine()


def anchor_once(coop, access):
    """What the office's cron runs."""
    return anchor(coop, access)


@dataclass
class World(Nodes):
    """One co-op with something to bring to a chain through its outbox: here an anchor.

    ``size`` is the log's when the cell begins; ``result`` what the last run gave, None if it
    ended with an error.
    """

    coop: object = None
    config: object = None
    clock: object = None
    size: int = 0
    result: object = None

    act = staticmethod(anchor_once)

    @classmethod
    def deploy(cls, node):
        """Deploy the contract; its address."""
        return deploy(node).contract

    @property
    def access(self):
        return ChainAccess(
            self.proxy.url,
            ANVIL_PAYER,
            (ANCHORERS[0],),
            chain_id=31337,
            fees=FEES,
            timeout_seconds=TIMEOUT_SECONDS,
        )

    def rows(self):
        return anchor_rows(self.coop).all()

    def moving(self):
        """The rows by which the phase is told."""
        return self.rows()

    def told(self):
        """What a cell that never ends is explained by."""
        return [(row.nonce, row.bump, str(row.state), row.note) for row in self.rows()], self.shown

    def is_done(self):
        """Whether all is final, and recorded."""
        return bool(self.recorded()) and all(row.state in FINISHED for row in self.rows())

    def phase(self):
        """How far it is: fresh, sent, mined, final (the next run sees it), or done."""
        if self.is_done():
            return "done"
        rows = self.moving()
        blocks = [row.block_number for row in rows if row.block_number is not None]
        if blocks:
            is_final = self.height() - max(blocks) >= FINAL_DEPTH
            return "final" if is_final else "mined"
        return "sent" if any(row.state not in FINISHED for row in rows) else "fresh"

    def run(self):
        """One run, as cron would start it; ``result`` is None if it ended with an error."""
        self.clock.advance()
        self.result = None
        with suppress(KyojoError):
            self.result = self.act(replace(self.coop, clock=self.clock), self.access)

    def run_and_die(self):
        self.clock.advance()
        self.result = None
        self.start(_run_once, self.act, self.config, self.access, self.clock())

    def events(self):
        """The Anchored events of the log in the chain as it is: (size, transaction hash)."""
        found = self.logs(ANCHORED, origin_hash(ORIGIN))
        return [(int(log["topics"][2], 16), log["transactionHash"][2:]) for log in found]

    def recorded(self):
        """The anchors that the log records: (size, transaction hash)."""
        with self.coop.reading() as (_, log):
            rows = log.search(Filter(kind="anchor-recorded"))
            bodies = [canonical.parse(log.entry(row.index))["body"] for row in rows]
        return [(body["size"], body["transaction"]) for body in bodies]

    def revoke(self):
        self.rotate(ANCHORERS[0], ANCHORERS[1])

    def restore(self):
        self.rotate(ANCHORERS[1], ANCHORERS[0])

    def rotate(self, old, new):
        """The contract's quorum replaces the anchorer."""
        with open_node(self.chain) as node:
            epoch = read_signers(node, self.contract).epoch
        signers = [key_address(new)]
        domain = {"chain_id": 31337, "contract": self.contract}
        digest = rotate_digest(signers, k=1, epoch=epoch, **domain)
        signed = [sign_digest(digest, old)]
        self.send_as_other(rotate_call(signers, k=1, epoch=epoch, signatures=signed))

    # What must hold.

    def look(self):
        """What is shown of the newest."""
        for status in statuses(replace(self.coop, clock=self.clock), ()):
            self.shown.append("none" if status.newest is None else status.newest.state)

    def check_shown(self, *, is_moving):
        """What is shown is so; of blocks only if the chain did not change while it was looked at.

        A final goal is compared with the contract's own state at the final block.
        """
        self.look()
        for row in self.rows():
            receipt = self.receipt(row.transaction_hash)
            if row.state in {State.MINED, State.SAFE, State.FINAL} and not is_moving:
                assert receipt is not None, row
                assert receipt["status"] == "0x1"
                assert receipt["blockHash"] == "0x" + row.block_hash.hex()
            if row.state is State.FINAL and row.goal.by_state and not is_moving:
                with open_node(self.chain) as node:
                    assert row.goal.reached(node, "finalized"), row
            if row.state in {State.FAILED, State.REPLACED}:
                assert receipt is None or receipt["status"] == "0x0"

    def check_end(self):
        """Anchored once, final, recorded once, and shown so; nothing else is under way."""
        size = self.size
        assert self.events() == [(size, self.recorded()[0][1])]
        assert self.recorded() == [(size, self.events()[0][1])]
        (status,) = statuses(self.coop, ())
        assert (status.newest.state, status.newest.size, status.final_size) == (
            "final", size, size)  # fmt: skip
        hashes = {row.transaction_hash for row in self.rows() if row.state is State.FINAL}
        assert bytes.fromhex(self.recorded()[0][1]) in hashes


def _run_once(act, config, access, now):
    """In the child: what cron would run."""
    installation = open_installation(config)
    act(replace(installation.coop(SLUG), clock=lambda: now), access)


@contextmanager
def running_nodes(deploy):
    """A fresh node that mines on command, another chain, a proxy; and what ``deploy`` makes."""
    flags = ("--no-mining", "--gas-limit", "30000000")
    with (
        running_anvil(*flags, epoch_slots=2) as url,
        running_anvil(chain_id=31338) as other,
        running_proxy(url, other, slow_seconds=TIMEOUT_SECONDS + 0.3) as proxy,
    ):
        rpc(url, "evm_setAutomine", True)
        with open_node(url) as node:
            made = deploy(node)
        rpc(url, "evm_setAutomine", False)
        rpc(url, "anvil_mine", "0x8")
        yield url, proxy, made


@contextmanager
def making_world(template, folder, kind=World):
    """A copy of the template, and nodes with the contract of its kind."""
    shutil.copytree(template, folder)
    config = Place(folder).config
    with running_nodes(kind.deploy) as (url, proxy, contract):
        installation = open_installation(config)
        coop = installation.coop(SLUG)
        with coop.reading() as (_, log):
            size = log.head().size
        yield kind(
            url, proxy, contract, coop=coop, config=config, clock=Clock(coop.clock()), size=size
        )
        installation.close()


def run_cell(world, phase, fault, *, heal=None, is_world=False, dies=False):
    """Run until all is done, with the fault in the first run that begins in ``phase``.

    Returns how many runs it took. ``is_world`` faults change the chain itself.
    """
    for number in range(1, RUNS_MAX + 1):
        is_armed = fault.fired == 0 and world.phase() == phase
        world.proxy.fault = fault if is_armed else None
        if is_armed and dies:
            world.run_and_die()
        else:
            world.run()
        world.proxy.fault = None
        has_fired = is_armed and fault.fired > 0
        world.check_shown(is_moving=has_fired and is_world)
        if has_fired and heal is not None:
            heal()
        if world.phase() == "done":
            assert fault.fired, "the fault's request never came"
            world.check_end()
            return number
        # What has to be met unmined stays so until then; what goes before it does not.
        if phase != "sent" or fault.fired or world.phase() == "fresh":
            world.mine()
    raise AssertionError(f"not done after {RUNS_MAX} runs: {world.told()}")


__all__ = ["ANCHORERS", "Fault", "World", "make_template", "making_world", "run_cell"]
