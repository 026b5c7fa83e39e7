"""A settled month after every one of its records was erased: nobody's amount moves."""

from __future__ import annotations

from ledger import canonical
from ledger.audit.verify import verify_bundle
from ledger.coop.signing import sign_entry
from ledger.coop.submission import Submission
from ledger.service import read
from ledger.service.export import export_bundle, trust_of
from ledger.service.statements import statements
from ledger.service.submit import submit
from ledger.store.reading import Filter
from tests.builder import signing_key
from tests.installation import seen
from tests.pages.month import AUDITOR, MONTH, settled_month


def figures(coop) -> bytes:
    """All that is told of the month's money and usage, as bytes; proofs follow the log's head."""
    found = [
        dict(read.settlement(coop, AUDITOR, MONTH)),
        dict(read.settlement_lines(coop, AUDITOR, MONTH)),
        [list(map(str, (row.account, row.facility, row.name, row.currency, row.amount, row.late)))
         for row in read.totals(coop, AUDITOR, MONTH)],
        {m: found["statement"] for m, found in statements(coop, AUDITOR, MONTH).items()},
    ]  # fmt: skip
    return canonical.encode(found)


def test_settlement_statements_and_totals_stay_to_the_byte(tmp_path):
    coop = settled_month(tmp_path)
    before = figures(coop)
    with coop.reading() as (_, log):
        rows = log.search(Filter(kind="usage-batch"))
        counts = {row.index: len(log.batch(row.index).lines) for row in rows}
    for row in rows:
        key = signing_key(row.member)
        sequence = coop.state().keys[key.address].sequence
        body = {"batch": row.index, "records": list(range(counts[row.index])), "reason": "x"}
        draft = sign_entry(key, seen(coop), kind="records-erased", sequence=sequence, body=body)
        submit(coop, Submission(draft))
    assert figures(coop) == before
    export_bundle(coop, tmp_path / "audit.zip")
    with (tmp_path / "audit.zip").open("rb") as bundle:
        report = verify_bundle(bundle, trust_of(coop))
    assert (report.verdict, report.findings) == ("verified", ())
    assert report.facts.erased == sum(counts.values()) == report.facts.records
