"""Implements the engine for Keras models with `tf.GradientTape`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from inputgrad_cli.data.signature import InputSpec, Signature
from inputgrad_cli.data.target import PinnedTarget, ResolvedTarget
from inputgrad_cli.engine.adapter import model_fixes
from inputgrad_cli.engine.adapter.captured_stderr import CapturedOutput
from inputgrad_cli.engine.adapter.hooks import is_tap
from inputgrad_cli.engine.adapter.keras_adapter import KerasAdapter
from inputgrad_cli.engine.adapter.kernels import get_active_kernels
from inputgrad_cli.engine.adapter.layer_inputs import find_layer_inputs
from inputgrad_cli.engine.calibrate import Calibration, calibrate, open_inputs
from inputgrad_cli.engine.computations import Program, build_gradients_program, build_scores_program
from inputgrad_cli.engine.embeddings import find_token_embeddings, read_tokens
from inputgrad_cli.engine.first_pass import (
    FirstPasses,
    compute_unit_gradients,
    join_first_passes,
    share_program,
)
from inputgrad_cli.engine.gradient_blockers import (
    can_change_scores,
    describe_blockers,
    trace_blocking_operations,
)
from inputgrad_cli.engine.layer_gradients import (
    build_biases_program,
    build_layer_program,
    find_channel_axis,
)
from inputgrad_cli.engine.maps import CamLayerFinder
from inputgrad_cli.engine.rules.backward_rules import (
    build_baseline_feeds,
    build_rule_program,
    join_rule_passes,
)
from inputgrad_cli.engine.runner import Runner
from inputgrad_cli.engine.sites import is_held_fixed, resolve_sites, to_points
from inputgrad_cli.engine.tensors import join_gradients, join_layer_passes, to_gradients, to_pins
from inputgrad_cli.interfaces.engine import (
    BackwardRule,
    CamLayer,
    EngineOptions,
    FirstPass,
    Gradients,
    LayerPass,
)
from inputgrad_cli.numeric.arrays import Array, Arrays, concat_rows, count_rows, take_rows

TARGETS_PER_PASS = 16  # more targets in one forward pass only need more memory


class TapeEngine:
    """Computes scores and gradients of one model on TensorFlow's `device`.

    `workers` threads share the passes of a folded model. `output` captures what TensorFlow writes.
    """

    def __init__(
        self,
        adapter: KerasAdapter,
        options: EngineOptions | None = None,
        *,
        workers: int = 1,
        device: str | None = None,
        output: CapturedOutput | None = None,
    ) -> None:
        self.adapter = adapter
        self.runner = Runner(
            adapter, options or EngineOptions(), workers, device, output or CapturedOutput()
        )
        self.precision = "float32"
        self._calibration = Calibration((), {}, False, {})
        self._blocker_reasons: dict[Any, str] = {}
        self._layers: Sequence[str] = ()
        self._layer_inputs: dict[str, frozenset[str]] = {}
        self.remarks: Mapping[str, str] = {}  # about how the model was opened, by code
        self.cams = CamLayerFinder(adapter, self.runner, None)

    @property
    def batch_size(self) -> int:
        """Return the samples per pass, as requested, or less if memory or the model requires it."""
        return self.runner.batch_size

    def resize(self, batch_size: int) -> None:
        """Set how many samples one pass holds at most from now on."""
        self.runner.resize(batch_size)

    @property
    def mode(self) -> str:
        """Return how the model is run: `eager`, `traced` or `folded`."""
        return self.runner.mode

    @property
    def kernels(self) -> str:
        """Return the kernels that TensorFlow uses: `onednn` or `eigen`."""
        return get_active_kernels()

    @property
    def parallel_calls(self) -> int:
        """Return how many threads gain by asking at a time: as many as share the passes."""
        return self.runner.workers if self.runner.workers > 1 else 0

    @property
    def signature(self) -> Signature:
        """Return the inputs and outputs; the outputs are known once a sample has been run."""
        heads = self._calibration.heads
        return Signature(
            self.adapter.input_specs,
            tuple(head for head in heads if not is_tap(head.name)),
            tuple(head for head in heads if is_tap(head.name)),
        )

    @property
    def notes(self) -> Mapping[str, str]:
        """Return messages about the model and its passes for the user, by code."""
        return {**self.remarks, **self._calibration.notes, **self.runner.notes}

    def prepare(
        self, precision: str = "float32", layers: Sequence[str] = (), seed: int = 0
    ) -> None:
        """Set the precision (`float32` or the `model`'s own), layers used as outputs, and seed."""
        self.runner.seed = seed
        model_precision = model_fixes.find_half_precision(self.adapter.model)
        if model_precision and precision == "float32":
            model_fixes.widen_precision(self.adapter.model)
            self.precision = f"float32 (the model's own is {model_precision})"
        elif model_precision:
            self.precision = model_precision
        self._layers = layers

    def calibrate(self, inputs: Arrays) -> None:
        """Run one real sample, to find the outputs and embeddings and prove the logits."""
        with self.runner.begin_pass():
            self._calibration = calibrate(self.adapter, inputs, self._layers)
        self.runner.adapt(
            self._calibration.needs_single_samples,
            self._calibration.has_random_layer,
            self._calibration.needs_graph,
        )

    def list_sites(self, wrt: str | None, changeable: bool = False) -> dict[str, str]:
        """Return the sites to differentiate: the engine's name of each, and its public name.

        With `changed`, return the sites that can be changed, for methods that only use scores.
        """
        dependences = self._calibration.dependences
        sites = resolve_sites(self.adapter, dependences, wrt, changeable)
        if wrt is not None and wrt in dependences and dependences[wrt].direct:
            open_inputs(self.adapter, [wrt])
        return sites

    def find_unexplained_inputs(self, sites: Sequence[str]) -> dict[str, str]:
        """Return the inputs that no site explains, and why."""
        dependences = self._calibration.dependences
        return {
            spec.name: self._explain_exclusion(spec)
            for spec in self.adapter.input_specs
            if not {spec.name, *dependences[spec.name].lookups} & set(sites)
        }

    def _explain_exclusion(self, spec: InputSpec) -> str:
        dependences = self._calibration.dependences
        if is_held_fixed(spec, self.adapter.input_specs, dependences):
            return "it holds whole numbers beside other inputs, as a mask or indices do"
        if not dependences[spec.name].heads:
            return "no output depends on it"
        return describe_blockers(dependences[spec.name].blockers)

    def to_points(self, inputs: Arrays, sites: Sequence[str]) -> dict[str, Array]:
        """Return the inputs, as floats if the model takes floats, and the taps' outputs."""
        return to_points(self.runner, inputs, sites)

    def find_gradient_blockers(
        self, inputs: Arrays, sites: Sequence[str], target: PinnedTarget
    ) -> str:
        """Return why the target has no derivative at the sites, an empty text if it is independent.

        The target is independent if no operations connect it to the sites and finite changes of the
        sites, which are tried, change no score.
        """
        key = (target.resolved.to_trace_key(pinned=True), tuple(sites))
        if key not in self._blocker_reasons:
            with self.runner.begin_pass():
                rows, _ = next(iter(self.runner.split_into_passes(1)))
                tensors = self.adapter.to_tensors(take_rows(inputs, rows))
                operations = trace_blocking_operations(
                    self.adapter, tensors, sites, target.resolved.head
                )
            if operations:
                return self._blocker_reasons.setdefault(key, describe_blockers(operations))
            if can_change_scores(lambda points: self.compute_scores(points, target), inputs, sites):
                return self._blocker_reasons.setdefault(key, "no derivative leads back to it")
            if operations is not None:
                self._blocker_reasons[key] = ""
        return self._blocker_reasons.get(key, "")

    def find_layer_inputs(self, inputs: Arrays, layers: Sequence[str]) -> dict[str, frozenset[str]]:
        """Return, by layer, the names of the inputs that it depends on; results are cached."""
        if new := [layer for layer in layers if layer not in self._layer_inputs]:
            rows, _ = next(iter(self.runner.split_into_passes(1)))
            # A layer can be hooked by one thread at a time.
            with self.runner.build_lock, self.runner.begin_pass():
                tensors = self.adapter.to_tensors(take_rows(inputs, rows))
                self._layer_inputs.update(find_layer_inputs(self.adapter, tensors, new))
        return {layer: self._layer_inputs[layer] for layer in layers}

    def read_tokens(self, inputs: Arrays) -> dict[str, list[list[Any]]]:
        """Return, by input and sample, the tokens of the inputs that go through an embedding.

        Tokens are words if the model holds the vocabulary, else ids.
        """
        dependences = self._calibration.dependences
        taps = find_token_embeddings(
            self.adapter, {name: dependence.lookups for name, dependence in dependences.items()}
        )
        tokens_by_input: dict[str, list[list[Any]]] = {name: [] for name in taps}
        for rows, real in self.runner.split_into_passes(count_rows(inputs)) if taps else ():
            for name, tokens in read_tokens(self.runner, take_rows(inputs, rows), taps).items():
                tokens_by_input[name] += tokens[:real]
        return tokens_by_input

    def run_first_pass(
        self,
        inputs: Arrays,
        choices: Sequence[ResolvedTarget],
        sites: Sequence[str],
        truths: Sequence[Array | None] = (),
        gradients: bool = True,
    ) -> FirstPass:
        """Run the clean inputs once, resolve and pin ranks, and compute scores and gradients."""
        requests = list(zip(choices, truths or [None] * len(choices), strict=True))
        if gradients and len(requests) > TARGETS_PER_PASS and share_program(choices):
            without_gradients = self.run_first_pass(inputs, choices, sites, truths, gradients=False)
            return replace(
                without_gradients,
                gradients=compute_unit_gradients(self, inputs, without_gradients.targets, sites),
            )
        size = TARGETS_PER_PASS if gradients else len(requests)
        groups = [requests[i : i + size] for i in range(0, len(requests), size)]
        passes = FirstPasses(self.adapter, self.runner, self.signature)
        return join_first_passes(
            [passes.compute(inputs, g, tuple(sites), gradients) for g in groups]
        )

    def compute_scores(self, inputs: Arrays, target: PinnedTarget) -> Array:
        """Return the target's scores, (B,)."""
        choice = target.resolved.to_trace_key(pinned=True)
        key = ("scores", choice, target.index.shape[1:])

        def build_program() -> Program:
            return build_scores_program(self.adapter, choice)

        parts = self._run(key, build_program, inputs, target)
        return np.concatenate([np.asarray(scores)[:real] for _, real, scores in parts])

    def compute_gradients(
        self, inputs: Arrays, target: PinnedTarget, sites: Sequence[str]
    ) -> Gradients:
        """Return the gradients at the sites and the target's scores."""
        choice = target.resolved.to_trace_key(pinned=True)
        key = ("gradients", choice, target.index.shape[1:], tuple(sites))

        def build_program() -> Program:
            return build_gradients_program(self.adapter, choice, sites)

        parts = self._run(key, build_program, inputs, target)
        return join_gradients(
            [
                to_gradients(part, gradients, scores, real)
                for part, real, (gradients, scores) in parts
            ]
        )

    def find_cam_layer(self, inputs: Arrays, target: PinnedTarget) -> CamLayer | None:
        """Return the last layer with maps that the target depends on, None if there is none."""
        return self.cams.find(inputs, target)

    def compute_layer(self, inputs: Arrays, target: PinnedTarget | None, name: str) -> LayerPass:
        """Return the layer's output and the gradients there, which are zeros without a target."""
        channels = find_channel_axis(self.adapter.model, name)
        if target is None:
            values = self.to_points(inputs, [name])[name]
            nothing = np.zeros(len(values), np.float32)
            return LayerPass(name, values, np.zeros_like(values), nothing, channels)
        choice = target.resolved.to_trace_key(pinned=True)
        key = ("layer", choice, target.index.shape[1:], name)
        parts = self._run(
            key, lambda: build_layer_program(self.adapter, choice, name), inputs, target
        )
        return join_layer_passes(name, parts, channels)

    def compute_bias_gradients(
        self, inputs: Arrays, target: PinnedTarget, sites: Sequence[str]
    ) -> tuple[Gradients, Arrays]:
        """Return the gradients at the sites, and by layer the bias times the gradient there."""
        choice = target.resolved.to_trace_key(pinned=True)
        key = ("biases", choice, target.index.shape[1:], tuple(sites))

        def build_program() -> Program:
            return build_biases_program(self.adapter, choice, sites)

        parts, terms = [], []
        for part, real, (gradients, scores, bias_terms) in self._run(
            key, build_program, inputs, target
        ):
            parts.append(to_gradients(part, gradients, scores, real))
            terms.append({name: np.asarray(term)[:real] for name, term in bias_terms.items()})
        return join_gradients(parts), concat_rows(terms)

    def propagate_relevance(
        self,
        inputs: Arrays,
        target: PinnedTarget,
        sites: Sequence[str],
        rule: BackwardRule,
        baseline: Arrays,
    ) -> Gradients:
        """Return the result of a backward rule, and how often it applied, as gradients."""
        choice = target.resolved.to_trace_key(pinned=True)
        key = ("ruled", choice, target.index.shape[1:], tuple(sites), rule)

        def build_program() -> Program:
            return build_rule_program(self.adapter, choice, sites, rule)

        fed = {**inputs, **build_baseline_feeds(rule, inputs, baseline, sites)}
        return join_rule_passes(self._run(key, build_program, fed, target))

    def _run(
        self, key: Any, build_program: Callable[[], Program], inputs: Arrays, target: PinnedTarget
    ) -> list[tuple[Arrays, int, Any]]:
        """Return, per pass, its inputs, how many of them are real, and the program's result."""
        key = (*key, tuple(name for name in inputs if is_tap(name)))  # taps are fed too

        def work(rows: Array, real: int) -> tuple[Arrays, int, Any]:
            part = take_rows(inputs, rows)
            return part, real, self.runner.run(key, build_program, part, to_pins(target.take(rows)))

        return self.runner.map_passes(count_rows(inputs), work)
