"""The samples of a batch at the places where a kind of method explains them, and the baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np

from inputgrad_cli.choices import LAYER
from inputgrad_cli.data.baselines import Black, Dataset, Given, Zeros, fitted, made_of_kind
from inputgrad_cli.data.preprocessing import Preprocess
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.explanation.request import Question
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.numeric.arrays import Array, Arrays


class Placement:
    """A batch, lifted to points: `names` are the public names of the engine's sites.

    With `changed` the sites are those of methods that change inputs, words and categories too;
    else of methods that differentiate. `unexplained` says of the other inputs why they are none.
    """

    def __init__(
        self, engine: Engine, samples: Samples, question: Question, changed: bool = False
    ) -> None:
        self._engine, self._samples, self._question = engine, samples, question
        self.names: Mapping[str, str] = engine.sites(question.wrt, changed)
        self.sites = tuple(self.names)
        self.points = engine.lift(samples.arrays, self.sites)
        self.references: dict[str, Array] = {}

    @cached_property
    def unexplained(self) -> Mapping[str, str]:
        """Return the inputs that nothing is said about, though they were asked about, and why."""
        asked = self._question.wrt
        aside = self._engine.aside(self.sites) if asked is None or not self.sites else {}
        return {name: why for name, why in aside.items() if asked in (None, name)}

    def baseline(self, keys: Sequence[bytes]) -> Arrays:
        """Return the baseline of every sample; outside the sites it is the input itself."""
        made = dict(self.points)
        for site in self.sites:
            made[site] = self._made(site, made[site], keys)
        return made

    def _made(self, site: str, array: Array, keys: Sequence[bytes]) -> Array:
        """Return the baseline at a site; of several in a file, which stay beside it, the first."""
        picture = site in self._samples.preprocess
        chosen = self._question.baseline or (Black() if picture else Zeros())
        if not isinstance(chosen, Given):
            return made_of_kind(chosen, array, site, keys, self.pixels(site))
        given = fitted(self._given.get(site), array, site)
        if isinstance(chosen, Dataset):
            self.references[site] = given
        return np.ascontiguousarray(np.broadcast_to(given[0], array.shape))

    def pixels(self, site: str) -> Preprocess | None:
        """Return the preprocessing of a site that is a picture."""
        return self._samples.preprocess.get(site) or self._question.pictures.get(site)

    @cached_property
    def _given(self) -> Arrays:
        """Return the samples of a baseline that stands in a file, at every site."""
        given = self._question.given
        taps = any(site.startswith(LAYER) for site in self.sites)
        return self._engine.lift(given, self.sites) if given and taps else given
