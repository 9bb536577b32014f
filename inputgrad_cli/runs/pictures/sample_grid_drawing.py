"""Collects the maps of an item by sample, and draws each sample's in one picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from inputgrad_cli.data.pictures.map_source import MapSource
from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.interfaces.picture import choose_picture
from inputgrad_cli.runs.pictures.drawable_sites import list_shared_sites
from inputgrad_cli.runs.pictures.map_picture_data import build_picture_source
from inputgrad_cli.runs.pictures.stored_picture_data import (
    InputReader,
    ResultFile,
    yield_result_files,
)
from inputgrad_cli.schema.file_names_in_json import decode_name
from inputgrad_cli.storage.map_file_names import build_grid_files
from inputgrad_cli.storage.run_directory import StoredMap


@dataclass(frozen=True)
class DrawnGrid:
    """The picture of one sample; `blank` is the reason why an input is not shown, if any."""

    png: bytes
    blank: str = ""


def draw_grids(
    maps: Sequence[StoredMap],
    style: Style,
    choose_reader: Callable[[StoredMap], InputReader],
) -> Iterator[tuple[str, DrawnGrid]]:
    """Yield the name and the picture of each sample of an item.

    `choose_reader` returns how the inputs of a map are read. Raises ItemError.
    """
    item, count = decode_name(maps[0].line, "input"), maps[0].line["samples"]
    names = [name for (name,) in build_grid_files(item).list_pictures(count, [""])]
    list_sites = partial(list_shared_sites, style=style)
    files = [
        file
        for stored in maps
        for file in yield_result_files(stored, style, choose_reader(stored), list_sites)
    ]
    for index, name in enumerate(names):
        sources = [source for file in files for source in _yield_sources(file, index)]
        if sources:
            picture = choose_picture(style, sources[0].layout)
            png = picture.draw_together(sources, style).png
            yield name, DrawnGrid(png, next((file.blank for file in files if file.blank), ""))


def _yield_sources(file: ResultFile, index: int) -> Iterator[MapSource]:
    """Yield what one sample of a map is drawn from, a source for each site."""
    for row, row_index in zip(file.rows, file.indices, strict=True):
        if row_index == index:
            for site in file.sites:
                yield build_picture_source(file.attribution, file.samples, row, site)
