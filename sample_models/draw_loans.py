"""Draws made-up applications for a loan, and decides which are granted, with NumPy alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

COLUMNS = (
    "age", "income", "debt", "years", "children", "home_rent", "home_own", "home_family",
)  # fmt: skip
WHOLE = ("age", "years", "children")  # columns of whole numbers
HOMES = (5, 6, 7)  # the columns of which one is 1
HOME_SHARES = (0.5, 0.3, 0.2)
CLASSES = ("refused", "granted")


def draw_applications(count: int, seed: int) -> Floats:
    """Return applications, (count, 8): amounts of two decimals, whole numbers, a one-hot home."""
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 80, count)
    columns = [
        age,
        rng.lognormal(1.0, 0.5, count).round(2),
        rng.exponential(1.0, count).round(2),
        rng.binomial(age - 18, 0.2),
        rng.poisson(1.2, count),
        *np.eye(len(HOMES))[rng.choice(len(HOMES), count, p=HOME_SHARES)].T,
    ]
    return np.column_stack(columns).astype(np.float32)


def decide(rows: Floats) -> NDArray[np.bool_]:
    """Return which applications are granted, (N,).

    Income speaks for a loan, less so beside a large debt, and so do a home of one's own, years in
    the same job and a middle age; debt and children speak against it.
    """
    age, income, debt, years, children, _, own, _ = rows.astype(np.float64).T
    middle = 1.5 * np.exp(-(((age - 45) / 20) ** 2))
    points = income - debt - 0.4 * children + own + 0.1 * years + middle
    return np.asarray(points - 0.3 * income * (debt > 2) > 3.0)
