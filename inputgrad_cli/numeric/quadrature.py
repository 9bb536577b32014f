"""Nodes and weights on [0, 1]; the weights of every rule sum to one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inputgrad_cli.errors import UsageError

Nodes = NDArray[np.float64]
RULES = ("midpoint", "trapezoid", "gauss-legendre", "left", "right")


def rule(name: str, steps: int) -> tuple[Nodes, Nodes]:
    """Return `steps` nodes and their weights."""
    even = np.full(steps, 1.0 / steps)
    if name == "midpoint":
        return (np.arange(steps) + 0.5) / steps, even
    if name == "left":
        return np.arange(steps) / steps, even
    if name == "right":
        return (np.arange(steps) + 1.0) / steps, even
    if name == "trapezoid":
        return _trapezoid(steps)
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    return (nodes + 1.0) / 2.0, weights / 2.0


def _trapezoid(steps: int) -> tuple[Nodes, Nodes]:
    if steps < 2:
        raise UsageError("rule=trapezoid needs steps=2 or more", reason="it uses both ends")
    weights = np.full(steps, 1.0 / (steps - 1))
    weights[[0, -1]] /= 2.0
    return np.linspace(0.0, 1.0, steps), weights


def between(steps: int) -> Nodes:
    """Return the midpoints of 3 * steps that those of `steps` lack: 2 * steps nodes.

    Every midpoint of n cells is the middle one of three smaller cells, so tripling reuses all.
    """
    nodes, _ = rule("midpoint", 3 * steps)
    return np.asarray(nodes[np.arange(3 * steps) % 3 != 1])
