"""Quadrature rules on [0, 1]. The weights of every rule sum to one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inputgrad_cli.errors import UsageError

Nodes = NDArray[np.float64]
RULES = ("midpoint", "trapezoid", "gauss-legendre", "left", "right")


def build_rule(name: str, steps: int) -> tuple[Nodes, Nodes]:
    """Return `steps` nodes on [0, 1] and their weights."""
    even = np.full(steps, 1.0 / steps)
    if name == "midpoint":
        return (np.arange(steps) + 0.5) / steps, even
    if name == "left":
        return np.arange(steps) / steps, even
    if name == "right":
        return (np.arange(steps) + 1.0) / steps, even
    if name == "trapezoid":
        return _build_trapezoid(steps)
    # NumPy gives nodes on [-1, 1] and weights that sum to 2.
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    return (nodes + 1.0) / 2.0, weights / 2.0


def _build_trapezoid(steps: int) -> tuple[Nodes, Nodes]:
    """Return the trapezoid rule, whose end nodes have half the weight of the others."""
    if steps < 2:
        raise UsageError("rule=trapezoid needs steps=2 or more", reason="it uses both ends")
    weights = np.full(steps, 1.0 / (steps - 1))
    weights[[0, -1]] /= 2.0
    return np.linspace(0.0, 1.0, steps), weights


def compute_new_midpoints(steps: int) -> Nodes:
    """Return the 2 * steps midpoints that have to be added when `steps` cells become 3 * steps.

    The midpoint of a cell is also the midpoint of the middle one of its three parts, so tripling
    the steps reuses all earlier nodes.
    """
    nodes, _ = build_rule("midpoint", 3 * steps)
    return np.asarray(nodes[np.arange(3 * steps) % 3 != 1])
