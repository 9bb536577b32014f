"""What every engine offers: the protocol between a model and the methods that ask about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from inputgrad_cli.data.signature import Signature
from inputgrad_cli.data.target import Choice, PinnedTarget
from inputgrad_cli.numeric.arrays import Array, Arrays


@dataclass(frozen=True)
class Gradients:
    """Gradients of the target's scalar by site, (B, ...), and the scalars themselves, (B,)."""

    values: Arrays
    scores: Array
    disconnected: frozenset[str] = frozenset()
    rules: int = 0


def _silent(*words: object) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Telling:
    """Who hears how far a long piece of work is; nobody unless they ask.

    `stage` hears what is being done, nothing where it is over; `part` how many samples of how many
    of one item are through.
    """

    stage: Callable[[str], None] = _silent
    part: Callable[[int, int], None] = _silent

    @contextmanager
    def during(self, stage: str) -> Iterator[None]:
        """Tell of a stage that lasts as long as this block; of nothing where it has no name."""
        if stage:
            self.stage(stage)
        yield
        if stage:
            self.stage("")


SILENT = Telling()


@dataclass(frozen=True)
class Running:
    """How a model is to be run: where, in passes of how many samples, compiled or not.

    `traced` compiles each kind of request once; `folded` with the weights as constants, in threads
    that share the passes; `padded` passes are always full. `kernels` are `onednn`, `eigen`, or None
    for TensorFlow's own choice; they can be chosen before TensorFlow is imported, no later.
    `telling` hears of what takes long.
    """

    device: str = "auto"
    batch_size: int = 16
    traced: bool = False
    folded: bool = False
    padded: bool = False
    kernels: str | None = None
    telling: Telling = field(default=SILENT, compare=False, repr=False)


@dataclass(frozen=True)
class LayerPass:
    """What a layer gave, (B, ...), the gradients of the target's scalar there, and the scalars.

    `name` is the tap, `layer:NAME`; `channels` the axis of channels, the batch axis counted.
    """

    name: str
    values: Array
    gradients: Array
    scores: Array
    channels: int = -1
    disconnected: bool = False


@dataclass(frozen=True)
class Maps:
    """A layer that gives maps on the way to a target: its tap, and how often it is called there."""

    tap: str
    calls: int = 1


@dataclass(frozen=True)
class Rule:
    """How relevance goes back through a model where it is not by derivatives.

    `name` is `guided-backprop`, `deconvnet`, `deeplift`, or `lrp-` and an LRP rule; `epsilon` and
    `gamma` are the numbers of that rule; `low` and `high` are the bounds of the input values.
    """

    name: str
    epsilon: float = 0.0
    gamma: float = 0.0
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class FirstPass:
    """What one pass over the clean inputs gave: outputs by head, and per choice the rest.

    `gradients` is empty where none were asked for.
    """

    outputs: Arrays
    targets: Sequence[PinnedTarget]
    scores: Sequence[Array]
    gradients: Sequence[Gradients] = ()


class Engine(Protocol):
    """The one who knows the model. It alone owns chunking, compilation, precision and devices."""

    @property
    def signature(self) -> Signature:
        """Return what the model takes and gives."""

    @property
    def batch_size(self) -> int:
        """Return how many samples one pass should hold."""

    def resize(self, batch_size: int) -> None:
        """Hold at most so many samples in one pass from here on."""

    @property
    def mode(self) -> str:
        """Return how the model is run: `eager`, `traced` or `folded`."""

    @property
    def kernels(self) -> str:
        """Return what it is computed with on a CPU: `onednn` or `eigen`."""

    @property
    def lanes(self) -> int:
        """Return how many threads gain by asking at a time; 0 where asking in turn is as fast."""

    @property
    def notes(self) -> Mapping[str, str]:
        """Return what a reader should know about the model, by code."""

    @property
    def precision(self) -> str:
        """Return what the model computes in."""

    def prepare(
        self, precision: str = "float32", layers: Sequence[str] = (), seed: int = 0
    ) -> None:
        """Set precision, layers that serve as outputs, and seed, before the first sample."""

    def sites(self, wrt: str | None, changed: bool = False) -> Mapping[str, str]:
        """Return what is differentiated: the engine's name of each site, and its public name.

        With `changed` what can be changed, for methods that look at scores alone.
        """

    def aside(self, sites: Sequence[str]) -> Mapping[str, str]:
        """Return the inputs that none of the sites explains, and why."""

    def lift(self, inputs: Arrays, sites: Sequence[str]) -> Arrays:
        """Return the inputs as points: with an array of floats for every site."""

    def blame(self, inputs: Arrays, sites: Sequence[str], target: PinnedTarget) -> str:
        """Return why the target has no derivative at the sites; nothing where it is independent."""

    def inputs_of(self, inputs: Arrays, layers: Sequence[str]) -> Mapping[str, frozenset[str]]:
        """Return, by layer, the names of the model inputs that it is computed from."""

    def tokens(self, inputs: Arrays) -> Mapping[str, list[list[Any]]]:
        """Return what stands at each place of inputs that are no numbers, by sample."""

    def first(
        self,
        inputs: Arrays,
        choices: Sequence[Choice],
        sites: Sequence[str],
        truths: Sequence[Array | None] = (),
        gradients: bool = True,
    ) -> FirstPass:
        """Return the pass over the clean inputs, in which ranks are resolved and then pinned.

        `truths` are what a loss or a mask compares with, by choice.
        """

    def scores(self, inputs: Arrays, target: PinnedTarget) -> Array:
        """Return the scalars of the target, (B,)."""

    def gradients(self, inputs: Arrays, target: PinnedTarget, sites: Sequence[str]) -> Gradients:
        """Return the gradients at the sites, (B, ...), and the scalars."""

    def cam_layer(self, inputs: Arrays, target: PinnedTarget) -> Maps | None:
        """Return the last maps on the way to the target, None where there are none."""

    def layer(self, inputs: Arrays, target: PinnedTarget | None, name: str) -> LayerPass:
        """Return what the layer gave and the gradients there, from one pass.

        Without a target gradients and scores are zero, and no way back is gone.
        """

    def biases(
        self, inputs: Arrays, target: PinnedTarget, sites: Sequence[str]
    ) -> tuple[Gradients, Arrays]:
        """Return the gradients at the sites, and by layer its bias times the gradient there.

        The gradients are those where the bias is added, (B, ..., C) channels last.
        """

    def ruled(
        self,
        inputs: Arrays,
        target: PinnedTarget,
        sites: Sequence[str],
        rule: Rule,
        baseline: Arrays,
    ) -> Gradients:
        """Return the multipliers that the rule gives in the place of gradients.

        The rules of LRP give relevance itself: where an input is zero, no multiplier could.
        `rules` is how many were applied; UsageError names a layer that has none, or that none was.
        """
