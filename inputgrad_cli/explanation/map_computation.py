"""Builds the maps of one batch, for every requested method and target."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

from inputgrad_cli.data.resolved_and_pinned_targets import ResolvedTarget
from inputgrad_cli.data.sample_record import SampleRecord
from inputgrad_cli.data.samples import Samples, compute_keys
from inputgrad_cli.errors import ItemError
from inputgrad_cli.explanation.average_baselines import average_over_baselines
from inputgrad_cli.explanation.finite_difference_check import GradientCheck, check_gradient
from inputgrad_cli.explanation.map_checks import (
    build_underivable_error,
    drop_sites,
    fill_failed_with_nan,
    find_fault,
)
from inputgrad_cli.explanation.request import ExplainRequest, get_truth
from inputgrad_cli.explanation.sample_record_builder import RecordBuilder, RecordOrError
from inputgrad_cli.explanation.sites_and_baselines import Placement
from inputgrad_cli.explanation.supplementary_map_facts import (
    add_region,
    add_seen_inputs,
    add_tokens,
    add_zero_reasons,
    find_blocked_sites,
)
from inputgrad_cli.explanation.target_and_class_maps import (
    ClassMaps,
    MapResult,
    MapRows,
    add_gradient_check,
)
from inputgrad_cli.explanation.zero_map_causes import explain_zero_maps
from inputgrad_cli.interfaces.engine import Engine, FirstPass
from inputgrad_cli.interfaces.method import Batch, Method
from inputgrad_cli.numeric.array_helpers import Array, Arrays
from inputgrad_cli.option_choices import LAYER

CLASSES_PER_GROUP = 64  # classes computed together, which limits memory beyond the result


class MapBuilder:
    """Builds the maps of a batch; holds what they share: points, keys, baselines and tokens."""

    def __init__(
        self,
        engine: Engine,
        samples: Samples,
        request: ExplainRequest,
        truth: Array | None,
        *,
        parallel: bool,
    ) -> None:
        self.engine, self.samples, self.request, self.truth = engine, samples, request, truth
        self._parallel = parallel
        self._placement = Placement(engine, samples, request)
        self.points = self._placement.points
        self.tokens = engine.read_tokens(samples.arrays)
        self._keys = self._compute_keys()
        self._baselines: dict[Placement, Arrays] = {}  # built once for all methods

    def _compute_keys(self) -> list[bytes]:
        """Return the random seeds of the samples; empty ones if nothing is random."""
        request = self.request
        is_random = any(entry.method.random for entry in request.methods) or request.check_grad
        if is_random or (request.baseline is not None and request.baseline.random):
            return compute_keys(self.samples.arrays, request.seed)
        return [b""] * len(self.samples)

    def compute_maps(self, targets: Sequence[ResolvedTarget]) -> list[list[MapResult]]:
        """Return the maps, one list with an entry per method for each target."""
        if not targets:
            return []
        needs_gradients = any(entry.method.uses_clean_gradient for entry in self.request.methods)
        truths = [
            get_truth(target, self.truth, self.request, self.engine.signature, len(self.samples))
            for target in targets
        ]
        sites = self._placement.sites
        needs_gradients = needs_gradients and bool(sites)
        first = self.engine.run_first_pass(
            self.points, targets, sites, truths, gradients=needs_gradients
        )
        checks = [self._check_gradient(first, index) for index in range(len(targets))]
        return [
            [
                add_gradient_check(self._compute_map(entry.method, first, index), check)
                for entry in self.request.methods
            ]
            for index, check in enumerate(checks)
        ]

    def compute_jacobian_maps(self, targets: Sequence[ResolvedTarget]) -> list[MapResult]:
        """Return one map per method, with all targets on an axis after the batch axis.

        A method that fails at one of the targets has its first error instead of a map.
        """
        methods = [ClassMaps(targets) for _ in self.request.methods]
        for start in range(0, len(targets), CLASSES_PER_GROUP):
            for position, maps in enumerate(
                self.compute_maps(targets[start : start + CLASSES_PER_GROUP]), start
            ):
                for class_maps, result in zip(methods, maps, strict=True):
                    class_maps.add(position, result)
            # There may be thousands of classes, of which no other would be shown.
            if all(class_maps.error for class_maps in methods):
                break
        return [class_maps.build_map() for class_maps in methods]

    def _check_gradient(self, first: FirstPass, index: int) -> GradientCheck | None:
        """Check the gradient of a target against differences, if that is requested."""
        if not self.request.check_grad or not self._placement.sites:
            return None
        # The check belongs to no method, and the plain one asks for no baseline.
        return check_gradient(
            self.engine, self._build_batch(Method(), self._placement, first, index)
        )

    def _compute_map(self, method: Method, first: FirstPass, index: int) -> MapResult:
        placement = self._changed_placement if method.perturbs_inputs else self._placement
        # A method at a layer needs no derivative at the inputs.
        if not placement.sites and method.needs != "layer":
            return build_underivable_error(placement.unexplained)
        batch = self._build_batch(method, placement, first, index)
        result = average_over_baselines(method, self.engine, batch)
        blocked = self._find_blocked_inputs(batch, result.disconnected, placement)
        if result.disconnected == set(result.values):
            # Without --wrt, the inputs that cannot be explained were requested too.
            blocked |= self._find_blocked_inputs(batch, placement.unexplained, placement)
            return build_underivable_error(blocked) if blocked else _build_independence_error()
        result = drop_sites(
            result, [site for site, name in placement.names.items() if name in blocked]
        )
        # The map of a layer keeps the layer's name.
        layer = result.facts.get("layer")
        names = {
            site: site if site == layer else placement.names.get(site, site)
            for site in result.values
        }
        layers = [name for name in names.values() if name.startswith(LAYER)]
        result = add_seen_inputs(result, self.engine, placement.points, layers)
        target = batch.target.resolved
        output = self.engine.signature.get_output(target.head)
        result = add_region(result, target, first.outputs[output.name], self.request.masks)
        # Records name inputs as users know them, not the engine's sites.
        record_builder = RecordBuilder(
            first, self.request.labels, placement.names, self.request.shown_classes
        )
        samples = record_builder.build_records(batch, result, output)
        samples = self._add_zero_reasons(samples, method, batch, layer)
        samples = add_tokens(samples, self.tokens)
        records: list[RecordOrError] = [
            find_fault(method, batch, result, row) or record for row, record in enumerate(samples)
        ]
        values = fill_failed_with_nan(result.values, records)
        return MapRows(
            {names[site]: array for site, array in values.items()},
            records,
            record_builder.build_site_facts(result, {**placement.unexplained, **blocked}),
        )

    def _add_zero_reasons(
        self, records: list[SampleRecord], method: Method, batch: Batch, layer: str | None
    ) -> list[SampleRecord]:
        """Return the records, with the reason why a map is zero for those of maps of zeros."""
        rows = [row for row, record in enumerate(records) if record.checks["zero"]]
        reasons = explain_zero_maps(self.engine, method, batch.take(rows), layer) if rows else []
        return add_zero_reasons(records, dict(zip(rows, reasons, strict=True)))

    def _find_blocked_inputs(
        self, batch: Batch, sites: Iterable[str], placement: Placement
    ) -> dict[str, str]:
        """Return the inputs that the target depends on without a derivative, with the reasons."""
        reasons = find_blocked_sites(self.engine, batch, sites)
        return {placement.names.get(site, site): reason for site, reason in reasons.items()}

    @cached_property
    def _changed_placement(self) -> Placement:
        """Return the placement for methods that change inputs."""
        wrt = self.request.wrt
        if self.engine.list_sites(wrt, changeable=True) == self._placement.names:
            return self._placement
        return Placement(self.engine, self.samples, self.request, changed=True)

    def _build_batch(
        self, method: Method, placement: Placement, first: FirstPass, index: int
    ) -> Batch:
        wrt = self.request.wrt or ""
        # The first pass took its gradients at the points and sites of the usual placement.
        has_gradients = placement is self._placement and first.gradients
        return Batch(
            placement.points,
            first.targets[index],
            placement.sites,
            self._get_baseline(placement) if method.uses_baseline else placement.points,
            self._keys,
            self.request.tolerance,
            first.scores[index],
            placement.references if method.uses_baseline else {},
            {
                site: preprocess.image_axes
                for site in placement.sites
                if (preprocess := placement.get_preprocess(site)) and not preprocess.frames
            },
            wrt if wrt.startswith(LAYER) else None,
            first.gradients[index] if has_gradients else None,
            self._parallel,
        )

    def _get_baseline(self, placement: Placement) -> Arrays:
        if placement not in self._baselines:
            self._baselines[placement] = placement.build_baseline(self._keys)
        return self._baselines[placement]


def _build_independence_error() -> ItemError:
    return ItemError(
        "the target does not depend on any of the inputs to explain",
        reason="no path leads to it, and no change of the inputs changed the score",
        hint="choose another --target, or a layer behind it: --wrt layer:NAME",
        kind="disconnected",
    )
