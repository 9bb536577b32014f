"""Implements the engine for Keras models with `tf.GradientTape`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from inputgrad_cli.data.resolved_and_pinned_targets import PinnedTarget, ResolvedTarget
from inputgrad_cli.data.signature import Signature
from inputgrad_cli.engine.adapter import model_fixes
from inputgrad_cli.engine.adapter.cpu_kernel_selection import get_active_kernels
from inputgrad_cli.engine.adapter.hooks import is_tap
from inputgrad_cli.engine.adapter.layer_input_dependence import find_layer_inputs
from inputgrad_cli.engine.attribution_sites import find_flat_taps, resolve_sites, to_points
from inputgrad_cli.engine.cam_layer_detection import CamLayerFinder
from inputgrad_cli.engine.embedding_detection import read_tokens
from inputgrad_cli.engine.gradient_blockers import BlockerFinder, explain_exclusions
from inputgrad_cli.engine.layer_gradients import find_channel_axis, run_bias_gradients, run_layer
from inputgrad_cli.engine.model_examination import calibrate, open_inputs
from inputgrad_cli.engine.model_examination_facts import Calibration, choose_mode
from inputgrad_cli.engine.multi_target_first_pass import FirstPasses
from inputgrad_cli.engine.pass_runner import Runner
from inputgrad_cli.engine.pass_setup import PassContext
from inputgrad_cli.engine.propagation_rules.rule_compilation import run_rule
from inputgrad_cli.engine.score_gradient_functions import run_gradients, run_scores
from inputgrad_cli.interfaces.engine import (
    BackwardRule,
    CamLayer,
    Engine,
    EngineOptions,
    FirstPass,
    Gradients,
    LayerPass,
)
from inputgrad_cli.numeric.array_helpers import Array, Arrays, take_rows


class TapeEngine(Engine):
    """Computes scores and gradients of one model, in passes that begin in `context`.

    `config` is that of the model's file, if it has one; `remarks` are about how the model was
    opened, by code. A new `runner` replaces the old one where more of the model becomes known.
    """

    def __init__(
        self,
        context: PassContext,
        options: EngineOptions | None = None,
        *,
        config: Mapping[str, Any] | None = None,
        remarks: Mapping[str, str] | None = None,
    ) -> None:
        self.context, self.adapter = context, context.adapter
        self._precision = "float32"
        self._options = options or EngineOptions()
        mode = choose_mode(self._options, is_stateful=context.is_stateful)
        self.runner = Runner(context, self._options, Calibration(mode=mode))
        self._remarks = remarks or {}
        self._layers: Sequence[str] = ()
        self._seed = 0
        self._layer_inputs: dict[str, frozenset[str]] = {}
        self._blockers = BlockerFinder()
        self._cams = CamLayerFinder(config)

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
        return self.runner.calibration.mode

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
        heads = self.runner.calibration.heads
        return Signature(
            self.adapter.input_specs,
            tuple(head for head in heads if not is_tap(head.name)),
            tuple(head for head in heads if is_tap(head.name)),
        )

    @property
    def precision(self) -> str:
        """Return the precision in which the model computes, as text for reports."""
        return self._precision

    @property
    def notes(self) -> Mapping[str, str]:
        """Return messages about the model and its passes for the user, by code."""
        return {**self._remarks, **self.runner.notes}

    def prepare(
        self, precision: str = "float32", layers: Sequence[str] = (), seed: int = 0
    ) -> None:
        """Set the precision (`float32` or the `model`'s own), layers used as outputs, and seed."""
        model_precision = model_fixes.find_half_precision(self.adapter.model)
        if model_precision and precision == "float32":
            model_fixes.widen_precision(self.adapter.model)
            self._precision = f"float32 (the model's own is {model_precision})"
        elif model_precision:
            self._precision = model_precision
        self._layers, self._seed = layers, seed

    def calibrate(self, inputs: Arrays) -> None:
        """Run one real sample, to find the outputs and embeddings and prove the logits."""
        with self.context.begin_pass():
            calibration = calibrate(
                self.context, self._options, inputs, layers=self._layers, seed=self._seed
            )
        if note := self.runner.notes.get("eager"):  # what cannot be compiled is not tried again
            calibration = calibration.run_eagerly(note)
        self.runner = self.runner.replace_calibration(calibration)

    def list_sites(self, wrt: str | None, changeable: bool = False) -> dict[str, str]:
        """Return the sites to differentiate: the engine's name of each, and its public name.

        With `changeable`, return the sites that can be changed, for methods that only use scores.
        """
        dependences = self.runner.calibration.dependences
        sites = resolve_sites(self.adapter, dependences, wrt, changeable)
        if wrt is not None and wrt in dependences and dependences[wrt].direct:
            open_inputs(self.adapter, [wrt])
        return sites

    def find_unexplained_inputs(self, sites: Sequence[str]) -> dict[str, str]:
        """Return the inputs that no site explains, and why."""
        dependences = self.runner.calibration.dependences
        return explain_exclusions(self.adapter.input_specs, dependences, sites)

    def to_points(self, inputs: Arrays, sites: Sequence[str]) -> dict[str, Array]:
        """Return the inputs, as floats if the model takes floats, and the taps' outputs."""
        if flat := find_flat_taps(self.runner, inputs, sites):
            with self.context.build_lock:  # two threads may find taps at once
                before = self.runner.calibration
                after = replace(before, flat_taps=before.flat_taps | flat)
                self.runner = self.runner.replace_calibration(after)
        return to_points(self.runner, inputs, sites)

    def find_gradient_blockers(
        self, inputs: Arrays, sites: Sequence[str], target: PinnedTarget
    ) -> str:
        """Return why the target has no derivative at the sites, an empty text if it is independent.

        The target is independent if no operations connect it to the sites and finite changes of the
        sites, which are tried, change no score.
        """
        return self._blockers.find(self.runner, inputs, sites=sites, target=target)

    def find_layer_inputs(self, inputs: Arrays, layers: Sequence[str]) -> dict[str, frozenset[str]]:
        """Return, by layer, the names of the inputs that it depends on; results are cached."""
        if new := [layer for layer in layers if layer not in self._layer_inputs]:
            first = take_rows(inputs, self.runner.list_first_rows())
            # A layer can be hooked by one thread at a time.
            with self.context.build_lock, self.runner.begin_pass():
                tensors = self.adapter.to_tensors(first)
                self._layer_inputs.update(find_layer_inputs(self.adapter, tensors, new))
        return {layer: self._layer_inputs[layer] for layer in layers}

    def read_tokens(self, inputs: Arrays) -> dict[str, list[list[Any]]]:
        """Return, by input and sample, the tokens of the inputs that go through an embedding.

        Tokens are words if the model holds the vocabulary, else ids.
        """
        return read_tokens(self.runner, inputs)

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
        passes = FirstPasses(self.runner, self.signature)
        return passes.run(inputs, requests, tuple(sites), gradients=gradients)

    def compute_scores(self, inputs: Arrays, target: PinnedTarget) -> Array:
        """Return the target's scores, (B,)."""
        return run_scores(self.runner, inputs, target)

    def compute_gradients(
        self, inputs: Arrays, target: PinnedTarget, sites: Sequence[str]
    ) -> Gradients:
        """Return the gradients at the sites and the target's scores."""
        return run_gradients(self.runner, inputs, target, sites=sites)

    def find_cam_layer(self, inputs: Arrays, target: PinnedTarget) -> CamLayer | None:
        """Return the last layer with maps that the target depends on, None if there is none."""
        return self._cams.find(self.runner, inputs, target)

    def compute_layer(self, inputs: Arrays, target: PinnedTarget | None, name: str) -> LayerPass:
        """Return the layer's output and the gradients there, which are zeros without a target."""
        if target is not None:
            return run_layer(self.runner, inputs, target, name=name)
        channels = find_channel_axis(self.adapter.model, name)
        values = self.to_points(inputs, [name])[name]
        nothing = np.zeros(len(values), np.float32)
        return LayerPass(name, values, np.zeros_like(values), nothing, channels)

    def compute_bias_gradients(
        self, inputs: Arrays, target: PinnedTarget, sites: Sequence[str]
    ) -> tuple[Gradients, Arrays]:
        """Return the gradients at the sites, and by layer the bias times the gradient there."""
        return run_bias_gradients(self.runner, inputs, target, sites=sites)

    def propagate_relevance(
        self,
        inputs: Arrays,
        target: PinnedTarget,
        sites: Sequence[str],
        rule: BackwardRule,
        baseline: Arrays,
    ) -> Gradients:
        """Return the result of a backward rule, and how often it applied, as gradients."""
        return run_rule(self.runner, inputs, target, sites=sites, rule=rule, baseline=baseline)
