"""The log names the vault: taken over, followed by another, and settings that differ are refused.

Real files and the embedded chain, as typed; some of the claims expire.
"""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("vyper", reason="vyper is not installed: the vault's token cannot be compiled")

from ledger.chain.node import open_node
from ledger.chain.quorum import call_data, key_address, order_signatures, sign_digest
from ledger.chain.vault import (
    WINDOW_SECONDS_MIN,
    ExpireMessage,
    deploy_vault_contract,
    expire_call,
    expire_digest,
)
from ledger.cli.main import main
from ledger.coop.payouts import vault_totals
from ledger.coop.submission import Submission
from ledger.errors import VaultMismatch
from ledger.payout.claims import Claims, parse_dump
from ledger.service.claims import check_vault
from ledger.service.month.claims import publish_month
from ledger.service.month.payouts import Paying as PayingMonth
from ledger.service.month.track import Doing, Standing
from ledger.service.submit import submit
from ledger.service.vault_in_log import bound, followed_by
from tests.builder import ORIGIN
from tests.e2e.test_erasing import Typed
from tests.e2e.test_vault import ACCOUNTS, APPROVERS, Paying
from tests.installation import MONTH, SLUG, Place, ballot, carry, send

RESERVE = "0x" + "9" * 40


class Naming(Paying):
    """The same, with vaults whose claims expire after 30 days."""

    def deploy(self) -> str:
        with open_node(self.chain) as node:
            return deploy_vault_contract(
                node,
                self.payer,
                token=self.token,
                decimals=18,
                signers=[key_address(key) for key in APPROVERS],
                k=2,
                claim_window_seconds=WINDOW_SECONDS_MIN,
            ).contract

    def pay_to(self, *firms: str) -> None:
        """Accounts for these, and an order of all that is payable by now."""
        with closing(self.typed.place.open()) as installation:
            coop = installation.coop(SLUG)
            for firm in firms:
                where = {"type": "evm", "address": ACCOUNTS[firm]}
                body = {"member": firm, "currency": "JPY", "destination": where}
                send(coop, firm, "payout-destination-set", body)
            for subject_hash in list(coop.state().proposals):
                submit(coop, Submission(ballot(coop, "office", subject_hash)))
        self.typed.office("payout", "propose")
        self.decide()

    def decide(self, who: str = "") -> None:
        """The members, or one of another role, approve what waits."""
        with closing(self.typed.place.open()) as installation:
            coop = installation.coop(SLUG)
            if not who:
                carry(coop)
            for subject_hash in list(coop.state().proposals):
                submit(coop, Submission(ballot(coop, who, subject_hash)))

    def at_odds(self, *words: str) -> Any:
        """The error of a command that finds settings, chain and log at odds."""
        self.typed.capsys.readouterr()
        config = str(self.typed.place.config)
        assert main(["payout", *words, "--json", "--config", config]) == 3
        return json.loads(self.typed.capsys.readouterr().err)

    def mint(self, amount: int) -> None:
        """Tokens for whoever pays."""
        data = call_data("mint(address,uint256)", [key_address(self.payer), amount])
        self.transact((self.token, data))

    def month(self, standing: Standing) -> tuple[str, ...]:
        """How the month's track of claims stands, and what it waits for."""
        with closing(self.typed.place.open()) as installation:
            coop = installation.coop(SLUG)
            how = PayingMonth(MONTH, "JPY", None, None, SLUG)
            track = publish_month(coop, how, lambda: installation.vault(SLUG), Doing())
        assert track.standing is standing
        return () if track.waits is None else (track.waits.en,)

    def name(self, contract: str, *more: str, code: int = 0) -> Any:
        words = ("payout", "name-vault", contract, "--rpc", self.chain, *more)
        return self.typed.office(*words, code=code)

    def file(self, path: Path, *more: str) -> Claims:
        words = ("payout", "claims", "--period", MONTH, "--out", str(path))
        self.typed.office(*words, *more)
        return parse_dump(path.read_bytes())

    def publish_all(self) -> Any:
        self.use_approver(0)
        (signed,) = self.publish("--sign")
        self.use_approver(1)
        return self.publish("--signature", signed["signature"])

    def expire(self, claims: Claims, account: str) -> None:
        """The window goes by, and both approvers let a claim expire to the reserve."""
        cumulative = claims.find(account).cumulative
        message = ExpireMessage(ORIGIN, claims.root, account, cumulative, RESERVE)
        with open_node(self.chain) as node:
            block = node.block("latest")
            assert block is not None
            tester = node.web3.provider.ethereum_tester  # type: ignore[attr-defined]
            tester.time_travel(block.timestamp + WINDOW_SECONDS_MIN)
            place = {"chain_id": node.chain_id, "contract": self.contract}
            digest = expire_digest(message, **place)
        signed = order_signatures(digest, [sign_digest(digest, key) for key in APPROVERS])
        self.transact((self.contract, expire_call(message, claims.proof(account), signed)))


@pytest.fixture
def naming(
    templates: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Naming:
    place = Place(shutil.copytree(templates["settled"], tmp_path / "place"))
    return Naming(Typed(place, capsys))


@pytest.mark.long  # tests/coop/test_vaults.py has what the log says of it, in every run
def test_a_vault_is_taken_over_followed_and_pays_nothing_of_what_lies_before(
    naming: Naming, tmp_path: Path
) -> None:
    naming.pay_to("bus", "ev")
    first, old = naming.contract, naming.file(tmp_path / "old.json")
    naming.fund(old.total)
    assert naming.publish_all()["named_in"] is None
    second = naming.deploy()

    # Only the vault that has paid may take over what was ordered before.
    wrong = naming.at_odds("name-vault", second, "--rpc", naming.chain)
    assert (wrong["code"], first in wrong["detail"]) == ("anchor-mismatch", True)
    told = naming.name(first, "--reason", "it always was")
    assert told["subject"].endswith("of 18 decimals, with the 1 order(s) made before")
    naming.decide()
    assert naming.file(tmp_path / "same.json") == old
    assert naming.publish()["named_in"] is not None
    assert naming.name(first, code=6)["code"] == "conflict", "it holds claims already"

    # Settings that name what the log does not are refused, whatever is asked.
    naming.use_vault(second)
    for words in (
        ("publish-claims", "--period", MONTH),
        ("publish-claims", "--period", MONTH, "--sign"),
        ("claims", "--period", MONTH, "--out", str(tmp_path / "x.json")),
        ("report-claims", "--out", str(tmp_path / "x.json")),
        ("hold", "--period", "2030-01", "--until", "2030-01-01"),
    ):
        refused = naming.at_odds(*words)
        assert (refused["code"], first.lower() in refused["detail"]) == ("vault-mismatch", True)
        assert "台帳" in refused["remedy"]["ja"]

    # The second follows; the first goes on being published, claimed and reported.
    naming.name(second)
    naming.decide()
    with closing(naming.typed.place.open()) as installation:
        state = installation.coop(SLUG).state()
        access = installation.vault(SLUG)
        before, current = (one.place for one in state.vaults["JPY"])
        assert (access.vault, followed_by(state, access)) == (current, None)
        with pytest.raises(VaultMismatch, match="names"):
            bound(state, replace(access, chain_id=1))
    (waits,) = naming.month(Standing.UNSET)
    assert before in waits
    naming.pay_to("bike")
    new = naming.file(tmp_path / "new.json")
    assert [one.account for one in new.claims] == [ACCOUNTS["bike"]]
    naming.mint(new.total)
    for missing in ("0", "0"):
        told = naming.typed.office("payout", "fund", "--period", MONTH)
        assert (told["missing"], told["wanted"]) == (missing, str(new.total))
    assert naming.publish_all()["is_published"]
    assert naming.month(Standing.UNSET) == (waits,), "what is the other's is not done by this one"
    pay_from_both(naming, {first: old, second: new}, tmp_path)


def pay_from_both(naming: Naming, vaults: dict[str, Claims], tmp_path: Path) -> None:
    """Every account is paid by its own vault, once; what is not claimed in time expires."""
    first, second = vaults
    for vault, name, account in (
        (second, "new.json", ACCOUNTS["bike"]),
        (first, "old.json", ACCOUNTS["bus"]),
    ):
        naming.contract = vault
        words = ("--origin", ORIGIN, "--claims", str(tmp_path / name), "--account", account)
        (paid,) = naming.claim(*words)
        assert naming.balance(account) == int(paid["paid_now"]) > 0
    naming.use_vault(first)
    again = naming.publish()
    assert (again["is_published"], again["followed_by"].split("/")[1]) == (True, second.lower())
    words = ("payout", "report-claims", "--out", str(tmp_path / "evidence.json"))
    told = naming.typed.office(*words)
    assert (len(told["entries"]), told["expired"]) == (1, {})
    naming.expire(vaults[first], ACCOUNTS["ev"])
    naming.decide("audit")
    told = naming.typed.office(*words)
    (part,) = told["expired"][ACCOUNTS["ev"]]
    assert part["reserve"] == RESERVE
    assert naming.balance(RESERVE) == vaults[first].find(ACCOUNTS["ev"]).cumulative
    kept = json.loads((tmp_path / "evidence.json").read_bytes())
    assert [one["account"] for one in kept["expired"]] == [ACCOUNTS["ev"]]
    naming.decide("audit")
    assert naming.typed.office(*words)["entries"] == []
    naming.use_vault(second)
    naming.typed.office(*words)
    naming.decide("audit")
    orders = naming.typed.office("payout", "show")["orders"]
    states = {line["member"]: line["state"] for one in orders for line in one["lines"]}
    assert states == {"bus": "paid", "ev": "expired", "bike": "paid"}
    one, other = naming.typed.office("payout", "vaults")
    assert (one["is_current"], other["is_current"]) == (False, True)
    assert one["expired_minor"] > 0 == other["expired_minor"]
    place = f"{one['vault']['chain_id']}/{one['vault']['contract']}"
    assert naming.file(tmp_path / "again.json", "--vault", place) == vaults[first]
    unknown = ("payout", "claims", "--period", MONTH, "--out", str(tmp_path / "y.json"))
    assert naming.typed.office(*unknown, "--vault", "1/0x", code=8)["code"] == "not-found"


def test_a_vault_that_published_nothing_takes_nothing_over_unless_it_is_said(
    naming: Naming,
) -> None:
    """Another installation may have brought the claims elsewhere, and nobody reported them."""
    naming.pay_to("bus")
    refused = naming.name(naming.contract, code=6)
    assert "never published claims" in refused["detail"]
    assert "--nothing-published" in refused["detail"]
    told = naming.name(naming.contract, "--nothing-published")
    assert told["subject"].endswith("with the 1 order(s) made before")
    naming.decide()
    # What the month lacks is counted from the orders of the vault that the log names now.
    naming.mint(10**30)
    first, second = (naming.typed.office("payout", "fund", "--period", MONTH) for _ in "ab")
    assert int(first["wanted"]) > 0
    assert (second["wanted"], second["missing"]) == (first["wanted"], "0")


def test_what_stands_on_the_chain_has_to_be_what_the_log_names(naming: Naming) -> None:
    naming.name(naming.contract)
    naming.decide()
    with closing(naming.typed.place.open()) as installation:
        state, access = installation.coop(SLUG).state(), installation.vault(SLUG)
        assert vault_totals(state, "JPY", through=MONTH, vault=access.vault) == {}
    (shown,) = naming.typed.office("payout", "show")["vaults"]
    assert (shown["contract"], shown["is_current"]) == (naming.contract.lower(), True)
    assert (shown["token"], shown["decimals"]) == (naming.token.lower(), 18)
    assert access.named is not None
    with open_node(access.url) as node:
        assert check_vault(node, access).token == naming.token
        for change in ({"code_hash": "00" * 32}, {"token": RESERVE}, {"decimals": 6},
                       {"chain_id": 1}):  # fmt: skip
            other = replace(access, named=replace(access.named, **change))
            with pytest.raises(VaultMismatch, match="台帳"):
                check_vault(node, other)


def test_a_vault_with_claims_that_the_log_does_not_know_is_not_named(naming: Naming) -> None:
    naming.fund(10**20)
    naming.publish_directly(202405, 10**20)
    refused = naming.name(naming.contract, code=6)
    assert "begins empty" in refused["detail"]
    assert naming.name(naming.token, code=6)["code"] == "conflict"
    assert main(["payout", "name-vault", "0x12", "--rpc", naming.chain,
                 "--config", str(naming.typed.place.config)]) == 2  # fmt: skip
