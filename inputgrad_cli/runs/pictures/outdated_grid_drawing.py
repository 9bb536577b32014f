"""Draws the pictures that show all maps of an item, from the arrays in the run's directory.

Such a picture belongs to the journal line of one map of the item, its owner. The line has the hash
of what the picture shows, so a picture that lacks a map, or shows an old one, is drawn again. This
comes after the maps: whatever ends a call before, the next call finds it out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.errors import ItemError
from inputgrad_cli.interfaces.picture import pictures
from inputgrad_cli.runs.pictures.redraw_result import RedrawnPicture
from inputgrad_cli.runs.pictures.sample_grid_drawing import draw_grids
from inputgrad_cli.runs.pictures.scale_groups import get_content
from inputgrad_cli.runs.pictures.stored_picture_data import InputReader, choose_stored_reader
from inputgrad_cli.schema.file_names_in_json import decode_name
from inputgrad_cli.schema.journal_line import JournalLine
from inputgrad_cli.schema.json_type_alias import JsonObject
from inputgrad_cli.storage.atomic_write import refuse_links, write_atomically
from inputgrad_cli.storage.journal import describe_file
from inputgrad_cli.storage.map_file_names import is_array, is_grid
from inputgrad_cli.storage.run_directory import RunDirectory, StoredMap
from inputgrad_cli.storage.safe_run_paths import build_foreign_error


@dataclass(frozen=True)
class GridOptions:
    """Which pictures of items to bring up to date, and how.

    `style` is the one that was asked for, None if each keeps its own. With `redraws_all` those that
    are up to date are drawn again as well, with `overwrite` over files of others. `has_item`
    selects items by name, and `is_asked` the maps that this call has made; `should_stop` ends the
    work between two items. `choose_reader` returns how the inputs of a map are read: by default as
    its run has recorded them.
    """

    style: Style | None = None
    redraws_all: bool = False
    overwrite: bool = False
    has_item: Callable[[str], bool] = lambda item: True
    is_asked: Callable[[JournalLine], bool] = lambda line: False
    should_stop: Callable[[], bool] = lambda: False
    choose_reader: Callable[[StoredMap, Style], InputReader] = choose_stored_reader


def update_grids(directory: RunDirectory, options: GridOptions) -> Iterator[RedrawnPicture]:
    """Draw the pictures of items that are missing or out of date, and yield each."""
    for item, stems in _group_stems(directory, options).items():
        if options.should_stop():
            return
        yield from _update_item(directory, item, stems, options)


def is_per_item(style: Style | None) -> bool:
    """Return whether the style is that of one picture for all maps of an item."""
    names = [cls.name for cls in pictures if cls.per_item]
    return style is not None and style.kind in names


def _group_stems(directory: RunDirectory, options: GridOptions) -> dict[str, list[str]]:
    """Return the maps of each item that has, or should have, a picture of all of them."""
    groups: dict[str, list[str]] = {}
    chosen: set[str] = set()
    for stored in directory.yield_maps():
        item = decode_name(stored.line, "input")
        if not stored.line.get("files") or not options.has_item(item):
            continue
        groups.setdefault(item, []).append(stored.stem)
        if "tiles" in stored.line or is_per_item(stored.style):
            chosen.add(item)
    # Sorted, because lines of the journal stand in the order in which maps were finished.
    return {item: sorted(stems) for item, stems in groups.items() if item in chosen}


def _update_item(
    directory: RunDirectory, item: str, stems: Sequence[str], options: GridOptions
) -> Iterator[RedrawnPicture]:
    maps = [directory.get_map(stem) for stem in stems]
    earlier = next((stored for stored in maps if "tiles" in stored.line), None)
    maps = _select_same_content(maps, options)
    owner = _choose_owner(maps, earlier, options.style)
    if owner is None:
        if earlier is not None:
            directory.journal.add([_drop_grid(earlier, item)])
        return
    tiles = _hash_tiles(maps, owner)
    is_current = owner is earlier and owner.line.get("tiles") == tiles
    is_whole = directory.journal.written_files.has_pictures(owner.line)
    if is_current and is_whole and not options.redraws_all:
        return
    try:
        yield from _draw(maps, owner, earlier, tiles=tiles, options=options)
    except ItemError as error:
        yield RedrawnPicture(owner.stem, None, error)


def _select_same_content(maps: Sequence[StoredMap], options: GridOptions) -> list[StoredMap]:
    """Return the maps of the content that this call has explained, all if it has made none.

    A file that has changed has maps of its old content until they are asked for again.
    """
    reference = next((stored for stored in maps if options.is_asked(stored.line)), None)
    if reference is None:
        return list(maps)
    content = get_content(reference.line)
    return [stored for stored in maps if get_content(stored.line) == content]


def _choose_owner(
    maps: Sequence[StoredMap], earlier: StoredMap | None, asked: Style | None
) -> StoredMap | None:
    """Return the map whose style the picture has: one of the style asked for, if there is any."""
    candidates = [stored for stored in maps if is_per_item(stored.style)]
    candidates = [stored for stored in candidates if stored.style == asked] or candidates
    if earlier in candidates:
        return earlier
    return next(iter(candidates), None)


def _hash_tiles(maps: Sequence[StoredMap], owner: StoredMap) -> str:
    """Return a hash of the arrays of all maps and of the style of their picture."""
    arrays = [
        [stored.stem, file["sha256"]]
        for stored in maps
        for file in stored.line.get("files", ())
        if is_array(decode_name(file, "path"))
    ]
    facts = [arrays, owner.line.get("style", {})]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _draw(
    maps: Sequence[StoredMap],
    owner: StoredMap,
    earlier: StoredMap | None,
    *,
    tiles: str,
    options: GridOptions,
) -> Iterator[RedrawnPicture]:
    """Draw the pictures of one item, one for each sample, and record them with their owner."""
    out, journal = owner.directory.out, owner.directory.journal
    item, style = decode_name(owner.line, "input"), owner.style or Style()
    refuse_links(out, owner.stem)
    entries: list[RedrawnPicture] = []
    for name, drawing in draw_grids(maps, style, lambda m: options.choose_reader(m, style)):
        if not journal.own_files.can_replace(name, options.overwrite):
            raise build_foreign_error(out / name)
        journal.pending.add([name])
        write_atomically(out / name, drawing.png)
        entries.append(RedrawnPicture(owner.stem, name, None, drawing.blank))
    names = [entry.name for entry in entries if entry.name is not None]
    line = _drop_grid(owner, item)
    line["files"] += [describe_file(out, name, (out / name).read_bytes()) for name in names]
    line |= {"tiles": tiles, "drawn": True}
    lines = [line]
    if earlier is not None and earlier.stem != owner.stem:
        lines.append(_drop_grid(earlier, item))
    journal.add(lines)
    yield from entries


def _drop_grid(stored: StoredMap, item: str) -> JsonObject:
    """Return the line of a map without its picture of the item."""
    files, line = [], {key: value for key, value in stored.line.items() if key != "tiles"}
    dropped = []
    for file in stored.line.get("files", ()):
        name = decode_name(file, "path")
        if not is_grid(name, item):
            files.append(file)
        else:
            dropped.append(name)
    line["files"] = files
    if bad := [name for name in stored.line.get("bad", ()) if name not in dropped]:
        line["bad"] = bad
    else:
        line.pop("bad", None)
    return line
