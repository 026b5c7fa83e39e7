"""The office's part of the demo: found the co-op, register, report. Each step looks first."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from examples.lugano.place import RULES, Place
from ledger.coop.authority import default_authority
from ledger.coop.bodies import CostReported, FacilityRegistered, FundingReported
from ledger.coop.charter import Charter
from ledger.service.coop import Coop
from ledger.service.found import found
from ledger.service.office import write
from ledger.service.rules import propose_rules

METRICS = [
    {"id": "energy_wh", "unit": "Wh", "ja": "電力量", "en": "energy", "aliases": ["energia"]},
    {"id": "duration_s", "unit": "s", "ja": "利用時間", "en": "duration", "aliases": ["durata"]},
    {"id": "count", "unit": "count", "ja": "回数", "en": "sessions", "aliases": ["sessioni"]},
]


def charter(place: Place) -> Charter:
    """The charter of the constructed co-op."""
    coop = place.coop
    founders = [
        {
            "id": member["id"],
            "name": member["name"],
            "roles": member["roles"],
            "keys": [place.key(member["id"]).address],
        }
        for member in coop["members"]
    ]
    names = [("debit", {"ja": "課金", "en": "debit"})]
    return Charter.model_validate(
        {
            "origin": coop["origin"],
            "name": coop["name"],
            "nonce": sha256(place.log_vkey().encode()).hexdigest(),
            "time_zone": coop["timezone"],
            "currencies": [{"code": coop["currency"], "digits": coop["minor_digits"]}],
            "period": {
                "decided_by": coop["period_decided_by"],
                "grace_days": coop["grace_days"],
                "objection_days": coop["objection_days"],
                "lookback_periods": 12,
            },
            "members": founders,
            "authority": {name: right.model_dump() for name, right in default_authority().items()},
            "vocabulary": {
                "version": 1,
                "metrics": [
                    {
                        "id": metric["id"],
                        "unit": metric["unit"],
                        "name": {"ja": metric["ja"], "en": metric["en"]},
                        "aliases": metric["aliases"],
                    }
                    for metric in METRICS
                ],
                "charges": [{"id": name, "name": words, "aliases": []} for name, words in names],
            },
            "readers": {
                "entries": "members",
                "totals": ["operator", "auditor"],
                "records": ["auditor"],
                "settlements": ["operator", "auditor"],
            },
            "log_keys": [place.log_vkey()],
            "anchors": [place.contract()],
            "payouts": {"destination_days": coop["destination_days"]},
        }
    )


def found_coop(place: Place, coop: Coop) -> None:
    """Write the charter, unless the log has one."""
    if coop.state().size == 0:
        found(coop, charter(place), [place.key(member) for member in place.members])


def register(place: Place, coop: Coop) -> None:
    """Register the chargers and report funding and costs, as far as that is not done."""
    state = coop.state()
    for facility in place.coop["facilities"]:
        if facility["id"] not in state.facilities:
            body = FacilityRegistered.model_validate(facility)
            write(coop, kind="facility-registered", body=body)
    propose_rules(coop, RULES.read_bytes())
    _report_funding(place, coop)


def report_costs(place: Place, coop: Coop, month: str) -> None:
    """Report the month's constructed costs, as far as that is not done."""
    for name, borne in place.coop["costs"].items():
        for member, amount in borne.items():
            state = coop.state()
            row = state.period(month).costs.get(name, {"borne": {}})
            wanted = {"period": month, "id": name, "member": member}
            if member not in row["borne"] and not _waits(coop, "cost-reported", wanted):
                body = CostReported(**wanted, amount_minor=amount, currency=place.coop["currency"])
                write(coop, kind="cost-reported", body=body)


def _report_funding(place: Place, coop: Coop) -> None:
    for asset, parts in place.coop["funding"].items():
        for member, amount in parts.items():
            amounts = coop.state().funding.get(asset, {"amounts": {}})["amounts"]
            wanted = {"asset": asset, "member": member}
            if member not in amounts and not _waits(coop, "funding-reported", wanted):
                body = FundingReported(
                    **wanted,
                    id="founding",
                    amount_minor=amount,
                    currency=place.coop["currency"],
                    origin="public" if member == "lugano" else "member",
                )
                write(coop, kind="funding-reported", body=body)


def _waits(coop: Coop, kind: str, wanted: dict[str, Any]) -> bool:
    return any(
        proposal.kind == kind and wanted.items() <= dict(proposal.body).items()
        for proposal in coop.state().proposals.values()
    )
