"""Chooses round numbers for the ticks of an axis."""

from __future__ import annotations

import math

STEPS = (1.0, 2.0, 5.0, 10.0)
SMALLEST = 1e-300  # step, of an axis without length
TOLERANCE = 1e-9  # of a step, by which rounding may move a tick across the end of the axis


def choose_ticks(low: float, high: float, most: int = 8, least_step: float = 0.0) -> list[float]:
    """Return at most `most` multiples of 1, 2 or 5 times a power of ten within `low..high`.

    Neighbours are at least `least_step` apart, which is 1 where only whole numbers have a meaning.
    """
    wanted = max((high - low) / (most - 1), least_step, SMALLEST)
    power = 10.0 ** math.floor(math.log10(wanted))
    step = next(s * power for s in STEPS if s * power >= wanted * (1.0 - TOLERANCE))
    first = math.ceil(low / step - TOLERANCE)
    last = math.floor(high / step + TOLERANCE)
    return [index * step for index in range(first, last + 1)]
