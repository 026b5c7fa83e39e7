"""The books as files: hledger and beancount read them, and find what was changed in them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.coop.bookkeeping import keep_books
from ledger.payout.books.beancount import account_name as bean_name
from ledger.payout.books.beancount import beancount_ledger
from ledger.payout.books.hledger import account_name as hledger_name
from ledger.payout.books.hledger import hledger_journal
from ledger.payout.chart import Account
from ledger.payout.journal import (
    Checkpoint,
    Journal,
    Transaction,
    Words,
    add_up,
    between,
    collect,
    used_accounts,
)
from tests.coop.bookkept import full_months

BEAN_CHECK = Path(sys.executable).with_name("bean-check")


@pytest.fixture(scope="module")
def journal() -> Journal:
    world = full_months()
    return keep_books(world.entries, world)


def hledger(data: bytes, *words: str) -> subprocess.CompletedProcess[bytes]:
    program = shutil.which("hledger")
    if program is None:
        pytest.skip("SKIPPED FOR WANT OF HLEDGER: `make tools` installs it")
    given = [program, "-f", "-", *words]
    return subprocess.run(given, input=data, capture_output=True, timeout=60, check=False)


def hledger_checks(data: bytes) -> subprocess.CompletedProcess[bytes]:
    return hledger(data, "check", "--strict", "ordereddates")


def bean_check(data: bytes, folder: Path) -> subprocess.CompletedProcess[bytes]:
    file = folder / "books.beancount"
    file.write_bytes(data)
    given = [BEAN_CHECK, "--no-cache", file]
    return subprocess.run(given, capture_output=True, timeout=60, check=False)


def changed(data: bytes, journal: Journal, old: str, new: str) -> bytes:
    """The file with one amount of a fund's balance made another."""
    del journal
    assert data.count(old.encode()) == 1
    return data.replace(old.encode(), new.encode())


def last_fund_line(data: bytes) -> str:
    """The last assertion about the fund: its name, and the amount that the state has."""
    rows = [row for row in data.decode().splitlines() if "Liabilities:Funds:" in row]
    return rows[-1]


def off_by_one(row: str) -> str:
    """The row with its last number one smaller."""
    words = row.split(" ")
    at = max(
        index for index, word in enumerate(words) if word.lstrip("-").isdigit() and word != "0"
    )
    words[at] = str(int(words[at]) - 1)
    return " ".join(words)


def test_hledger_accepts_the_books_and_adds_up_as_we_do(journal: Journal):
    data = hledger_journal(journal)
    done = hledger_checks(data)
    assert (done.returncode, done.stderr) == (0, b"")
    listed = hledger(data, "balance", "--flat", "--no-total", "--empty", "-O", "csv")
    rows = [line.strip('"').split('","') for line in listed.stdout.decode().splitlines()[1:]]
    theirs = {name: int(amount.split(" ")[0]) for name, amount in rows}
    ours = {hledger_name(key[0]): amount for key, amount in add_up(journal.transactions).items()}
    assert {name: amount for name, amount in theirs.items() if amount} == {
        name: amount for name, amount in ours.items() if amount
    }


def test_beancount_accepts_the_books(journal: Journal, tmp_path: Path):
    done = bean_check(beancount_ledger(journal), tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_both_refuse_a_balance_that_is_off_by_one(journal: Journal, tmp_path: Path):
    for data, judge in (
        (hledger_journal(journal), hledger_checks),
        (beancount_ledger(journal), lambda data: bean_check(data, tmp_path)),
    ):
        row = last_fund_line(data)
        done = judge(changed(data, journal, row, off_by_one(row)))
        assert done.returncode != 0
        assert b"Funds" in done.stderr


def test_both_refuse_an_amount_that_is_off_by_one(journal: Journal, tmp_path: Path):
    for data, judge in (
        (hledger_journal(journal), hledger_checks),
        (beancount_ledger(journal), lambda data: bean_check(data, tmp_path)),
    ):
        rows = data.decode().splitlines()
        row = next(row for row in rows if "Clearing" in row and row.startswith(" "))
        bent = data.replace(row.encode(), off_by_one(row.replace(" JPY", "  JPY")).encode(), 1)
        done = judge(bent)
        assert done.returncode != 0
        assert b"balance" in done.stderr


def test_both_refuse_an_account_that_is_not_declared(journal: Journal, tmp_path: Path):
    for data, judge in (
        (hledger_journal(journal), hledger_checks),
        (beancount_ledger(journal), lambda data: bean_check(data, tmp_path)),
    ):
        lines = data.decode().splitlines(keepends=True)
        kept = [
            one
            for one in lines
            if not ("Assets:Clearing" in one and ("account " in one or " open " in one))
        ]
        bare = [one for one in kept if not one.startswith('  ja: "資金決済口"')]
        assert judge("".join(bare).encode()).returncode != 0


def test_a_month_alone_is_accepted_too(journal: Journal, tmp_path: Path):
    cut = between(journal, "2026-12-01", "2026-12-31")
    assert hledger_checks(hledger_journal(cut)).returncode == 0
    done = bean_check(beancount_ledger(cut), tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")


def test_the_same_books_are_the_same_bytes(journal: Journal):
    world = full_months()
    again = keep_books(world.entries, world)
    assert hledger_journal(again) == hledger_journal(journal)
    assert beancount_ledger(again) == beancount_ledger(journal)


def strange() -> Journal:
    """Francs with two digits, and names that would break out of their place."""
    names = ("a_b", "aub", "a-b", "9;x", "x  y:z", "(v)", "Ａ", ".x", 'q"\\')
    accounts = [Account("payable", (name,)) for name in names]
    moves = [(account, "CHF", number + 1) for number, account in enumerate(accounts)]
    total = sum(amount for _, _, amount in moves)
    words = Words("全角；\nと | 縦線", 'semi ; quote " back \\ slash\n; and a comment')
    one = Transaction(
        "2026-11-01", 3, "ab" * 32, words, collect([*moves, (Account("clearing"), "CHF", -total)])
    )
    balances = {(account, "CHF"): amount for account, _, amount in moves}
    known = {name: Words(f"名{name}", f"Name, {name}") for name in names}
    return Journal(
        "origin\n; x", "cd" * 32, 4, {"CHF": 2}, known, (one,),
        (Checkpoint("2026-11-01", 4, balances),),
    )  # fmt: skip


def test_names_stay_in_their_place_and_apart(tmp_path: Path):
    journal = strange()
    for name in (bean_name, hledger_name):
        assert len({name(account) for account in used_accounts(journal)}) == 10
    assert hledger_checks(hledger_journal(journal)).stderr == b""
    done = bean_check(beancount_ledger(journal), tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_rappen_is_not_let_pass(tmp_path: Path):
    """beancount's own tolerance would let 0.01 pass in a balance of two digits."""
    text = beancount_ledger(strange()).decode()
    assert text.count(" 0.01 ~") == 1
    done = bean_check(text.replace(" 0.01 ~", " 0.02 ~").encode(), tmp_path)
    assert done.returncode != 0
