"""Redraws pictures of a run from its arrays and source files, without the model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inputgrad_cli.choices import LAYER
from inputgrad_cli.data.map_record import RecordedMap
from inputgrad_cli.data.picture_style import Style
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.errors import EmptyError, ItemError, UsageError
from inputgrad_cli.rendering import choose_picture
from inputgrad_cli.runs.pictures.map_pictures import (
    build_picture_source,
    draw_picture,
    list_drawable_sites,
    refuse_unfit_kinds,
)
from inputgrad_cli.runs.pictures.shared_scale import compute_shared_scales, get_scale_key
from inputgrad_cli.runs.table_summary import draw_summary
from inputgrad_cli.schema.encoded_names import decode_name
from inputgrad_cli.schema.journal_line import JournalLine
from inputgrad_cli.storage.atomic_write import (
    Bytes,
    WriteFunction,
    refuse_links,
    write_atomically,
)
from inputgrad_cli.storage.journal import describe_file
from inputgrad_cli.storage.map_files import is_picture, list_file_names
from inputgrad_cli.storage.picture_names import PictureNames
from inputgrad_cli.storage.run_directory import RunDirectory, StoredMap
from inputgrad_cli.storage.run_paths import build_foreign_error
from inputgrad_cli.storage.sources import SOURCE_KIND

InputReader = Callable[[RecordedMap], Samples]  # raises ItemError or UsageError


@dataclass(frozen=True)
class RedrawnPicture:
    """A redrawn picture, or the error; `blank` is the reason why it has no background, if any."""

    stem: str
    name: str | None
    error: ItemError | None = None
    blank: str = ""


@dataclass(frozen=True)
class RedrawOptions:
    """Which pictures of a run to redraw, and how.

    `style` returns a picture's new style from its old one (None if it was never drawn). With
    `changed` only pictures that have another style are redrawn. `is_selected` filters the lines.
    """

    style: Callable[[Style | None], Style]
    changed: bool = False
    is_selected: Callable[[JournalLine], bool] = lambda record: True


def redraw(directory: RunDirectory, options: RedrawOptions) -> Iterator[RedrawnPicture]:
    """Redraw the pictures of a run, and yield each."""
    directory.journal.forget_intact_files()
    styles = {
        stored.stem: options.style(stored.style)
        for stored in directory.yield_maps(options.is_selected)
        if stored.line.get("files")
    }
    if not styles:
        raise EmptyError(f"{directory.out}: the run has made no maps yet")
    _refuse_unknown_sites(directory, styles)
    shared = compute_shared_scales(
        (directory.get_map(stem), style) for stem, style in styles.items()
    )
    for stem, style in styles.items():
        stored = directory.get_map(stem)
        if style.scale == "run":  # one scale for all pictures of a method and target
            style = shared[get_scale_key(stored, style)]
        if not options.changed or stored.is_due(style):
            yield from redraw_map(stored, style)


def _refuse_unknown_sites(directory: RunDirectory, styles: Mapping[str, Style]) -> None:
    """Raise UsageError if a style shows an input or layer that no map of the run has."""
    inputs = [run["signature"]["inputs"] for run in directory.runs.values()]
    known = {record["name"] for records in inputs for record in records}
    for stem, style in styles.items():
        if not style.show:
            continue
        known |= set(directory.get_map(stem).line.get("shapes", ()))
        for name, kind in style.show:
            if name not in known and not name.startswith(LAYER):
                raise UsageError(
                    f"--show {name}={kind}: the run has no input {name!r}",
                    hint=f"its inputs are: {', '.join(sorted(known))}",
                )


def redraw_locked(out: Path, options: RedrawOptions) -> Iterator[RedrawnPicture]:
    """Redraw pictures as `redraw` does, while the run is locked against other writers."""
    with RunDirectory.open_locked(out) as directory:
        yield from redraw(directory, options)


def redraw_map(
    stored: StoredMap, style: Style, read_inputs: InputReader | None = None
) -> list[RedrawnPicture]:
    """Redraw the pictures of one map in this style, and update its journal line.

    The inputs are those that the run has recorded, unless `read_inputs` returns others. If a
    picture cannot be drawn, the last entry of the result has the error.
    """
    out, journal, record = stored.directory.out, stored.directory.journal, stored.line
    entries: list[RedrawnPicture] = []
    try:
        refuse_links(out, stored.stem)
        entries.extend(_redraw_pictures(stored, style, read_inputs or stored.read_inputs))
    except ItemError as error:
        entries.append(RedrawnPicture(stored.stem, None, error))
    written_names = [entry.name for entry in entries if entry.name is not None]
    if not written_names and entries:
        return entries  # nothing has changed
    is_complete = len(written_names) == len(entries)
    files_before = record.get("files", [])
    files: list[Any] = [
        f
        for f in files_before
        if not _is_replaced(decode_name(f, "path"), written_names, is_complete)
    ]
    for name in set(list_file_names(record)) - set(list_file_names({"files": files})):
        if name not in written_names:  # from an earlier version with other samples or sites
            (out / name).unlink(missing_ok=True)
    files += [describe_file(out, name, (out / name).read_bytes()) for name in written_names]
    line = {**record, "drawn": bool(written_names) or record.get("drawn", False), "files": files}
    if is_complete:
        line["style"] = style.record()
    line.pop("bad", None)
    # `inputgrad verify` marks damaged files as bad; the ones just written are good again.
    if bad := [name for name in record.get("bad", ()) if name not in written_names]:
        line["bad"] = bad
    journal.add([line])
    return entries


def _is_replaced(name: str, written_names: Sequence[str], is_complete: bool) -> bool:
    return name in written_names or (is_complete and is_picture(name))


def _redraw_pictures(
    stored: StoredMap, style: Style, read_inputs: InputReader
) -> Iterator[RedrawnPicture]:
    for result_file in _yield_result_files(stored, style, read_inputs):
        sites = list_drawable_sites(result_file.attribution, style)
        for row, index in zip(result_file.rows, result_file.indices, strict=True):
            for site in sites:
                source = build_picture_source(
                    result_file.attribution, result_file.samples, row, site
                )
                picture = choose_picture(style, source.layout)
                picture.refuse_large(source, style)
                blank = result_file.blank if picture.needs_input else ""
                for ending, data in draw_picture(source, style).items():
                    name = result_file.names.get_name(index, site, ending)
                    yield _write_picture(stored, name, data, blank)
        if _has_summary(stored):
            png = draw_summary(result_file.attribution, result_file.samples)
            if png is not None:
                name = stored.files.summary_picture
                yield _write_picture(stored, name, png, result_file.blank)


def _write_picture(
    stored: StoredMap, name: str, data: Bytes | WriteFunction, blank: str
) -> RedrawnPicture:
    """Write a picture of a map. Raises ItemError if a file that is not of the run is there."""
    out, journal = stored.directory.out, stored.directory.journal
    if not journal.own_files.can_replace(name):
        raise build_foreign_error(out / name)
    journal.pending.add([name])
    write_atomically(out / name, data)
    return RedrawnPicture(stored.stem, name, None, blank)


def _has_summary(stored: StoredMap) -> bool:
    """Return whether the map is one of a table that is summed up."""
    return stored.files.summary_table in list_file_names(stored.line)


@dataclass(frozen=True)
class ResultFile:
    """One file of arrays, the rows to draw, and the index of each among the samples of the map.

    `samples` are the inputs; if they cannot be used, `blank` is the reason.
    """

    attribution: RecordedMap
    samples: Samples
    rows: Sequence[int]
    indices: Sequence[int]
    names: PictureNames
    blank: str = ""


def _yield_result_files(
    stored: StoredMap, style: Style, read_inputs: InputReader
) -> Iterator[ResultFile]:
    """Yield the array files of a map; ragged samples have one file each."""
    map_files, line = stored.files, stored.line
    count = line["samples"]
    parts = map_files.list_arrays(count) if line.get("apart") and count is not None else []
    inputs: Samples | None = None
    blank = ""
    for name, stored_map in stored.yield_arrays():
        attribution = stored_map.show_as(style.show)
        refuse_unfit_kinds(attribution)
        sites = list_drawable_sites(attribution, style)
        if not sites and not _has_summary(stored):
            continue
        is_search = attribution.record.is_search
        names = PictureNames(map_files, count, sites)
        if inputs is None and is_search:  # its arrays hold the input before and after
            inputs = Samples({})
        if inputs is None:
            inputs, blank = _try_read_inputs(stored, attribution, read_inputs)
        if parts:
            row = _find_sample_index(name, parts, stored)
            has_inputs = not (blank or is_search)
            sample = inputs.extract_sample(row) if has_inputs else inputs
            yield ResultFile(attribution, sample, [0], [row], names, blank)
            continue
        rows = _list_rows(attribution) if sites else []
        yield ResultFile(attribution, inputs, rows, rows, names, blank)


def _find_sample_index(name: str, parts: Sequence[str], stored: StoredMap) -> int:
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
    no_inputs = Samples({})
    try:
        samples = read_inputs(attribution)
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
