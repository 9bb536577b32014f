"""Turns points into model inputs, and gradients of model inputs into gradients of points.

A point holds the values of all inputs that may move. Pixels are 0..255, (H, W, C), whatever axes
and preprocessing the model has: the preprocessing is done inside of the search, so that a radius
in pixels is the same in every channel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod

import numpy as np

from inputgrad_cli.data.feature_constraints import Features
from inputgrad_cli.data.preprocessing import Preprocess
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.errors import UsageError
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.interfaces.goal import PIXEL_RANGE
from inputgrad_cli.numeric.array_helpers import Array, Arrays, format_shape, take_rows
from inputgrad_cli.optimization.input_constraints import (
    SearchLimits,
    describe_features,
    find_frozen,
    narrow_bounds,
)


@dataclass(frozen=True)
class PointPart:
    """An input that moves: the shape of its values, (H, W, C) for pixels, and where they are.

    `columns` are its values in a point. The model takes them as `input_shape`, after the
    `preprocess` of pixels.
    """

    name: str
    shape: tuple[int, ...]
    columns: slice
    input_shape: tuple[int, ...]
    preprocess: Preprocess | None = None

    def select(self, points: Array) -> Array:
        """Return the values of this input, (N, ...), of points (N, D)."""
        return points[:, self.columns].reshape(len(points), *self.shape)

    def to_input(self, points: Array) -> Array:
        """Return the model input, (N, ...), at points (N, D)."""
        values = self.select(points)
        if self.preprocess is None:
            return values
        return self.preprocess.apply(values).reshape(len(points), *self.input_shape)

    def pull_back(self, gradients: Array) -> Array:
        """Return the gradients at the values of a point, (N, d), from those at the model input."""
        if self.preprocess is not None:
            gradients = self.preprocess.pull_back(gradients)
        return gradients.reshape(len(gradients), -1)


@dataclass(frozen=True)
class SearchSpace:
    """The points of a batch: their start (B, D), their bounds, and how the model takes them.

    `inputs` are the clean model inputs, (B, ...), which serve for what does not move. `immovable`
    are the names of inputs that cannot move, with the reasons. `features` describe the values of
    tables, `series` are the inputs whose values follow each other in time, and `data` are points of
    real samples, (K, D).
    """

    parts: tuple[PointPart, ...]
    inputs: Arrays
    start: Array
    low: Array
    high: Array
    immovable: Mapping[str, str] = field(default_factory=dict)
    features: Features | None = None
    series: frozenset[str] = frozenset()
    data: Array | None = None

    def __len__(self) -> int:
        return len(self.start)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the inputs that move, in their order."""
        return tuple(part.name for part in self.parts)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the inputs of a point, by name in their order."""
        return {part.name: part.shape for part in self.parts}

    @property
    def pictures(self) -> frozenset[str]:
        """Return the names of the inputs whose values are pixels."""
        return frozenset(part.name for part in self.parts if part.preprocess is not None)

    def take(self, rows: Array) -> SearchSpace:
        """Return the space of the chosen items alone."""
        return replace(
            self,
            inputs=take_rows(self.inputs, rows),
            start=self.start[rows],
            low=self.low[rows],
            high=self.high[rows],
        )

    def to_inputs(self, points: Array, rows: Array) -> dict[str, Array]:
        """Return all model inputs, (N, ...), at the points (N, D) of the items `rows`."""
        moved = {part.name: part.to_input(points) for part in self.parts}
        return {
            name: moved[name].astype(array.dtype, copy=False) if name in moved else array[rows]
            for name, array in self.inputs.items()
        }

    def pull_back(self, gradients: Arrays) -> Array:
        """Return the gradients at points, (N, D), from those at the model inputs."""
        return np.concatenate([part.pull_back(gradients[part.name]) for part in self.parts], axis=1)

    def split(self, points: Array) -> dict[str, Array]:
        """Return the values of each input, (N, ...), of points (N, D)."""
        return {part.name: part.select(points) for part in self.parts}

    def join(self, values: Arrays) -> Array:
        """Return points (N, D), float32, from the values of each input, (N, ...)."""
        flat = [values[name].reshape(len(values[name]), -1) for name in self.names]
        return np.concatenate(flat, axis=1).astype(np.float32, copy=False)

    def round_points(self, points: Array) -> Array:
        """Return the points as a file stores them: whole pixels in 0..255, and float32."""
        rounded = np.array(points, np.float32)
        for part in self.parts:
            if part.preprocess is not None:
                pixels = rounded[:, part.columns]
                np.clip(np.rint(pixels), 0, PIXEL_RANGE, out=pixels)
        return rounded


def build_space(
    engine: Engine, samples: Samples, limits: SearchLimits | None = None, wrt: str | None = None
) -> SearchSpace:
    """Return the space of all inputs that may move; `wrt` names the only one.

    Raises UsageError if there is none.
    """
    signature = engine.signature
    specs = signature.inputs if wrt is None else (signature.get_input(wrt),)
    immovable = _explain_immovable(engine, samples)
    moving = [spec for spec in specs if spec.name not in immovable]
    if not moving:
        raise _build_immovable_error({spec.name: immovable[spec.name] for spec in specs})
    limits = limits or SearchLimits()
    # An input that cannot move is as good as frozen, and is no column that could be looked up.
    moved = [name for name in limits.freeze if name not in immovable]
    limits = replace(limits, freeze=tuple(moved))
    inputs = engine.to_points(samples.arrays, [spec.name for spec in moving])
    parts = _lay_out(moving, inputs, samples)
    start, shapes = _join_values(parts, samples), {part.name: part.shape for part in parts}
    data = None if limits.data is None else _join_values(parts, _select_usable(limits.data))
    series = frozenset(samples.record.get("sample_rate", ()))
    features = describe_features(shapes, limits, header=samples.header, series=series, data=data)
    low, high = np.full_like(start, -np.inf), np.full_like(start, np.inf)
    for part in parts:
        if part.preprocess is not None:
            low[:, part.columns], high[:, part.columns] = 0, PIXEL_RANGE
    if features is not None:
        low, high = narrow_bounds((low, high), start, features)
    # Last, so that no range lets a value move that is frozen.
    frozen = find_frozen(shapes, limits)
    low[:, frozen] = high[:, frozen] = start[:, frozen]
    return SearchSpace(tuple(parts), inputs, start, low, high, immovable, features, series, data)


def refuse_immovable(specs: Sequence[InputSpec]) -> None:
    """Raise UsageError if none of the inputs can move, whatever the model does with them."""
    reasons = {spec.name: reason for spec in specs if (reason := _explain_kind(spec))}
    if specs and len(reasons) == len(specs):
        raise _build_immovable_error(reasons)


def _build_immovable_error(reasons: Mapping[str, str]) -> UsageError:
    return UsageError(
        "no input can be moved",
        reason="; ".join(f"{name!r} {reason}" for name, reason in reasons.items()),
        hint="float inputs can be, such as pixels and the columns of tables",
    )


def _explain_kind(spec: InputSpec) -> str:
    """Return why an input of its kind cannot move, an empty text if it can."""
    kinds = {"integer": "whole numbers", "bool": "true and false", "text": "text"}
    return f"holds {kinds[spec.kind]} ({spec.dtype})" if spec.kind in kinds else ""


def _explain_immovable(engine: Engine, samples: Samples) -> dict[str, str]:
    """Return the inputs that cannot move, each with the reason."""
    sites = engine.list_sites(None)
    unexplained = engine.find_unexplained_inputs(tuple(sites))
    reasons = {}
    for spec in engine.signature.inputs:
        if reason := _explain_kind(spec):
            reasons[spec.name] = reason
        elif spec.name in samples.preprocess and spec.name not in samples.pixels:
            reasons[spec.name] = "is a stack of pages or frames, which cannot be moved as pixels"
        elif spec.name in unexplained:
            reasons[spec.name] = f"has no gradient: {unexplained[spec.name]}"
        elif spec.name not in sites:
            reasons[spec.name] = "goes through an embedding, which looks up whole numbers"
    return reasons


def _lay_out(specs: Sequence[InputSpec], inputs: Arrays, samples: Samples) -> list[PointPart]:
    """Return the parts of a point, one after another."""
    parts, begin = [], 0
    for spec in specs:
        name, input_shape = spec.name, inputs[spec.name].shape[1:]
        preprocess = samples.preprocess[name] if name in samples.pixels else None
        shape = input_shape if preprocess is None else samples.pixels[name].shape[1:]
        end = begin + prod(shape)
        parts.append(PointPart(name, shape, slice(begin, end), input_shape, preprocess))
        begin = end
    return parts


def _select_usable(samples: Samples) -> Samples:
    """Return the samples that could be read; UsageError if there are none."""
    usable = [row for row in range(len(samples)) if row not in samples.failed]
    if not usable:
        raise UsageError("none of the samples of the data can be used")
    return samples.select_rows(usable) if samples.failed else samples


def _join_values(parts: Sequence[PointPart], samples: Samples) -> Array:
    """Return the points of samples, float32 (N, D): pixels of pictures, else the inputs."""
    values = []
    for part in parts:
        array = samples.pixels.get(part.name) if part.preprocess is not None else None
        array = samples.arrays[part.name] if array is None else array
        if array.shape[1:] != part.shape:
            raise UsageError(
                f"a sample of the data has shape {format_shape(array.shape[1:])} for input "
                f"{part.name!r}, the input that moves has {format_shape(part.shape)}"
            )
        values.append(np.asarray(array, np.float32).reshape(len(array), -1))
    return np.concatenate(values, axis=1)
