"""The real engine: a Keras model under `tf.GradientTape`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf

from inputgrad_cli.arrays import Array, Arrays, count, take
from inputgrad_cli.contracts import FirstPass, Gradients
from inputgrad_cli.engine import fixes
from inputgrad_cli.engine.binding import Binding
from inputgrad_cli.engine.blame import blockers
from inputgrad_cli.engine.embeddings import tokens_of
from inputgrad_cli.engine.faults import told
from inputgrad_cli.engine.losses import truth_for
from inputgrad_cli.engine.passes import (
    gradients_from,
    join_first,
    join_gradients,
    join_targets,
    pinned,
    pins_of,
)
from inputgrad_cli.engine.programs import Program, first_of, gradients_of, scores_of
from inputgrad_cli.engine.quiet import Noise
from inputgrad_cli.engine.scalar import at_least_float32
from inputgrad_cli.engine.settle import Settled, settle
from inputgrad_cli.engine.taps import is_tap, read_taps
from inputgrad_cli.errors import UsageError
from inputgrad_cli.signature import Signature
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
        self.traced = traced
        self.device = device
        self._asked_batch = batch_size
        self._fixed = fixes.fixed_batch(binding.model)
        self._stateful = fixes.is_stateful(binding.model)
        self._noise = noise or Noise()
        self._settled = Settled((), {}, False, False, (), {})
        self._layers: Sequence[str] = ()
        self._alone = False
        self._flat: set[str] = set()
        self.precision = "float32"
        self._programs: dict[Any, Program] = {}

    @property
    def batch_size(self) -> int:
        """Return how many samples one pass holds, as asked or as the model demands."""
        return 1 if self._alone else self._fixed or self._asked_batch

    @property
    def signature(self) -> Signature:
        """Return inputs and outputs; the outputs are known once `settle` has run."""
        heads = self._settled.heads
        return Signature(
            self.binding.ports,
            tuple(head for head in heads if not is_tap(head.name)),
            tuple(head for head in heads if is_tap(head.name)),
        )

    @property
    def notes(self) -> Mapping[str, str]:
        """Return what a reader should know about the model, by code."""
        return self._settled.notes

    def prepare(self, precision: str = "float32", layers: Sequence[str] = ()) -> None:
        """Set the precision (`float32` or the `model`'s own), and layers that serve as outputs."""
        own = fixes.own_precision(self.binding.model)
        if own and precision == "float32":
            fixes.widen(self.binding.model)
            self.precision = f"float32 (the model's own is {own})"
        elif own:
            self.precision = own
        self._layers = layers

    def settle(self, inputs: Arrays) -> None:
        """Run one real sample: outputs become known, logits proved, embeddings found."""
        with self._on_device(), told():
            self._settled = settle(self.binding, inputs, self._layers)
        self._alone = self._settled.alone
        self.traced = self.traced or self._settled.needs_graph

    def sites(self, wrt: str | None) -> dict[str, str]:
        """Return what is differentiated: the engine's name of each site, and its public name."""
        taps = self._settled.taps
        if wrt is not None and is_tap(wrt):
            return {wrt: wrt}
        for name, found in taps.items():
            if len(found) > 1 and wrt in (None, name):
                raise UsageError(
                    f"input {name!r} feeds several embeddings",
                    mend=f"choose one: --wrt {', '.join(found)}",
                )
        wanted = [wrt] if wrt is not None else [port.name for port in self.binding.ports]
        for name in wanted:
            self.signature.port(name)
        sites = {
            taps.get(name, (name,))[0]: name
            for name in wanted
            if name in taps or self.binding.takes_floats(name)
        }
        if not sites:
            raise UsageError(
                f"input {', '.join(wanted)} has no derivative and feeds no Embedding layer",
                reason="it holds whole numbers or text",
                mend="differentiate at a layer instead: --wrt layer:NAME",
            )
        return sites

    def lift(self, inputs: Arrays, sites: Sequence[str]) -> dict[str, Array]:
        """Return the inputs as points: floats where they are fed so, the taps' outputs added."""
        points = {name: self.binding.as_fed(name, array) for name, array in inputs.items()}
        taps = [site for site in sites if is_tap(site)]
        if not taps:
            return points
        self._alone = self._alone or not self._keep_batch(points, taps)
        parts = []
        for rows, real in self._split(count(points)):
            found = self._read(take(points, rows), taps)
            wide = {
                n: a[np.newaxis] if self._alone and n in self._flat else a for n, a in found.items()
            }
            parts.append({name: array[:real] for name, array in wide.items()})
        return points | {tap: np.concatenate([part[tap] for part in parts]) for tap in taps}

    def _keep_batch(self, points: Arrays, taps: Sequence[str]) -> bool:
        """Return whether the outputs of the layers have the batch axis; learn which have not.

        The embedding of positions that all samples share has none; then samples run one by one.
        """
        if self._fixed or not taps:
            return True
        one, two = (self._read(take(points, [0] * n), taps) for n in (1, 2))
        self._flat = {name for name in taps if one[name].shape == two[name].shape}
        return not self._flat

    def _read(self, points: Arrays, taps: Sequence[str]) -> dict[str, Array]:
        with self._on_device(), told():
            found = read_taps(self.binding, self.binding.tensors(points), taps)
        return {name: np.asarray(at_least_float32(tensor)) for name, tensor in found.items()}

    def blame(self, inputs: Arrays, sites: Sequence[str]) -> str:
        """Return what blocks the way from the sites, in words; nothing where nothing does."""
        with self._on_device(), told():
            found = blockers(self.binding, self.binding.tensors(take(inputs, [0])), sites)
        return f"{' and '.join(found[:3])} has no derivative" if found else ""

    def tokens(self, inputs: Arrays) -> dict[str, list[list[Any]]]:
        """Return what stands at each place of the inputs that go through an embedding, by sample.

        Words where the model holds the vocabulary, else ids.
        """
        if not self._settled.taps:
            return {}
        with self._on_device(), told():
            return tokens_of(self.binding, inputs, self._settled.taps)

    def first(
        self,
        inputs: Arrays,
        choices: Sequence[Choice],
        sites: Sequence[str],
        truths: Sequence[Array | None] = (),
        gradients: bool = True,
    ) -> FirstPass:
        """Return the pass over the clean inputs, ranks resolved and pinned."""
        asked = list(zip(choices, truths or [None] * len(choices), strict=True))
        if gradients and len(asked) > GROUP and all(choice.terms for choice, _ in asked):
            plain = self.first(inputs, choices, sites, truths, gradients=False)
            return replace(plain, gradients=self._tiled(inputs, plain.targets, sites))
        size = GROUP if gradients else len(asked)
        groups = [asked[i : i + size] for i in range(0, len(asked), size)]
        parts = [self._first(inputs, group, tuple(sites), gradients) for group in groups]
        return FirstPass(
            parts[0].outputs,
            [target for part in parts for target in part.targets],
            [scores for part in parts for scores in part.scores],
            [found for part in parts for found in part.gradients],
        )

    def _tiled(
        self, inputs: Arrays, targets: Sequence[PinnedTarget], sites: Sequence[str]
    ) -> list[Gradients]:
        """Return the gradients of many units of one head: each sample stands once for each unit.

        Passes of full size beat a pass for every unit, and hold no more than one batch.
        """
        whole = join_targets(targets)
        total = count(inputs)
        found = [
            Gradients({s: np.empty_like(inputs[s]) for s in sites}, np.empty(total, np.float32))
            for _ in targets
        ]
        for start in range(0, total * len(targets), self.batch_size):
            flat = np.arange(start, min(start + self.batch_size, total * len(targets)))
            part = self.gradients(take(inputs, flat % total), whole.take(flat), sites)
            for place, number in enumerate(flat):
                unit, row = divmod(int(number), total)
                found[unit].scores[row] = part.scores[place]
                for site in sites:
                    found[unit].values[site][row] = part.values[site][place]
            apart = part.disconnected
        return [replace(one, disconnected=apart) for one in found]

    def scores(self, inputs: Arrays, target: PinnedTarget) -> Array:
        """Return the scalars of the target, (B,)."""
        choice = target.choice.program(pinned=True)
        key = ("scores", choice, target.index.shape[1:])

        def make() -> Program:
            return scores_of(self.binding, choice)

        parts = []
        for rows, real in self._split(count(inputs)):
            scores = self._run(key, make, take(inputs, rows), pins_of(target.take(rows)))
            parts.append(np.asarray(scores)[:real])
        return np.concatenate(parts)

    def gradients(self, inputs: Arrays, target: PinnedTarget, sites: Sequence[str]) -> Gradients:
        """Return the gradients at the sites and the scalars."""
        choice = target.choice.program(pinned=True)
        key = ("gradients", choice, target.index.shape[1:], tuple(sites))

        def make() -> Program:
            return gradients_of(self.binding, choice, sites)

        parts = []
        for rows, real in self._split(count(inputs)):
            part = take(inputs, rows)
            found = self._run(key, make, part, pins_of(target.take(rows)))
            parts.append(gradients_from(part, found[0], found[1], real))
        return join_gradients(parts)

    def _first(
        self,
        inputs: Arrays,
        asked: Sequence[tuple[Choice, Array | None]],
        sites: tuple[str, ...],
        gradients: bool,
    ) -> FirstPass:
        programs = tuple(choice.program(pinned=False) for choice, _ in asked)
        terms = tuple(len(choice.terms) for choice, _ in asked)
        key = ("first", programs, terms, sites, gradients)

        def make() -> Program:
            return first_of(self.binding, self.signature, programs, sites, gradients)

        parts = []
        for rows, real in self._split(count(inputs)):
            part = take(inputs, rows)
            targets = [
                self._pin(c, len(rows), None if truth is None else truth[rows])
                for c, truth in asked
            ]
            outputs, pins, scores, found = self._run(key, make, part, [pins_of(t) for t in targets])
            parts.append(
                FirstPass(
                    {name: np.asarray(y)[:real] for name, y in outputs.items()},
                    [pinned(t, p).take(slice(real)) for t, p in zip(targets, pins, strict=True)],
                    [np.asarray(s)[:real] for s in scores],
                    [gradients_from(part, f, s, real) for f, s in zip(found, scores, strict=False)],
                )
            )
        return join_first(parts)

    def _pin(self, choice: Choice, rows: int, truth: Array | None) -> PinnedTarget:
        if choice.kind != "loss":
            return pin(choice, rows, truth)
        shape = tuple(d or 1 for d in self.signature.head(choice.head).shape or ())
        return pin(choice, rows, truth_for(choice, truth, (rows, *shape)))

    def _split(self, total: int) -> Iterator[tuple[Array, int]]:
        """Yield the rows of each pass, and how many are real: a fixed batch is filled up."""
        size = self.batch_size
        for start in range(0, total, size):
            rows = np.arange(start, min(start + size, total))
            filled = self._fixed or len(rows)
            yield np.append(rows, [rows[-1]] * (filled - len(rows))).astype(np.intp), len(rows)

    def _run(self, key: Any, make: Callable[[], Program], arrays: Arrays, pins: Any) -> Any:
        """Run the program called `key`, made (and traced) the first time."""
        if self._stateful:
            fixes.reset_states(self.binding.model)
        for variable, state in self._settled.seeds:
            variable.assign(state)
        with self._on_device(), told():
            tensors = self.binding.tensors(arrays)
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
            name: tf.TensorSpec((self._fixed, *(shapes.get(name) or t.shape[1:])), t.dtype)
            for name, t in tensors.items()
        }

    def _on_device(self) -> AbstractContextManager[Any]:
        return tf.device(self.device) if self.device else nullcontext()


def _any_batch(tensor: Any) -> Any:
    return tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype)
