"""Holds the record of a map: what stands in `metadata.json`, with a record for each sample."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from inputgrad_cli.data.preprocessing import Preprocess
from inputgrad_cli.data.sample_record import (
    EXTRA_KEYS,
    SAMPLE_KEYS,
    SHARED_KEYS,
    TARGET_NAMES,
    SampleRecord,
)
from inputgrad_cli.schema.records import MethodRecord, PreprocessRecord, ResultRecord

SCHEMA = 1  # version of the stored metadata
# Keys that describe how the input files were read; see `Samples.record`.
INPUT_KEYS = {"resize", "frame", "input_range", "channels_first", "flat", "sample_rate"}
INPUT_KEYS |= {"table", "columns", "ids", "id"}


@dataclass(frozen=True)
class SiteFacts:
    """What holds for all samples of a map.

    `facts` come from the method, such as the layer that it chose. The target does not depend on
    the inputs in `disconnected`; those in `unexplained` are left out, each for a reason.
    """

    facts: Mapping[str, Any] = field(default_factory=dict)
    disconnected: tuple[str, ...] = ()
    unexplained: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class MapRecord:
    """What is recorded of a map: the method, the target, the model, and each sample.

    `samples` has None for a sample that failed. With `many` the file holds a list of values where
    samples differ. `baseline` is text, and so can be requested again; None if the method uses none.
    `inputs` says how the input files were read. `header` holds the names of a table's columns,
    which are known while a run explains the table, but are not stored.
    """

    method: MethodRecord
    samples: tuple[SampleRecord | None, ...]
    many: bool
    sites: SiteFacts
    reduce: str
    quantity: str
    sign: str
    per_input: bool
    baseline: str | None
    preprocess: Mapping[str, PreprocessRecord]
    inputs: Mapping[str, Any]
    wrt: str | None
    precision: str
    seed: int
    model_sha256: str
    versions: Mapping[str, str]
    header: tuple[str, ...] = field(default=(), compare=False)

    @property
    def usable_samples(self) -> list[SampleRecord]:
        """Return the records of the samples that have a map."""
        return [sample for sample in self.samples if sample is not None]

    @property
    def sample_rates(self) -> Mapping[str, int]:
        """Return the sample rates of inputs that were read from sound files, in hertz."""
        rates: Mapping[str, int] = self.inputs.get("sample_rate", {})
        return rates

    def get_preprocess(self, site: str) -> Preprocess | None:
        """Return the preprocessing of an input, None if it was not read from a picture."""
        stored = self.preprocess.get(site)
        return None if stored is None else Preprocess.from_json(stored)

    def to_json(self) -> dict[str, object]:
        """Return what `metadata.json` holds; its keys and their order are part of the format."""
        columns = _Columns(self.samples, self.many)
        sites = self.sites
        return {
            "schema": SCHEMA,
            "many": self.many,
            "method": self.method,
            "target": {key: columns.get_value(name) for key, name in TARGET_NAMES.items()},
            **{key: columns.get_value(key) for key in SAMPLE_KEYS},
            "disconnected": list(sites.disconnected),
            "unexplained": dict(sites.unexplained),
            **sites.facts,
            "reduce": self.reduce,
            "quantity": self.quantity,
            "sign": self.sign,
            "per_input": self.per_input,
            "baseline": self.baseline,
            "preprocess": dict(self.preprocess) or None,
            **self.inputs,
            "wrt": self.wrt,
            "precision": self.precision,
            "seed": self.seed,
            "model": {"sha256": self.model_sha256},
            "versions": dict(self.versions),
            **{key: columns.get_value(key) for key in columns.first.list_extra_keys()},
        }

    @classmethod
    def from_json(cls, stored: ResultRecord) -> MapRecord:
        """Return the record from what `to_json` returns; records of older versions lack keys."""
        sites = SiteFacts(
            {key: value for key, value in stored.items() if key not in KNOWN_KEYS},
            tuple(stored.get("disconnected", ())),
            stored.get("unexplained", {}),
        )
        per_input = stored.get("per_input", False)
        return cls(
            method=stored["method"],
            samples=tuple(_yield_samples(stored)),
            many=stored["many"],
            sites=sites,
            reduce=stored["reduce"],
            quantity=stored.get(
                "quantity", "{space} per unit of input" if per_input else "{space}"
            ),
            sign=stored.get("sign", "signed"),
            per_input=per_input,
            baseline=stored.get("baseline"),
            preprocess=cast(Mapping[str, PreprocessRecord], stored.get("preprocess") or {}),
            inputs={key: value for key, value in stored.items() if key in INPUT_KEYS},
            wrt=stored.get("wrt"),
            precision=stored.get("precision", "float32"),
            seed=stored.get("seed", 0),
            model_sha256=stored["model"]["sha256"] if "model" in stored else "",
            versions=stored.get("versions", {}),
        )


FACT_KEYS = ("layer", "cam", "sees", "copied")  # facts that the type of the file knows
KNOWN_KEYS = (set(ResultRecord.__annotations__) | INPUT_KEYS).difference(FACT_KEYS)


@dataclass(frozen=True)
class _Columns:
    """The values of all samples, by the name of a field of their records."""

    samples: Sequence[SampleRecord | None]
    many: bool

    @property
    def first(self) -> SampleRecord:
        """Return the record of the first sample that has a map."""
        return next(sample for sample in self.samples if sample is not None)

    def get_value(self, name: str) -> Any:
        """Return the value of a single sample or that all share, else a list with one for each."""
        first = getattr(self.first, name)
        if not self.many:
            return first
        values = [None if sample is None else getattr(sample, name) for sample in self.samples]
        is_shared = name in SHARED_KEYS and all(
            value == first
            for value, sample in zip(values, self.samples, strict=True)
            if sample is not None
        )
        return first if is_shared else values


def _yield_samples(stored: ResultRecord) -> Iterator[SampleRecord | None]:
    """Yield the record of each sample; a sample without checks has failed."""
    if not stored["many"]:
        yield SampleRecord.from_json(stored)
        return
    for row, checks in enumerate(stored["checks"]):
        if checks is None:
            yield None
            continue
        yield SampleRecord.from_json(
            {
                "target": {k: _select(k, v, row) for k, v in stored["target"].items()},
                **{
                    key: _select(key, value, row)
                    for key, value in stored.items()
                    if key in (*SAMPLE_KEYS, *EXTRA_KEYS)
                },
            }
        )


def _select(key: str, column: Any, row: int) -> Any:
    is_shared = column is None or (key in SHARED_KEYS and not isinstance(column, list))
    return column if is_shared else column[row]
