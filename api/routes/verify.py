"""The second verifier, as a page: the same bytes for everybody, with or without a co-op.

It is the page that ``verifier/build.py`` makes; nothing of this server goes into it, and its policy
forbids every connection. The header repeats the policy in the page and adds what only a header may
say: that no other page frames it. A browser keeps it and asks each time whether it has changed.
"""

from __future__ import annotations

import re
from functools import cache
from hashlib import sha256
from html import unescape
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import Response

from ledger.errors import InvariantViolated

router = APIRouter()

PAGE = Path(__file__).parents[1] / "pages" / "verifier.html"
_POLICY = re.compile(r'http-equiv="Content-Security-Policy" content="([^"]*)"')


@cache
def served() -> tuple[bytes, dict[str, str]]:
    """The page's bytes, and the headers that go with them."""
    data = PAGE.read_bytes()
    policy = _POLICY.search(data.decode())
    if policy is None:
        raise InvariantViolated("the verifier's page names no policy; run verifier/build.py")
    headers = {
        "Content-Security-Policy": f"{unescape(policy[1])}; frame-ancestors 'none'",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "public, no-cache",
        "ETag": f'"{sha256(data).hexdigest()}"',
    }
    return data, headers


@router.api_route("/verify", methods=["GET", "HEAD"])
def verifier(request: Request) -> Response:
    """The page that verifies bundles, statements and proofs in the reader's own browser."""
    data, headers = served()
    known = (one.strip() for one in request.headers.get("if-none-match", "").split(","))
    if headers["ETag"] in known:
        return Response(status_code=304, headers=headers)
    return Response(data, media_type="text/html; charset=utf-8", headers=headers)
