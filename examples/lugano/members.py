"""The members' part of the demo, over HTTP: sign in, decide, submit their own sessions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from examples.lugano.place import SESSIONS, SLUG, Place
from ledger.client import MemberClient, Submitted, open_journal
from ledger.client.records import encode_record
from ledger.errors import InvalidInput
from ledger.usage.formats.charging_csv import Options, convert

VOTERS = ("ail", "emoti", "evpass", "green-motion")
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Parcel:
    """What one member submits: its records, or those of nobody known."""

    member: str
    account: str
    lines: list[bytes]


@contextmanager
def client(place: Place, url: str, member: str) -> Iterator[MemberClient]:
    """A member's client with its own key and journal."""
    key = place.key(member)
    with open_journal(place.journals, key.address) as journal:
        found = MemberClient(url, SLUG, key, journal)
        try:
            yield found
        finally:
            found.close()


def parcels(place: Place) -> tuple[list[Parcel], dict[str, str], dict[str, Any]]:
    """The month's sessions by who submits them, their source, and the conversion's report."""
    conversion = convert(SESSIONS.read_bytes(), Options())
    report = conversion.report.as_dict()
    if report["rejected"]:
        raise InvalidInput(f"{len(report['rejected'])} rows of the CSV cannot be read")
    by_operator = {
        operator: member["id"]
        for member in place.coop["members"]
        for operator in member["operators"]
    }
    found: dict[tuple[str, str], list[bytes]] = {}
    for record in conversion.records:
        operator = record["attributes"].get("operator")
        owner = by_operator.get(operator) if operator else None
        # A session of nobody known goes to suspense, sent by the network's owner: never guessed.
        to = (owner, "own") if owner else (place.coop["suspense"]["submitted_by"], "suspense")
        found.setdefault(to, []).append(encode_record(record))
    source = {
        "format": report["format"],
        "format_version": report["format_version"],
        "map_version": report["map_version"],
        "map_hash": report["map_hash"],
    }
    packed = [Parcel(member, account, lines) for (member, account), lines in sorted(found.items())]
    return packed, source, report


def submit(place: Place, url: str, progress: Progress) -> list[tuple[Parcel, Submitted]]:
    """Every member submits its sessions, in batches of fifty so that there is something to see."""
    packed, source, _ = parcels(place)
    total = sum(len(parcel.lines) for parcel in packed)
    before = 0
    done = []
    for parcel in packed:
        with client(place, url, parcel.member) as member:
            result = member.submit_records(
                parcel.lines,
                account=parcel.account,
                source=source,
                batch_records=50,
                progress=lambda sent, _all, before=before: progress(before + sent, total),
            )
        before += len(parcel.lines)
        progress(before, total)
        done.append((parcel, result))
    return done


def confirm(place: Place, url: str, month: str) -> None:
    """Every member that submitted compares its records with the ledger's and confirms them."""
    packed, _, _ = parcels(place)
    for parcel in packed:
        if parcel.account == "own":
            with client(place, url, parcel.member) as member:
                member.confirm(month, parcel.lines)


def decide_all(place: Place, url: str) -> int:
    """Every voter approves what waits for it; returns how many votes were given."""
    votes = 0
    for voter in VOTERS:
        with client(place, url, voter) as member:
            member.sign_in()
            for proposal in member.get("proposals"):
                voted = proposal["approvals"] + proposal["rejections"] + proposal["abstentions"]
                if voter in proposal["electorate"] and voter not in voted:
                    member.decide(proposal["subject_hash"])
                    votes += 1
    return votes
