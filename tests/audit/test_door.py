"""The ledger's door refuses what an audit would refuse later."""

from __future__ import annotations

import pytest

from ledger.errors import DuplicateId
from ledger.service.submit import submit
from tests.builder import record, usage_submission
from tests.pages.month import Recording, new_coop

LATER = (record("x", reverses="y", measures={"trips": -5}), record("y"))
EXACT_BUT_LATER = (record("x", reverses="y", measures={"trips": -1}), record("y"))
ITSELF = (record("x", reverses="x", measures={"trips": -5}),)


@pytest.fixture(scope="module")
def open_month(tmp_path_factory):
    world = Recording()
    world.prepare(with_usage=False)
    coop = new_coop(tmp_path_factory.mktemp("door"))
    for submission in world.sent:
        submit(coop, submission)
    return world, coop


@pytest.mark.parametrize("lines", [LATER, EXACT_BUT_LATER, ITSELF])
def test_a_reversal_of_what_is_not_there_yet_is_refused(open_month, lines):
    world, coop = open_month
    with pytest.raises(DuplicateId) as caught:
        submit(coop, usage_submission(world, "bus", lines))
    assert [fault.where for fault in caught.value.faults] == ["record 1, reverses"]
