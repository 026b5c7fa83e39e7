"""The month is killed at every effect it has, on a real node, and started again: all of it once.

For each state in which the script is started, for each commit, send and file of that run, right
before and right after it: SIGKILL, then run again to the end, then count everything.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("vyper", reason="vyper is not installed: the vault's token cannot be compiled")

from ledger.chain.node import open_node
from ledger.wiring import open_installation
from tests.chain.anvil import require_anvil, running_anvil
from tests.e2e.killed import AFTER, BEFORE, Ended, Runner, running
from tests.e2e.month_world import (
    Town,
    anchor_what_is_left,
    build,
    check_exactly_once,
    fund,
    live_through_the_month,
    mine,
)
from tests.installation import MONTH, SLUG, carry

RUNS_MAX = 12
Point = tuple[int, int, str]
# Of the sample: before a cut-off is committed, after an anchor is handed over, before a file of
# the bank has its name.
SAMPLE: frozenset[Point] = frozenset({(0, 2, BEFORE), (1, 5, AFTER), (2, 2, BEFORE)})


class Month:
    """A town that is run step by step; before each step the members vote and the chain goes on."""

    def __init__(self, town: Town, runner: Runner, folder: Path) -> None:
        self.town, self.runner, self.folder = town, runner, folder
        self.killed: list[tuple[Point, str]] = []

    def run(self, town: Town, **fate: Any) -> Ended:
        words = [MONTH, "--config", str(town.config), "--coop", SLUG, "--json"]
        return self.runner.run(words, **fate)

    def finish(self, town: Town) -> None:
        """Run to the end, whatever was done before, and count."""
        for _ in range(RUNS_MAX):
            ended = self.run(town)
            if ended.code == 0:
                break
            assert ended.code == 75, ended.told
            outside(town)
        else:
            pytest.fail(f"not done after {RUNS_MAX} runs: {ended.told}")
        with closing(open_installation(town.config)) as installation:
            anchor_what_is_left(town, installation)
            check_exactly_once(town, installation)

    def kill_at(self, phase: int, chosen: Callable[[Point], bool]) -> None:
        """Kill this phase's run at each chosen effect, each time from the state before it."""
        snapshot = self._ask("evm_snapshot")
        count = len(self._try(snapshot, phase, 0, BEFORE).effects)
        for at in range(1, count + 1):
            for when in (BEFORE, AFTER):
                if chosen((phase, at, when)):
                    snapshot = self._ask("evm_snapshot")
                    self._try(snapshot, phase, at, when)

    def _try(self, snapshot: Any, phase: int, at: int, when: str) -> Ended:
        scratch = self.folder / "scratch"
        shutil.copytree(self.town.root, scratch)
        try:
            town = self.town.moved(scratch)
            ended = self.run(town, at=at, when=when)
            if at:
                assert ended.code is None, (phase, at, when, ended.told)
                self.killed.append(((phase, at, when), ended.effects[-1] if ended.effects else ""))
                self.finish(town)
                print(phase, at, when, ended.effects[-1:], flush=True)
        finally:
            shutil.rmtree(scratch)
            assert self._ask("evm_revert", snapshot)
        return ended

    def _ask(self, method: str, *parameters: Any) -> Any:
        with open_node(self.town.url) as node:
            provider: Any = node.web3.provider
            return provider.make_request(method, list(parameters))["result"]


def outside(town: Town) -> None:
    """What the script waits for: votes, money in the vault, blocks."""
    with closing(open_installation(town.config)) as installation:
        carry(installation.coop(SLUG))
    fund(town)
    mine(town.url)


@pytest.fixture
def month(tmp_path: Path) -> Iterator[Month]:
    require_anvil()
    with running_anvil() as url, running(tmp_path) as runner:
        town = build(tmp_path / "town", url)
        with closing(open_installation(town.config)) as installation:
            live_through_the_month(installation.coop(SLUG))
        yield Month(town, runner, tmp_path)


def sweep(month: Month, chosen: Callable[[Point], bool]) -> int:
    """Every phase of the month, killed at what is chosen; how many phases there were."""
    for phase in range(RUNS_MAX):
        month.kill_at(phase, chosen)
        if month.run(month.town).code == 0:
            month.finish(month.town)
            return phase + 1
        outside(month.town)
    raise AssertionError("the month did not end")


def test_a_month_that_is_killed_here_and_there_goes_on(month: Month) -> None:
    assert sweep(month, SAMPLE.__contains__) > 2
    assert {point for point, _ in month.killed} == SAMPLE


@pytest.mark.long
@pytest.mark.parametrize("phases", [(0, 1), (2,), (3, 4, 5, 6)], ids=["settle", "pay", "final"])
def test_a_month_that_is_killed_at_every_effect_goes_on(
    month: Month, phases: tuple[int, ...]
) -> None:
    """Right after each effect: as nothing outlives a process between two, that is before the next.

    Before the very first effect nothing has happened yet.
    """
    count = sweep(month, lambda point: point[0] in phases and point[2] == AFTER)
    assert 2 < count <= 7
    assert {point[0] for point, _ in month.killed} == set(phases) & set(range(count))
    assert len(month.killed) > 5
    assert {"commit", "file"} <= {last for _, last in month.killed}
