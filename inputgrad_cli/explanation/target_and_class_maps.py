"""The maps of a batch for one method: those of one target, or of all classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from inputgrad_cli.data.map_record import CLASS_NAMES, SiteFacts
from inputgrad_cli.data.resolved_and_pinned_targets import ResolvedTarget
from inputgrad_cli.data.sample_record import SampleRecord
from inputgrad_cli.errors import ItemError
from inputgrad_cli.explanation.finite_difference_check import GradientCheck
from inputgrad_cli.explanation.map_checks import build_underivable_error
from inputgrad_cli.explanation.sample_record_builder import RecordOrError, merge_records
from inputgrad_cli.numeric.array_helpers import Array, Arrays


@dataclass(frozen=True)
class MapRows:
    """The map of a batch for one method and one target, as `BatchAttribution` holds it."""

    values: Arrays
    records: list[RecordOrError]
    sites: SiteFacts


MapResult = MapRows | ItemError


def add_gradient_check(result: MapResult, check: GradientCheck | None) -> MapResult:
    """Return a map with the gradient check added to its records."""
    if check is None or isinstance(result, ItemError):
        return result
    return replace(
        result,
        records=[
            row
            if isinstance(row, ItemError)
            else replace(row, checks={**row.checks, "gradient": check.to_json(index)})
            for index, row in enumerate(result.records)
        ],
    )


class ClassMaps:
    """The maps of one method for all classes, which become one map, or its first error."""

    def __init__(self, targets: Sequence[ResolvedTarget]) -> None:
        self.error: ItemError | None = None
        self._targets = targets
        self._values: dict[str, Array] = {}
        self._classes: list[MapRows] = []

    def add(self, position: int, result: MapResult) -> None:
        """Add the map of the class at a position; the first comes first."""
        if isinstance(result, ItemError):
            self.error = self.error or result
        if self.error is not None or isinstance(result, ItemError):
            self._values.clear()  # which may take much memory
            return
        if not self._classes:  # allocated at the first class, and filled class by class
            for site, array in result.values.items():
                shape = (len(array), len(self._targets), *array.shape[1:])
                self._values[site] = np.empty(shape, np.float32)
        # A site that one of the classes cannot explain has no map of all of them.
        for site in self._values.keys() - result.values.keys():
            del self._values[site]
        for site, total in self._values.items():
            total[:, position] = result.values[site]
        self._classes.append(replace(result, values={}))

    def build_map(self) -> MapResult:
        """Return the map, with the classes on an axis after the batch axis, or the error."""
        if self.error is not None:
            return self.error
        records = _merge_classes(self._classes, self._targets[0].group)
        sites = _merge_site_facts(self._classes)
        if not self._values:  # each input is unexplained by some class
            return build_underivable_error(sites.unexplained)
        return MapRows(self._values, records, sites)


def _merge_classes(classes: Sequence[MapRows], group: str) -> list[RecordOrError]:
    """Return one record per sample from the records of its classes."""
    rows = zip(*(rows.records for rows in classes), strict=True)
    return [merge_records(records, group) for records in rows]


def _merge_site_facts(classes: Sequence[MapRows]) -> SiteFacts:
    """Return what holds for all classes, with their names if they have any.

    An input is disconnected if no class depends on it, and unexplained if one class is.
    """
    facts = [rows.sites for rows in classes]
    disconnected = set(facts[0].disconnected).intersection(*(each.disconnected for each in facts))
    return SiteFacts(
        {**facts[0].facts, **_list_class_names(classes)},
        tuple(sorted(disconnected)),
        {name: reason for each in facts for name, reason in each.unexplained.items()},
    )


def _list_class_names(classes: Sequence[MapRows]) -> dict[str, list[str | None]]:
    firsts = [rows.records[0] for rows in classes]
    names = [first.label for first in firsts if isinstance(first, SampleRecord)]
    return {} if None in names or len(names) < len(classes) else {CLASS_NAMES: names}
