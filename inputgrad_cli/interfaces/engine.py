"""The `Engine` protocol: all that attribution methods may ask of a model.

Methods see arrays and this protocol, never TensorFlow. `engine/tape_engine.py` implements it for
Keras models; the tests have engines whose models are formulas.

A *site* is what is differentiated: a model input, or the output of a layer, `layer:NAME`, which is
called a *tap*. Arrays have the batch axis first, (B, ...).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from inputgrad_cli.data.resolved_and_pinned_targets import PinnedTarget, ResolvedTarget
from inputgrad_cli.data.signature import Signature
from inputgrad_cli.numeric.array_helpers import Array, Arrays


@dataclass(frozen=True)
class Gradients:
    """Gradients of the target's score by site, (B, ...), and the scores, (B,).

    `disconnected` are the sites that no gradient reaches; `rule_count` is the number of operations
    that a backward rule replaced.
    """

    values: Arrays
    scores: Array
    disconnected: frozenset[str] = frozenset()
    rule_count: int = 0


def _ignore(*report: object) -> None:
    """Do nothing with a report."""


@dataclass(frozen=True)
class ProgressCallbacks:
    """Functions that are called with the progress of long work; by default they do nothing.

    `on_stage` is called with a description of the current stage, and with an empty string when the
    stage ends. `on_samples` is called with the number of samples of an item that are done, and the
    total.
    """

    on_stage: Callable[[str], None] = _ignore
    on_samples: Callable[[int, int], None] = _ignore

    @contextmanager
    def report_stage(self, stage: str) -> Iterator[None]:
        """Report a stage that lasts as long as the `with` block; an empty name reports nothing."""
        if stage:
            self.on_stage(stage)
        yield
        if stage:
            self.on_stage("")


NO_PROGRESS = ProgressCallbacks()


@dataclass(frozen=True)
class EngineOptions:
    """How a model is run.

    `batch_size` is the number of samples in one pass. `traced` compiles each kind of request once.
    `folded` also turns the weights into constants, and shares the passes among threads. `padded`
    fills up every pass, so that all have the same size. `kernels` are `onednn`, `eigen`, or None
    for TensorFlow's choice; they cannot be changed once TensorFlow is imported. `progress` is told
    about stages that take long.
    """

    device: str = "auto"
    batch_size: int = 16
    traced: bool = False
    folded: bool = False
    padded: bool = False
    kernels: str | None = None
    # Not compared, because a model is run in the same way whoever watches it.
    progress: ProgressCallbacks = field(default=NO_PROGRESS, compare=False, repr=False)


@dataclass(frozen=True)
class LayerPass:
    """The output of a layer, the gradients of the score there, both (B, ...), and the scores.

    `name` is the tap of the layer, `layer:NAME`; `channel_axis` is counted with the batch
    axis.
    """

    name: str
    values: Array
    gradients: Array
    scores: Array
    channel_axis: int = -1
    disconnected: bool = False


@dataclass(frozen=True)
class CamLayer:
    """The layer whose maps a class activation map uses.

    `tap` is its name as a site, `layer:NAME`; `call_count` is how often the layer is called
    on the way from the inputs to the target.
    """

    tap: str
    call_count: int = 1


@dataclass(frozen=True)
class BackwardRule:
    """A rule that replaces derivatives in the backward pass.

    `name` is `guided-backprop`, `deconvnet`, `deeplift`, or `lrp-` followed by an LRP rule.
    `epsilon` and `gamma` are parameters of LRP rules; `low` and `high` bound the input values.
    """

    name: str
    epsilon: float = 0.0
    gamma: float = 0.0
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class FirstPass:
    """Results of one pass over the clean inputs.

    `outputs` are by name of the output; `targets`, `scores` and `gradients` have one entry for
    each requested target. `gradients` is empty if none were requested.
    """

    outputs: Arrays
    targets: Sequence[PinnedTarget]
    scores: Sequence[Array]
    gradients: Sequence[Gradients] = ()


class Engine(Protocol):
    """A model that computes scores and gradients.

    The engine alone decides how passes are split, compiled, and placed on devices, and in which
    precision they run.
    """

    @property
    def signature(self) -> Signature:
        """Return the inputs and outputs of the model."""

    @property
    def batch_size(self) -> int:
        """Return how many samples one pass holds at most."""

    def resize(self, batch_size: int) -> None:
        """Set how many samples one pass holds at most from now on."""

    @property
    def mode(self) -> str:
        """Return how the model is run: `eager`, `traced` or `folded`."""

    @property
    def kernels(self) -> str:
        """Return the CPU kernels that compute the model: `onednn` or `eigen`."""

    @property
    def parallel_calls(self) -> int:
        """Return how many threads should call at a time; 0 if one after another is as fast."""

    @property
    def notes(self) -> Mapping[str, str]:
        """Return remarks on the model that belong in a report, by code."""

    @property
    def precision(self) -> str:
        """Return the precision in which the model computes, as text for reports."""

    def prepare(
        self, precision: str = "float32", layers: Sequence[str] = (), seed: int = 0
    ) -> None:
        """Set precision, layers that serve as outputs, and seed, before the first pass."""

    def list_sites(self, wrt: str | None, changeable: bool = False) -> Mapping[str, str]:
        """Return the sites to differentiate: the engine's name of each, and its public name.

        `wrt` is an input or a layer; None means all inputs. With `changeable`, return the
        sites whose values can be changed, for methods that use scores alone.
        """

    def find_unexplained_inputs(self, sites: Sequence[str]) -> Mapping[str, str]:
        """Return the inputs that none of the sites explains, each with the reason."""

    def to_points(self, inputs: Arrays, sites: Sequence[str]) -> Arrays:
        """Return the inputs together with an array of floats for every site."""

    def find_gradient_blockers(
        self, inputs: Arrays, sites: Sequence[str], target: PinnedTarget
    ) -> str:
        """Return why the target has no derivative at the sites.

        The text is empty if the target does not depend on the sites.
        """

    def find_layer_inputs(
        self, inputs: Arrays, layers: Sequence[str]
    ) -> Mapping[str, frozenset[str]]:
        """Return for each layer the names of the model inputs that it depends on."""

    def read_tokens(self, inputs: Arrays) -> Mapping[str, list[list[Any]]]:
        """Return the tokens of inputs that go through an embedding: by input, a list per sample."""

    def run_first_pass(
        self,
        inputs: Arrays,
        choices: Sequence[ResolvedTarget],
        sites: Sequence[str],
        truths: Sequence[Array | None] = (),
        gradients: bool = True,
    ) -> FirstPass:
        """Run the clean inputs, and pin targets such as "the top class" to what they gave.

        `truths` holds for each target the array that a loss or a mask needs, or None.
        """

    def compute_scores(self, inputs: Arrays, target: PinnedTarget) -> Array:
        """Return the scores of the target, (B,)."""

    def compute_gradients(
        self, inputs: Arrays, target: PinnedTarget, sites: Sequence[str]
    ) -> Gradients:
        """Return the gradients of the scores at the sites, (B, ...), and the scores."""

    def find_cam_layer(self, inputs: Arrays, target: PinnedTarget) -> CamLayer | None:
        """Return the last layer with maps on the way to the target; None if there is none."""

    def compute_layer(self, inputs: Arrays, target: PinnedTarget | None, name: str) -> LayerPass:
        """Return the output of a layer and the gradients there, from one pass.

        Without a target there is no backward pass, and gradients and scores are zero.
        """

    def compute_bias_gradients(
        self, inputs: Arrays, target: PinnedTarget, sites: Sequence[str]
    ) -> tuple[Gradients, Arrays]:
        """Return the gradients at the sites, and for each layer its bias times the gradient.

        That gradient is taken where the bias is added, and is (B, ..., C), channels last.
        """

    def propagate_relevance(
        self,
        inputs: Arrays,
        target: PinnedTarget,
        sites: Sequence[str],
        rule: BackwardRule,
        baseline: Arrays,
    ) -> Gradients:
        """Return the multipliers that the rule gives instead of gradients.

        LRP rules give relevance itself, because no multiplier exists where an input is zero.
        UsageError if a layer has no rule, or if there is nothing to replace.
        """
