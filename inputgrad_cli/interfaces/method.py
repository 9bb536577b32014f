"""What a method is, the batch that it is given, and the registry that it enters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from inputgrad_cli.data.attribution import Finding
from inputgrad_cli.data.target import PinnedTarget
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.numeric.arrays import Array, Arrays, count, take
from inputgrad_cli.registry import Registry


@dataclass(frozen=True)
class Case:
    """One batch to explain for one pinned target.

    `inputs` and `baseline` hold every model input, (B, ...); only `sites` are differentiated, and
    outside them the baseline equals the input. `keys` are the seeds of the samples. `scores` are
    those of the clean inputs where they are known already. `references` are samples (K, ...) by
    site, the same for all, to draw baselines from; `spatial` the height and width axes, by site;
    `at` the layer that was asked for in the place of inputs.
    """

    inputs: Arrays
    target: PinnedTarget
    sites: tuple[str, ...]
    baseline: Arrays
    keys: Sequence[bytes]
    tolerance: float = 0.01
    scores: Array | None = None
    references: Arrays = field(default_factory=dict)
    spatial: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    at: str | None = None

    def __len__(self) -> int:
        return count(self.inputs)

    def take(self, rows: Any) -> Case:
        """Return the case of the chosen samples; a row may be chosen more than once."""
        return replace(
            self,
            inputs=take(self.inputs, rows),
            target=self.target.take(rows),
            baseline=take(self.baseline, rows),
            keys=[self.keys[row] for row in rows],
            scores=None if self.scores is None else self.scores[rows],
        )

    def clean_scores(self, engine: Engine) -> Array:
        """Return the scores of the clean inputs, (B,), asked for only where they are not known."""
        return engine.scores(self.inputs, self.target) if self.scores is None else self.scores

    def moved(self, inputs: Arrays) -> Case:
        """Return the same case at other inputs."""
        return replace(self, inputs=inputs, scores=None)


@dataclass(frozen=True)
class Method:
    """A way to turn engine and case into attributions. Its fields are its parameters.

    `complete`: values sum to score - baseline score. `linear_exact`: what a linear model
    gives is known on paper, `gradient` or `input times gradient` or `difference times gradient`.
    `clean_gradient`: the gradient at the clean input is part of the definition. `changes`: it looks
    at the scores of changed inputs alone, so that words and categories need no derivative.
    `needs` is what it cannot do without: `picture` inputs, a `dataset` of baselines, a `layer` that
    gives maps, or a `network` whose layers have rules. `reduce` is how pictures bring channels
    together. With `at_layer` the values are a layer's, and have its name. `known_as` are the words
    that other tools use for it. `uncut` is what shows the values that it leaves out by definition,
    those against the target; nothing where it leaves out none.
    """

    name: ClassVar[str]
    family: ClassVar[str]
    paper: ClassVar[str]
    complete: ClassVar[bool] = False
    random: ClassVar[bool] = False
    clean_gradient: ClassVar[bool] = False
    changes: ClassVar[bool] = False
    linear_exact: ClassVar[str] = ""
    needs: ClassVar[str] = ""
    reduce: ClassVar[str] = "sum"
    at_layer: ClassVar[bool] = False
    uncut: ClassVar[str] = ""
    known_as: ClassVar[tuple[str, ...]] = ()

    @property
    def per_input(self) -> bool:
        """Return whether values are score per unit of input; else they are in units of score."""
        return False

    @property
    def quantity(self) -> str:
        """Return what a value is, for colour bars; `{space}` stands for the target's space."""
        return "{space} per unit of input" if self.per_input else "contribution to the {space}"

    @property
    def sign(self) -> str:
        """Return `signed`, `positive` where no value can be below zero, else `either`.

        `either`: the sign is that of something else, of the score say; a map without a value below
        zero is then drawn as a positive one.
        """
        return "signed"

    @property
    def uses_baseline(self) -> bool:
        """Return whether the method looks at the baseline."""
        return False

    @property
    def passes(self) -> int:
        """Return about how many gradients, or scores, one sample costs."""
        return 1

    def attribute(self, engine: Engine, case: Case) -> Finding:
        """Return the attributions of the case."""
        raise TypeError(f"{type(self).__name__} does not say how it attributes")


methods: Registry[Method] = Registry("method", "`inputgrad methods` lists all")
