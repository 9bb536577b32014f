"""The base class of attribution methods, the batch that they explain, and their registry.

How to add a method:

1. Write one file in the folder of its family, `methods/<family>/my_method.py`: a frozen dataclass
   that inherits from `Method` and is decorated with `@methods.register`. It sets `name`, `family`
   and `paper`, and defines `attribute`. Its fields are the parameters that users type;
   `declare_parameter` gives them help text and a range. `methods/__init__.py` imports every file
   below its folder, so nothing else needs to be edited (but a new family is also listed in
   `describe/methods.py`). `methods/gradient/input_x_gradient.py` is a short example.
2. Go through the other values of `Method`. If the method gives no contributions to the score, see
   `quantity`, `per_input`, `sign` and `reduce`, which decide how its maps are drawn.
3. Write one test file, `tests/methods/test_my_method.py`, with values that are known by hand. The
   laws in `tests/methods/test_laws.py` and `test_laws_networks.py` run for every registered method
   without a further line, and test what the class says of itself; only new words for
   `linear_exact` need a formula there. `methods/README.md` says what helps to write the test.
4. Run `make docs`, which updates the table in `methods/README.md`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from inputgrad_cli.data.attribution_results import MethodResult
from inputgrad_cli.data.resolved_and_pinned_targets import PinnedTarget
from inputgrad_cli.interfaces.engine import Engine, Gradients
from inputgrad_cli.numeric.array_helpers import Array, Arrays, count_rows, take_rows
from inputgrad_cli.registry import Registry


@dataclass(frozen=True)
class Batch:
    """Samples to explain together, for one pinned target.

    `inputs` and `baseline` hold every model input, (B, ...). Only `sites` are differentiated;
    outside them the baseline equals the input. `seeds` has one seed per sample. `tolerance` is the
    completeness gap up to which steps are refined. `scores` and `gradients` are those of the clean
    inputs, if they are known already. `references` are samples (K, ...) by site, from which all
    samples draw baselines. `spatial_axes` are the height and width axes of pictures, by site.
    `layer` is the layer that is explained instead of inputs (`--wrt layer:NAME`). `parallel` is
    false if other batches are computed at the same time, so that the passes of this one run one
    after another.
    """

    inputs: Arrays
    target: PinnedTarget
    sites: tuple[str, ...]
    baseline: Arrays
    seeds: Sequence[bytes]
    tolerance: float = 0.01
    scores: Array | None = None
    references: Arrays = field(default_factory=dict)
    spatial_axes: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    layer: str | None = None
    gradients: Gradients | None = None
    parallel: bool = True

    def __len__(self) -> int:
        return count_rows(self.inputs)

    def take(self, rows: Any) -> Batch:
        """Return the batch of the chosen samples; a row may be chosen more than once."""
        return replace(
            self,
            inputs=take_rows(self.inputs, rows),
            target=self.target.take(rows),
            baseline=take_rows(self.baseline, rows),
            seeds=[self.seeds[row] for row in rows],
            scores=None if self.scores is None else self.scores[rows],
            gradients=None,
        )

    def compute_clean_scores(self, engine: Engine) -> Array:
        """Return the scores of the clean inputs, (B,), without a pass if they are known."""
        return (
            engine.compute_scores(self.inputs, self.target) if self.scores is None else self.scores
        )

    def compute_clean_gradients(self, engine: Engine) -> Gradients:
        """Return the gradients at the clean inputs, without a pass if they are known."""
        if self.gradients is not None:
            return self.gradients
        return engine.compute_gradients(self.inputs, self.target, self.sites)

    def replace_inputs(self, inputs: Arrays) -> Batch:
        """Return this batch with other inputs, whose scores and gradients are not known."""
        return replace(self, inputs=inputs, scores=None, gradients=None)


@dataclass(frozen=True)
class Method:
    """An attribution method. The fields of its dataclass are its parameters.

    - `name`, `family`: what users type, and the group in lists.
    - `paper`: the paper that defines the method, `arXiv:...` or `doi:...`; empty if there is none.
    - `complete`: the values sum to score - baseline score.
    - `random`: the values depend on random draws.
    - `uses_clean_gradient`: `attribute` calls `batch.compute_clean_gradients`. A run then takes
      these gradients in its first pass, together with the scores, and not in a second one.
    - `perturbs_inputs`: only scores of changed inputs are used, so that words and categories, which
      have no derivative, can be explained.
    - `linear_exact`: the values for a linear model, in words that `inputgrad methods NAME` shows,
      for example `difference times gradient`; empty if they are not known. `LINEAR_VALUES` in
      `tests/methods/test_laws.py` has the formula of each, which tests compare with.
    - `needs`: `picture` inputs, a `dataset` of baselines, a `layer` with maps, or a `network` whose
      layers have backward rules.
    - `reduce`: how the channels of a pixel, or the numbers of a token's embedding, are combined
      when the map is drawn: a word of `REDUCTIONS` in `option_choices.py`. `sum` suits
      contributions, and `max-abs` gradients, whose sum means nothing.
    - `at_layer`: the values are those of a layer, and are stored under its name.
    - `unclipped_variant`: the request that also shows negative values, if they are cut off here.
    - `aliases`: names that other tools use for the method.
    """

    name: ClassVar[str]
    family: ClassVar[str]
    paper: ClassVar[str]
    complete: ClassVar[bool] = False
    random: ClassVar[bool] = False
    uses_clean_gradient: ClassVar[bool] = False
    perturbs_inputs: ClassVar[bool] = False
    linear_exact: ClassVar[str] = ""
    needs: ClassVar[str] = ""
    reduce: ClassVar[str] = "sum"
    at_layer: ClassVar[bool] = False
    unclipped_variant: ClassVar[str] = ""
    aliases: ClassVar[tuple[str, ...]] = ()

    @property
    def per_input(self) -> bool:
        """Return True if values change with the unit of the inputs, as gradients do.

        Values of columns in different units cannot be added, so tables and reports then show the
        largest of the columns that are not listed instead of their sum. It is False for products
        of input and gradient, and for shares and scores.
        """
        return False

    @property
    def quantity(self) -> str:
        """Return what a value is, in words, for colour bars, legends and records.

        `{space}` stands for the space of the target: `logit`, `probability` or `output`. Override
        it if values are neither slopes nor contributions that add up to the score. A picture of
        several inputs shows the share of each in the total only if this is the default, or if the
        method is `complete`.
        """
        return "{space} per unit of input" if self.per_input else "contribution to the {space}"

    @property
    def sign(self) -> str:
        """Return `signed`, `positive` if no value can be below zero, or `either`.

        Signed values whose `reduce` is `sum` have a colour scale with zero in its middle, all
        others one that begins at zero.
        `either` means that values are means of scores: they are drawn like positive ones if the
        score is a probability, and otherwise like signed ones. The values at hand decide nothing.
        """
        return "signed"

    @property
    def multiplies_by_input(self) -> bool:
        """Return True if values are products with the input, so that zeros give zeros.

        It decides which reason a run gives for a map of zeros.
        """
        return False

    @property
    def uses_baseline(self) -> bool:
        """Return whether the method uses the baseline."""
        return False

    @property
    def passes(self) -> int:
        """Return about how many gradients (or scores) one sample costs."""
        return 1

    def attribute(self, engine: Engine, batch: Batch) -> MethodResult:
        """Return the attributions of the batch."""
        # Not abstract, because a plain `Method()` stands for none where only a batch is wanted.
        raise TypeError(f"{type(self).__name__} does not define attribute()")


methods: Registry[Method] = Registry("method", "`inputgrad methods` lists all")
