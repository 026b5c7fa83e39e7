"""Rules: put a rule set's text before the members."""

from __future__ import annotations

from hashlib import sha256

from ledger.coop.bodies import RulesetProposed
from ledger.rules.document import parse_rules
from ledger.service.coop import Coop
from ledger.service.office import blob_reference, write
from ledger.store.sequencer import Receipt


def propose_rules(coop: Coop, text: bytes) -> Receipt | None:
    """Propose a rule set (YAML); None if it is adopted or before the members already.

    Raises MalformedRules with every fault and its line. Rules are open to all, so the salt that
    every such blob begins with hides nothing here, and may be the text's own hash.
    """
    rules = parse_rules(text)
    state = coop.state()
    known = {adopted.rule_hash for adopted in state.rule_sets} | set(state.proposals)
    if rules.rule_hash.hex() in known:
        return None
    blob = sha256(text).digest() + text
    reference = blob_reference(blob)
    body = RulesetProposed.model_validate(
        {
            "ruleset": rules.name,
            "version": rules.version,
            "effective_from": rules.effective_from,
            "rule_hash": rules.rule_hash.hex(),
            "text": reference,
        }
    )
    blobs = {str(reference["sha256"]): blob}
    return write(coop, kind="ruleset-proposed", body=body, blobs=blobs)
