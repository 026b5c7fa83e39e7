"""A month's bundle from a real store: where it is cut, and that it verifies as a file."""

from __future__ import annotations

import pytest

from ledger.audit.trust import parse_trust
from ledger.errors import NotFound
from ledger.service.audit import verify_file
from ledger.service.export import export_bundle, export_period, export_trust
from ledger.service.slices import cut_of
from ledger.service.submit import submit
from tests.audit.world import Source, state_at, three_months
from tests.builder import START, World
from tests.pages.month import new_coop


class Dated(World):
    """A world that keeps what was sent, and when."""

    def accept(self, submission):
        change = super().accept(submission)
        self.__dict__.setdefault("sent", []).append((self.now, submission))
        return change


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("months")
    world = three_months(Dated())
    moment = [START]
    coop = new_coop(folder, clock=lambda: moment[0])
    for now, submission in world.sent:
        moment[0] = now
        submit(coop, submission)
    export_trust(coop, folder / "trust.toml")
    return folder, coop, world, parse_trust((folder / "trust.toml").read_bytes())


def test_later_months_are_slices_that_verify_with_the_same_settlements(exported):
    folder, coop, world, trust = exported
    export_bundle(coop, folder / "whole.zip")
    whole = verify_file(folder / "whole.zip", trust)
    assert whole.verdict == "verified"
    cut_offs = {name: period.cut_off.index for name, period in world.state.periods.items()
                if period.cut_off is not None}  # fmt: skip
    for month, start in (("2026-11", cut_offs["2026-10"]), ("2026-12", cut_offs["2026-11"])):
        path = folder / f"{month}.zip"
        manifest = export_period(coop, month, path)
        assert (manifest.start, manifest.end) == (start, coop.state().size)
        report = verify_file(path, trust, jobs=2, small_bytes=0)
        assert report.verdict == "verified", report.findings
        assert path.stat().st_size < (folder / "whole.zip").stat().st_size
        wanted = [found for found in whole.facts.settlements if found.period == month]
        assert [found for found in report.facts.settlements if found.period == month] == wanted
        assert len(wanted) == 1


def test_the_first_month_is_the_whole_log(exported):
    folder, coop, *_ = exported
    export_bundle(coop, folder / "whole.zip")
    export_period(coop, "2026-10", folder / "first.zip")
    assert (folder / "first.zip").read_bytes() == (folder / "whole.zip").read_bytes()


def test_a_month_that_is_still_open_goes_to_the_head(exported):
    folder, coop, world, trust = exported
    manifest = export_period(coop, "2027-01", folder / "open.zip")
    assert manifest.start == world.state.periods["2026-10"].cut_off.index
    assert manifest.end == coop.state().size
    assert verify_file(folder / "open.zip", trust).verdict == "verified"


def test_an_unknown_month_is_refused_and_leaves_nothing(exported):
    folder, coop, *_ = exported
    with pytest.raises(NotFound):
        export_period(coop, "2031-01", folder / "none.zip")
    assert not (folder / "none.zip").exists()


def test_the_store_gives_the_state_and_the_proofs_that_the_model_gives(exported):
    _, coop, world, _ = exported
    with coop.reading() as (state, reader):
        cut = cut_of(state, reader, "2026-12")
        assert cut.before == state_at(world, cut.before.size)
        source, size = Source(world), cut.before.size
        assert reader.inclusion(0, size) == source.inclusion(0, size)
        assert reader.consistency(7, size) == source.consistency(7, size)
