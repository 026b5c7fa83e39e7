"""What the pure engine makes of golden inputs: one set of bytes, whatever Python runs it.

Run as a program it reads a case that another Python made and prints the SHA-256 of everything it
makes of it, by name (``tests/test_other_pythons.py``). It imports pure packages alone: the other
Python has nothing else.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from ledger import canonical
from ledger.coop import bodies
from ledger.coop.apply import apply
from ledger.coop.bookkeeping import keep_books
from ledger.coop.envelope import Draft, parse_envelope
from ledger.coop.state import state_document, state_hash
from ledger.errors import KyojoError
from ledger.paper.files import statement_file
from ledger.payout.books.beancount import beancount_ledger
from ledger.payout.books.hledger import hledger_journal
from ledger.rules.document import examine, parse_rules
from ledger.rules.inputs import inputs_bytes, parse_inputs
from ledger.settlement.correction_statement import correction_statement, open_correction
from ledger.settlement.document import CutOff, build_settlement
from ledger.settlement.explain import explain_lines
from ledger.settlement.result import result_document
from ledger.settlement.spec import parse_spec, run_spec
from ledger.settlement.statement import statement_maker
from tests.builder import FIRMS, World
from tests.settlement.cases import EVERYTHING, KAGA, SEED, everything_inputs, kaga_inputs

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
SALT_BYTES = 32
Made = Iterator[tuple[str, bytes]]


def digests(case: Mapping[str, Any]) -> dict[str, str]:
    """SHA-256 of everything that is made, by name."""
    made = [*settlements(), *specs(), *refusals(), *log(case), *papers(case["statements"])]
    names = [name for name, _ in made]
    assert len(set(names)) == len(names)
    return {name: sha256(data).hexdigest() for name, data in made}


def case_of(world: World, statements: Mapping[str, Any]) -> dict[str, Any]:
    """A case that can be written down: a log with its blobs, and members' statements."""
    return {
        "entries": [data.decode() for data in world.entries],
        "blobs": {digest: data.hex() for digest, data in world.blobs.items()},
        "statements": dict(statements),
    }


def settlements() -> Made:
    """A whole month under several rule sets: result, settlement, every statement, explained."""
    facts = CutOff("2026-10", 7, bytes(32), bytes(32))
    for name, text, given in (
        ("kaga", KAGA, kaga_inputs()), ("everything", EVERYTHING, everything_inputs()),
    ):  # fmt: skip
        rules, inputs = parse_rules(text), parse_inputs(given)
        built = build_settlement(facts, rules, inputs, SEED)
        yield f"{name}/inputs", inputs_bytes(inputs)
        yield f"{name}/result", canonical.encode(result_document(built.result))
        yield f"{name}/settlement", canonical.encode(built.document)
        yield f"{name}/lines", built.lines_blob
        maker = statement_maker(built, rules, inputs, SEED)
        for member in inputs.members:
            statement = maker.statement(member)
            yield f"{name}/statement/{member}", canonical.encode(statement)
            yield f"{name}/words/{member}", canonical.encode(list(explain_lines(statement)))


def specs() -> Made:
    """The published worked examples: each case, and how it comes out."""
    for file in sorted((EXAMPLES / "rules").glob("*.spec.yaml")):
        outcomes = run_spec(parse_spec(file.read_bytes()), _read_example)
        for number, outcome in enumerate(outcomes):
            yield f"{file.name}/{number}", repr(outcome).encode()


def _read_example(name: str) -> bytes:
    return (EXAMPLES / "rules" / name).read_bytes()


def refusals() -> Made:
    """What is refused, and in which order the faults are told."""
    text = KAGA.replace("rate: 5%", "rate: 0.05").replace("costs:", "cost:").replace("70%", "x")
    faults = examine(text.replace("Asia/Tokyo", "Asia/Kaga")).reading.faults
    yield "refused rules", repr(faults).encode()
    try:
        parse_inputs({**kaga_inputs(), "costs": {"platform": {"nobody": 1}}, "members": ["a b"]})
    except KyojoError as error:
        yield "refused inputs", repr((error.message, error.faults)).encode()


def log(case: Mapping[str, Any]) -> Made:
    """A fold from entry 0: every state's hash, corrections with statements, and the books."""
    world = World(blobs={digest: bytes.fromhex(data) for digest, data in case["blobs"].items()})
    hashes = []
    for text in case["entries"]:
        envelope = parse_envelope(text.encode())
        change = apply(world.state, envelope, world)
        world.entries.append(envelope.data)
        world.rows.extend(change.totals)
        world.state = change.state
        hashes.append(state_hash(world.state))
        if envelope.draft.kind == "correction-proposed":
            yield from _corrected(world, envelope.draft)
    yield "fold/states", b"".join(hashes)
    yield "fold/state", canonical.encode(state_document(world.state))
    journal = keep_books(world.entries, world)
    yield "books/hledger", hledger_journal(journal)
    yield "books/beancount", beancount_ledger(journal)


def _corrected(world: World, draft: Draft) -> Made:
    body = bodies.parse_body(bodies.CorrectionProposed, draft.body)
    seed = world.blob(body.seed.sha256)
    again = open_correction(body.correction, world.blob(body.rows.sha256), seed)
    for member in FIRMS:
        statement = correction_statement(again, seed, member)
        yield f"correction/{len(world.entries)}/{member}", canonical.encode(statement)


def papers(statements: Mapping[str, Any]) -> Made:
    """Members' statements as files."""
    for member, document in statements.items():
        for form in ("json", "csv", "html"):
            for language in ("ja", "en"):
                name = f"paper/{member}.{language}.{form}"
                yield name, statement_file(document, form, language)


if __name__ == "__main__":
    found = digests(json.loads(Path(sys.argv[1]).read_text("utf-8")))
    print(json.dumps({"python": sys.version_info[:2], "digests": found}))
