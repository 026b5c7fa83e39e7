"""What a contract's quorum signs on paper of its own: made, shown, signed offline, sent, as typed.

Real files and the embedded chain; the last test is on a real node.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

pytest.importorskip("vyper", reason="vyper is not installed: the vault's token cannot be compiled")

from ledger.chain.node import open_node
from ledger.chain.quorum import call_data, key_address
from ledger.chain.token import read_allowance
from ledger.chain.vault import read_sums
from ledger.cli.main import main
from ledger.payout.claims import parse_dump
from ledger.wiring import write_secret
from tests.builder import ORIGIN
from tests.chain.anvil import require_anvil, running_anvil
from tests.chain.chain_world import ANVIL_PAYER
from tests.e2e.test_erasing import Typed
from tests.e2e.test_vault import ACCOUNTS, APPROVERS, Paying, request
from tests.installation import ANCHORER, MONTH, Place

UNIT = 10**18
RESERVE = "0x" + "7e" * 20
STRANGER = b"\x99" * 32
WITHDRAW = ("payout", "withdraw", "--recipient", RESERVE, "--amount")


class Quorum(Paying):
    """The files of instructions and signatures, beside what ``Paying`` has."""

    def file(self, name: str) -> str:
        return str(self.typed.place.root / name)

    def make(self, *words: str, code: int = 0) -> Any:
        return self.typed.office(*words, "--out", self.file("do.json"), code=code)

    def sign(self, name: str, key: bytes) -> tuple[str, str]:
        """Sign where there is neither installation nor network; the words for ``send``."""
        key_file = self.typed.place.root / "elsewhere" / f"{name}.key"
        if not key_file.exists():
            write_secret(key_file, key.hex())
        words = ("--key", str(key_file), "--out", self.file(f"{name}.sig"))
        told = self.typed.run("quorum", "sign", self.file("do.json"), *words)
        assert told["signer"] == key_address(key)
        return ("--signature", self.file(f"{name}.sig"))

    def sign_as_approvers(self) -> tuple[str, ...]:
        """Both of the vault's approvers sign."""
        found = [self.sign(f"approver-{number}", key) for number, key in enumerate(APPROVERS)]
        return (*found[0], *found[1])

    def send(self, *words: str, code: int = 0) -> Any:
        return self.typed.office("quorum", "send", self.file("do.json"), *words, code=code)

    def failed(self, *words: str) -> Any:
        """The error of a command that ends with exit status 3."""
        self.typed.capsys.readouterr()
        assert main([*words, "--json", "--config", str(self.typed.place.config)]) == 3
        return json.loads(self.typed.capsys.readouterr().err)

    def mint(self, amount: int) -> None:
        minted = call_data("mint(address,uint256)", [key_address(self.payer), amount])
        self.transact((self.token, minted))

    def allowance(self) -> int:
        with open_node(self.chain) as node:
            return read_allowance(node, self.token, key_address(self.payer), self.contract)

    def vault_sums(self) -> Any:
        with open_node(self.chain) as node:
            return read_sums(node, self.contract, ORIGIN)

    def travel(self, seconds: int) -> None:
        with open_node(self.chain) as node:
            block = node.block("latest")
            assert block is not None
            tester: Any = node.web3.provider
            tester.ethereum_tester.time_travel(block.timestamp + seconds)


@pytest.fixture
def quorum(
    templates: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Quorum:
    place = Place(shutil.copytree(templates["settled"], tmp_path / "place"))
    return Quorum(Typed(place, capsys))


def test_the_vault_is_funded_with_what_is_missing_and_no_more(quorum: Quorum) -> None:
    quorum.name_accounts_and_order()
    words = ("payout", "fund", "--period", MONTH)
    refused = quorum.typed.office(*words, code=6)
    assert "has 0 base units" in refused["detail"]
    assert "不足" in refused["detail"]
    quorum.mint(10**30)
    done = quorum.typed.office(*words)
    assert (done["is_done"], done["missing"], done["state"]) == (True, "0", "final")
    total = int(done["wanted"])
    assert quorum.vault_sums().deposited == total > 0
    assert quorum.allowance() == 0
    assert quorum.typed.office(*words) == done
    # Less than there is was reached long ago.
    less = quorum.typed.office("payout", "fund", "--deposited", "0.5")
    assert (less["missing"], less["deposited"]) == ("0", done["deposited"])


def test_surplus_is_withdrawn_once_by_the_quorum(quorum: Quorum) -> None:
    quorum.mint(10 * UNIT)
    quorum.typed.office("payout", "fund", "--deposited", "10")
    made = quorum.make(*WITHDRAW, "2.5")
    assert made["message"]["amount"] == str(UNIT * 5 // 2)
    both = quorum.sign_as_approvers()
    alone = quorum.send(*both[:2], *both[:2], code=5)
    assert alone["code"] == "quorum-missing"
    assert key_address(APPROVERS[1]) in alone["detail"]
    assert quorum.vault_sums().withdrawn == 0
    done = quorum.send(*both)
    assert (done["is_done"], done["state"]) == (True, "final")
    assert (quorum.balance(RESERVE), quorum.vault_sums().withdrawn) == (UNIT * 5 // 2,) * 2
    assert quorum.send() == done


@pytest.mark.long
def test_what_the_vault_would_refuse_is_told_before_it_costs_anything(quorum: Quorum) -> None:
    quorum.mint(10 * UNIT)
    quorum.typed.office("payout", "fund", "--deposited", "10")
    assert quorum.make(*WITHDRAW, "10.1", code=6)["code"] == "conflict"
    assert quorum.make(*WITHDRAW, "0", code=2)["code"] == "out-of-range"
    nobody = ("payout", "withdraw", "--recipient", "0x" + "00" * 20, "--amount", "1")
    assert quorum.make(*nobody, code=2)["code"] == "out-of-range"
    quorum.make(*WITHDRAW, "2.5")
    both = quorum.sign_as_approvers()
    shown = quorum.typed.run("quorum", "show", quorum.file("do.json"), *both)
    assert shown["signed_by"] == [key_address(key) for key in APPROVERS]
    assert quorum.send(code=5)["code"] == "quorum-missing"
    stranger = quorum.sign("stranger", STRANGER)
    refused = quorum.send(*both, *stranger, code=5)
    assert (refused["code"], key_address(STRANGER) in refused["detail"]) == ("wrong-signer", True)
    assert quorum.vault_sums().withdrawn == 0

    # A wallet signs the same file, and gives bare hex.
    document = json.loads(Path(quorum.file("do.json")).read_bytes())
    typed = encode_typed_data(full_message=document)
    by_wallet = Account.sign_message(typed, APPROVERS[1]).signature
    Path(quorum.file("wallet.sig")).write_text("0x" + bytes(by_wallet).hex() + "\n")
    assert quorum.send(*both[:2], "--signature", quorum.file("wallet.sig"))["is_done"]

    # The same words again are another instruction; the old signatures are none over it.
    quorum.make(*WITHDRAW, "2.5")
    refused = quorum.failed("quorum", "send", quorum.file("do.json"), *both)
    assert refused["code"] == "bad-signature"
    assert "another instruction" in refused["detail"]
    # Made at the same time as one that is carried out, it never can be.
    shutil.copy(quorum.file("do.json"), quorum.file("late.json"))
    quorum.make("payout", "withdraw", "--recipient", ACCOUNTS["bus"], "--amount", "1")
    assert quorum.send(*quorum.sign_as_approvers())["is_done"]
    late = quorum.typed.office("quorum", "send", quorum.file("late.json"), *both, code=6)
    assert "never be carried out" in late["detail"]
    # Nor is it for another vault than that of the settings.
    quorum.use_vault(quorum.deploy())
    other = quorum.failed("quorum", "send", quorum.file("do.json"), *both)
    assert other["code"] == "anchor-mismatch"


@pytest.mark.long
def test_what_was_not_claimed_in_time_expires_by_the_quorum(quorum: Quorum) -> None:
    quorum.name_accounts_and_order()
    quorum.fund(10**30)
    claims_file = quorum.file("claims.json")
    quorum.typed.office("payout", "claims", "--period", MONTH, "--out", claims_file)
    expire = ("payout", "expire", "--claims", claims_file, "--reserve", RESERVE, "--account")
    assert "never published" in quorum.make(*expire, ACCOUNTS["bus"], code=6)["detail"]
    (signed,) = quorum.publish("--sign")
    quorum.use_approver(1)
    quorum.publish("--signature", signed["signature"])
    assert "may claim until" in quorum.make(*expire, ACCOUNTS["bus"], code=6)["detail"]
    assert quorum.make(*expire, RESERVE, code=8)["code"] == "not-found"
    quorum.travel(157_788_000)
    quorum.claim("--origin", ORIGIN, "--claims", claims_file, "--account", ACCOUNTS["ev"])
    assert "nothing is left" in quorum.make(*expire, ACCOUNTS["ev"], code=6)["detail"]
    quorum.make(*expire, ACCOUNTS["bus"])
    both = quorum.sign_as_approvers()
    done = quorum.send(*both)
    assert (done["is_done"], done["state"]) == (True, "final")
    amount = parse_dump(Path(claims_file).read_bytes()).find(ACCOUNTS["bus"]).cumulative
    assert (quorum.balance(RESERVE), quorum.balance(ACCOUNTS["bus"])) == (amount, 0)
    assert quorum.send(*both) == done


def test_approvers_and_anchorers_are_replaced_by_their_quorum(quorum: Quorum) -> None:
    new = bytes([3]) * 32
    rotate = ("payout", "rotate", "--approver", key_address(new), "--approvals")
    assert quorum.make(*rotate, "2", code=2)["code"] == "out-of-range"
    quorum.make(*rotate, "1")
    both = quorum.sign_as_approvers()
    refused = quorum.send(*both, code=5)
    assert (refused["code"], key_address(new) in refused["detail"]) == ("quorum-missing", True)
    done = quorum.send(*both, *quorum.sign("new", new))
    assert (done["is_done"], done["state"]) == (True, "final")
    assert quorum.sums()["signers"] == [key_address(new)]
    assert quorum.send(*both) == done

    anchor = ("anchor-contract", "rotate", "--anchorer", key_address(new), "-k", "1")
    assert quorum.make(*anchor, "--contract", "1/" + RESERVE, code=8)["code"] == "not-found"
    made = quorum.make(*anchor)
    old = quorum.sign("anchorer", bytes.fromhex(ANCHORER.secret_hex))
    assert quorum.send(*old, code=5)["code"] == "quorum-missing"
    done = quorum.send(*old, "--unproven")
    assert (done["is_done"], done["state"], made["kind"]) == (True, "final", "Rotate")
    # The key that was replaced anchors no more; the new one does.
    assert main(["anchor", "--now", "--config", str(quorum.typed.place.config)]) == 5
    key_file = quorum.typed.place.key_file("anchorer")
    key_file.unlink()
    write_secret(key_file, new.hex())
    assert quorum.typed.office("anchor", "--now")["state"] == "final"


@pytest.mark.long
def test_a_withdrawal_on_a_real_node_is_sent_once_and_followed(
    templates: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    require_anvil()
    place = Place(shutil.copytree(templates["settled"], tmp_path / "place"))
    with running_anvil() as url:
        quorum = Quorum(Typed(place, capsys), url, ANVIL_PAYER)
        quorum.mint(10 * UNIT)
        request(url, "evm_setAutomine", [False])
        fund = ("payout", "fund", "--deposited", "10")
        approving = quorum.typed.office(*fund)
        assert (approving["state"], approving["is_done"]) == ("sent", False)
        assert quorum.typed.office(*fund) == approving
        request(url, "evm_mine", [])
        funding = quorum.typed.office(*fund)
        assert funding["purpose"].startswith(f"{ORIGIN} funded up to")
        assert funding["transaction"] != approving["transaction"]
        assert quorum.typed.office(*fund) == funding
        # Funding and approval vanish with their blocks, and come back as the same bytes.
        request(url, "anvil_mine", ["0x1"])
        assert quorum.typed.office(*fund)["is_done"]
        request(url, "anvil_reorg", [2, []])
        lost = quorum.typed.office(*fund)
        assert (lost["is_done"], lost["state"]) == (False, "sent")
        assert lost["transaction"] == funding["transaction"]
        request(url, "anvil_mine", ["0x8"])
        funded = quorum.typed.office(*fund)
        assert (funded["is_done"], funded["state"]) == (True, "final")
        assert quorum.vault_sums().deposited == 10 * UNIT

        quorum.make("payout", "withdraw", "--recipient", RESERVE, "--amount", "4")
        both = quorum.sign_as_approvers()
        sent = quorum.send(*both)
        assert (sent["is_done"], sent["state"]) == (False, "sent")
        assert quorum.send() == sent  # its signatures are in the outbox
        request(url, "anvil_mine", ["0x8"])
        done = quorum.send()
        assert (done["is_done"], done["state"]) == (True, "final")
        assert done["transaction"] == sent["transaction"]
        assert quorum.balance(RESERVE) == 4 * UNIT
