"""``make demo``: one real month, from signed sessions to an audit that needs no server.

A real server process, real HTTP, a real (embedded) chain. Safe to run twice and to be killed:
every step looks first at what is there, in ``var/demo``.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from api.pages.render import coop_page, settlement_page
from examples.lugano import members, office, payments
from examples.lugano.place import SLUG, Place, free_port, prepare, write_config
from ledger.config import CONFIG_VARIABLE, load_config
from ledger.errors import KyojoError, Unavailable
from ledger.money import format_minor
from ledger.paper.files import statement_file
from ledger.paper.html import statement_page
from ledger.service import read
from ledger.service.anchor import Anchored, newest
from ledger.service.coop import Coop
from ledger.service.export import export_bundle, export_trust
from ledger.service.month import run_month, text_of
from ledger.service.periods import open_period
from ledger.service.publication import publication
from ledger.service.sign_in import Reader
from ledger.service.statements import statements
from ledger.settlement.document import settlement_id
from ledger.wiring import Installation, open_installation

START_SECONDS = 120
console = Console()


def main() -> int:
    """Run the demo; the exit code is the verifier's."""
    options = parse_arguments()
    place = prepare(options.folder)
    try:
        with server(place) as url:
            installation = open_installation(place.config)
            try:
                return play(place, installation, url, keep=options.serve)
            finally:
                installation.close()
    except KyojoError as error:
        console.print(f"[red]stopped:[/] {error.message}")
        console.print("Nothing is lost: run the same command again and it goes on from here.")
        return 1


def parse_arguments() -> argparse.Namespace:
    """The arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("var/demo"))
    parser.add_argument("--serve", action="store_true", help="keep the server up at the end")
    return parser.parse_args()


def play(place: Place, installation: Installation, url: str, *, keep: bool) -> int:
    """The month, step by step."""
    coop = installation.coop(SLUG)
    month = place.coop["period"]
    step("The founders sign the charter; the office registers chargers, rules and funding")
    office.found_coop(place, coop)
    office.register(place, coop)
    open_period(coop, month)
    if coop.state().period(month).status == "open":
        office.report_costs(place, coop, month)
    members.decide_all(place, url)
    step("The operators submit their sessions over HTTP")
    submit_with_bar(place, url, coop, month)
    step("Close, propose, decide, settle, anchor")
    settle_and_anchor(place, installation, url, month)
    step("Members name accounts; the co-op orders their payment; the bank's file")
    show_payment(place, coop, url)
    settle_and_anchor(place, installation, url, month)
    step("Write the audit bundle, the trust file, the statements")
    files = write_files(place, installation, month)
    show_result(coop, month)
    show_anchor(newest(coop))
    code = verify(place, files)
    console.print(f"\nFiles: {place.root}/: " + ", ".join(sorted(files)))
    console.print(f"Pages: {place.root / 'pages' / 'index.html'}")
    if keep:
        console.print(f"Serving [bold]{url}/pages/{SLUG}[/] until Ctrl-C.")
        wait_for_interrupt()
    else:
        console.print("`make serve` keeps the server up, with the same pages over HTTP.")
    return code


def submit_with_bar(place: Place, url: str, coop: Coop, month: str) -> None:
    """Submit all sessions; after the cut-off there is nothing left to submit."""
    if coop.state().period(month).status not in ("open", "closing"):
        console.print("  all sessions are in the ledger; the month is closed already")
        return
    columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console) as bar:
        task = bar.add_task("sessions", total=None)
        done = members.submit(
            place, url, lambda sent, total: bar.update(task, completed=sent, total=total)
        )
    for parcel, result in done:
        whose = "suspense (no operator named)" if parcel.account == "suspense" else parcel.member
        there = f", {result.skipped} were there already" if result.skipped else ""
        console.print(f"  {parcel.member:<13} {result.sent:>4} sessions for {whose}{there}")
    members.confirm(place, url, month)


def settle_and_anchor(place: Place, installation: Installation, url: str, month: str) -> None:
    """Run the month's steps, letting the members decide in between, until nothing is left."""
    coop, means = installation.coop(SLUG), installation.month_means(SLUG)
    while True:
        report = run_month(coop, month, means)
        for words in report.done:
            console.print(f"  office: {words.en}")
        for track in report.tracks:
            if track.error is not None:
                raise track.error
        if not report.waiting:
            return
        votes = members.decide_all(place, url)
        console.print(f"  members: {votes} decisions signed")
        if votes == 0:
            raise Unavailable(f"the month waits: {text_of(report)}")


def show_payment(place: Place, coop: Coop, url: str) -> None:
    """Pay what is due, as far as that is not done."""
    count = payments.name_accounts(place, coop, url)
    console.print(f"  {count} members have named an account, which the office confirmed")
    made = payments.pay(place, coop, url)
    totals = made["control_totals"]
    amount = format_minor(totals["amount_minor"], digits=coop.state().terms().digits("CHF"))
    console.print(f"  payout.xml ({made['format']}): {totals['count']} payments, {amount} CHF")


def write_files(place: Place, installation: Installation, month: str) -> list[str]:
    """What an outsider is given, and what each member is given."""
    coop = installation.coop(SLUG)
    export_bundle(coop, place.root / "audit.zip")
    anchored = newest(coop)
    blocks = []
    if anchored is not None and anchored.block_hash is not None:
        blocks = [(anchored.chain_id, anchored.block_number, anchored.block_hash)]
    export_trust(coop, place.root / "trust.toml", blocks=blocks)
    settlement = read.settlement(coop, Reader(), month)
    document = {"id": settlement_id(settlement).hex(), "settlement": dict(settlement)}
    text = json.dumps(document, ensure_ascii=False, indent=1)
    (place.root / "settlement.json").write_text(text, encoding="utf-8")
    write_pages(place, coop, month)
    return ["audit.zip", "trust.toml", "settlement.json", "payout.xml"]


def write_pages(place: Place, coop: Coop, month: str) -> None:
    """The pages as files: the published result, and a statement for each member (and suspense)."""
    office_reader = Reader("office", ("operator",))
    pages, folder = place.root / "pages", place.root / "statements"
    for one in (pages, folder):
        one.mkdir(exist_ok=True)
    settlement = read.settlement(coop, Reader(), month)
    result = settlement_page(settlement, publication(coop, Reader(), month), "en")
    (pages / "result.html").write_text(result, encoding="utf-8")
    front = coop_page(read.overview(coop), "en", {month: "result.html"})
    (pages / "index.html").write_text(front, encoding="utf-8")
    for member, statement in statements(coop, office_reader, month).items():
        text = json.dumps(statement, ensure_ascii=False, indent=1)
        (folder / f"{member}.json").write_text(text, encoding="utf-8")
        page = statement_page(statement, settlement, "en")
        (pages / f"{member}.html").write_text(page, encoding="utf-8")
        for form in ("pdf", "csv"):
            (folder / f"{member}.{form}").write_bytes(statement_file(statement, form, "en"))


def show_result(coop: Coop, month: str) -> None:
    """The table of who gets what."""
    auditor = Reader("office", ("operator",))
    lines = read.settlement_lines(coop, auditor, month)
    digits = coop.state().terms().digits(lines["currency"])
    table = Table(title=f"{month}: who gets what ({lines['currency']})")
    table.add_column("account")
    table.add_column("amount", justify="right")
    totals = lines["totals"]
    for section in ("members", "funds", "pools_left"):
        for name, amount in totals[section].items():
            table.add_row(name, format_minor(amount, digits=digits, grouped=True))
    table.add_section()
    table.add_row("out", format_minor(totals["out"], digits=digits, grouped=True))
    table.add_row("in", format_minor(totals["in"], digits=digits, grouped=True))
    console.print(table)


def show_anchor(anchored: Anchored | None) -> None:
    """The anchor's transaction."""
    if anchored is None:
        console.print("Nothing is anchored yet.")
        return
    console.print(
        f"Anchored: size {anchored.size}, {anchored.state}, transaction "
        f"0x{anchored.transaction.hex()} in block {anchored.block_number} of chain "
        f"{anchored.chain_id} (embedded: a file of this machine, for trial only)"
    )


def verify(place: Place, _files: list[str]) -> int:
    """Let the offline verifier judge the bundle, in a process of its own."""
    console.print("\n[bold]kyojo audit verify audit.zip --trust trust.toml[/]")
    command = [sys.executable, "-m", "ledger.cli", "audit", "verify", "audit.zip"]
    done = subprocess.run(  # noqa: S603 - our own command
        [*command, "--trust", "trust.toml"], cwd=place.root, env=_environment(place), check=False
    )
    return done.returncode


def _environment(place: Place) -> dict[str, str]:
    root = str(Path(__file__).resolve().parents[2])
    return {**os.environ, CONFIG_VARIABLE: str(place.config.resolve()), "PYTHONPATH": root}


@contextmanager
def server(place: Place) -> Iterator[str]:
    """A server process of its own, ended with the block; yields its address."""
    port = load_config(place.config, {}).server.port
    if not _is_free(port):
        write_config(place, free_port())
        port = load_config(place.config, {}).server.port
    command = [sys.executable, "-m", "ledger.cli", "serve"]
    process = subprocess.Popen(command, env=_environment(place))  # noqa: S603 - our own command
    (place.root / "server.pid").write_text(str(process.pid), encoding="ascii")
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(url, process)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=15)


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_SECONDS
    with httpx.Client(timeout=2) as http:
        while time.monotonic() < until:
            if process.poll() is not None:
                raise Unavailable(f"the server ended at once with code {process.returncode}")
            try:
                if http.get(f"{url}/v1/health").is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.1)
    raise Unavailable(f"the server did not answer within {START_SECONDS} s")


def _is_free(port: int) -> bool:
    try:
        httpx.get(f"http://127.0.0.1:{port}/v1/health", timeout=1)
    except httpx.TransportError:
        return True
    return False


def wait_for_interrupt() -> None:
    """Wait for Ctrl-C."""
    try:
        signal.pause()
    except KeyboardInterrupt:
        console.print("stopped")


def step(text: str) -> None:
    """A heading."""
    console.print(f"\n[bold cyan]▸[/] {text}")


if __name__ == "__main__":
    sys.exit(main())
