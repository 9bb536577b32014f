"""Describes what to optimize: the goal, the target, and what may move."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from inputgrad_cli.data.target_parser import parse_target
from inputgrad_cli.data.unresolved_target import Target
from inputgrad_cli.errors import UsageError
from inputgrad_cli.interfaces.goal import Goal, GoalRequest, Rows
from inputgrad_cli.numeric.array_helpers import Array, Arrays
from inputgrad_cli.optimization.goals import goals
from inputgrad_cli.optimization.input_constraints import SearchLimits

Direction = Literal["auto", "up", "down"]
DIRECTIONS = ("auto", "up", "down")


def parse_goals(texts: Sequence[str]) -> tuple[GoalRequest, ...]:
    """Parse the texts of goals; `as=LABEL` sets the name that a goal has in file names."""
    return tuple(GoalRequest(*goals.build_labelled(text, "--goal"), text) for text in texts)


def parse_until(value: float | Sequence[float] | None) -> tuple[float, ...]:
    """Return one wanted value, or the two between which all are wanted; none for None."""
    if value is None:
        return ()
    try:
        ends = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        ends = np.full((), np.nan)
    is_wanted = ends.shape in ((), (2,)) and np.isfinite(ends).all()
    if not is_wanted or ends.min() != ends.flat[0]:
        raise UsageError(
            "until is neither a number nor two in ascending order", received=repr(value)[:100]
        )
    return tuple(float(end) for end in np.atleast_1d(ends))


@dataclass(frozen=True)
class OptimizeRequest:
    """Everything that is requested for every sample.

    `wrt` names the only input that moves. `until` is the value of the target that is wanted, or two
    between which it is; for a class it is the margin. `direction` is that of a target that is no
    class: `auto` is up for a goal that climbs, down for a loss that is to be repaired, else toward
    the value of `until`. `from_noise` begins at noise instead of the input. `masks` are those of
    mask targets, by path.
    """

    goal: Goal
    target: Target = field(default_factory=lambda: parse_target("auto"))
    space: str = "auto"
    wrt: str | None = None
    direction: Direction = "auto"
    until: tuple[float, ...] = ()
    limits: SearchLimits = field(default_factory=SearchLimits)
    seed: int = 0
    from_noise: bool = False
    labels: tuple[str, ...] = ()
    masks: Mapping[str, Array] = field(default_factory=dict)
    compiled_loss: Any = None


FrameHook = Callable[[int, Arrays, Rows], None]


def _keep_pixels(name: str, pixels: Array) -> Array:
    """Return the pixels unchanged."""
    return pixels


@dataclass(frozen=True)
class SearchHooks:
    """Functions that a search calls; by default they do nothing.

    `should_stop` is asked between steps. `on_step` is called with the number of steps that are
    done, and their total. `on_frame` is called with a step, the pixels then, uint8 (N, H, W, C)
    by picture input, and their N samples.
    `store_pixels` stores pixels (H, W, C) of 8 bits of an input, and returns what is read back.
    """

    should_stop: Callable[[], bool] = lambda: False
    on_step: Callable[[int, int], None] = lambda done, total: None
    on_frame: FrameHook | None = None
    store_pixels: Callable[[str, Array], Array] = _keep_pixels
