"""The vault in the fault table: roots to be published, claims, funds to be brought and taken back.

The parts are those of ``fault_world``. The vault has one approver, and is funded for whatever may
come.
"""

from __future__ import annotations

import shutil
from contextlib import closing, contextmanager
from dataclasses import dataclass

from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address

from ledger.chain.anchor import origin_hash
from ledger.chain.goals import FundedVault
from ledger.chain.instruction import Instruction, Withdrawal
from ledger.chain.node import Transaction, open_node, sign_transaction
from ledger.chain.outbox import FINISHED, State
from ledger.chain.quorum import address_word, key_address, sign_digest
from ledger.chain.signature_file import parse_signed, sign_file
from ledger.chain.token import approve_call, read_allowance
from ledger.chain.vault import (
    Publication,
    WithdrawMessage,
    period_number,
    read_balance,
    read_paid,
    read_sums,
    read_terms,
    rotate_vault_call,
    rotate_vault_digest,
)
from ledger.coop.submission import Submission
from ledger.errors import KyojoError
from ledger.payout.claims import Claims
from ledger.service.claim import Paid, Vault
from ledger.service.claims import VaultAccess, claims_tree
from ledger.service.payout import propose_payouts
from ledger.service.publish_claims import publish_claims
from ledger.service.quorum_act import carry_out
from ledger.service.submit import submit
from ledger.service.vault_fund import Need, fund_vault
from tests.builder import ORIGIN
from tests.chain.chain_world import ANVIL_PAYER
from tests.chain.fault_world import (
    FEES,
    OTHER_PAYER,
    SENDER,
    TIMEOUT_SECONDS,
    Nodes,
    World,
    running_nodes,
)
from tests.chain.vault_on_chain import DECIMALS, UNIT, OnChain, account, claims_of, keys_of
from tests.installation import FIRMS, MONTH, SLUG, Place, ballot, carry, send

APPROVERS = keys_of(2)
PERIOD = period_number(MONTH)
PUBLISHED = keccak(b"Published(bytes32,uint32,bytes32,uint256,bytes32)")
FUNDED = keccak(b"Funded(bytes32,address,uint256,uint256)")
WITHDRAWN = keccak(b"Withdrawn(bytes32,address,uint256,uint256)")
CLAIMED = keccak(b"Claimed(bytes32,address,uint256,uint256)")
MONEY = 10**30
WANTED = 7
CLAIMANT = account(3)
WAIT_SECONDS = 1.0
# While a claim waits, a block comes with every so many looks at its receipt.
LOOKS_PER_BLOCK = 3


def make_ordered(settled, folder):
    """A settled installation whose members are to be paid through a vault."""
    shutil.copytree(settled, folder)
    place = Place(folder)
    text = place.config.read_text()
    place.config.write_text(text[: text.index("[coops.kaga.chain]")])
    with closing(place.open()) as installation:
        coop = installation.coop(SLUG)
        for number, firm in enumerate(FIRMS):
            destination = {"type": "evm", "address": account(number)}
            body = {"member": firm, "currency": "JPY", "destination": destination}
            send(coop, firm, "payout-destination-set", body)
        for subject_hash in list(coop.state().proposals):
            submit(coop, Submission(ballot(coop, "office", subject_hash)))
        propose_payouts(coop)
        carry(coop)
    return folder


class InVault:
    """What both worlds have: a vault of one approver, who can be replaced."""

    def revoke(self):
        self.rotate(APPROVERS[0], APPROVERS[1])

    def restore(self):
        self.rotate(APPROVERS[1], APPROVERS[0])

    def rotate(self, old, new):
        """The vault's quorum replaces the approver."""
        with open_node(self.chain) as node:
            epoch = read_terms(node, self.contract).epoch
        signers, place = [key_address(new)], {"chain_id": 31337, "contract": self.contract}
        digest = rotate_vault_digest(signers, k=1, epoch=epoch, **place)
        signed = [sign_digest(digest, old)]
        self.send_as_other(rotate_vault_call(signers, k=1, epoch=epoch, signatures=signed))

    def sums(self, at="latest"):
        """The co-op's sums as they truly are."""
        with open_node(self.chain) as node:
            height = node.block(at).number
            return read_sums(node, self.contract, ORIGIN, at=height)


def publish_once(coop, access):
    """What the office's cron runs."""
    return publish_claims(coop, access, MONTH)


class PublishWorld(InVault, World):
    """A month's root to be published."""

    act = staticmethod(publish_once)

    @classmethod
    def deploy(cls, node):
        vault = OnChain(node, OTHER_PAYER)
        vault.fund(MONEY)
        return vault.contract

    @property
    def access(self):
        return VaultAccess(
            self.proxy.url,
            self.contract,
            "JPY",
            ANVIL_PAYER,
            (APPROVERS[0],),
            chain_id=31337,
            fees=FEES,
            timeout_seconds=TIMEOUT_SECONDS,
        )

    def is_done(self):
        states = {row.state for row in self.rows()}
        return State.FINAL in states and states <= FINISHED

    def wanted(self):
        tree = claims_tree(self.coop.state(), period=MONTH, currency="JPY", decimals=DECIMALS)
        return Publication(PERIOD, tree.root, tree.total)

    def published(self):
        """The Published events in the chain as it is: (root, transaction hash)."""
        return [
            (bytes.fromhex(log["data"][2:66]), bytes.fromhex(log["transactionHash"][2:]))
            for log in self.logs(PUBLISHED, origin_hash(ORIGIN))
        ]

    def look(self):
        rows = self.rows()
        self.shown.append(str(rows[-1].state) if rows else "none")

    def check_shown(self, *, is_moving):
        super().check_shown(is_moving=is_moving)
        if self.result is not None and not is_moving:
            if self.result.is_published:
                assert self.sums().publication == self.wanted()
            if self.result.state == "final":
                assert self.sums("finalized").publication == self.wanted()

    def check_end(self):
        """Published once, final, shown so; who asks again changes nothing; no money has moved."""
        wanted, before = self.wanted(), self.rows()
        ((root, transaction),) = self.published()
        assert root == wanted.root
        assert self.sums("finalized").publication == wanted
        assert transaction in {row.transaction_hash for row in before if row.state is State.FINAL}
        self.run()
        told = self.result
        assert (told.is_published, told.state, told.transaction) == (True, "final", transaction)
        assert self.rows() == before
        sums = self.sums()
        assert (sums.deposited, sums.withdrawn, sums.paid) == (MONEY, 0, 0)


def fund_once(coop, access):
    """What the office types until nothing is missing."""
    return fund_vault(coop, access, Need(deposited=str(WANTED)))


class FundWorld(PublishWorld):
    """Tokens to be brought to the vault: an approval, then what the vault takes.

    Its phases are those of the funding; while it is being approved it is fresh.
    """

    act = staticmethod(fund_once)

    @classmethod
    def deploy(cls, node):
        vault = OnChain(node, OTHER_PAYER)
        vault.mint(SENDER, 3 * WANTED * UNIT)
        return vault.contract

    def is_done(self):
        return self.sums("finalized").deposited > 0 and super().is_done()

    def moving(self):
        return [row for row in self.rows() if isinstance(row.goal, FundedVault)]

    def check_shown(self, *, is_moving):
        World.check_shown(self, is_moving=is_moving)
        if self.result is not None and not is_moving:
            assert self.result.deposited == self.sums().deposited
        assert self.sums().deposited in {0, WANTED * UNIT}

    def check_end(self):
        """Funded once, with what was missing, and nothing is left to be taken."""
        assert len(self.logs(FUNDED)) == 1
        assert self.sums("finalized").deposited == WANTED * UNIT
        with open_node(self.chain) as node:
            token = read_terms(node, self.contract).token
            assert read_balance(node, token, SENDER) == 2 * WANTED * UNIT
            assert read_allowance(node, token, SENDER, self.contract) == 0
        before = self.rows()
        self.run()
        assert (self.result.missing, self.result.state) == (0, "final")
        assert self.rows() == before


class ApprovedWorld(FundWorld):
    """The same with the allowance there, so that the first thing sent is the funding."""

    @classmethod
    def deploy(cls, node):
        contract = super().deploy(node)
        token = read_terms(node, contract).token
        data = approve_call(contract, WANTED * UNIT)
        unsigned = Transaction(node.chain_id, 0, token, data, 100_000, node.fees())
        signed = sign_transaction(unsigned, ANVIL_PAYER)
        node.send(signed.raw)
        assert node.wait_for_receipt(signed.hash).succeeded
        return contract


def withdraw_once(coop, access):
    """What the office types with the files that it was given."""
    message = WithdrawMessage(ORIGIN, 0, UNIT, to_checksum_address(CLAIMANT))
    contract = to_checksum_address(access.contract)
    instruction = Instruction(31337, contract, Withdrawal(message), 0)
    signed = parse_signed(sign_file(instruction.digest, APPROVERS[0]), name="a.sig")
    return carry_out(coop, access, instruction, [signed])


class WithdrawWorld(PublishWorld):
    """An instruction that the quorum has signed: no state of the vault's says that it was ours."""

    act = staticmethod(withdraw_once)

    def check_shown(self, *, is_moving):
        World.check_shown(self, is_moving=is_moving)
        assert self.sums().withdrawn in {0, UNIT}
        if self.result is not None and not is_moving:
            assert self.result.is_done == (self.sums().withdrawn == UNIT)

    def check_end(self):
        """Withdrawn once; whoever sends the files again changes nothing."""
        assert len(self.logs(WITHDRAWN)) == 1
        assert self.sums("finalized").withdrawn == UNIT
        before = self.rows()
        self.run()
        assert (self.result.is_done, self.result.state) == (True, "final")
        assert self.rows() == before
        with open_node(self.chain) as node:
            token = read_terms(node, self.contract).token
            assert read_balance(node, token, CLAIMANT) == UNIT


@dataclass(frozen=True)
class Errand:
    """What somebody needs to claim for an account."""

    url: str
    contract: str
    claims: Claims


def claim_once(errand):
    """What anybody types, for anybody."""
    with open_node(errand.url, wait_seconds=TIMEOUT_SECONDS) as node:
        vault = Vault(node, errand.contract, ORIGIN, errand.claims, wait_seconds=WAIT_SECONDS)
        vault.check()
        return vault.claim(CLAIMANT, ANVIL_PAYER)


@dataclass
class ClaimWorld(InVault, Nodes):
    """A published tree, and an account to be paid by whoever comes; there is no outbox."""

    token: str = ""
    claims: Claims | None = None
    result: object = None

    @property
    def errand(self):
        return Errand(self.proxy.url, self.contract, self.claims)

    @property
    def due(self):
        return self.claims.find(CLAIMANT).cumulative

    def paid(self, at="latest"):
        with open_node(self.chain) as node:
            height = node.block(at).number
            return read_paid(node, self.contract, ORIGIN, CLAIMANT, at=height)

    def phase(self):
        """Fresh, paid (not final yet), or done."""
        if not self.paid():
            return "fresh"
        return "done" if self.paid("finalized") else "paid"

    def told(self):
        return self.shown

    def run(self):
        try:
            self.result = claim_once(self.errand)
        except KyojoError as error:
            self.result = error

    def run_and_die(self):
        self.result = None
        self.start(claim_once, self.errand)

    def events(self):
        """The Claimed events of the account in the chain as it is: amounts."""
        found = self.logs(CLAIMED, origin_hash(ORIGIN), address_word(CLAIMANT))
        return [int(log["data"][2:66], 16) for log in found]

    def check_shown(self, *, is_moving):
        """A payment that was shown is in the chain; nothing is due only where all is paid."""
        found = self.result
        self.shown.append(f"{found.amount} paid" if isinstance(found, Paid) else repr(found))
        assert self.paid() in {0, self.due}
        assert len(self.events()) <= 1
        if isinstance(found, Paid) and not is_moving:
            assert self.paid() == self.due
            assert found.amount in {0, self.due}
            if found.amount:
                assert self.receipt(found.transaction)["status"] == "0x1"

    def check_end(self):
        """Paid once, in the token too; whoever claims again pays nothing."""
        assert self.events() == [self.due]
        self.run()
        assert (self.result.amount, self.result.transaction) == (0, None)
        assert self.paid() == self.due
        with open_node(self.chain) as node:
            assert read_balance(node, self.token, CLAIMANT) == self.due
            left = read_balance(node, self.token, self.contract)
        assert left == MONEY - self.due
        assert self.sums().paid == self.due


@contextmanager
def making_claim():
    """A published tree on a node that mines while somebody waits for a receipt."""
    claims = claims_of(5)

    def deploy(node):
        vault = OnChain(node, OTHER_PAYER)
        vault.fund(MONEY)
        vault.publish(claims, PERIOD)
        return vault

    with running_nodes(deploy) as (url, proxy, vault):
        world = ClaimWorld(url, proxy, vault.contract, token=vault.token, claims=claims)
        looks = 0

        def mine_while_waiting(method):
            nonlocal looks
            if method == "eth_getTransactionReceipt":
                looks += 1
                if looks % LOOKS_PER_BLOCK == 0:
                    world.mine()

        proxy.after = mine_while_waiting
        yield world
