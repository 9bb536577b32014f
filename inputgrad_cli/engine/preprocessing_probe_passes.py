"""Runs pictures through an opened model, and records the layer calls up to those with weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.engine.adapter.hooks import hook_layer, map_layers_by_path
from inputgrad_cli.engine.pass_setup import PassContext
from inputgrad_cli.numeric.array_helpers import Array


class _StopPass(BaseException):
    """Ends a pass at a given call; a BaseException, so that no handler of errors catches it."""


@dataclass
class ProbePass:
    """The layer calls that were observed in one pass.

    `sums` are (path, checksum of the input) of each call of a layer with weights; `last_input` is
    the input of the last of them. `peaks` are (path, largest input, largest output) of every other
    call.
    """

    sums: list[tuple[str, float]] = field(default_factory=list)
    peaks: list[tuple[str, float, float]] = field(default_factory=list)
    last_input: Array | None = None

    def add(self, path: str, weighted: bool, layer_input: Array, layer_output: Array) -> None:
        """Add the call of a layer by its flat input and output."""
        if not (layer_input.size and layer_output.size):
            return
        if weighted:
            # Each value counts by its position, so that moved pixels change the sum.
            self.sums.append(
                (path, float(np.sum(layer_input * np.arange(1, layer_input.size + 1))))
            )
            self.last_input = layer_input
        else:
            self.peaks.append((path, float(layer_input.max()), float(layer_output.max())))


class PicturePasses:
    """Runs pictures through the input `spec`; open axes get a length of `side` pixels."""

    def __init__(self, context: PassContext, spec: InputSpec, side: int) -> None:
        self._context, self._spec, self._side = context, spec, side
        self.model = context.adapter.model
        self.layers = map_layers_by_path(self.model)
        self.shape = self._build_shape(spec)
        self._random = np.random.default_rng(0)
        specs = context.adapter.input_specs
        self._others = {p.name: self._build_other_input(p) for p in specs if p is not spec}

    def draw_picture(self) -> Array:
        """Return pixels drawn from 0..255."""
        return 255 * self._random.random(self.shape)

    def run(self, pixels: Array, limit: int) -> ProbePass:
        """Run one pass, which ends at call number `limit` of layers with weights."""
        adapter, calls = self._context.adapter, list[tuple[str, bool]]()
        arrays = {**self._others, self._spec.name: np.asarray(pixels, np.float32)}

        def run(tensors: Any) -> Any:
            recorded: list[tuple[str, bool, Any, Any]] = []
            # In a graph too, the values computed before the end can be returned.
            with self._watch_layers(recorded, limit), suppress(_StopPass):
                adapter.call(tensors)
            calls[:] = [(path, weighted) for path, weighted, _, _ in recorded]
            return [(layer_input, layer_output) for _, _, layer_input, layer_output in recorded]

        with self._context.begin_pass():
            values = adapter.compute(run, adapter.to_tensors(arrays))
        passage = ProbePass()
        for (path, weighted), (layer_input, layer_output) in zip(calls, values, strict=True):
            passage.add(path, weighted, _flatten(layer_input), _flatten(layer_output))
        return passage

    @contextmanager
    def _watch_layers(
        self, recorded: list[tuple[str, bool, Any, Any]], limit: int
    ) -> Iterator[None]:
        done: set[int] = set()
        with ExitStack() as stack:
            for path, layer in self.layers.items():
                if id(layer) not in done and not isinstance(layer, keras.layers.InputLayer):
                    done.add(id(layer))
                    stack.enter_context(
                        hook_layer(layer, _build_hook(path, layer, recorded, limit))
                    )
            yield

    def _build_shape(self, spec: InputSpec) -> tuple[int, ...]:
        rows = self._context.fixed_batch or 1
        return (rows, *(dim or self._side for dim in spec.shape or ()))

    def _build_other_input(self, spec: InputSpec) -> Array:
        """Build the value that another input gets in every pass."""
        if spec.kind == "text":
            return np.full(self._build_shape(spec), "a", object)
        if spec.kind == "float":
            return self._random.random(self._build_shape(spec), np.float32)
        return np.zeros(self._build_shape(spec), spec.dtype)


def _build_hook(
    path: str, layer: Any, recorded: list[tuple[str, bool, Any, Any]], limit: int
) -> Callable[[int, Any, Any], Any]:
    weighted = _has_weights(layer)

    def change(call_index: int, inputs: Any, output: Any) -> Any:
        input_floats, output_floats = _find_floats(inputs), _find_floats(output)
        if input_floats is not None and output_floats is not None:
            recorded.append((path, weighted, input_floats, output_floats))
            if weighted and sum(call[1] for call in recorded) == limit:
                raise _StopPass
        return output

    return change


def _find_floats(value: Any) -> Any | None:
    """Return the first of the tensors, None if it does not hold floats."""
    leaves = [leaf for leaf in keras.tree.flatten(value) if hasattr(leaf, "dtype")]
    if not leaves or "float" not in keras.backend.standardize_dtype(leaves[0].dtype):
        return None
    return leaves[0]


def _flatten(tensor: Any) -> Array:
    """Return a tensor as a flat array."""
    return np.asarray(keras.ops.convert_to_numpy(tensor), np.float64).reshape(-1)


def _has_weights(layer: Any) -> bool:
    """Return whether a layer has learned weights of its own.

    The statistics of a Normalization do not count, because they only scale. The integer state of a
    random generator does not count either.
    """
    if isinstance(layer, keras.layers.Normalization):
        return False
    variables = [*layer._trainable_variables, *layer._non_trainable_variables]
    return any("float" in str(variable.dtype) for variable in variables)
