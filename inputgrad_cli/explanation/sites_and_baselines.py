"""Maps the samples of a batch to the sites that are explained, and builds their baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np

from inputgrad_cli.data.baselines import (
    Black,
    Dataset,
    FromFile,
    Zeros,
    check_baseline_shape,
    make_baseline,
)
from inputgrad_cli.data.preprocessing import Preprocess
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.explanation.request import ExplainRequest
from inputgrad_cli.interfaces.engine import Engine
from inputgrad_cli.numeric.array_helpers import Array, Arrays
from inputgrad_cli.option_choices import LAYER


class Placement:
    """The inputs of a batch as float arrays at the engine's sites.

    `names` maps the sites to their public names. With `changed` the sites are those of methods
    that change inputs, which include words and categories. Otherwise they are those of methods
    that differentiate.
    """

    def __init__(
        self, engine: Engine, samples: Samples, request: ExplainRequest, changed: bool = False
    ) -> None:
        self._engine, self._samples, self._request = engine, samples, request
        self.names: Mapping[str, str] = engine.list_sites(request.wrt, changed)
        self.sites = tuple(self.names)
        self.points = engine.to_points(samples.arrays, self.sites)
        self.references: dict[str, Array] = {}

    @cached_property
    def unexplained(self) -> Mapping[str, str]:
        """Return the requested inputs that cannot be explained, with the reasons."""
        wrt = self._request.wrt
        reasons = (
            self._engine.find_unexplained_inputs(self.sites)
            if wrt is None or not self.sites
            else {}
        )
        return {name: reason for name, reason in reasons.items() if wrt in (None, name)}

    def build_baseline(self, keys: Sequence[bytes]) -> Arrays:
        """Build the baseline of every sample; outside the sites it equals the input."""
        baseline = dict(self.points)
        for site in self.sites:
            baseline[site] = self._build_site_baseline(site, baseline[site], keys)
        return baseline

    def _build_site_baseline(self, site: str, array: Array, keys: Sequence[bytes]) -> Array:
        """Build the baseline at a site.

        If a file gives several baselines, the first is returned and all are put in `references`.
        """
        is_picture = site in self._samples.preprocess
        baseline = self._request.baseline or (Black() if is_picture else Zeros())
        if not isinstance(baseline, FromFile):
            return make_baseline(baseline, array, site, keys, self.get_preprocess(site))
        samples = check_baseline_shape(self._baseline_points.get(site), array, site)
        if isinstance(baseline, Dataset):
            self.references[site] = samples
        return np.ascontiguousarray(np.broadcast_to(samples[0], array.shape))

    def get_preprocess(self, site: str) -> Preprocess | None:
        """Return the preprocessing of a site that is a picture, None for any other site."""
        return self._samples.preprocess.get(site) or self._request.pictures.get(site)

    @cached_property
    def _baseline_points(self) -> Arrays:
        """Return the samples of a baseline that comes from a file, by site."""
        samples = self._request.baseline_samples
        # The baselines of a layer are what it gives for the samples of the file.
        has_layers = any(site.startswith(LAYER) for site in self.sites)
        return self._engine.to_points(samples, self.sites) if samples and has_layers else samples
