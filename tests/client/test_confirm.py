"""A member confirms a month from its own records: what a server hid or made up comes out."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.errors import Conflict, MalformedBatch
from tests.builder import record
from tests.client.test_recovery import Server, journals, member, server

__all__ = ["journals", "server"]  # fixtures

MONTH = "2026-10"
LINES = [record(f"r{number}") for number in range(5)]


def confirmed(server: Server) -> bool:
    period = server.coop.state().periods[MONTH]
    return period.confirmed.get("bus") == period.usage["bus"].digest


def test_a_month_is_confirmed_from_the_members_own_records(server, journals):
    with member(server, journals) as client:
        client.submit_records(LINES[:3])
        client.submit_records(LINES)
        assert not confirmed(server)
        found = client.confirm(MONTH, LINES)
        assert (found["records"], found["batches"], found["confirmed"]) == (5, 2, True)
        assert confirmed(server)
        size = server.coop.state().size
        client.confirm(MONTH, LINES)
        assert server.coop.state().size == size, "confirming again writes nothing"


def test_records_that_the_server_pretends_to_have_come_out(server, journals, monkeypatch):
    with member(server, journals) as client:
        ask = client._http.post_json

        def pretend(path: str, document: Any) -> Any:
            answer = ask(path, document)
            if path.endswith("/known"):
                answer["known"] = {MONTH: ["r4"]}
            return answer

        monkeypatch.setattr(client._http, "post_json", pretend)
        assert client.submit_records(LINES).skipped == 1
        with pytest.raises(Conflict, match="holds 4 of your records, you have 5"):
            client.confirm(MONTH, LINES)


def test_the_ledger_refuses_a_count_that_a_lying_server_agreed_with(server, journals, monkeypatch):
    with member(server, journals) as client:
        client.submit_records(LINES[:4])
        get = client._http.get

        def agree(path: str, **params: Any) -> Any:
            answer = get(path, **params)
            if path.endswith("/usage"):
                answer["records"] = 5
                answer["totals"] = [["hub-1", "trips", "", 5]]
            return answer

        monkeypatch.setattr(client._http, "get", agree)
        with pytest.raises(Conflict, match="4 records of bus"):
            client.confirm(MONTH, LINES)
        assert not confirmed(server)


def test_another_sum_is_named(server, journals):
    with member(server, journals) as client:
        client.submit_records(LINES)
        other = [record("r0", measures={"trips": 2}), *LINES[1:]]
        with pytest.raises(Conflict, match="the ledger holds 5, your records give 6"):
            client.confirm(MONTH, other)


def test_a_bad_record_of_ones_own_is_named(server, journals):
    with member(server, journals) as client:
        client.submit_records(LINES)
        with pytest.raises(MalformedBatch):
            client.confirm(MONTH, [*LINES, b"{"])


def test_a_batch_is_of_one_month(server, journals):
    server.coop.state()
    november = {"started_at": "2026-11-02T08:00:00+09:00", "ended_at": "2026-11-02T09:00:00+09:00"}
    from ledger.service import office

    bounds = {"start": "2026-10-31T15:00:00.000Z", "end": "2026-11-30T15:00:00.000Z"}
    office.write(server.coop, kind="period-opened", body={"period": "2026-11", **bounds})
    mixed = [record("n1", **november), *LINES, record("n2", **november)]
    with member(server, journals) as client:
        assert client.submit_records(mixed).batches == 2
        assert client.confirm(MONTH, mixed)["records"] == 5
        assert client.confirm("2026-11", mixed)["records"] == 2
