"""Co-ops: what everybody may know, and what members may know of each other."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from api.charter_models import CharterModel
from api.dependencies import CoopHere, InstallationHere, ReaderHere
from api.models import (
    CoopModel,
    CoopSummary,
    HealthModel,
    KeyModel,
    MemberModel,
    ProposalModel,
)
from api.parameters import AddressText, HashText
from ledger.errors import NotFound
from ledger.identity.address import parse_address
from ledger.service import charter, read

router = APIRouter(tags=["co-ops"])


@router.get("/v1/health")
def health(installation: InstallationHere) -> HealthModel:
    """Whether the server can answer, and for which co-ops."""
    return HealthModel(status="ok", version=version("kyojo"), coops=list(installation.coops))


@router.get("/v1")
def list_coops(installation: InstallationHere) -> list[CoopSummary]:
    """The co-ops of this installation."""
    return [
        CoopSummary(slug=slug, origin=coop.log.origin) for slug, coop in installation.coops.items()
    ]


@router.get("/v1/{coop}")
def describe_coop(coop: CoopHere) -> CoopModel:
    """A co-op in short: its terms, keys, contracts, vocabulary and head. Open to all."""
    return CoopModel.of(coop.log.slug, read.overview(coop))


@router.get("/v1/{coop}/charter")
def describe_charter(coop: CoopHere, reader: ReaderHere) -> CharterModel:
    """The charter in force, and the votes that changed it. For members, or all by charter."""
    return CharterModel.of(charter.read_charter(coop, reader))


@router.get("/v1/{coop}/members")
def list_members(coop: CoopHere, reader: ReaderHere) -> list[MemberModel]:
    """The members, former ones included. For members."""
    read.require_member(reader)
    return [
        MemberModel(
            id=member.id,
            name=dict(member.name),
            roles=list(member.roles),
            joined=member.joined,
            left=member.left,
        )
        for member in coop.state().members.values()
    ]


@router.get("/v1/{coop}/keys/{address}")
def describe_key(coop: CoopHere, address: AddressText) -> KeyModel:
    """Where a key's counter stands; whoever knows the address may ask."""
    key = coop.state().keys.get(parse_address(address))
    if key is None:
        raise NotFound(f"{address} is not a key of this co-op")
    return KeyModel(
        address=parse_address(address),
        member=key.member,
        sequence=key.sequence,
        revoked=key.revoked,
    )


@router.get("/v1/{coop}/proposals")
def list_proposals(coop: CoopHere, reader: ReaderHere) -> list[ProposalModel]:
    """What waits for decisions, oldest first. For members."""
    read.require_member(reader)
    found = coop.state().proposals
    ordered = sorted(found.items(), key=lambda item: item[1].index)
    return [ProposalModel.of(subject_hash, proposal) for subject_hash, proposal in ordered]


@router.get("/v1/{coop}/rules/{rule_hash}", response_class=PlainTextResponse)
def read_rules(coop: CoopHere, rule_hash: HashText) -> str:
    """The text (YAML) of an adopted or proposed rule set. Open to all."""
    return read.rule_text(coop, rule_hash)
