"""Goals with few steps, and small problems, for the laws of all goals."""

import dataclasses

import numpy as np

from inputgrad_cli.optimization.attack_radius import RadiusGoal
from inputgrad_cli.optimization.goals import goals
from tests.optimization.problems import Network, build_problem

SIZE, COUNT = 12, 4
PICTURE = {"shapes": {"x": (2, 2, 3)}, "pictures": frozenset({"x"})}
LABELS = np.arange(COUNT)
FAST = {"steps": 12, "restarts": 2}  # where a goal has such parameters


def build(cls, **values):
    """Return the goal with few steps, and a radius where it has none by default."""
    names = {field.name for field in dataclasses.fields(cls)}
    known = {**FAST, "eps": "12/255;40/255", **values}
    return cls(**{name: value for name, value in known.items() if name in names})


def draw_start(seed=0, count=COUNT):
    return np.random.default_rng(seed).integers(20, 236, (count, SIZE)).astype(np.float32)


def build_pictures(start, objective=None, *, rise=0.8, **more):
    """Return the problem of raising the margins of pictures with whole values by `rise`."""
    labels = np.arange(len(start)) % COUNT
    objective = objective or Network(SIZE, labels, whole=True)
    scores = objective.compute_scores(start, np.arange(len(start)))
    wanted = np.where(np.isnan(scores), 0, scores) + rise
    return build_problem(objective, start, 0, 255, **{"wanted": wanted, **PICTURE, **more})


ALL = list(goals)
RADIAL = [cls for cls in ALL if issubclass(cls, RadiusGoal)]
NORMS = ["inf", "2"]
