"""Converts the records of samples to the columns that `metadata.json` holds, and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

from inputgrad_cli.data.sample_record import (
    EXTRA_KEYS,
    SAMPLE_KEYS,
    SHARED_KEYS,
    TARGET_NAMES,
    SampleRecord,
)
from inputgrad_cli.schema.metadata_json import ResultRecord


@dataclass(frozen=True)
class SampleColumns:
    """The values of all samples, by the name of a field of their records.

    With `is_listed` the file holds lists, else the values of its only sample.
    """

    samples: Sequence[SampleRecord | None]
    is_listed: bool

    @property
    def first(self) -> SampleRecord:
        """Return the record of the first sample that has a map."""
        return next(sample for sample in self.samples if sample is not None)

    def get_value(self, name: str) -> Any:
        """Return the value of a single sample or that all share, else a list with one for each."""
        first = getattr(self.first, name)
        if not self.is_listed:
            return first
        values = [None if sample is None else getattr(sample, name) for sample in self.samples]
        # A failed sample has no value, so it does not prevent sharing.
        is_shared = name in SHARED_KEYS and all(
            value == first
            for value, sample in zip(values, self.samples, strict=True)
            if sample is not None
        )
        return first if is_shared else values


def yield_samples(stored: ResultRecord) -> Iterator[SampleRecord | None]:
    """Yield the record of each sample; a sample without checks has failed."""
    if not stored["many"]:
        yield SampleRecord.from_json(stored)
        return
    fields: Mapping[str, Any] = stored
    columns = {
        TARGET_NAMES[key]: _to_values(key, value)
        for key, value in stored["target"].items()
        if key in TARGET_NAMES
    }
    columns |= {
        key: _to_values(key, fields[key]) for key in (*SAMPLE_KEYS, *EXTRA_KEYS) if key in fields
    }
    # One file may hold a million samples, so rows are taken from all columns at once.
    # A shared value repeats without end, so the checks decide the number of rows.
    for row in zip(stored["checks"], *columns.values(), strict=False):
        yield None if row[0] is None else SampleRecord(**dict(zip(columns, row[1:], strict=True)))


def _to_values(key: str, column: Any) -> Iterable[Any]:
    """Return the values of all samples, from a list or from the value that they share."""
    is_shared = column is None or (key in SHARED_KEYS and not isinstance(column, list))
    return repeat(column) if is_shared else column
