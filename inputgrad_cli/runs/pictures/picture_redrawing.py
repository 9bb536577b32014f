"""Redraws pictures of a run from its arrays and source files, without the model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.errors import EmptyError, ItemError, UsageError
from inputgrad_cli.option_choices import LAYER
from inputgrad_cli.rendering import choose_picture
from inputgrad_cli.runs.pictures.drawable_sites import list_own_sites
from inputgrad_cli.runs.pictures.map_pictures import draw_picture
from inputgrad_cli.runs.pictures.outdated_grid_drawing import GridOptions, update_grids
from inputgrad_cli.runs.pictures.redraw_result import RedrawnPicture
from inputgrad_cli.runs.pictures.run_wide_scale import compute_shared_scales, get_scale_key
from inputgrad_cli.runs.pictures.scale_groups import ScaleGroup, group_maps, set_scales
from inputgrad_cli.runs.pictures.stored_picture_data import (
    InputReader,
    choose_stored_reader,
    has_summary,
    yield_result_files,
)
from inputgrad_cli.runs.pictures.styled_picture_data import build_styled_source
from inputgrad_cli.runs.tables.global_importance_files import draw_summary
from inputgrad_cli.schema.file_names_in_json import decode_name
from inputgrad_cli.schema.journal_line import JournalLine
from inputgrad_cli.storage.atomic_write import (
    Bytes,
    WriteFunction,
    refuse_links,
    write_atomically,
)
from inputgrad_cli.storage.journal import describe_file
from inputgrad_cli.storage.map_file_names import is_grid, is_picture
from inputgrad_cli.storage.picture_names import PictureNames
from inputgrad_cli.storage.run_directory import RunDirectory, StoredMap
from inputgrad_cli.storage.safe_run_paths import build_foreign_error


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
    groups = group_maps(
        directory, ((directory.get_map(stem), style) for stem, style in styles.items())
    )
    for stem, style in styles.items():
        stored = directory.get_map(stem)
        if style.scale == "run":  # one scale for all pictures of a method and target
            style = shared[get_scale_key(stored, style)]
        if not options.changed or stored.is_due(style):
            yield from redraw_map(stored, style, group=groups.get(stem))
    yield from update_grids(directory, GridOptions(redraws_all=not options.changed))


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
    stored: StoredMap,
    style: Style,
    read_inputs: InputReader | None = None,
    *,
    group: ScaleGroup | None = None,
) -> list[RedrawnPicture]:
    """Redraw the pictures of one map in this style, and update its journal line.

    The inputs are those that the run has recorded, unless `read_inputs` returns others. The scale
    is that of the maps in `group`, if there is one. If a picture cannot be drawn, the last entry of
    the result has the error.
    """
    out, journal, record = stored.directory.out, stored.directory.journal, stored.line
    entries: list[RedrawnPicture] = []
    try:
        refuse_links(out, stored.stem)
        reader = read_inputs or choose_stored_reader(stored, style)
        entries.extend(_redraw_pictures(stored, style, reader, group))
    except ItemError as error:
        entries.append(RedrawnPicture(stored.stem, None, error))
    written_names = [entry.name for entry in entries if entry.name is not None]
    if not written_names and entries:
        return entries  # nothing has changed
    is_complete = len(written_names) == len(entries)
    item = decode_name(record, "input")
    files: list[Any] = []
    for file in record.get("files", []):
        name = decode_name(file, "path")
        # The picture of all maps of the item is drawn after them.
        is_old = is_complete and is_picture(name) and not is_grid(name, item)
        if not (name in written_names or is_old):
            files.append(file)
    files += [describe_file(out, name, (out / name).read_bytes()) for name in written_names]
    line = {**record, "drawn": bool(written_names) or record.get("drawn", False), "files": files}
    if is_complete:
        line["style"] = style.record()
        line.pop("scale_group", None)
        line |= {} if group is None else group.record()
    line.pop("bad", None)
    # `inputgrad verify` marks damaged files as bad; the ones just written are good again.
    if bad := [name for name in record.get("bad", ()) if name not in written_names]:
        line["bad"] = bad
    journal.add([line])
    return entries


def _redraw_pictures(
    stored: StoredMap, style: Style, read_inputs: InputReader, group: ScaleGroup | None
) -> Iterator[RedrawnPicture]:
    list_sites = partial(list_own_sites, style=style, count=stored.line["samples"])
    for result_file in yield_result_files(stored, style, read_inputs, list_sites):
        names = PictureNames(stored.files, stored.line["samples"], result_file.sites)
        for row, index in zip(result_file.rows, result_file.indices, strict=True):
            recorded = result_file.attribution
            if group is not None:
                recorded = set_scales(recorded, group.scales, row, index)
            for site in result_file.sites:
                source = build_styled_source(recorded, result_file.samples, row, site, style=style)
                picture = choose_picture(style, source.layout)
                picture.refuse_large(source, style)
                blank = result_file.blank if picture.needs_input else ""
                for ending, data in draw_picture(source, style).items():
                    name = names.get_name(index, site, ending)
                    yield _write_picture(stored, name, data, blank)
        if has_summary(stored):
            # What the maps are shown as concerns the rows, and not their summary.
            own = result_file.attribution.show_as(())
            png = draw_summary(own, result_file.samples, style)
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
