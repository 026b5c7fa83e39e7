"""One shape for every refusal, the framework's too; and heads that keep answers safe."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ledger.errors import InvariantViolated, StoreBusy
from ledger.paper.html import CONTENT_SECURITY_POLICY
from tests.api.conftest import Open, World, check_problem
from tests.installation import MONTH, SLUG, line, usage_body

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "path", ["/nothing", "/v1/", "/v1/kaga/", "/v1/kaga/usage/", "/V1", "/v1/kaga/entries/1/"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_path_that_is_not_there_is_not_led_elsewhere(
    settled: World, method: str, path: str
) -> None:
    """A signed request that followed a redirect would go where its sender did not send it."""
    problem = check_problem(settled.http.request(method, path), 404, "not-found")
    assert "/openapi.json" in problem["detail"]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "NONSENSE"])
@pytest.mark.parametrize("path", ["/v1", "/v1/kaga/usage", "/pages/kaga"])
def test_a_method_that_is_not_understood(settled: World, method: str, path: str) -> None:
    answer = settled.http.request(method, path)
    problem = check_problem(answer, 405, "invalid-input")
    assert answer.headers["allow"] in problem["detail"]
    assert answer.headers["allow"] == ("POST" if path.endswith("usage") else "GET")


def test_a_co_op_that_is_not_here_names_those_that_are(settled: World) -> None:
    assert SLUG in check_problem(settled.http.get("/v1/nowhere"), 404, "not-found")["detail"]
    for path in ("usage", "entries", "sign-in/nonce"):
        check_problem(settled.http.post(f"/v1/nowhere/{path}", content=b"{}"), 404, "not-found")


def test_parameters_are_named_with_what_is_wrong(settled: World) -> None:
    answer = settled.get("/entries", "bus", limit=501, start=-1, amount_from="x")
    problem = check_problem(answer, 422, "invalid-input")
    named = {fault["where"] for fault in problem["errors"]}
    assert named == {"query/limit", "query/start", "query/amount_from"}


def test_a_body_with_fields_missing_names_them(settled: World) -> None:
    answer = settled.http.post(f"/v1/{SLUG}/sign-in", content=b"{}", headers=JSON)
    problem = check_problem(answer, 422, "invalid-input")
    assert {f["where"] for f in problem["errors"]} == {"body/message", "body/signature"}


def test_a_body_that_is_not_labelled_as_json(settled: World) -> None:
    answer = settled.http.post(
        f"/v1/{SLUG}/sign-in", content=b"{}", headers={"Content-Type": "text/plain"}
    )
    check_problem(answer, 422, "invalid-input")


def test_a_body_that_would_end_the_process_is_refused(settled: World) -> None:
    """Brackets without end: Python's own decoder would overrun the stack."""
    for path in ("sign-in", "usage/known"):
        for body in (b"[" * 3_000_000, b'{"ids":' * 400_000):
            answer = settled.http.post(f"/v1/{SLUG}/{path}", content=body, headers=JSON)
            check_problem(answer, 400, "malformed-document")


def test_a_batch_is_read_as_bytes_whatever_its_label(world: World) -> None:
    for number, label in enumerate(("", "text/plain", "application/x-www-form-urlencoded")):
        body = usage_body(world.coop, "bus", line(str(number)))
        assert world.usage(body, **{"Content-Type": label}).status_code == 201


@pytest.mark.parametrize(
    ("error", "status", "retry"),
    [
        (StoreBusy("the disk is slow"), 503, True),
        (InvariantViolated("one and one is three"), 500, False),
        (ZeroDivisionError("a bug"), 500, False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_our_own_faults_have_the_shape_too(
    open_world: Open, error: Exception, status: int, retry: bool
) -> None:
    world = open_world("empty")

    def fail() -> Any:
        raise error

    world.http.app.add_api_route("/fails", fail)
    answer = world.http.get("/fails")
    code = getattr(error, "code", "invariant-violated")
    problem = check_problem(answer, status, code)
    assert ("retry-after" in answer.headers) is retry
    assert "division" not in answer.text
    assert "Traceback" not in problem["detail"]
    check_safe(answer)


def test_before_it_is_founded_a_co_op_answers_too(open_world: Open) -> None:
    world = open_world("empty")
    for path in world.http.get("/openapi.json").json()["paths"]:
        answer = world.http.get(
            path.format(
                coop=SLUG,
                address="0x" + "00" * 20,
                rule_hash="ab" * 32,
                correction_id="ab" * 32,
                index=0,
                number=0,
                sha256="ab" * 32,
                month=MONTH,
                member="bus",
                path="0/000.p/1",
            )
        )
        assert answer.status_code < 500, answer.text
    for path in ("usage", "entries", "sign-in/nonce"):
        answer = world.http.post(f"/v1/{SLUG}/{path}", content=b"{}\n{}\n")
        assert answer.status_code < 500, answer.text


# Heads.


def check_safe(answer: Any) -> None:
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"]
    assert answer.headers["referrer-policy"] in {"no-referrer", "same-origin"}
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


PERSONAL = (
    f"/periods/{MONTH}/statements/bus", f"/periods/{MONTH}/totals", f"/periods/{MONTH}/settlement",
    "/entries", "/entries/0", "/members", "/proposals",
)  # fmt: skip


@pytest.mark.parametrize("path", PERSONAL)
def test_what_is_for_one_reader_is_kept_by_nobody(settled: World, path: str) -> None:
    for answer in (settled.get(path, "bus"), settled.get(path), settled.get(path, "stranger")):
        assert answer.headers["cache-control"] == "private, no-store"
        check_safe(answer)


def test_what_never_changes_may_be_kept(settled: World) -> None:
    tile = settled.http.get(f"/log/{SLUG}/tile/0/000.p/1")
    assert tile.headers["cache-control"] == "public, max-age=31536000, immutable"
    head = settled.http.get(f"/log/{SLUG}/checkpoint")
    assert head.headers["cache-control"] == "public, max-age=5"
    token = {"Authorization": f"Bearer {settled.token('bus')}"}
    bundle = settled.http.get(f"/log/{SLUG}/tile/entries/000.p/1", headers=token)
    assert bundle.headers["cache-control"].startswith("private")
    refused = settled.http.get(f"/log/{SLUG}/tile/entries/000.p/1")
    assert "no-store" in refused.headers["cache-control"]
    for answer in (tile, head, bundle, refused):
        check_safe(answer)


def test_pages_run_no_script_and_are_kept_by_nobody(settled: World) -> None:
    cookie = {"Cookie": f"kyojo_token={settled.token('bus')}"}
    for path in (f"/pages/{SLUG}", f"/pages/{SLUG}/{MONTH}", f"/pages/{SLUG}/{MONTH}/bus"):
        answer = settled.http.get(path, headers=cookie)
        assert answer.status_code == 200
        assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
        assert answer.headers["cache-control"] == "private, no-store"
        assert "<script" not in answer.text
        check_safe(answer)
    check_safe(settled.http.get(f"/pages/{SLUG}/enter"))
    check_safe(settled.http.get(f"/pages/{SLUG}/2031-01"))


@pytest.mark.parametrize("path", [f"/pages/{SLUG}", f"/pages/{SLUG}/{MONTH}"])
def test_a_stranger_sees_no_members_amount_on_a_page(settled: World, path: str) -> None:
    amounts = settled.get(f"/periods/{MONTH}/lines", "audit").json()["totals"]["members"]
    text = settled.http.get(path).text
    assert [a for a in amounts.values() if f"{int(a):,}" in text or str(a) in text] == []
    own = settled.http.get(path, headers={"Cookie": f"kyojo_token={settled.token('bus')}"}).text
    if path.endswith(MONTH):
        assert f"{int(amounts['bus']):,}" in own
        assert f"{int(amounts['ev']):,}" not in own


def test_the_cookie_is_for_this_server_this_co_op_and_its_pages(settled: World) -> None:
    form = {"token": settled.token("bus")}
    answer = settled.http.post(f"/pages/{SLUG}/enter", data=form)
    kept = answer.headers["set-cookie"].lower()
    for part in ("httponly", "samesite=strict", f"path=/pages/{SLUG}", "max-age=3600"):
        assert part in kept
    assert "secure" not in kept
    assert settled.token("bus") not in answer.headers["location"]
    check_safe(answer)


def test_a_form_without_a_good_token_keeps_nothing(settled: World) -> None:
    for body, status in ((b"", 403), (b"token=", 403), (b"token=x", 403), (b"x" * 1001, 413),
                         (b"\xff\xfe", 403), (b"token=a&token=b", 403)):  # fmt: skip
        answer = settled.http.post(f"/pages/{SLUG}/enter", content=body)
        assert answer.status_code == status, answer.text
        assert "set-cookie" not in answer.headers
        assert json.loads(answer.content)["remedy"]["ja"]


def test_a_cookie_is_no_authority_over_the_api(settled: World) -> None:
    """Else another site could have a member's browser ask for it."""
    cookie = {"Cookie": f"kyojo_token={settled.token('bus')}"}
    answer = settled.http.get(f"/v1/{SLUG}/members", headers=cookie)
    check_problem(answer, 403, "not-permitted")
