"""Holds what a picture shows of a sample besides its map: values, names, tokens, sample rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from inputgrad_cli.data.map_record import MapRecord
from inputgrad_cli.numeric.array_helpers import Array


@dataclass(frozen=True)
class SampleView:
    """What is known of one sample at the site of a map.

    `values` are those of the input, channels last, None if the site is a layer or the source file
    is gone. `names` are those of the columns of a table, in the order of the file. `tokens` are the
    words or ids of an input that goes through an embedding. `rate` is the sample rate of a sound in
    hertz. `checks` are those of the map, with the completeness if its method promises it. Of a row,
    the columns in `unsigned` have sizes without a sign; with `per_input`, values are per unit of
    their input and have no sum. With `is_whole` the map has all that the score is attributed to.
    """

    values: Array | None = None
    names: Sequence[str] = ()
    tokens: Sequence[Any] = ()
    rate: int | None = None
    baseline_score: float | None = None
    checks: Mapping[str, Any] = field(default_factory=dict)
    unsigned: Sequence[bool] = ()
    per_input: bool = False
    is_whole: bool = False

    @property
    def is_complete(self) -> bool:
        """Return whether the values add up to the difference of two scores, as was checked."""
        return self.is_whole and "completeness" in self.checks


def build_view(
    record: MapRecord, site: str, row: int, *, values: Array | None, names: Sequence[str]
) -> SampleView:
    """Return the view of one sample; `values` and `names` are those of its source file."""
    sample = record.get_sample(row)
    return SampleView(
        values,
        names or record.header,
        (sample.tokens or {}).get(site, ()),
        record.sample_rates.get(site),
        sample.baseline_score,
        sample.checks,
        per_input=record.per_input,
    )
