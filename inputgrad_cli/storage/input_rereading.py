"""Reads the inputs of existing maps again, from the files that their records name."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from inputgrad_cli.data.image_options import ImageOptions
from inputgrad_cli.data.map_record import RecordedMap
from inputgrad_cli.data.preprocessing import Preprocess
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.read_samples import open_file, read_samples
from inputgrad_cli.interfaces.reader import ReadOptions
from inputgrad_cli.schema.journal_line import JournalLine
from inputgrad_cli.schema.run_json import RunRecord
from inputgrad_cli.storage.recorded_input_files import SOURCE_KIND, find_sources

MAX_UNVERIFIED_NUMBERS = 1 << 25  # in an input whose shape is known only from the record of a run


def read_inputs(
    recorded: RecordedMap,
    line: JournalLine,
    first: JournalLine,
    *,
    run: RunRecord | None,
    out: Path,
    keep_originals: bool = False,
) -> Samples:
    """Return the inputs of a map as its run in `out` read them; ItemError if they are gone.

    `first` is the first line of the journal that contains `line`. With `keep_originals`, the files'
    own pictures are kept as well.
    """
    if run is None:
        raise ItemError("its run has no record", kind=SOURCE_KIND)
    records = run["signature"]["inputs"]
    specs = tuple(InputSpec(r["name"], _to_shape(r["shape"]), r["dtype"]) for r in records)
    option = run["options"].get("columns")
    columns = tuple((option and option["value"]) or ())
    lines = bool(run["options"].get("lines", {}).get("value"))
    paths = find_sources(line, first, run, out)
    for spec in specs:
        _refuse_other_shape(spec, recorded)
    image_options = replace(
        ImageOptions.from_record(recorded.record.inputs), keep_original=keep_originals
    )
    aliases = run.get("aliases", {})
    raw = Preprocess("raw")  # maps are drawn over pixels, whatever the model makes of them
    options = ReadOptions(specs, raw, image_options, aliases, columns=columns, lines=lines)
    return read_files(paths, options)


def _refuse_other_shape(spec: InputSpec, recorded: RecordedMap) -> None:
    """Raise ItemError if the recorded shape of an image input contradicts the stored arrays.

    Otherwise a changed record could make inputgrad resize an image to an enormous size.
    """
    array = recorded.values.get(spec.name)
    if array is None:
        fits = math.prod(dim or 1 for dim in spec.shape or ()) <= MAX_UNVERIFIED_NUMBERS
    elif spec.image_shape is None or spec.name in recorded.record.axes.looked_up:
        fits = True
    else:
        # The axis after the samples is that of the classes for the target `all`.
        fits = spec.can_take(array.shape[1 + recorded.record.has_all_classes :])
    if not fits:
        raise ItemError("its run records another shape of the input", kind=SOURCE_KIND)


def read_files(paths: Mapping[str | None, Path], options: ReadOptions) -> Samples:
    """Return the inputs that these files contain; ItemError."""
    return read_samples({name: open_file(path) for name, path in paths.items()}, paths, options)


def _to_shape(shape: Sequence[int | None] | None) -> tuple[int | None, ...] | None:
    return None if shape is None else tuple(shape)
