"""Where a learning curve is drawn."""

from __future__ import annotations

from typing import Any

from sla_cli.pages.axis import from_zero, whole_numbers
from sla_cli.report.curve import Chart, Line


def test_time_goes_to_the_right_and_greater_values_lie_higher() -> None:
    line = Line("adapter", (1, 2, 3), (40.0, 10.0, 20.0))
    points = Chart("Word error rate", "%", (line,), whole_numbers(1, 3), from_zero(40.0)).points(line)
    assert [x for x, _ in points] == [0, 50, 100]
    tops = [y for _, y in points]
    assert 0 <= tops[0] < tops[2] < tops[1] <= 100
    assert line.best == 1


def test_the_best_epoch_is_looked_for_once() -> None:
    """A page asks for it at every point."""
    looked = list[int]()

    class Values(tuple[float, ...]):
        def __getitem__(self, index: Any) -> Any:
            looked.append(index)
            return super().__getitem__(index)

    line = Line("a", (1, 2, 3), Values((3.0, 1.0, 2.0)))
    assert [line.best for _ in range(3)] == [1, 1, 1] and len(looked) == 3
