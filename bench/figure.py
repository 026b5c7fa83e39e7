"""A measured figure beside its yardstick, and the statistics that both are taken with.

``ratio`` is always value ÷ yardstick_value, whatever the unit: of a speed more is better, of a
duration less is.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

MORE_IS_BETTER = ("records/s", "writes/s", "proofs/s", "entries/s")


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the results; value, yardstick_value and limit are in the same unit.

    ``limit`` is what the project asks of the value at full size, where it asks for something: at
    most that for a duration, at least that for a speed.
    """

    figure: str
    value: float
    unit: str
    database: str
    yardstick: str
    yardstick_value: float
    limit: float | None = None

    @property
    def ratio(self) -> float:
        """The value as a multiple of the yardstick's; raises ValueError for a yardstick of 0."""
        if self.yardstick_value <= 0:
            raise ValueError(f"the yardstick of {self.figure} came to {self.yardstick_value}")
        return self.value / self.yardstick_value

    def row(self) -> dict[str, Any]:
        """The row of ``results.json``; figures have five significant digits."""
        rounded = {
            "value": significant(self.value),
            "yardstick_value": significant(self.yardstick_value),
            "ratio": significant(self.ratio),
        }
        return {**asdict(self), **rounded}


def write_results(path: Path, figures: Sequence[Figure]) -> None:
    """Replace the results file: a list of rows, nothing else."""
    text = json.dumps([figure.row() for figure in figures], indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def significant(value: float) -> float:
    """The value to five significant digits: more would only look precise."""
    return float(f"{value:.5g}")


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest value that at least ``percent`` % of the values do not exceed."""
    ordered = sorted(values)
    return ordered[-(-len(ordered) * percent // 100) - 1]


def seconds_of(work: Callable[[], object]) -> float:
    """How long a call takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def median_seconds(work: Callable[[], object], repetitions: int = 3) -> float:
    """The median duration of several calls."""
    return median(seconds_of(work) for _ in range(repetitions))
