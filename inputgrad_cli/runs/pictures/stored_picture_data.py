"""Reads the maps of a run with their inputs, as what their pictures are drawn from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from inputgrad_cli.data.map_record import RecordedMap
from inputgrad_cli.data.pictures.input_modality import ROW
from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.errors import ItemError, UsageError
from inputgrad_cli.runs.pictures.map_picture_data import get_layout
from inputgrad_cli.runs.pictures.map_pictures import refuse_unfit_kinds
from inputgrad_cli.schema.file_names_in_json import decode_name
from inputgrad_cli.storage.map_file_names import list_file_names
from inputgrad_cli.storage.recorded_input_files import SOURCE_KIND
from inputgrad_cli.storage.run_directory import StoredMap

InputReader = Callable[[RecordedMap], Samples]  # raises ItemError or UsageError
SiteList = Callable[[RecordedMap], Sequence[str]]


@dataclass(frozen=True)
class ResultFile:
    """One file of arrays, the sites and rows to draw, and the index of each row in the item.

    `samples` are the inputs; if they cannot be used, `blank` is the reason.
    """

    attribution: RecordedMap
    samples: Samples
    sites: Sequence[str]
    rows: Sequence[int]
    indices: Sequence[int]
    blank: str = ""


def choose_stored_reader(stored: StoredMap, style: Style) -> InputReader:
    """Return how the inputs of a map are read as its run has recorded them."""
    return partial(stored.read_inputs, keep_originals=style.on == "original")


def yield_result_files(
    stored: StoredMap, style: Style, read_inputs: InputReader, list_sites: SiteList
) -> Iterator[ResultFile]:
    """Yield the array files of a map that have sites to draw; ragged samples have one file each."""
    parts = list_parts(stored)
    inputs: Samples | None = None
    blank = ""
    for name, stored_map in stored.yield_arrays():
        attribution = stored_map.show_as(style.show)
        refuse_unfit_kinds(attribution)
        sites = list_sites(attribution)
        if not sites and not has_summary(stored):
            continue
        is_search = attribution.record.is_search
        if inputs is None and is_search and not _has_column_names(stored, attribution, sites):
            # The arrays hold all the rest.
            inputs = Samples({}, item=decode_name(stored.line, "input"))
        if inputs is None:
            inputs, blank = _try_read_inputs(stored, attribution, read_inputs)
        if parts:
            row = find_sample_index(name, parts, stored)
            sample = inputs.extract_sample(row) if inputs.arrays else inputs
            yield ResultFile(attribution, sample, sites, [0], [row], blank)
            continue
        rows = _list_rows(attribution) if sites else []
        yield ResultFile(attribution, inputs, sites, rows, rows, blank)


def has_summary(stored: StoredMap) -> bool:
    """Return whether the map is one of a table that is summed up."""
    return stored.files.summary_table in list_file_names(stored.line)


def _has_column_names(stored: StoredMap, attribution: RecordedMap, sites: Sequence[str]) -> bool:
    """Return whether the pictures of a search show names of columns, which its file has."""
    is_row = any(get_layout(attribution, site).subject == ROW for site in sites)
    return is_row and bool(stored.line["sources"])


def list_parts(stored: StoredMap) -> list[str]:
    """Return the names of the array files of samples that have one each, none if they share it."""
    count = stored.line["samples"]
    return stored.files.list_arrays(count) if stored.line.get("apart") and count else []


def find_sample_index(name: str, parts: Sequence[str], stored: StoredMap) -> int:
    """Return the index of the sample that a file belongs to. Raises ItemError if there is none."""
    if name not in parts:
        raise ItemError(
            f"{stored.directory.out / name}: is not a file of a sample", kind="unreadable"
        )
    return parts.index(name)


def _list_rows(attribution: RecordedMap) -> list[int]:
    """Return the rows of the samples that have a map; row 0 for a single sample."""
    return [row for row, sample in enumerate(attribution.record.samples) if sample is not None]


def _try_read_inputs(
    stored: StoredMap, attribution: RecordedMap, read_inputs: InputReader
) -> tuple[Samples, str]:
    """Read the inputs; if they cannot be used, return no inputs and the reason.

    A heatmap without background can still be drawn then.
    """
    item = decode_name(stored.line, "input")
    no_inputs = Samples({}, item=item)
    try:
        samples = replace(read_inputs(attribution), item=item)
    except (ItemError, UsageError) as error:
        reason = (
            error.message
            if error.kind == SOURCE_KIND
            else f"its input cannot be used ({error.message})"
        )
        return no_inputs, reason
    if len(samples) != (stored.line["samples"] or 1):
        return no_inputs, "its input has another number of samples now"
    return samples, ""
