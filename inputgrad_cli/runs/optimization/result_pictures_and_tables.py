"""Builds the files of a search besides its arrays: pictures that can be used, and tables."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import IO

import numpy as np

from inputgrad_cli.data.map_record import RecordedMap
from inputgrad_cli.data.optimization_arrays import CHANGE, list_moved_inputs
from inputgrad_cli.data.samples import Samples, UnusedColumns
from inputgrad_cli.explanation.batch_attribution import Frames
from inputgrad_cli.formats.images.animated_gif_encoding import encode_animation
from inputgrad_cli.formats.images.lossless_png import encode_pixels
from inputgrad_cli.numeric.array_helpers import Array, Arrays
from inputgrad_cli.runs.pictures.optimization_picture_data import list_pixel_inputs
from inputgrad_cli.runs.tables.multi_input_columns import join_columns
from inputgrad_cli.storage.atomic_write import Bytes, WriteFunction
from inputgrad_cli.storage.map_file_names import AFTER, ANIMATION, MapFiles

STATE, BEFORE_STATE, AFTER_STATE, CHANGED = "state", "before", "after", "changed"
SEPARATOR = ";"  # between the names of changed columns
BLOCK_ROWS = 1024  # of a table that are in memory together


def build_search_files(
    files: MapFiles,
    recorded: RecordedMap,
    samples: Samples,
    *,
    is_table: bool,
    frames: Sequence[Frames] = (),
) -> dict[str, Bytes | WriteFunction]:
    """Return the files of a search by name: the pixels of pictures, and the rows of a table.

    With `frames`, those of each usable sample, pictures also get an animation.
    """
    built: dict[str, Bytes | WriteFunction] = {}
    if is_table:
        built[files.table] = lambda file: _write_table(file, recorded, samples)
    sites = list_pixel_inputs(recorded)
    for row, names in enumerate(files.list_pictures(samples.sample_count, sites, AFTER)):
        if row in samples.failed:
            continue
        for site, name in zip(sites, names, strict=True):
            pixels = np.asarray(recorded.values[site][row])
            built[name] = encode_pixels(np.ascontiguousarray(pixels.astype(np.uint8)))
    return {**built, **_build_animations(files, recorded, samples, frames)}


def _build_animations(
    files: MapFiles, recorded: RecordedMap, samples: Samples, frames: Sequence[Frames]
) -> dict[str, Bytes | WriteFunction]:
    """Return an animation of each picture that was moved, from the input to the result."""
    built: dict[str, Bytes | WriteFunction] = {}
    sites = list_pixel_inputs(recorded)
    names = files.list_pictures(samples.sample_count, sites, ANIMATION)
    usable = [row for row in range(len(samples)) if row not in samples.failed]
    # Without --gif there are no frames, and so no animation of any sample.
    for row, film in zip(usable, frames, strict=False):
        for site, name in zip(sites, names[row], strict=True):
            ends = [np.asarray(recorded.values[site][row])]
            # A search stores its result and the change, from which the input follows.
            ends.insert(0, ends[0] - np.asarray(recorded.values[site + CHANGE][row]))
            before, after = (np.rint(end).astype(np.uint8) for end in ends)
            built[name] = encode_animation([before, *film.get(site, ()), after])
    return built


def list_results(
    files: MapFiles, recorded: RecordedMap, samples: Samples, *, is_table: bool
) -> list[list[str]]:
    """Return the names of the files that hold what each sample was moved to, apart from arrays."""
    if not recorded.record.is_search:
        return [[] for _ in range(len(samples))]
    names = files.list_pictures(samples.sample_count, list_pixel_inputs(recorded), AFTER)
    return [[*row, files.table] if is_table else row for row in names]


def _write_table(file: IO[bytes], recorded: RecordedMap, samples: Samples) -> None:
    """Write a row before and a row after for each sample; a series has the rows of its table.

    Columns that the model does not take, such as an id, come first. The words in the columns
    `state` and `changed` are no numbers, so that the table can be read as input again.
    """
    text = io.TextIOWrapper(file, "utf-8", "surrogatepass", newline="")
    writer = csv.writer(text, lineterminator="\n")
    is_first = True
    for start in range(0, len(samples), BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        names, before, after = _take_columns(recorded, samples, rows)
        ids = _take_ids(samples, rows, before)
        if is_first and names:
            writer.writerow([*ids.names, STATE, *names, CHANGED])
        is_first = False
        usable = [row not in samples.failed for row in range(start, start + len(before))]
        lines = _yield_rows(names, before[usable], after[usable], ids.cells[usable])
        writer.writerows(lines)
    text.flush()
    # Left attached, the wrapper would close the file, which is not on disk yet.
    text.detach()


def _take_columns(
    recorded: RecordedMap, samples: Samples, rows: slice
) -> tuple[tuple[str, ...], Array, Array]:
    """Return the names of the columns, and their values (N, R, columns) before and after.

    R is 1, or the number of rows of a series.
    """
    before: Arrays = {
        name: np.asarray(array[rows])
        for name, array in samples.arrays.items()
        if array.dtype.kind in "biuf"
    }
    moved = {
        name: np.asarray(recorded.values[name][rows]) for name in list_moved_inputs(recorded.values)
    }
    series = recorded.record.lines_are_steps and all(array.ndim > 1 for array in before.values())
    names, first = _join(before, samples.header, series)
    _, second = _join({**before, **moved}, samples.header, series)
    return names, first, second


def _take_ids(samples: Samples, rows: slice, before: Array) -> UnusedColumns:
    """Return the columns that feed no input, with cells (N, R, columns) for the rows `before`."""
    unused, shape = samples.unused, before.shape[:2]
    if unused is not None and shape[1] == 1 and len(unused.cells) == len(samples):
        return replace(unused, cells=unused.cells[rows, np.newaxis])
    if unused is not None and shape == (1, len(unused.cells)):  # the rows of a series
        return replace(unused, cells=unused.cells[np.newaxis])
    return UnusedColumns((), np.empty((*shape, 0), object))


def _join(values: Arrays, header: Sequence[str], series: bool) -> tuple[tuple[str, ...], Array]:
    if series:  # the rows of the only sample
        names, rows = join_columns({name: array[0] for name, array in values.items()}, header)
        return names, rows[np.newaxis]
    names, rows = join_columns(values, header)
    return names, rows[:, np.newaxis]


def _yield_rows(
    names: Sequence[str], before: Array, after: Array, ids: Array
) -> Iterator[list[str | float]]:
    columns = names or [str(index + 1) for index in range(before.shape[-1])]
    for first, second, cells in zip(before, after, ids.tolist(), strict=True):
        # The csv module writes floats by repr, which loses no digit.
        for own, values in zip(cells, first, strict=True):
            yield [*own, BEFORE_STATE, *np.asarray(values, np.float64).tolist(), ""]
        is_changed = first != second
        for own, values, changed in zip(cells, second, is_changed, strict=True):
            words = [name for name, differs in zip(columns, changed, strict=True) if differs]
            numbers = np.asarray(values, np.float64).tolist()
            yield [*own, AFTER_STATE, *numbers, SEPARATOR.join(words)]
