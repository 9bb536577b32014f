"""The real engine: a Keras model under `tf.GradientTape`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf

from inputgrad_cli.arrays import Array, Arrays, count, join, take
from inputgrad_cli.contracts import FirstPass, Gradients
from inputgrad_cli.engine.binding import Binding
from inputgrad_cli.engine.faults import told
from inputgrad_cli.engine.heads import find_heads
from inputgrad_cli.engine.losses import truth_for
from inputgrad_cli.engine.programs import Program, first_of, gradients_of, scores_of
from inputgrad_cli.engine.quiet import Noise
from inputgrad_cli.engine.scalar import Pins
from inputgrad_cli.signature import Head, Port, Signature
from inputgrad_cli.target import Choice, PinnedTarget, pin

GROUP = 16  # gradients of so many targets share one forward pass; more would only hold memory


class TapeEngine:
    """Scores and gradients of one model. `traced` compiles each kind of request once."""

    def __init__(
        self,
        binding: Binding,
        *,
        batch_size: int = 16,
        traced: bool = False,
        device: str | None = None,
        noise: Noise | None = None,
    ) -> None:
        self.binding = binding
        self.batch_size = batch_size
        self.traced = traced
        self.device = device
        self.heads: tuple[Head, ...] = ()
        self._noise = noise or Noise()
        self._programs: dict[Any, Program] = {}

    @property
    def signature(self) -> Signature:
        """Return inputs and outputs; the outputs are known once `settle` has run."""
        return Signature(self.binding.ports, self.heads)

    def settle(self, inputs: Arrays) -> None:
        """Run one real sample through the model, to know its outputs and prove its logits."""
        with self._on_device(), told():
            one = self._tensors(take(inputs, slice(0, 1)))
            self.heads, needs_graph = find_heads(self.binding, one)
        self.traced = self.traced or needs_graph

    def first(
        self,
        inputs: Arrays,
        choices: Sequence[Choice],
        sites: Sequence[str],
        truth: Array | None = None,
        gradients: bool = True,
    ) -> FirstPass:
        """Return the pass over the clean inputs, ranks resolved and pinned."""
        groups = [tuple(choices[i : i + GROUP]) for i in range(0, len(choices), GROUP)]
        parts = [self._first(inputs, group, tuple(sites), truth, gradients) for group in groups]
        return FirstPass(
            parts[0].outputs,
            [target for part in parts for target in part.targets],
            [scores for part in parts for scores in part.scores],
            [found for part in parts for found in part.gradients],
        )

    def scores(self, inputs: Arrays, target: PinnedTarget) -> Array:
        """Return the scalars of the target, (B,)."""
        choice = target.choice.program(pinned=True)
        key = ("scores", choice, target.index.shape[1:])

        def make() -> Program:
            return scores_of(self.binding, choice)

        parts = [
            np.asarray(self._run(key, make, part, _pins(target.take(rows))))
            for rows, part in self._split(inputs)
        ]
        return np.concatenate(parts)

    def gradients(self, inputs: Arrays, target: PinnedTarget, sites: Sequence[str]) -> Gradients:
        """Return the gradients at the sites and the scalars."""
        choice = target.choice.program(pinned=True)
        key = ("gradients", choice, target.index.shape[1:], tuple(sites))

        def make() -> Program:
            return gradients_of(self.binding, choice, sites)

        parts = [
            _gradients(part, *self._run(key, make, part, _pins(target.take(rows))))
            for rows, part in self._split(inputs)
        ]
        return _joined(parts)

    def _first(
        self,
        inputs: Arrays,
        choices: tuple[Choice, ...],
        sites: tuple[str, ...],
        truth: Array | None,
        gradients: bool,
    ) -> FirstPass:
        programs = tuple(choice.program(pinned=False) for choice in choices)
        key = ("first", programs, tuple(len(c.terms) for c in choices), sites, gradients)

        def make() -> Program:
            return first_of(self.binding, self.signature, programs, sites, gradients)

        parts = []
        for rows, part in self._split(inputs):
            labels = None if truth is None else truth[rows]
            asked = [self._pin(choice, count(part), labels) for choice in choices]
            outputs, pins, scores, found = self._run(
                key, make, part, [_pins(target) for target in asked]
            )
            parts.append(
                FirstPass(
                    {name: np.asarray(y) for name, y in outputs.items()},
                    [_pinned(target, p) for target, p in zip(asked, pins, strict=True)],
                    [np.asarray(s) for s in scores],
                    [_gradients(part, f, s) for f, s in zip(found, scores, strict=False)],
                )
            )
        return _joined_first(parts)

    def _pin(self, choice: Choice, rows: int, truth: Array | None) -> PinnedTarget:
        if choice.kind != "loss":
            return pin(choice, rows)
        shape = tuple(d or 1 for d in self.signature.head(choice.head).shape or ())
        return pin(choice, rows, truth_for(choice, truth, (rows, *shape)))

    def _split(self, inputs: Arrays) -> Iterator[tuple[slice, dict[str, Array]]]:
        total = count(inputs)
        for start in range(0, total, self.batch_size):
            rows = slice(start, min(start + self.batch_size, total))
            yield rows, take(inputs, rows)

    def _run(self, key: Any, make: Callable[[], Program], arrays: Arrays, pins: Any) -> Any:
        """Run the program called `key`, made (and traced) the first time."""
        with self._on_device(), told():
            tensors = self._tensors(arrays)
            if key in self._programs:
                return self._programs[key](tensors, pins)
            run = make()
            if self.traced:
                # One trace for every batch: only the first axis, and what the model leaves open.
                signature = [self._specs(tensors), tf.nest.map_structure(_any_batch, pins)]
                run = tf.function(run, input_signature=signature)
            self._programs[key] = run
            with self._noise.kept():  # TensorFlow talks most the first time
                return run(tensors, pins)

    def _specs(self, tensors: Mapping[str, Any]) -> dict[str, Any]:
        shapes = {port.name: port.shape for port in self.binding.ports}
        return {
            name: tf.TensorSpec((None, *(shapes[name] or tensor.shape[1:])), tensor.dtype)
            for name, tensor in tensors.items()
        }

    def _tensors(self, arrays: Arrays) -> dict[str, Any]:
        return {
            port.name: tf.convert_to_tensor(arrays[port.name], dtype=_fed(port))
            for port in self.binding.ports
        }

    def _on_device(self) -> AbstractContextManager[Any]:
        return tf.device(self.device) if self.device else nullcontext()


def _fed(port: Port) -> Any:
    """Return the dtype of the tensor that feeds an input."""
    return tf.float64 if port.dtype == "float64" else tf.float32


def _any_batch(tensor: Any) -> Any:
    return tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype)


def _pins(target: PinnedTarget) -> Pins:
    nothing = np.zeros((len(target.index), 0), np.float32)
    truth = nothing if target.truth is None else target.truth
    arrays = (target.index, target.signs, target.offset, truth)
    return Pins(*(tf.convert_to_tensor(array) for array in arrays))


def _pinned(target: PinnedTarget, pins: Pins) -> PinnedTarget:
    index, signs, offset = (np.asarray(p) for p in pins[:3])
    return replace(target, index=index, signs=signs, offset=offset)


def _gradients(inputs: Arrays, found: dict[str, Any], scores: Any) -> Gradients:
    """Return NumPy gradients; a disconnected site gets zeros and is named."""
    values = {
        site: np.zeros(inputs[site].shape, inputs[site].dtype) if g is None else np.asarray(g)
        for site, g in found.items()
    }
    apart = frozenset(site for site, g in found.items() if g is None)
    return Gradients(values, np.asarray(scores), apart)


def _joined(parts: list[Gradients]) -> Gradients:
    if len(parts) == 1:
        return parts[0]
    values = join([part.values for part in parts])
    return Gradients(values, np.concatenate([p.scores for p in parts]), parts[0].disconnected)


def _joined_first(parts: list[FirstPass]) -> FirstPass:
    if len(parts) == 1:
        return parts[0]
    by_choice = list(zip(*(part.gradients for part in parts), strict=True))
    return FirstPass(
        join([part.outputs for part in parts]),
        [_joined_targets(list(same)) for same in zip(*(p.targets for p in parts), strict=True)],
        [np.concatenate(same) for same in zip(*(p.scores for p in parts), strict=True)],
        [_joined(list(same)) for same in by_choice],
    )


def _joined_targets(parts: list[PinnedTarget]) -> PinnedTarget:
    truths = [part.truth for part in parts if part.truth is not None]
    return replace(
        parts[0],
        index=np.concatenate([part.index for part in parts]),
        signs=np.concatenate([part.signs for part in parts]),
        offset=np.concatenate([part.offset for part in parts]),
        truth=np.concatenate(truths) if truths else None,
    )
