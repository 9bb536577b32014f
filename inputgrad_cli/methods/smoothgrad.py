"""The mean of another method over noisy copies of the input."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from inputgrad_cli.arrays import Floats, across
from inputgrad_cli.attribution import Finding
from inputgrad_cli.contracts import Case, Engine, Method, methods
from inputgrad_cli.draws import normal, spread
from inputgrad_cli.errors import UsageError
from inputgrad_cli.probes import Rows, add_rows, chunks
from inputgrad_cli.registry import param


@methods.register
@dataclass(frozen=True)
class SmoothGrad(Method):
    """Mean of a method (the gradient by default) over copies of the input with Gaussian noise.

    Values are (B, ...) as the input, in the units of the inner method. The noise has a standard
    deviation of `noise` times the sample's max - min, input by input.
    Smilkov et al. 2017, arXiv:1706.03825.
    """

    name = "smoothgrad"
    family = "gradient"
    paper = "arXiv:1706.03825"
    random = True
    linear_exact = "gradient"
    reduce = "max-abs"

    samples: int = param(50, "number of noisy copies", least=1)
    noise: float = param(0.15, "noise level, as a share of the sample's max - min", least=0.0)
    of: str = param("gradient", "the method that is averaged, quoted when it has parameters")

    def __post_init__(self) -> None:
        """Refuse an inner method that is unknown, or this one again."""
        if self.inner.name == self.name:
            raise UsageError("smoothgrad:of=smoothgrad averages an average", mend="raise samples=")

    @cached_property
    def inner(self) -> Method:
        """Return the method that is averaged."""
        return methods.build(self.of)

    @property
    def uses_baseline(self) -> bool:
        """Return whether the inner method looks at the baseline."""
        return self.inner.uses_baseline

    @property
    def passes(self) -> int:
        """Return the copies times the cost of the inner method."""
        return self.samples * self.inner.passes

    @property
    def per_input(self) -> bool:
        """Return what holds for the inner method."""
        return self.inner.per_input

    def attribute(self, engine: Engine, case: Case) -> Finding:
        """Return the mean over the noisy copies; memory does not grow with `samples`."""
        total: dict[str, Floats] = {
            s: np.zeros(case.inputs[s].shape, np.float64) for s in case.sites
        }
        apart = None
        for rows, draws in chunks(len(case), self.samples, engine.batch_size):
            found = self.inner.attribute(engine, self._noisy(case, rows, draws))
            add_rows(total, rows, dict(found.values), np.full(len(rows), 1.0 / self.samples))
            apart = found.disconnected if apart is None else apart & found.disconnected
        values = {s: array.astype(np.float32) for s, array in total.items()}
        return Finding(values, disconnected=apart or frozenset())

    def _noisy(self, case: Case, rows: Rows, draws: Rows) -> Case:
        part = case.take(rows)
        inputs = dict(part.inputs)
        for site in case.sites:
            clean = inputs[site]
            noise = np.stack(
                [
                    normal(key, site, int(number), clean.shape[1:])
                    for key, number in zip(part.keys, draws, strict=True)
                ]
            )
            inputs[site] = (
                clean + across((self.noise * spread(clean)).astype(np.float32), clean) * noise
            )
        return part.moved(inputs)
