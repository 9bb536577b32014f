"""Lists the sites of a map that have pictures in a style: each its own, or several one."""

from __future__ import annotations

from collections.abc import Sequence

from inputgrad_cli.data.map_record import RecordedMap
from inputgrad_cli.data.optimization_arrays import list_moved_inputs
from inputgrad_cli.data.pictures.map_source import MapLayout
from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.rendering import (
    choose_picture,
    find_limited_kind,
    has_pictures,
    is_drawable,
    pictures,
)
from inputgrad_cli.runs.pictures.map_picture_data import find_columns, get_layout


def list_drawable_sites(recorded: RecordedMap, style: Style, count: int | None = None) -> list[str]:
    """Return the sites that have a picture: those whose maps a kind of picture supports.

    All columns of a row stand in one picture, that of the first site among them. `count` is the
    number of samples of the item, if those of the map are only a part.
    """
    total = count or len(recorded.record.samples)
    return [
        site
        for site, layout in recorded.compute_once(_list_layouts)
        if has_pictures(layout, style, total)
    ]


def list_limited_kinds(recorded: RecordedMap, style: Style, count: int) -> list[str]:
    """Return the kinds that must be named to get pictures of so many samples, which have none."""
    kinds = [
        find_limited_kind(layout, style, count)
        for _, layout in recorded.compute_once(_list_layouts)
    ]
    return [kind for kind in kinds if kind is not None]


def _list_layouts(recorded: RecordedMap) -> list[tuple[str, MapLayout]]:
    """Return the sites whose maps can be drawn, of a row the first, with their layouts."""
    is_search = recorded.record.is_search
    sites = list_moved_inputs(recorded.values) if is_search else list(recorded.values)
    columns = find_columns(recorded)
    joined = [] if columns is None else [part.site for part in columns.parts]
    first = next((site for site in sites if site in joined), None)
    own_sites = [site for site in sites if site not in joined or site == first]
    layouts = [(site, get_layout(recorded, site)) for site in own_sites]
    return [(site, layout) for site, layout in layouts if is_drawable(layout)]


def list_own_sites(recorded: RecordedMap, style: Style, count: int | None = None) -> list[str]:
    """Return the sites that have a picture of their own in this style.

    If all inputs are drawn in one picture, it is that of the first.
    """
    sites = list_drawable_sites(recorded, style, count)
    if is_joined(recorded, style):
        return sites[:1]
    return [site for site in sites if not _is_shared(recorded, site, style)]


def list_shared_sites(recorded: RecordedMap, style: Style) -> list[str]:
    """Return the sites that are shown in one picture of all maps of an item in this style."""
    sites = list_drawable_sites(recorded, style)
    return [site for site in sites if _is_shared(recorded, site, style)]


def _is_shared(recorded: RecordedMap, site: str, style: Style) -> bool:
    return choose_picture(style, get_layout(recorded, site)).per_item


def is_joined(recorded: RecordedMap, style: Style) -> bool:
    """Return whether all inputs of a map are drawn in one picture."""
    record = recorded.record
    if not pictures.get(style.kind).joins_inputs or record.is_search or record.has_all_classes:
        return False
    return bool(list_connected_sites(recorded, style)) and len(list_part_sites(recorded, style)) > 1


def list_part_sites(recorded: RecordedMap, style: Style) -> list[str]:
    """Return the sites with a part in a picture of all inputs, also inputs that have no map."""
    drawable = list_drawable_sites(recorded, style)
    others = [name for name in recorded.record.sites.unexplained if name not in recorded.values]
    return [*drawable, *others]


def list_connected_sites(recorded: RecordedMap, style: Style) -> list[str]:
    """Return the sites with pictures on which the target depends."""
    sites = list_drawable_sites(recorded, style)
    return [site for site in sites if not is_disconnected(recorded, site)]


def is_disconnected(recorded: RecordedMap, site: str) -> bool:
    """Return whether the target depends on nothing that the picture of a site shows."""
    return set(list_members(recorded, site)) <= set(recorded.record.sites.disconnected)


def list_members(recorded: RecordedMap, site: str) -> Sequence[str]:
    """Return the sites in the picture of a site: all columns of a row stand in one."""
    columns = find_columns(recorded)
    if columns is None or not columns.has_site(site):
        return [site]
    return [part.site for part in columns.parts]
