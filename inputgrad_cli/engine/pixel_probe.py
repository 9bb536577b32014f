"""Finds out how an opened model preprocesses pixels, by running pictures of one color through it.

The input of the first layer with weights shows what the layers before it did to the pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from inputgrad_cli.data.preprocessing import LinearMap, get_preset
from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.engine.adapter.hooks import hook_layer, map_layers_by_path
from inputgrad_cli.engine.tape_engine import TapeEngine
from inputgrad_cli.modelfile.pixels.pixel_range import (
    PreprocessingGuess,
    assume_unit,
    describe_no_evidence,
    describe_unit_scaling,
    find_family,
)
from inputgrad_cli.numeric.arrays import Array

LEVELS = (0.0, 1.0, 127.5, 255.0)
SIDES = (64, 224, 299)  # pixels, tried in turn for open axes, because some networks need many
MIN_CONTRAST = 1e-6  # a smaller difference of black and white means that brightness is removed


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
            self.sums.append(
                (path, float(np.sum(layer_input * np.arange(1, layer_input.size + 1))))
            )
            self.last_input = layer_input
        else:
            self.peaks.append((path, float(layer_input.max()), float(layer_output.max())))


def probe_pixels(engine: TapeEngine, name: str) -> PreprocessingGuess:
    """Return what the opened model reveals about the pixel range of its picture input `name`."""
    spec = next(spec for spec in engine.adapter.input_specs if spec.name == name)
    problem = ""
    for side in SIDES if None in (spec.shape or ()) else SIDES[:1]:
        try:
            return Probe(engine, spec, side).run()
        except Exception as error:  # a custom layer may raise anything
            problem = str(error).strip().partition("\n")[0][:120] or type(error).__name__
    return assume_unit(describe_no_evidence(f"it could not be tried ({problem})"))


class Probe:
    """Runs pictures through a model; open axes get a length of `side` pixels."""

    def __init__(self, engine: TapeEngine, spec: InputSpec, side: int) -> None:
        self._engine, self._spec, self._side = engine, spec, side
        self._layers = map_layers_by_path(engine.adapter.model)
        self._random = np.random.default_rng(0)
        self._others = {
            p.name: self._build_other_input(p) for p in engine.adapter.input_specs if p is not spec
        }

    def run(self) -> PreprocessingGuess:
        """Return what pictures of one color reveal."""
        calls = self._count_calls_before()
        if calls is None:
            return assume_unit(describe_no_evidence("no layer with weights takes them"))
        *flat, again = [
            self._run_pass(np.full(self._build_shape(self._spec), value), calls + 1)
            for value in (*LEVELS, LEVELS[-1])
        ]
        levels = _measure_levels([_get_last_input(passage) for passage in flat])
        is_random = not np.allclose(_get_last_input(flat[-1]), _get_last_input(again), rtol=1e-4)
        return self._interpret(levels, is_random, flat[-1])

    def _count_calls_before(self) -> int | None:
        """Count the calls of layers with weights before the first whose input depends on pixels.

        Return None if there is no such call. Passes end as early as possible, because most models
        use the pixels first.
        """
        pictures = [255 * self._random.random(self._build_shape(self._spec)) for _ in range(2)]
        limit = 1
        while True:
            first_sums, second_sums = (self._run_pass(picture, limit).sums for picture in pictures)
            for i, (first, second) in enumerate(zip(first_sums, second_sums, strict=False)):
                if first[1] != second[1]:
                    return i
            if len(first_sums) < limit:
                return None
            limit *= 2

    def _interpret(
        self, levels: Sequence[float] | None, is_random: bool, white: ProbePass
    ) -> PreprocessingGuess:
        changer, first = self._find_first_change(white), white.sums[-1][0]
        if levels is None:
            return PreprocessingGuess(get_preset("raw", f"model:{changer[1]}"))
        if _are_kept(levels, is_random):
            if family := self._find_family(first):
                return PreprocessingGuess(family)
            reasons = [
                f"{self._describe_layer(path)} leaves them as they are"
                for path in self._list_custom_layers(white)
            ]
            is_keras_layer = _is_keras_layer(self._layers[first])
            behavior = (
                "takes them as they come" if is_keras_layer else "may scale them in code of its own"
            )
            reasons = [*reasons[:3], f"{self._describe_layer(first)} {behavior}"]
            return assume_unit(describe_no_evidence(", ".join(reasons)))
        if LinearMap(levels[1] - levels[0], levels[0]).expects_unit_range or _are_cut_at_one(
            levels
        ):
            return assume_unit(describe_unit_scaling(changer[0]))
        return PreprocessingGuess(get_preset("raw", f"model:{changer[1]}"))

    def _find_first_change(self, white: ProbePass) -> tuple[str, str]:
        """Return the description and the class of the first layer that changed white."""
        for path, before, after in white.peaks:
            # A change of the peak by less than 1 % does not count.
            if abs(after - before) > 0.01 * max(1.0, abs(before)):
                return self._describe_layer(path), type(self._layers[path]).__name__
        return "the model", "arithmetic"

    def _list_custom_layers(self, passage: ProbePass) -> list[str]:
        """Return the layers before the last call that are not built into Keras, or contain code."""
        paths = dict.fromkeys(path for path, _, _ in passage.peaks)
        return [path for path in paths if not _is_keras_layer(self._layers[path])]

    def _find_family(self, path: str) -> Any:
        """Return the preprocessing of the innermost known backbone that contains a layer."""
        names = path.split("/")[:-1]
        parents = ["/".join(names[:n]) for n in range(len(names), 0, -1)]
        models = [*(self._layers[p] for p in parents), self._engine.adapter.model]
        for model in models:
            inner = (layer.name for layer in getattr(model, "layers", ()))
            if family := find_family(model.name, inner):
                return family
        return None

    def _describe_layer(self, path: str) -> str:
        return f"{path!r} ({type(self._layers[path]).__name__})"

    def _run_pass(self, pixels: Array, limit: int) -> ProbePass:
        """Run one pass, which ends at call number `limit` of layers with weights."""
        engine, calls = self._engine, list[tuple[str, bool]]()
        arrays = {**self._others, self._spec.name: np.asarray(pixels, np.float32)}

        def run(tensors: Any) -> Any:
            recorded: list[tuple[str, bool, Any, Any]] = []
            # In a graph too, the values computed before the end can be returned.
            with self._watch_layers(recorded, limit), suppress(_StopPass):
                engine.adapter.call(tensors)
            calls[:] = [(path, weighted) for path, weighted, _, _ in recorded]
            return [(layer_input, layer_output) for _, _, layer_input, layer_output in recorded]

        with engine.context.begin_pass():
            values = engine.adapter.compute(run, engine.adapter.to_tensors(arrays))
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
            for path, layer in self._layers.items():
                if id(layer) not in done and not isinstance(layer, keras.layers.InputLayer):
                    done.add(id(layer))
                    stack.enter_context(
                        hook_layer(layer, _build_hook(path, layer, recorded, limit))
                    )
            yield

    def _build_shape(self, spec: InputSpec) -> tuple[int, ...]:
        rows = self._engine.context.fixed_batch or 1
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


def _is_keras_layer(layer: Any) -> bool:
    module = type(layer).__module__
    return module.startswith("keras.") and not isinstance(layer, keras.layers.Lambda)


def _get_last_input(passage: ProbePass) -> Array:
    if passage.last_input is None:
        raise ValueError("the layers are not called in one order")
    return passage.last_input


def _measure_levels(arrays: Sequence[Array]) -> list[float] | None:
    """Return the mean value of each level, over the elements that changed most.

    Elements that changed little are ignored, because a border of padding stays black. Return None
    if black and white give the same values, because the model removes the brightness.
    """
    moved = np.abs(arrays[-1] - arrays[0])
    if not moved.max() > MIN_CONTRAST:
        return None
    brightest = moved >= moved.max() / 2
    return [float(array[brightest].mean()) for array in arrays]


def _are_kept(levels: Sequence[float], is_random: bool) -> bool:
    """Return whether pixels keep their range; random layers may change it by up to a half."""
    if is_random:
        return 0.5 < (levels[-1] - levels[0]) / 255 < 1.5
    # Without a random layer, levels may move by 2 % and 0.05.
    pairs = zip(levels, LEVELS, strict=True)
    return all(abs(after - before) <= 0.02 * before + 0.05 for after, before in pairs)


def _are_cut_at_one(levels: Sequence[float]) -> bool:
    """Return whether values in 0..1 stay unchanged and larger values are clipped to 1."""
    return np.allclose(levels, [0.0, 1.0, 1.0, 1.0], atol=0.01)
