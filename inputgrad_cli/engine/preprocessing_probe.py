"""Finds out how an opened model preprocesses pixels, by running pictures of one color through it.

The input of the first layer with weights shows what the layers before it did to the pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from inputgrad_cli.data.preprocessing import LinearMap, get_preset
from inputgrad_cli.engine.preprocessing_probe_passes import PicturePasses, ProbePass
from inputgrad_cli.engine.tape_engine import TapeEngine
from inputgrad_cli.modelfile.preprocessing_detection.pixel_range import (
    PreprocessingGuess,
    assume_unit,
    describe_no_evidence,
    describe_unit_scaling,
    find_family,
)
from inputgrad_cli.numeric.array_helpers import Array

# Black and 1 give offset and slope; gray and white show where values are clipped.
LEVELS = (0.0, 1.0, 127.5, 255.0)
SIDES = (64, 224, 299)  # pixels, tried in turn for open axes, because some networks need many
MIN_CONTRAST = 1e-6  # a smaller difference of black and white means that brightness is removed


def probe_pixels(engine: TapeEngine, name: str) -> PreprocessingGuess:
    """Return what the opened model reveals about the pixel range of its picture input `name`."""
    spec = next(spec for spec in engine.adapter.input_specs if spec.name == name)
    problem = ""
    for side in SIDES if None in (spec.shape or ()) else SIDES[:1]:
        try:
            return Probe(PicturePasses(engine.context, spec, side)).run()
        except Exception as error:  # a custom layer may raise anything
            problem = str(error).strip().partition("\n")[0][:120] or type(error).__name__
    return assume_unit(describe_no_evidence(f"it could not be tried ({problem})"))


class Probe:
    """Tells from passes over pictures how the model treats pixels."""

    def __init__(self, passes: PicturePasses) -> None:
        self._passes, self._layers = passes, passes.layers

    def run(self) -> PreprocessingGuess:
        """Return what pictures of one color reveal."""
        calls = self._count_calls_before()
        if calls is None:
            return assume_unit(describe_no_evidence("no layer with weights takes them"))
        *flat, again = [
            self._passes.run(np.full(self._passes.shape, value), calls + 1)
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
        pictures = [self._passes.draw_picture() for _ in range(2)]
        limit = 1
        while True:
            first_sums, second_sums = (
                self._passes.run(picture, limit).sums for picture in pictures
            )
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
        models = [*(self._layers[p] for p in parents), self._passes.model]
        for model in models:
            inner = (layer.name for layer in getattr(model, "layers", ()))
            if family := find_family(model.name, inner):
                return family
        return None

    def _describe_layer(self, path: str) -> str:
        return f"{path!r} ({type(self._layers[path]).__name__})"


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
