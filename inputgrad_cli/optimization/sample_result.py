"""The result of optimizing one sample, as it is stored and shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from inputgrad_cli.numeric.array_helpers import Array, Arrays
from inputgrad_cli.schema.json_type_alias import JsonObject

Status = Literal["success", "failed", "already"]
TRACE_COLUMNS = ("step", "score", "l2", "linf", "restart")


@dataclass(frozen=True)
class Answer:
    """What the model gives for an input: the predicted class with its probability, and the score.

    The score is what a search raises; `value` is that of the target itself, which may have to fall,
    or to lie between two values. The class is None where the output has no classes, the probability
    where it has none.
    """

    score: float
    value: float
    class_index: int | None = None
    label: str | None = None
    probability: float | None = None

    def to_json(self) -> JsonObject:
        """Return the answer as records hold it."""
        return {
            "score": self.score,
            "value": self.value,
            "class": self.class_index,
            "label": self.label,
            "probability": self.probability,
        }


@dataclass(frozen=True)
class Distances:
    """The size of the change in several norms, in units of the input; `l0` counts the changes.

    `unit` is what a radius of 1 means: 255 if all that moves are pixels, else 1.
    """

    linf: float
    l2: float
    l1: float
    l0: int
    unit: float = 1.0

    def to_json(self) -> JsonObject:
        """Return the distances as records hold them, as fractions of the pixel range too."""
        values: JsonObject = {"linf": self.linf, "l2": self.l2, "l1": self.l1, "l0": self.l0}
        if self.unit != 1:
            values["fractions"] = {name: values[name] / self.unit for name in ("linf", "l2", "l1")}
        return values


def measure_change(change: Array, unit: float) -> Distances:
    """Return the size of a change (D,) in all norms, computed in float64."""
    sizes = np.abs(np.asarray(change, np.float64))
    return Distances(
        float(sizes.max(initial=0.0)),
        float(np.sqrt(np.square(sizes).sum())),
        float(sizes.sum()),
        int(np.count_nonzero(sizes)),
        unit,
    )


@dataclass(frozen=True)
class SearchTarget:
    """Where a sample was to go.

    `asked` is the target as written, `index` its unit. `left` is the class to leave, `sought` the
    class to reach, each None if the target is no such class. The score is to be at least `wanted`,
    None if there is no such score.
    """

    asked: str
    output: str
    space: str
    index: Any = None
    left: int | None = None
    sought: int | None = None
    wanted: float | None = None

    def to_json(self) -> JsonObject:
        """Return the target as records hold it."""
        return dict(vars(self))


@dataclass(frozen=True)
class SearchCost:
    """What a search took, and why it ended.

    `stopped` is `reached`, `steps`, `patience`, `zero-gradient`, `no-room`, `rounding` if what was
    reached was lost when the result was rounded, or `already` if there was no search. `radius` is
    the smallest radius in which the sample was reached, None if there is none.
    """

    gradient_calls: int = 0
    score_calls: int = 0
    steps: int = 0
    restart: int = 0
    stopped: str = "already"
    radius: float | None = None

    def to_json(self) -> JsonObject:
        """Return the cost as records hold it."""
        return dict(vars(self))


@dataclass(frozen=True)
class Optimized:
    """The result of one sample, rounded as it is stored: all figures are those of the rounding.

    `values` and `changes` are by input name, without a batch axis: pixels 0..255 (H, W, C) of
    inputs in `pictures`, else the input itself. `trace` is (S, 5) with the columns `TRACE_COLUMNS`;
    its distances are in units of the input. `radii` are the radii of an attack in ascending order,
    each as asked and as used. `notes` are remarks by code.
    """

    values: Arrays
    changes: Arrays
    trace: Array
    search: Status
    target: SearchTarget
    before: Answer
    after: Answer
    distances: Distances
    cost: SearchCost
    pictures: tuple[str, ...] = ()
    radii: tuple[tuple[float, float], ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)

    def to_arrays(self) -> dict[str, Array]:
        """Return the arrays as a file holds them: `NAME`, `NAME.change`, and `trace`."""
        changes = {f"{name}.change": array for name, array in self.changes.items()}
        return {**self.values, **changes, "trace": self.trace}

    def to_json(self) -> JsonObject:
        """Return the record of the sample."""
        return {
            "search": self.search,
            "target": self.target.to_json(),
            "before": self.before.to_json(),
            "after": self.after.to_json(),
            "distances": self.distances.to_json(),
            **self.cost.to_json(),
            "pictures": list(self.pictures),
            "radii": [{"asked": asked, "used": used} for asked, used in self.radii],
        }


@dataclass(frozen=True)
class Optimization:
    """The results of the samples of one item.

    `values` and `changes` are those of `Optimized` by input name; with `many` the sample axis comes
    first. `samples` has the result of each sample. `metadata` is what all have in common, and the
    record of every sample.
    """

    values: Arrays
    changes: Arrays
    samples: tuple[Optimized, ...]
    metadata: Mapping[str, Any]
    many: bool = False


def join_samples(
    samples: Sequence[Optimized], facts: Mapping[str, Any], many: bool
) -> Optimization:
    """Return the results of all samples of an item; `facts` are what they have in common."""
    arrays = [
        {name: np.stack([by_name[name] for by_name in rows]) for name in rows[0]}
        for rows in ([s.values for s in samples], [s.changes for s in samples])
    ]
    values, changes = (
        by_name if many else {name: array[0] for name, array in by_name.items()}
        for by_name in arrays
    )
    metadata = {**facts, "samples": [sample.to_json() for sample in samples]}
    return Optimization(values, changes, tuple(samples), metadata, many)
