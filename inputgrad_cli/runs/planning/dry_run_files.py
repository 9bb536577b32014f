"""Predicts the files that a run would write, without opening the model (`--dry-run`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

from inputgrad_cli.data.global_feature_importance import MIN_ROWS
from inputgrad_cli.data.pictures.input_modality import (
    ROW,
    TEXT,
    MapFacts,
    choose_subject,
    to_subject,
)
from inputgrad_cli.data.pictures.map_source import MapLayout
from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.read_samples import open_file, read_samples
from inputgrad_cli.formats.readers import find_reader
from inputgrad_cli.modelfile.embedding_inputs_from_config import find_embedded_inputs
from inputgrad_cli.modelfile.pass_cost_estimate import count_elements
from inputgrad_cli.rendering import choose_picture, has_pictures, is_drawable, pictures
from inputgrad_cli.runs.inputs.item import Item
from inputgrad_cli.runs.inputs.item_map_files import ItemMap, list_item_maps
from inputgrad_cli.runs.pictures.map_pictures import list_picture_endings
from inputgrad_cli.runs.planning.run_plan import Plan, may_hold_many
from inputgrad_cli.runs.tables.table_detection import has_column_names, is_table
from inputgrad_cli.storage.map_file_names import AFTER, ANIMATION, build_grid_files
from inputgrad_cli.storage.picture_names import PictureNames

ANIMATED = (".gif", ".webp")  # files whose frames are those of a video
NPZ_OVERHEAD_BYTES = 2048  # about what an .npz needs in addition to its arrays


@dataclass(frozen=True)
class PlannedMap:
    """The files that one map of one item would have, and about how many bytes its arrays need."""

    item_map: ItemMap
    files: tuple[str, ...]
    size: int


def yield_planned_maps(plan: Plan) -> Iterator[PlannedMap]:
    """Yield every map of the plan. Files of many samples are read to count the samples."""
    specs = plan.outline.inputs or ()
    value_count = count_elements([spec.shape for spec in specs])
    embedded = find_embedded_inputs(plan.model_file.config, [spec.name for spec in specs])
    copies = 2 if plan.goals else 1  # a search stores the input and its change
    for _, item in plan.share:
        samples = _read_samples(plan, item)
        count = None if samples is None else samples.sample_count
        layouts = {
            spec.name: _build_layout(
                plan, spec, item, samples=samples, has_tokens=spec.name in embedded
            )
            for spec in specs
        }
        grids = _list_grids(plan, item, count, layouts)
        for item_map in list_item_maps(item, plan.maps):
            names = [
                *_list_arrays(item_map, samples),
                *_list_summary_files(plan, item_map, samples, layouts),
                *_list_pictures(plan, item_map, count, layouts),
                *(_list_search_files(plan, item_map, count) if plan.goals else ()),
                *grids,
            ]
            grids = []  # the first map has those of all maps
            yield PlannedMap(
                item_map,
                tuple(str(plan.options.out / name) for name in names),
                # Arrays are stored as float32, of four bytes each.
                (count or 1) * value_count * copies * 4 + NPZ_OVERHEAD_BYTES,
            )


def _list_arrays(item_map: ItemMap, samples: Samples | None) -> list[str]:
    """Return the names of the files of arrays, and of the table of an item that is one."""
    files = item_map.files
    has_parts = samples is not None and samples.is_ragged
    names = files.list_arrays(len(samples)) if samples and has_parts else [files.arrays]
    # A table of results has no room for the maps of all classes.
    has_table = item_map.spec.target.kind != "all" and is_table(item_map.item, samples)
    return names + [files.table] * has_table


def _list_summary_files(
    plan: Plan, item_map: ItemMap, samples: Samples | None, layouts: Mapping[str, MapLayout]
) -> list[str]:
    """Return the names of the files that sum up a table of many rows, if the item is one."""
    has_rows = any(layout.subject == ROW for layout in layouts.values())
    has_rows = has_rows and is_table(item_map.item, samples)
    count = samples.sample_count if samples is not None else None
    if plan.goals or item_map.spec.target.kind == "all" or not has_rows or (count or 1) < MIN_ROWS:
        return []
    files = item_map.files
    return [files.summary_table] + [files.summary_picture] * (plan.options.style is not None)


def _list_pictures(
    plan: Plan, item_map: ItemMap, count: int | None, layouts: Mapping[str, MapLayout]
) -> list[str]:
    """Return the names of the pictures, and of the tables of the tokens of texts."""
    style, files = plan.options.style, item_map.files
    if item_map.spec.target.kind == "all":
        layouts = {name: replace(each, has_classes=True) for name, each in layouts.items()}
    sites = _list_sites(plan, item_map, layouts)
    texts = [] if plan.goals else [site for site in sites if layouts[site].subject == TEXT]
    names = files.list_tokens(texts) if texts else []
    if style is None:
        return names
    layouts = _join_rows({site: layouts[site] for site in sites})
    drawn = _list_drawn_sites(layouts, style, count or 1)
    drawn = [site for site in drawn if not choose_picture(style, layouts[site]).per_item]
    has_parts = pictures.get(style.kind).joins_inputs and item_map.spec.target.kind != "all"
    if has_parts and len(drawn) > 1 and not plan.goals:
        drawn = drawn[:1]  # all inputs are drawn in one picture
        layouts = {drawn[0]: replace(layouts[drawn[0]], has_parts=True)}
    picture_names = PictureNames(files, count, drawn)
    return names + [
        picture_names.get_name(row, site, ending)
        for row in range(count or 1)
        for site in drawn
        for ending in list_picture_endings(layouts[site], style)
    ]


def _list_grids(
    plan: Plan, item: Item, count: int | None, layouts: Mapping[str, MapLayout]
) -> list[str]:
    """Return the names of the pictures of all maps of an item, one for each sample."""
    style = plan.options.style
    drawn = [layout for layout in layouts.values() if style and is_drawable(layout)]
    if not any(choose_picture(style, layout).per_item for layout in drawn if style):
        return []
    return [name for (name,) in build_grid_files(item.name).list_pictures(count, [""])]


def _list_sites(plan: Plan, item_map: ItemMap, layouts: Mapping[str, MapLayout]) -> list[str]:
    """Return the inputs whose maps are shown."""
    inputs = [name for name in layouts if plan.options.wrt in (None, name)]
    at_layer = any(
        request.method.at_layer for request in plan.methods if request.label == item_map.spec.label
    )
    if not at_layer and inputs:
        return inputs
    # The map of a layer is drawn over the input that it depends on, and words are under none.
    return [n for n, layout in layouts.items() if layout.subject != TEXT and is_drawable(layout)][
        :1
    ]


def _list_search_files(plan: Plan, item_map: ItemMap, count: int | None) -> list[str]:
    """Return the names of the pictures that a search has reached, and of their animations."""
    search = plan.options.search
    pixels = _list_pixel_inputs(item_map.item, plan.outline.inputs or ())
    endings = (AFTER, ANIMATION) if search is not None and search.gif else (AFTER,)
    rows = [row for end in endings for row in item_map.files.list_pictures(count, pixels, end)]
    return [name for row in rows for name in row]


def _list_pixel_inputs(item: Item, specs: Sequence[InputSpec]) -> list[str]:
    """Return the inputs that are read from picture files, or begin as grey pictures."""
    if item.is_generated:
        return [spec.name for spec in specs if spec.is_image]
    default = item.paths.get(None)
    paths = ((spec.name, item.paths.get(spec.name, default)) for spec in specs)
    return [name for name, path in paths if path and find_reader(path).kind == "image"]


def _build_layout(
    plan: Plan, spec: InputSpec, item: Item, *, samples: Samples | None, has_tokens: bool
) -> MapLayout:
    """Return the layout of the maps of an input, as far as its file and its signature tell it."""
    shape = spec.image_shape if spec.is_image else spec.shape
    sizes = tuple(dim or 1 for dim in shape or ())
    path = item.paths.get(spec.name, item.paths.get(None))
    kind = find_reader(path).kind if path else None
    has_frames = path is not None and path.suffix.lower() in ANIMATED and not spec.is_image
    many = samples is not None and samples.many  # a table that is one sample is a series
    has_rows = many and (kind == "table" or has_column_names(samples, spec.name))
    is_text = has_tokens and not has_rows
    facts = MapFacts(sizes, has_rows, is_text, kind == "sound", has_frames)
    style = plan.options.style
    shown = dict(style.show).get(spec.name) if style else None
    subject = choose_subject(facts) if shown is None else to_subject(shown)
    return MapLayout(sizes or (1,), bool(plan.goals), subject)


def _list_drawn_sites(layouts: Mapping[str, MapLayout], style: Style, count: int) -> list[str]:
    """Return the inputs that get pictures."""
    names = [name for name, layout in layouts.items() if is_drawable(layout)]
    return [name for name in names if has_pictures(layouts[name], style, count)]


def _join_rows(layouts: Mapping[str, MapLayout]) -> dict[str, MapLayout]:
    """Return the layouts with the columns of all rows in that of the first input that has any."""
    rows = [name for name, layout in layouts.items() if layout.subject == ROW]
    width = sum(prod(layouts[name].shape) for name in rows)
    return {
        name: replace(layout, shape=(width,)) if name in rows[:1] else layout
        for name, layout in layouts.items()
        if name not in rows[1:]
    }


def _read_samples(plan: Plan, item: Item) -> Samples | None:
    """Read the samples of a file that may hold many; return None for any other file."""
    specs = plan.outline.inputs
    if specs is None or not may_hold_many(plan.options, item.path) or item.error:
        return None
    try:
        files = {name: open_file(path) for name, path in item.paths.items()}
        return read_samples(files, item.paths, plan.build_reading(specs))
    except ItemError:
        return None  # the run itself will report the error
