"""Holds the samples of input files as arrays by input name, with the batch axis first."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from inputgrad_cli.data.channel_axis_layout import Axes
from inputgrad_cli.data.pictures.uncropped_original import OriginalPicture
from inputgrad_cli.data.preprocessing import Preprocess, get_preset
from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.errors import ItemError
from inputgrad_cli.numeric.array_helpers import (
    Array,
    Arrays,
    concat_rows,
    count_rows,
    digest_arrays,
    take_rows,
)
from inputgrad_cli.numeric.lazy_array import split_rows
from inputgrad_cli.numeric.ragged_arrays import is_ragged


@dataclass(frozen=True)
class UnusedColumns:
    """The columns of a table that feed no input, such as an id: their names, and their cells.

    `cells` are texts, (N, columns), a row for each row of the table.
    """

    names: tuple[str, ...]
    cells: Array


@dataclass(frozen=True)
class Samples:
    """The samples of one item, or of several items that are computed as one batch.

    `many` is True if results keep the sample axis (a table of one row has it too). `pixels` holds,
    for inputs read from picture files, the pictures 0..255 as the model sees them before its
    preprocessing: uint8 (N, H, W, C), whatever axis order the model has; the preprocessing is in
    `preprocess`. `header` has the names of a table's columns in the file's order, `failed` the
    errors of samples that cannot be used by index, `notes` the changes made to the data by code,
    `record` what is copied into the metadata, and `unused` the columns that feed no input, which
    the table of results repeats. `item` is the name of the item, for titles. `originals` are the
    files' own pictures of each sample, by input, if they are to be drawn.
    """

    arrays: Arrays
    many: bool = False
    pixels: Arrays = field(default_factory=dict)
    preprocess: Mapping[str, Preprocess] = field(default_factory=dict)
    header: tuple[str, ...] = ()
    failed: Mapping[int, ItemError] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)
    unused: UnusedColumns | None = None
    item: str = ""
    originals: Mapping[str, tuple[OriginalPicture, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return count_rows(self.arrays)

    @property
    def sample_count(self) -> int | None:
        """Return the length of the sample axis of results, None if they have no such axis."""
        return len(self) if self.many else None

    @property
    def row_labels(self) -> Sequence[int | None]:
        """Return what each sample is called in the stream: its index, None for a single one."""
        return range(len(self)) if self.many else (None,)

    @property
    def usable_rows(self) -> list[int]:
        """Return the indices of the samples that can be used."""
        return [row for row in range(len(self)) if row not in self.failed]

    @property
    def axes(self) -> Axes:
        """Return which axes the inputs have."""
        record = self.record
        return Axes(frozenset(record.get("channels_first", ())), frozenset(record.get("flat", ())))

    @property
    def is_ragged(self) -> bool:
        """Return whether the samples differ in shape, so that each gets a separate result."""
        return any(is_ragged(array) for array in self.arrays.values())

    def extract_sample(self, row: int) -> Samples:
        """Return the sample at index `row` as if it were the only one in its file."""
        record = dict(self.record)
        if "ids" in record:
            record["id"] = record.pop("ids")[row]
        item = self.item and f"{self.item}, sample {row}"
        return replace(self.select_rows([row]), many=False, record=record, item=item)

    def select_rows(self, rows: Sequence[int]) -> Samples:
        """Return only the samples at the indices `rows`, without columns that feed no input."""
        index = np.asarray(rows, np.intp)
        return replace(
            self,
            arrays=take_rows(self.arrays, index),
            pixels=take_rows(self.pixels, index),
            originals={n: tuple(o[row] for row in rows) for n, o in self.originals.items()},
            failed={},
            unused=None,
        )

    def rename_inputs(self, names: Mapping[str, str]) -> Samples:
        """Return the samples with inputs renamed by the mapping `names`; others keep theirs."""
        return replace(
            self,
            arrays={names.get(name, name): array for name, array in self.arrays.items()},
            header=tuple(names.get(name, name) for name in self.header),
        )


def match_input(preprocess: Preprocess, spec: InputSpec) -> Preprocess:
    """Return the preprocessing adapted to a picture input: its axis order and integer type."""
    # Scaled to 0..1 or -1..1, whole numbers could only be two or three. That is done only if the
    # user asks for it.
    if spec.kind == "integer" and not preprocess.keeps_values and preprocess.source != "option":
        preprocess = get_preset("raw", f"the input's type, {spec.dtype}")
    if (preprocess.channels_first, preprocess.flat) == (spec.channels_first, spec.is_flat):
        return preprocess
    return replace(preprocess, channels_first=spec.channels_first, flat=spec.is_flat)


def describe_layout(specs: Sequence[InputSpec]) -> dict[str, list[str]]:
    """Return the names of picture inputs that are (C, H, W) or (H, W).

    The record keeps them, so that maps can be drawn in the right axis order.
    """
    first = [spec.name for spec in specs if spec.is_image and spec.channels_first]
    flat = [spec.name for spec in specs if spec.is_image and spec.is_flat]
    return {key: names for key, names in (("channels_first", first), ("flat", flat)) if names}


def join_samples(parts: Sequence[Samples]) -> Samples:
    """Return samples of the same shape as one batch."""
    if len(parts) == 1:
        return parts[0]
    return replace(
        parts[0],
        arrays=concat_rows([part.arrays for part in parts]),
        pixels=concat_rows([part.pixels for part in parts]) if parts[0].pixels else {},
        unused=None,
        originals={},  # pictures are drawn item by item
    )


def compute_keys(arrays: Arrays, seed: int) -> list[bytes]:
    """Return one key per sample for random draws, from the seed and the sample's values only."""
    # Neither its name nor its position counts, so a sample draws the same in any batch, order and
    # shard, and after a resume.
    prefix = f"{seed}\0".encode()
    rows = range(count_rows(arrays))
    return [
        hashlib.sha256(prefix + digest_arrays(take_rows(arrays, slice(i, i + 1)))).digest()
        for i in rows
    ]


def find_nonfinite(arrays: Arrays, where: str) -> dict[int, ItemError]:
    """Return, by index, an error for each sample whose floats hold NaN or infinity."""
    errors: dict[int, ItemError] = {}
    for name, array in arrays.items():
        if array.dtype.kind != "f" or is_ragged(array):  # ragged samples were checked one by one
            continue
        # Part by part, because the arrays of large files stay on disk.
        for start, stop in split_rows(array.shape, array.dtype.itemsize):
            chunk = array[start:stop]
            finite = np.isfinite(chunk).reshape(len(chunk), -1)
            for row in np.flatnonzero(~finite.all(axis=1)):
                bad = int(np.count_nonzero(~finite[row]))
                errors[start + int(row)] = ItemError(
                    f"{where}: {bad} of {chunk[row].size} values of {name!r} are NaN or infinite",
                    reason="no gradient has a meaning there",
                    kind="nonfinite",
                )
    return errors
