"""How an opened model takes pixels, found by computing where its file cannot tell.

Flat pictures go in, and what the first layer with weights is given says what was done to them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from inputgrad_cli.data.preprocessing import Line, known
from inputgrad_cli.data.signature import Port
from inputgrad_cli.engine.adapter.hooks import hooked, layers_by_path
from inputgrad_cli.modelfile.pixels.pixel_range import (
    Sight,
    assumed,
    family_of,
    made_for_unit,
    untold,
)
from inputgrad_cli.numeric.arrays import Array

LEVELS = (0.0, 1.0, 127.5, 255.0)
SIDES = (64, 224, 299)  # tried in turn for axes of any length: some networks need large pictures
VANISHED = 1e-6  # black and white give the same: brightness itself is taken out


class _Enough(BaseException):
    """Ends a pass at the call that was waited for; no handler of errors may stop it."""


@dataclass
class Passage:
    """What was seen in one pass: calls of layers with weights, and what others did to values.

    `sums` are numbers that change with what such a layer is given, call by call; `given` is what
    the last got; `peaks` are (path, largest value taken, largest given) of every other call.
    """

    sums: list[tuple[str, float]] = field(default_factory=list)
    peaks: list[tuple[str, float, float]] = field(default_factory=list)
    given: Array | None = None

    def add(self, path: str, weighted: bool, taken: Array, given: Array) -> None:
        """Enter the call of a layer: what it was given and what it gave, as rows of numbers."""
        if not (taken.size and given.size):
            return
        if weighted:
            self.sums.append((path, float(np.sum(taken * np.arange(1, taken.size + 1)))))
            self.given = taken
        else:
            self.peaks.append((path, float(taken.max()), float(given.max())))


def sight_of(engine: Any, name: str) -> Sight:
    """Return what the opened model shows of how its picture input `name` takes pixels."""
    port = next(port for port in engine.binding.ports if port.name == name)
    problem = ""
    for side in SIDES if None in (port.shape or ()) else SIDES[:1]:
        try:
            return Probe(engine, port, side).sight()
        except Exception as error:  # a layer of one's own raises what it likes
            problem = str(error).strip().partition("\n")[0][:120] or type(error).__name__
    return assumed(untold(f"it could not be tried ({problem})"))


class Probe:
    """Sends pictures through a model; axes of any length are `side` long."""

    def __init__(self, engine: Any, port: Port, side: int) -> None:
        self._engine, self._port, self._side = engine, port, side
        self._layers = layers_by_path(engine.binding.model)
        self._random = np.random.default_rng(0)
        self._others = {p.name: self._still(p) for p in engine.binding.ports if p is not port}

    def sight(self) -> Sight:
        """Return what flat pictures show."""
        calls = self._calls_before()
        if calls is None:
            return assumed(untold("no layer with weights takes them"))
        *flat, again = [
            self._pass(np.full(self._shape(self._port), value), calls + 1)
            for value in (*LEVELS, LEVELS[-1])
        ]
        levels = _levels([_array(passage) for passage in flat])
        drawn = not np.allclose(_array(flat[-1]), _array(again), rtol=1e-4)
        return self._told(levels, drawn, flat[-1])

    def _calls_before(self) -> int | None:
        """Return how many calls of layers with weights come before the first that sees pixels.

        None where none sees them. Passes end as early as can be: most models take pixels first.
        """
        pictures = [255 * self._random.random(self._shape(self._port)) for _ in range(2)]
        most = 1
        while True:
            one, two = (self._pass(picture, most).sums for picture in pictures)
            for number, (first, second) in enumerate(zip(one, two, strict=False)):
                if first[1] != second[1]:
                    return number
            if len(one) < most:
                return None
            most *= 2

    def _told(self, levels: Sequence[float] | None, drawn: bool, white: Passage) -> Sight:
        by, first = self._changing(white), white.sums[-1][0]
        if levels is None:
            return Sight(known("raw", f"model:{by[1]}"))
        if _keeps(levels, drawn):
            if family := self._family(first):
                return Sight(family)
            looked = [f"{self._words(path)} leaves them as they are" for path in self._own(white)]
            plain = _is_plain(self._layers[first])
            taking = "takes them as they come" if plain else "may scale them in code of its own"
            looked = [*looked[:3], f"{self._words(first)} {taking}"]
            return assumed(untold(", ".join(looked)))
        if Line(levels[1] - levels[0], levels[0]).is_for_unit or _cut_at_one(levels):
            return assumed(made_for_unit(by[0]))
        return Sight(known("raw", f"model:{by[1]}"))

    def _changing(self, white: Passage) -> tuple[str, str]:
        """Return the first layer that changed white, in words, and its class alone."""
        for path, before, after in white.peaks:
            if abs(after - before) > 0.01 * max(1.0, abs(before)):
                return self._words(path), type(self._layers[path]).__name__
        return "the model", "arithmetic"

    def _own(self, passage: Passage) -> list[str]:
        """Return the layers on the way that are not Keras's own, or hold code."""
        paths = dict.fromkeys(path for path, _, _ in passage.peaks)
        return [path for path in paths if not _is_plain(self._layers[path])]

    def _family(self, path: str) -> Any:
        """Return what the innermost known backbone around a layer needs."""
        names = path.split("/")[:-1]
        around = ["/".join(names[:n]) for n in range(len(names), 0, -1)]
        models = [*(self._layers[p] for p in around), self._engine.binding.model]
        for model in models:
            inner = (layer.name for layer in getattr(model, "layers", ()))
            if family := family_of(model.name, inner):
                return family
        return None

    def _words(self, path: str) -> str:
        return f"{path!r} ({type(self._layers[path]).__name__})"

    def _pass(self, pixels: Array, most: int) -> Passage:
        """Return one pass, which ends at call number `most` of layers with weights."""
        engine, calls = self._engine, list[tuple[str, bool]]()
        arrays = {**self._others, self._port.name: np.asarray(pixels, np.float32)}

        def run(tensors: Any) -> Any:
            seen: list[tuple[str, bool, Any, Any]] = []
            # Within a graph too, what was computed before the end is there to be returned.
            with self._watched(seen, most), suppress(_Enough):
                engine.binding.call(tensors)
            calls[:] = [(path, weighted) for path, weighted, _, _ in seen]
            return [(fed, out) for _, _, fed, out in seen]

        with engine.runner.here():
            values = engine.binding.compute(run, engine.binding.tensors(arrays))
        passage = Passage()
        for (path, weighted), (fed, out) in zip(calls, values, strict=True):
            passage.add(path, weighted, _row(fed), _row(out))
        return passage

    @contextmanager
    def _watched(self, seen: list[tuple[str, bool, Any, Any]], most: int) -> Iterator[None]:
        done: set[int] = set()
        with ExitStack() as stack:
            for path, layer in self._layers.items():
                if id(layer) not in done and not isinstance(layer, keras.layers.InputLayer):
                    done.add(id(layer))
                    stack.enter_context(hooked(layer, _watching(path, layer, seen, most)))
            yield

    def _shape(self, port: Port) -> tuple[int, ...]:
        rows = self._engine.runner.fixed or 1
        return (rows, *(dim or self._side for dim in port.shape or ()))

    def _still(self, port: Port) -> Array:
        """Return what another input is given in every pass."""
        if port.kind == "text":
            return np.full(self._shape(port), "a", object)
        if port.kind == "float":
            return self._random.random(self._shape(port), np.float32)
        return np.zeros(self._shape(port), port.dtype)


def _watching(
    path: str, layer: Any, seen: list[tuple[str, bool, Any, Any]], most: int
) -> Callable[[int, Any, Any], Any]:
    weighted = _has_weights(layer)

    def change(number: int, fed: Any, out: Any) -> Any:
        taken, given = _floats(fed), _floats(out)
        if taken is not None and given is not None:
            seen.append((path, weighted, taken, given))
            if weighted and sum(call[1] for call in seen) == most:
                raise _Enough
        return out

    return change


def _floats(value: Any) -> Any | None:
    """Return a tensor of floats, of several the first; None where there is none."""
    leaves = [leaf for leaf in keras.tree.flatten(value) if hasattr(leaf, "dtype")]
    if not leaves or "float" not in keras.backend.standardize_dtype(leaves[0].dtype):
        return None
    return leaves[0]


def _row(tensor: Any) -> Array:
    """Return a tensor's numbers in a row."""
    return np.asarray(keras.ops.convert_to_numpy(tensor), np.float64).reshape(-1)


def _has_weights(layer: Any) -> bool:
    """Return whether a layer has learned numbers of its own; those of a Normalization only scale.

    The state of a generator of random numbers is none.
    """
    if isinstance(layer, keras.layers.Normalization):
        return False
    own = [*layer._trainable_variables, *layer._non_trainable_variables]
    return any("float" in str(variable.dtype) for variable in own)


def _is_plain(layer: Any) -> bool:
    module = type(layer).__module__
    return module.startswith("keras.") and not isinstance(layer, keras.layers.Lambda)


def _array(passage: Passage) -> Array:
    if passage.given is None:
        raise ValueError("the layers are not called in one order")
    return passage.given


def _levels(given: Sequence[Array]) -> list[float] | None:
    """Return what became of each level, where it changed most: a border of padding stays black.

    None where brightness vanished.
    """
    moved = np.abs(given[-1] - given[0])
    if not moved.max() > VANISHED:
        return None
    most = moved >= moved.max() / 2
    return [float(array[most].mean()) for array in given]


def _keeps(levels: Sequence[float], drawn: bool) -> bool:
    """Return whether pixels stay in their range; noise or chance may move them by half of it."""
    if drawn:
        return 0.5 < (levels[-1] - levels[0]) / 255 < 1.5
    pairs = zip(levels, LEVELS, strict=True)
    return all(abs(after - before) <= 0.02 * before + 0.05 for after, before in pairs)


def _cut_at_one(levels: Sequence[float]) -> bool:
    """Return whether values of 0..1 stay as they are, and larger ones are cut there."""
    return np.allclose(levels, [0.0, 1.0, 1.0, 1.0], atol=0.01)
