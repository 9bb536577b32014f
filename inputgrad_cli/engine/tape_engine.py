"""The real engine: a Keras model under `tf.GradientTape`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from inputgrad_cli.data.signature import Port, Signature
from inputgrad_cli.data.target import Choice, PinnedTarget
from inputgrad_cli.engine.adapter import model_fixes
from inputgrad_cli.engine.adapter.captured_stderr import Noise
from inputgrad_cli.engine.adapter.hooks import is_tap
from inputgrad_cli.engine.adapter.keras_adapter import Binding
from inputgrad_cli.engine.adapter.kernels import active_kernels
from inputgrad_cli.engine.adapter.layer_inputs import inputs_of
from inputgrad_cli.engine.calibrate import Settled, open_inputs, settle
from inputgrad_cli.engine.computations import Program, gradients_of, scores_of
from inputgrad_cli.engine.embeddings import first_embeddings, tokens_of
from inputgrad_cli.engine.first_pass import CleanPasses, alike, side_by_side, tiled
from inputgrad_cli.engine.gradient_blockers import blockers, moves, sentence
from inputgrad_cli.engine.layer_gradients import biases_of, channel_axis, layer_of
from inputgrad_cli.engine.maps import CamLayers
from inputgrad_cli.engine.rules.backward_rules import beside, ruled_from, ruled_of
from inputgrad_cli.engine.runner import Runner
from inputgrad_cli.engine.sites import is_held, lift, sites_of
from inputgrad_cli.engine.tensors import gradients_from, join_gradients, layer_pass, pins_of
from inputgrad_cli.interfaces.engine import FirstPass, Gradients, LayerPass, Maps, Rule, Running
from inputgrad_cli.numeric.arrays import Array, Arrays, count, join, take

GROUP = 16  # gradients of so many targets share one forward pass; more would only hold memory


class TapeEngine:
    """Scores and gradients of one model, run as `how` says, on TensorFlow's `device`.

    `workers` threads share the passes of a folded model.
    """

    def __init__(
        self,
        binding: Binding,
        how: Running | None = None,
        *,
        workers: int = 1,
        device: str | None = None,
        noise: Noise | None = None,
    ) -> None:
        self.binding = binding
        self.runner = Runner(binding, how or Running(), workers, device, noise or Noise())
        self.precision = "float32"
        self._settled = Settled((), {}, False, {})
        self._blamed: dict[Any, str] = {}
        self._layers: Sequence[str] = ()
        self._sight: dict[str, frozenset[str]] = {}
        self.remarks: Mapping[str, str] = {}  # on how the model was opened, by code
        self.cams = CamLayers(binding, self.runner, None)

    @property
    def batch_size(self) -> int:
        """Return how many samples one pass holds, as asked or as the model demands."""
        return self.runner.batch_size

    def resize(self, batch_size: int) -> None:
        """Hold at most so many samples in one pass from here on."""
        self.runner.resize(batch_size)

    @property
    def mode(self) -> str:
        """Return how the model is run: `eager`, `traced` or `folded`."""
        return self.runner.mode

    @property
    def kernels(self) -> str:
        """Return what it is computed with: `onednn` or `eigen`."""
        return active_kernels()

    @property
    def lanes(self) -> int:
        """Return how many threads gain by asking at a time: as many as share the passes."""
        return self.runner.workers if self.runner.workers > 1 else 0

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
        """Return what a reader should know about the model and its passes, by code."""
        return {**self.remarks, **self._settled.notes, **self.runner.notes}

    def prepare(
        self, precision: str = "float32", layers: Sequence[str] = (), seed: int = 0
    ) -> None:
        """Set precision (`float32` or the `model`'s own), layers that serve as outputs, seed."""
        self.runner.seed = seed
        own = model_fixes.own_precision(self.binding.model)
        if own and precision == "float32":
            model_fixes.widen(self.binding.model)
            self.precision = f"float32 (the model's own is {own})"
        elif own:
            self.precision = own
        self._layers = layers

    def settle(self, inputs: Arrays) -> None:
        """Run one real sample: outputs become known, logits proved, embeddings found."""
        with self.runner.here():
            self._settled = settle(self.binding, inputs, self._layers)
        self.runner.adapt(self._settled.alone, self._settled.random, self._settled.needs_graph)

    def sites(self, wrt: str | None, changed: bool = False) -> dict[str, str]:
        """Return what is differentiated: the engine's name of each site, and its public name.

        With `changed` what can be changed, where a method looks at scores alone.
        """
        ways = self._settled.ways
        found = sites_of(self.binding, ways, wrt, changed)
        if wrt is not None and wrt in ways and ways[wrt].direct:
            open_inputs(self.binding, [wrt])
        return found

    def aside(self, sites: Sequence[str]) -> dict[str, str]:
        """Return the inputs that none of the sites explains, and why."""
        ways = self._settled.ways
        return {
            port.name: self._aside(port)
            for port in self.binding.ports
            if not {port.name, *ways[port.name].lookups} & set(sites)
        }

    def _aside(self, port: Port) -> str:
        ways = self._settled.ways
        if is_held(port, self.binding.ports, ways):
            return "it holds whole numbers beside other inputs, as a mask or indices do"
        if not ways[port.name].heads:
            return "no output depends on it"
        return sentence(ways[port.name].ends)

    def lift(self, inputs: Arrays, sites: Sequence[str]) -> dict[str, Array]:
        """Return the inputs as points: floats where they are fed so, the taps' outputs added."""
        return lift(self.runner, inputs, sites)

    def blame(self, inputs: Arrays, sites: Sequence[str], target: PinnedTarget) -> str:
        """Return why the target has no derivative at the sites; nothing where it is independent.

        It is so where no way leads there, and where finite changes of the sites, really tried,
        change no score.
        """
        key = (target.choice.program(pinned=True), tuple(sites))
        if key not in self._blamed:
            with self.runner.here():
                rows, _ = next(iter(self.runner.passes(1)))
                tensors = self.binding.tensors(take(inputs, rows))
                found = blockers(self.binding, tensors, sites, target.choice.head)
            if found:
                return self._blamed.setdefault(key, sentence(found))
            if moves(lambda points: self.scores(points, target), inputs, sites):
                return self._blamed.setdefault(key, "no derivative leads back to it")
            if found is not None:
                self._blamed[key] = ""
        return self._blamed.get(key, "")

    def inputs_of(self, inputs: Arrays, layers: Sequence[str]) -> dict[str, frozenset[str]]:
        """Return, by layer, the names of the inputs that it sees; a layer is looked for once."""
        if new := [layer for layer in layers if layer not in self._sight]:
            rows, _ = next(iter(self.runner.passes(1)))
            # A layer can be hooked by one thread at a time.
            with self.runner.making, self.runner.here():
                tensors = self.binding.tensors(take(inputs, rows))
                self._sight.update(inputs_of(self.binding, tensors, new))
        return {layer: self._sight[layer] for layer in layers}

    def tokens(self, inputs: Arrays) -> dict[str, list[list[Any]]]:
        """Return what stands at each place of the inputs that go through an embedding, by sample.

        Words where the model holds the vocabulary, else ids.
        """
        ways = self._settled.ways
        taps = first_embeddings(self.binding, {name: way.lookups for name, way in ways.items()})
        found: dict[str, list[list[Any]]] = {name: [] for name in taps}
        for rows, real in self.runner.passes(count(inputs)) if taps else ():
            for name, tokens in tokens_of(self.runner, take(inputs, rows), taps).items():
                found[name] += tokens[:real]
        return found

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
        if gradients and len(asked) > GROUP and alike(choices):
            plain = self.first(inputs, choices, sites, truths, gradients=False)
            return replace(plain, gradients=tiled(self, inputs, plain.targets, sites))
        size = GROUP if gradients else len(asked)
        groups = [asked[i : i + size] for i in range(0, len(asked), size)]
        clean = CleanPasses(self.binding, self.runner, self.signature)
        return side_by_side([clean.over(inputs, g, tuple(sites), gradients) for g in groups])

    def scores(self, inputs: Arrays, target: PinnedTarget) -> Array:
        """Return the scalars of the target, (B,)."""
        choice = target.choice.program(pinned=True)
        key = ("scores", choice, target.index.shape[1:])

        def make() -> Program:
            return scores_of(self.binding, choice)

        parts = self._run(key, make, inputs, target)
        return np.concatenate([np.asarray(scores)[:real] for _, real, scores in parts])

    def gradients(self, inputs: Arrays, target: PinnedTarget, sites: Sequence[str]) -> Gradients:
        """Return the gradients at the sites and the scalars."""
        choice = target.choice.program(pinned=True)
        key = ("gradients", choice, target.index.shape[1:], tuple(sites))

        def make() -> Program:
            return gradients_of(self.binding, choice, sites)

        parts = self._run(key, make, inputs, target)
        return join_gradients(
            [gradients_from(part, found, scores, real) for part, real, (found, scores) in parts]
        )

    def cam_layer(self, inputs: Arrays, target: PinnedTarget) -> Maps | None:
        """Return the last maps on the way to the target, None where there are none."""
        return self.cams.find(inputs, target)

    def layer(self, inputs: Arrays, target: PinnedTarget | None, name: str) -> LayerPass:
        """Return what the layer gave and the gradients there; without a target the first alone."""
        channels = channel_axis(self.binding.model, name)
        if target is None:
            values = self.lift(inputs, [name])[name]
            nothing = np.zeros(len(values), np.float32)
            return LayerPass(name, values, np.zeros_like(values), nothing, channels)
        choice = target.choice.program(pinned=True)
        key = ("layer", choice, target.index.shape[1:], name)
        parts = self._run(key, lambda: layer_of(self.binding, choice, name), inputs, target)
        return layer_pass(name, parts, channels)

    def biases(
        self, inputs: Arrays, target: PinnedTarget, sites: Sequence[str]
    ) -> tuple[Gradients, Arrays]:
        """Return the gradients at the sites, and by layer its bias times the gradient there."""
        choice = target.choice.program(pinned=True)
        key = ("biases", choice, target.index.shape[1:], tuple(sites))

        def make() -> Program:
            return biases_of(self.binding, choice, sites)

        found, shares = [], []
        for part, real, (gradients, scores, told) in self._run(key, make, inputs, target):
            found.append(gradients_from(part, gradients, scores, real))
            shares.append({name: np.asarray(share)[:real] for name, share in told.items()})
        return join_gradients(found), join(shares)

    def ruled(
        self,
        inputs: Arrays,
        target: PinnedTarget,
        sites: Sequence[str],
        rule: Rule,
        baseline: Arrays,
    ) -> Gradients:
        """Return what a backward rule gives in the place of gradients, and how many there were."""
        choice = target.choice.program(pinned=True)
        key = ("ruled", choice, target.index.shape[1:], tuple(sites), rule)

        def make() -> Program:
            return ruled_of(self.binding, choice, sites, rule)

        fed = {**inputs, **beside(rule, inputs, baseline, sites)}
        return ruled_from(self._run(key, make, fed, target))

    def _run(
        self, key: Any, make: Callable[[], Program], inputs: Arrays, target: PinnedTarget
    ) -> list[tuple[Arrays, int, Any]]:
        """Return, pass by pass, the inputs, how many of them are real, and what a program gave."""
        key = (*key, tuple(name for name in inputs if is_tap(name)))  # fed as no input is

        def work(rows: Array, real: int) -> tuple[Arrays, int, Any]:
            part = take(inputs, rows)
            return part, real, self.runner.run(key, make, part, pins_of(target.take(rows)))

        return self.runner.each(count(inputs), work)
