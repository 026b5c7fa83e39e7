"""A settled month is paid through the vault: order, file, publication, claims, as typed.

Real files and the embedded chain; the token is a plain one of the tests.
"""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

pytest.importorskip("vyper", reason="vyper is not installed: the vault's token cannot be compiled")

from ledger.chain.node import Transaction, open_node, sign_transaction
from ledger.chain.quorum import call_data, key_address, order_signatures, sign_digest
from ledger.chain.vault import (
    Hold,
    Publication,
    PublishMessage,
    deploy_vault_contract,
    fund_call,
    hold_call,
    hold_digest,
    publish_call,
    publish_digest,
    read_balance,
    read_publication,
)
from ledger.cli.main import main
from ledger.coop.submission import Submission
from ledger.payout.claims import parse_dump
from ledger.service.submit import submit
from ledger.store.tables import outbox
from ledger.wiring import EMBEDDED_GAS_KEY, write_secret
from tests.builder import ORIGIN
from tests.chain.anvil import require_anvil, running_anvil
from tests.chain.chain_world import ANVIL_PAYER
from tests.chain.vault_on_chain import plain_token
from tests.e2e.test_erasing import Typed
from tests.installation import FIRMS, MONTH, SLUG, Place, ballot, carry, send

ACCOUNTS = {firm: "0x" + digit * 40 for firm, digit in zip(FIRMS, "567", strict=True)}
APPROVERS = [bytes([number]) * 32 for number in (1, 2)]
SECTION = """
[coops.kaga.vault]
url = "{url}"
sender_key = "keys/payer.key"
contract = "{contract}"
currency = "JPY"
approver_keys = ["keys/approver-{own}.key"]
"""
NUMBER = int(MONTH.replace("-", ""))


class Paying:
    """A settled installation with a vault, and the commands that work on it."""

    def __init__(self, typed: Typed, chain: str = "", payer: bytes = EMBEDDED_GAS_KEY) -> None:
        self.typed, self.payer = typed, payer
        self.chain = chain or f"embedded:{typed.place.root / 'chain.db'}"
        write_secret(typed.place.root / "keys" / "payer.key", payer.hex())
        with open_node(self.chain) as node:
            self.token = plain_token(node, payer)
        self.contract = self.deploy()
        for number, key in enumerate(APPROVERS):
            write_secret(typed.place.root / "keys" / f"approver-{number}.key", key.hex())
        self.plain_config = typed.place.config.read_text()
        self.use_approver(0)

    def deploy(self) -> str:
        """Another vault over the token, of both approvers."""
        with open_node(self.chain) as node:
            return deploy_vault_contract(
                node,
                self.payer,
                token=self.token,
                decimals=18,
                signers=[key_address(key) for key in APPROVERS],
                k=2,
            ).contract

    def use_approver(self, own: int) -> None:
        """Let this machine have the key of one of the approvers."""
        section = SECTION.format(url=self.chain, contract=self.contract, own=own)
        self.typed.place.config.write_text(self.plain_config + section)

    def use_vault(self, contract: str) -> None:
        """Name another vault in the settings."""
        self.contract = contract
        self.use_approver(0)

    def name_accounts_and_order(self) -> None:
        with closing(self.typed.place.open()) as installation:
            coop = installation.coop(SLUG)
            for firm, address in ACCOUNTS.items():
                destination = {"type": "evm", "address": address}
                body = {"member": firm, "currency": "JPY", "destination": destination}
                send(coop, firm, "payout-destination-set", body)
            for subject_hash in list(coop.state().proposals):
                submit(coop, Submission(ballot(coop, "office", subject_hash)))
        self.typed.office("payout", "propose")
        with closing(self.typed.place.open()) as installation:
            carry(installation.coop(SLUG))

    def transact(self, *calls: tuple[str, bytes]) -> None:
        with open_node(self.chain) as node:
            sender = key_address(self.payer)
            for to, data in calls:
                nonce, fees = node.nonce(sender), node.fees()
                unsigned = Transaction(node.chain_id, nonce, to, data, 500_000, fees)
                signed = sign_transaction(unsigned, self.payer)
                node.send(signed.raw)
                assert node.wait_for_receipt(signed.hash).succeeded

    def fund(self, amount: int) -> None:
        mint = call_data("mint(address,uint256)", [key_address(self.payer), amount])
        approve = call_data("approve(address,uint256)", [self.contract, amount])
        self.transact((self.token, mint), (self.token, approve),
                      (self.contract, fund_call(ORIGIN, amount)))  # fmt: skip

    def hold(self) -> None:
        """One approver holds the month for a day."""
        with open_node(self.chain) as node:
            block = node.block("latest")
            assert block is not None
            hold = Hold(NUMBER, block.timestamp + 86_400, 0)
            place = {"chain_id": node.chain_id, "contract": self.contract}
            digest = hold_digest(ORIGIN, hold, **place)
        data = hold_call(ORIGIN, hold, [sign_digest(digest, APPROVERS[0])])
        self.transact((self.contract, data))

    def publish_directly(self, period: int, total: int) -> None:
        """Both approvers publish some tree, past the command."""
        with open_node(self.chain) as node:
            before = read_publication(node, self.contract, ORIGIN).root
            message = PublishMessage(ORIGIN, before, Publication(period, b"r" * 32, total))
            place = {"chain_id": node.chain_id, "contract": self.contract}
            digest = publish_digest(message, **place)
        signatures = order_signatures(digest, [sign_digest(digest, key) for key in APPROVERS])
        self.transact((self.contract, publish_call(message, signatures)))

    def publish(self, *more: str, code: int = 0) -> Any:
        words = ("payout", "publish-claims", "--period", MONTH, *more)
        return self.typed.office(*words, code=code)

    def refused(self, *more: str) -> Any:
        """The error of a publication that finds the chain and the log at odds."""
        words = ("payout", "publish-claims", "--period", MONTH, *more, "--json")
        self.typed.capsys.readouterr()
        assert main([*words, "--config", str(self.typed.place.config)]) == 3
        return json.loads(self.typed.capsys.readouterr().err)

    def claim(self, *more: str, code: int = 0) -> Any:
        place = ("--rpc", self.chain, "--vault", self.contract)
        return self.typed.run("payout", "claim", *place, *more, code=code)

    def sums(self, *more: str) -> Any:
        place = ("--rpc", self.chain, "--vault", self.contract)
        return self.typed.run("payout", "vault", *place, *more)

    def balance(self, account: str) -> int:
        with open_node(self.chain) as node:
            return read_balance(node, self.token, account)


@pytest.fixture
def paying(
    templates: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Paying:
    place = Place(shutil.copytree(templates["settled"], tmp_path / "place"))
    return Paying(Typed(place, capsys))


def test_a_month_is_paid_through_the_vault(paying: Paying, tmp_path: Path) -> None:
    assert paying.publish(code=8)["code"] == "not-found"
    paying.name_accounts_and_order()
    file = tmp_path / "claims.json"
    told = paying.typed.office("payout", "claims", "--period", MONTH, "--out", str(file))
    claims = parse_dump(file.read_bytes())
    assert told["root"] == claims.root.hex()
    assert {claim.account for claim in claims.claims} == set(ACCOUNTS.values())
    first = file.read_bytes()
    offline = ("--currency", "JPY", "--decimals", "18")
    paying.typed.office("payout", "claims", "--period", MONTH, "--out", str(file), *offline)
    assert file.read_bytes() == first

    # Nothing goes out before the vault is funded and both approvers have signed.
    refused = paying.publish(code=6)
    assert str(claims.total) in refused["detail"]
    paying.fund(claims.total)
    assert paying.publish(code=5)["code"] == "quorum-missing"
    (signed,) = paying.publish("--sign")
    paying.use_approver(1)
    assert paying.publish("--signature", "0x12", code=2)["code"] == "invalid-input"
    done = paying.publish("--signature", signed["signature"])
    assert (done["state"], done["is_published"], done["root"]) == ("final", True, told["root"])
    again = paying.publish()
    assert again == done
    pay_everybody(paying, file, claims)


def pay_everybody(paying: Paying, file: Path, claims: Any) -> None:
    bus = ACCOUNTS["bus"]
    words = ("--origin", ORIGIN, "--claims", str(file), "--account", bus)
    amount = claims.find(bus).cumulative
    (would,) = paying.claim(*words, "--dry-run")
    assert (would["due"], would["paid_now"]) == (str(amount), "0")
    assert paying.balance(bus) == 0
    (was,) = paying.claim(*words)
    assert (was["paid_now"], was["paid_in_all"]) == (str(amount), str(amount))
    (nothing,) = paying.claim(*words)
    assert (nothing["paid_now"], nothing["transaction"]) == ("0", None)
    assert paying.balance(bus) == amount
    others = [("--account", one) for one in ACCOUNTS.values() if one != bus]
    place = ("--origin", ORIGIN, "--claims", str(file))
    paying.claim(*place, *(part for pair in others for part in pair))
    (shown,) = paying.sums()["origins"]
    total = str(claims.total)
    assert (shown["deposited"], shown["published"], shown["paid"]) == (total, total, total)
    assert (shown["withdrawn"], shown["surplus"], shown["unclaimed"]) == ("0", "0", "0")
    assert (shown["period"], shown["root"]) == (MONTH, claims.root.hex())
    report_everything(paying, file.with_name("evidence.json"), claims)
    named = paying.sums("--only", "--origin", ORIGIN)
    assert named["origins"] == [{**shown, "origin": ORIGIN}]
    assert (named["balance"], named["is_complete"]) == ("0", False)


def report_everything(paying: Paying, evidence: Path, claims: Any) -> None:
    """What is claimed is reported once, confirmed by another, and then paid in the log."""
    words = ("payout", "report-claims", "--out", str(evidence))
    told = paying.typed.office(*words)
    assert len(told["entries"]) == 1
    assert sum(told["claimed_minor"].values()) * 10**18 == claims.total
    kept = json.loads(evidence.read_bytes())
    assert kept["paid"] == {one.account: str(one.cumulative) for one in claims.claims}
    with closing(paying.typed.place.open()) as installation:
        coop = installation.coop(SLUG)
        for subject_hash in list(coop.state().proposals):
            submit(coop, Submission(ballot(coop, "audit", subject_hash)))
    (order,) = paying.typed.office("payout", "show")["orders"]
    assert {line["state"] for line in order["lines"]} == {"paid"}
    assert paying.typed.office(*words)["entries"] == []


def test_another_vault_does_not_pay_the_past_again(paying: Paying, tmp_path: Path) -> None:
    """Neither while only this installation knows of the first vault, nor once the log does."""
    paying.name_accounts_and_order()
    file = tmp_path / "claims.json"
    paying.typed.office("payout", "claims", "--period", MONTH, "--out", str(file))
    claims = parse_dump(file.read_bytes())
    paying.fund(claims.total)
    (signed,) = paying.publish("--sign")
    paying.use_approver(1)
    paying.publish("--signature", signed["signature"])
    first, second = paying.contract, paying.deploy()
    paying.use_vault(second)
    paying.fund(claims.total)
    for words in ([], ["--sign"]):
        refused = paying.refused(*words)
        assert refused["code"] == "anchor-mismatch"
        assert f"brought to the vault {first}" in refused["detail"]
    paying.use_vault(first)
    pay_everybody(paying, file, claims)
    # An approver elsewhere has the log, and no outbox.
    with (
        closing(paying.typed.place.open()) as installation,
        installation.database.engine.begin() as connection,
    ):
        connection.execute(delete(outbox))
    paying.use_vault(second)
    refused = paying.refused("--sign")
    assert refused["code"] == "anchor-mismatch"
    assert f"{second} has paid 0: it is another vault" in refused["detail"]
    paying.use_vault(first)
    assert paying.publish()["is_published"]


def test_a_held_month_waits_and_wrong_places_are_told(paying: Paying, tmp_path: Path) -> None:
    paying.name_accounts_and_order()
    paying.fund(10**30)
    paying.hold()
    refused = paying.publish(code=6)
    assert "held" in refused["detail"]
    file = tmp_path / "claims.json"
    paying.typed.office("payout", "claims", "--period", MONTH, "--out", str(file))
    words = ("--origin", ORIGIN, "--claims", str(file), "--account", ACCOUNTS["ev"])
    place = ("--rpc", paying.chain, "--vault", paying.contract)
    assert main(["payout", "claim", *place, *words]) == 3  # the vault has published another root
    (shown,) = paying.sums()["origins"]
    assert (shown["held_period"], shown["period"]) == (MONTH, None)
    paying.contract, vault = paying.token, paying.contract
    assert paying.claim(*words, code=6)["code"] == "conflict"
    paying.contract = vault
    file.write_text(json.dumps({"format": "standard-v1"}))
    assert paying.claim(*words, code=2)["code"] == "malformed-document"
    text = paying.typed
    words = ("payout", "vault", "--rpc", paying.chain, "--vault", vault, "--only")
    assert text.run(*words, code=2)["code"] == "invalid-input"


def test_strangers_sign_nothing_and_a_vault_may_be_ahead_of_the_log(paying: Paying) -> None:
    paying.name_accounts_and_order()
    paying.fund(10**30)
    write_secret(paying.typed.place.root / "keys" / "approver-2.key", "ab" * 32)
    paying.use_approver(2)
    assert paying.publish("--sign", code=5)["code"] == "not-permitted"
    assert paying.publish(code=5)["code"] == "quorum-missing"
    paying.publish_directly(NUMBER, 10**29)
    # More is published than this log ever ordered: an old copy, or not this vault's log.
    words = ("payout", "publish-claims", "--period", MONTH)
    assert main([*words, "--config", str(paying.typed.place.config)]) == 3
    paying.publish_directly(NUMBER + 1, 10**29)
    assert "already" in paying.publish(code=6)["detail"]


def test_a_publication_on_a_real_node_is_sent_once_and_followed_until_it_is_final(
    templates: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    require_anvil()
    place = Place(shutil.copytree(templates["settled"], tmp_path / "place"))
    with running_anvil() as url:
        paying = Paying(Typed(place, capsys), url, ANVIL_PAYER)
        paying.name_accounts_and_order()
        paying.fund(10**30)
        (signed,) = paying.publish("--sign")
        paying.use_approver(1)
        request(url, "evm_setAutomine", [False])
        sent = paying.publish("--signature", signed["signature"])
        assert (sent["state"], sent["is_published"]) == ("sent", False)
        again = paying.publish()
        assert (again["state"], again["transaction"]) == ("sent", sent["transaction"])
        request(url, "evm_mine", [])
        # Another key sends from now on; what the first one has under way is followed all the same.
        key = place.root / "keys" / "payer.key"
        key.unlink()
        write_secret(key, "cd" * 32)
        mined = paying.publish()
        assert (mined["state"], mined["is_published"]) == ("mined", True)
        request(url, "anvil_mine", ["0x8"])
        final = paying.publish()
        assert (final["state"], final["transaction"]) == ("final", sent["transaction"])
        # The chain takes back what was final: the same bytes are sent again, and get in again.
        key.unlink()
        write_secret(key, ANVIL_PAYER.hex())
        request(url, "anvil_reorg", [9, []])
        back = paying.publish()
        assert (back["state"], back["is_published"]) == ("sent", False)
        assert back["transaction"] == sent["transaction"]
        request(url, "anvil_mine", ["0x9"])
        assert paying.publish()["state"] == "final"


def request(url: str, method: str, parameters: list[Any]) -> None:
    with open_node(url) as node:
        node.web3.provider.make_request(method, parameters)  # type: ignore[arg-type]
