"""Sign-in with a wallet (EIP-4361) for a short-lived bearer token."""

from __future__ import annotations

from fastapi import APIRouter

from api.dependencies import BoundedRoute, CoopHere, InstallationHere
from api.models import NonceModel, SignInRequest, TokenModel
from ledger.service import sign_in

router = APIRouter(tags=["sign-in"], route_class=BoundedRoute)

STATEMENT = "Read the ledger of {name}. This signature moves no money and decides nothing."


@router.post("/v1/{coop}/sign-in/nonce", status_code=201)
def new_nonce(coop: CoopHere, installation: InstallationHere) -> NonceModel:
    """A nonce for one sign-in, with the other parts of the text to be signed."""
    name = coop.state().terms().name.en
    server = installation.config.server
    return NonceModel(
        nonce=sign_in.new_nonce(coop),
        domain=server.domain,
        uri=f"{server.scheme}://{server.domain}/v1/{coop.log.slug}",
        statement=STATEMENT.format(name=name),
    )


@router.post("/v1/{coop}/sign-in")
def exchange(coop: CoopHere, installation: InstallationHere, body: SignInRequest) -> TokenModel:
    """Exchange the signed text for a bearer token."""
    token = sign_in.sign_in(
        coop,
        body.message,
        bytes.fromhex(body.signature[2:]),
        domain=installation.config.server.domain,
    )
    return TokenModel(token=token.token, member=token.member, expires_at=token.expires_at)
