"""Holds the record of a map, which `metadata.json` contains, and the map with its record."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar, cast

import numpy as np

from inputgrad_cli.data.attribution_results import Attribution
from inputgrad_cli.data.channel_axis_layout import Axes
from inputgrad_cli.data.pictures.picture_style import Scale
from inputgrad_cli.data.preprocessing import Preprocess
from inputgrad_cli.data.sample_record import SAMPLE_KEYS, TARGET_NAMES, SampleRecord
from inputgrad_cli.data.sample_record_columns import SampleColumns, yield_samples
from inputgrad_cli.numeric.array_helpers import Array, Arrays
from inputgrad_cli.schema.metadata_json import MethodRecord, RegionRecord, ResultRecord
from inputgrad_cli.schema.run_json import PreprocessRecord

T = TypeVar("T")

SCHEMA = 1  # version of the stored metadata
# Keys that describe how the input files were read; see `Samples.record`.
INPUT_KEYS = {"resize", "frame", "input_range", "channels_first", "flat", "sample_rate"}
INPUT_KEYS |= {"animated", "table", "columns", "headers", "ids", "id"}
CLASS_NAMES = "class_names"  # the fact that holds them, for a map of all classes


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
    `inputs` says how the input files were read. `header` holds the names of a table's columns.
    `shown` has what a user wants the maps of a site to be shown as; it belongs to the style of
    pictures, not to the file.
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
    header: tuple[str, ...] = ()
    shown: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def usable_samples(self) -> list[SampleRecord]:
        """Return the records of the samples that have a map."""
        return [sample for sample in self.samples if sample is not None]

    @cached_property
    def has_all_classes(self) -> bool:
        """Return whether the map has a class axis, as maps of the target `all` do."""
        return any(sample.scores is not None for sample in self.usable_samples)

    @cached_property
    def is_search(self) -> bool:
        """Return whether this is the result of a search, with the change of each input."""
        return any(sample.search is not None for sample in self.usable_samples)

    @property
    def copied(self) -> Sequence[str]:
        """Return the sites where all channels hold the same value."""
        copied: Sequence[str] = self.sites.facts.get("copied", ())
        return copied

    @property
    def headers(self) -> Mapping[str, Sequence[str]]:
        """Return the names of columns by input, of tables that feed one of several inputs each."""
        headers: Mapping[str, Sequence[str]] = self.inputs.get("headers", {})
        return headers

    @property
    def class_names(self) -> Sequence[str]:
        """Return the names of the classes of a map of all classes; empty if they have none."""
        names = self.sites.facts.get(CLASS_NAMES, ())
        return [str(name) for name in names] if isinstance(names, (list, tuple)) else ()

    @property
    def seen_inputs(self) -> Mapping[str, Sequence[str]]:
        """Return the inputs that each explained layer depends on; older results lack them."""
        seen: Mapping[str, Sequence[str]] = self.sites.facts.get("sees", {})
        return seen

    @property
    def region(self) -> RegionRecord | None:
        """Return the part of the output that the target is about; None if it is about all of it."""
        region: RegionRecord | None = self.sites.facts.get("region")
        return region

    @cached_property
    def axes(self) -> Axes:
        """Return which axes the maps have."""
        tokens = [sample.tokens for sample in self.usable_samples if sample.tokens]
        return Axes(
            frozenset(self.inputs.get("channels_first", ())),
            frozenset(self.inputs.get("flat", ())),
            frozenset(site for names in tokens for site in names),
            "cam" in self.sites.facts,
        )

    @property
    def is_table(self) -> bool:
        """Return whether the samples are the rows of a table."""
        return self.many and (bool(self.header) or "table" in self.inputs)

    @property
    def lines_are_steps(self) -> bool:
        """Return whether the lines of a table would be steps of the only sample, a series."""
        return not self.many

    def get_row(self, row: int) -> int:
        """Return the row of a sample in arrays, in which a single sample has the first one."""
        return row if self.many else 0

    def name_sample(self, row: int) -> str:
        """Return the words that tell a sample from the others of its item, if there are any."""
        return f"sample {row}" if self.many else ""

    def get_sample(self, row: int) -> SampleRecord:
        """Return the record of a sample; a single sample is returned for any row.

        A sample that has failed has neither label nor score.
        """
        if (sample := self.samples[self.get_row(row)]) is not None:
            return sample
        shared = next(iter(self.usable_samples), None)
        return SampleRecord(
            shared.asked if shared else "",
            shared.space if shared else "",
            {"finite": False, "zero": False},
        )

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
        columns = SampleColumns(self.samples, is_listed=self.many)
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
            **({"header": list(self.header)} if self.header else {}),
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
            # Facts stand among the other keys, so they are the keys that the type does not know.
            {key: value for key, value in stored.items() if key not in KNOWN_KEYS},
            tuple(stored.get("disconnected", ())),
            stored.get("unexplained", {}),
        )
        per_input = stored.get("per_input", False)
        return cls(
            method=stored["method"],
            samples=tuple(yield_samples(stored)),
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
            header=tuple(stored.get("header", ())),
        )


FACT_KEYS = ("layer", "cam", "sees", "copied", "region")  # facts that the type of the file knows
# All other keys of a stored record are facts, and these are facts as well.
KNOWN_KEYS = (set(ResultRecord.__annotations__) | INPUT_KEYS).difference(FACT_KEYS)


@dataclass(frozen=True)
class RecordedMap:
    """The map of one item for one method and one target.

    `values` are float32 (N, ...) by site, also for a single sample; for the target `all` the class
    axis comes second. The sample axis of a single sample is dropped where a file is written.
    `scales` are those of pictures that share one with other maps, by row and site; they belong to
    the pictures, not to the file.
    """

    values: Arrays
    record: MapRecord
    scales: Mapping[tuple[int, str], Scale] = field(default_factory=dict, compare=False)
    _computed: dict[Hashable, Any] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def show_as(self, choices: Sequence[tuple[str, str]]) -> RecordedMap:
        """Return the map with pairs of a site and what its maps are shown as, one of `SHOWN`."""
        shown = dict(choices)
        if shown == self.record.shown:
            return self
        return replace(self, record=replace(self.record, shown=shown))

    def compute_once(self, function: Callable[..., T], *arguments: Hashable) -> T:
        """Return `function` of this map and the arguments; it is computed once for each of them.

        Whatever draws or lists a map asks for its layout, up to ten times for each file.
        """
        key = function, arguments
        if key not in self._computed:
            self._computed[key] = function(self, *arguments)
        result: T = self._computed[key]
        return result

    def get_values(self, site: str, row: int) -> Array:
        """Return the map of one sample at a site; a single sample is returned for any row."""
        values: Array = self.values[site][self.record.get_row(row)]
        return values

    @property
    def file_values(self) -> Arrays:
        """Return the values as files hold them: a single sample has no sample axis there."""
        if self.record.many:
            return self.values
        return {site: array[0] for site, array in self.values.items()}

    def to_attribution(self) -> Attribution:
        """Return the map as files and Python users have it."""
        return Attribution(self.file_values, self.record.to_json(), self.record.many)

    @classmethod
    def from_attribution(cls, attribution: Attribution) -> RecordedMap:
        """Return a map that was read from a file."""
        record = MapRecord.from_json(cast(ResultRecord, attribution.metadata))
        values = attribution.values
        if not record.many:
            values = {site: array[np.newaxis] for site, array in values.items()}
        return cls(values, record)
