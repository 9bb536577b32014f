"""What is learned about a model from one real sample, before it is asked anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from inputgrad_cli.data.signature import Head
from inputgrad_cli.engine.adapter import model_fixes
from inputgrad_cli.engine.adapter.hooks import is_tap
from inputgrad_cli.engine.adapter.keras_adapter import Binding, Tensors
from inputgrad_cli.engine.dependence import Way
from inputgrad_cli.engine.embeddings import find_ways, may_look_up
from inputgrad_cli.engine.logits import find_heads
from inputgrad_cli.engine.sites import is_held, is_whole
from inputgrad_cli.engine.trace import Opening
from inputgrad_cli.numeric.arrays import Array, Arrays, join, take

SAME = 1e-4  # outputs that differ by less, relative to their size, are taken for equal


@dataclass(frozen=True)
class Settled:
    """What one sample showed.

    `ways` say of each input how it reaches the outputs, and where it becomes numbers.
    `needs_graph`: only a traced function finds the logits, or computes rightly. `notes` are what a
    reader should know, by code: that a layer stays `random`, that a `batch` is mixed.
    """

    heads: tuple[Head, ...]
    ways: Mapping[str, Way]
    needs_graph: bool
    notes: dict[str, str]

    @property
    def random(self) -> bool:
        """Return whether a layer draws at inference."""
        return "random" in self.notes

    @property
    def alone(self) -> bool:
        """Return whether samples must be run one by one."""
        return bool(self.notes)


def settle(binding: Binding, inputs: Arrays, layer_heads: Sequence[str]) -> Settled:
    """Return what the first of the samples shows."""
    fixed = model_fixes.fixed_batch(binding.model)
    one = take(inputs, [0] * (fixed or 1))
    opening = Opening(binding, one, layer_heads, may_look_up(binding))
    ways = find_ways(opening)
    direct = [
        port.name
        for port in binding.ports
        if is_whole(port) and ways[port.name].direct and not is_held(port, binding.ports, ways)
    ]
    if open_inputs(binding, direct):  # fed with floats, it is another program
        opening = Opening(binding, one, layer_heads, records=False)
    heads, needs_graph = find_heads(opening, layer_heads)
    needs_graph = needs_graph or model_fixes.has_channels_first(binding.model)
    notes: dict[str, str] = {}
    if model_fixes.may_mix(binding.model):
        before, after = opening.computed[0], opening.compute()[0]
        if _differ(before, after):
            notes["random"] = (
                "a layer stays random at inference; it is seeded, and samples run one by one"
            )
        elif fixed is None and _differ(before, _beside_another(binding, one)):
            notes["batch"] = "the model mixes the samples of a batch; they are run one by one"
    return Settled(heads, ways, needs_graph, notes)


def open_inputs(binding: Binding, names: Sequence[str]) -> bool:
    """Let inputs that were declared as whole numbers take floats, so that they have a gradient.

    Returns whether one did not before.
    """
    if names := [name for name in names if not binding.takes_floats(name)]:
        symbols = [binding.symbols[name] for name in names if name in binding.symbols]
        nested = all(binding.takes_floats(p.name) or p.name in names for p in binding.ports)
        model_fixes.let_floats_in(binding.model, symbols, nested=nested)
        binding.take_floats(names, model_fixes.float_type(binding.model))
    return bool(names)


def _beside_another(binding: Binding, one: Arrays) -> Tensors:
    """Return the outputs of a sample and of another beside it."""
    other = {name: _moved(array) for name, array in one.items()}
    outputs: Tensors = binding.compute(binding.call, binding.tensors(join([one, other])))
    return outputs


def _moved(array: Array) -> Array:
    """Return a sample unlike the one given, and as valid."""
    if array.dtype.kind == "f":
        return np.asarray(array * 0.5 + 0.25 * np.abs(array).max(initial=1.0), array.dtype)
    return np.roll(array, 1, axis=-1) if array.ndim > 1 else array


def _differ(before: Tensors, after: Tensors) -> bool:
    """Return whether the first sample of both gives different outputs."""
    for name in (name for name in before if not is_tap(name)):
        a, b = (np.asarray(tf.cast(t[name][0], tf.float32)) for t in (before, after))
        if np.abs(a - b).max(initial=0.0) > SAME * max(np.abs(a).max(initial=0.0), 1e-12):
            return True
    return False
