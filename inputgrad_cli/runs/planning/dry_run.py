"""Predicts the files that a run would write, without opening the model (`--dry-run`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.data.subjects import MapFacts, choose_subject
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.read import open_file, read_samples
from inputgrad_cli.formats.readers import find_reader
from inputgrad_cli.interfaces.picture import MapLayout
from inputgrad_cli.modelfile.workload import count_elements
from inputgrad_cli.rendering import is_drawable
from inputgrad_cli.runs.inputs.find_inputs import Item
from inputgrad_cli.runs.inputs.item_maps import ItemMap, list_item_maps
from inputgrad_cli.runs.planning.plan import Plan
from inputgrad_cli.storage.map_files import AFTER, ANIMATION, get_picture_ending

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
    is_search, search = bool(plan.goals), plan.options.search
    has_animation = search is not None and search.gif
    has_style = plan.options.style is not None
    wrt = plan.options.wrt
    layer_labels = {request.label for request in plan.methods if request.method.at_layer}
    copies = 2 if is_search else 1  # a search stores the input and its change
    for _, item in plan.share:
        samples = _read_samples(plan, item)
        count = None if samples is None else samples.sample_count
        layouts = {spec.name: _build_layout(spec, item, is_search) for spec in specs if has_style}
        inputs = [name for name, layout in layouts.items() if is_drawable(layout)]
        inputs = [name for name in inputs if wrt in (None, name)] or inputs[:1]
        for item_map in list_item_maps(item, plan.maps):
            spec, files = item_map.spec, item_map.files
            has_parts = samples is not None and samples.is_ragged
            names = files.list_arrays(count or 1) if has_parts else [files.arrays]
            names += [files.table] if find_reader(item.path).kind == "table" else []
            sites = [] if spec.target.kind == "all" else inputs
            sites = sites[:1] if spec.label in layer_labels else sites
            ending = get_picture_ending(is_search)
            names += [name for row in files.list_pictures(count, sites, ending) for name in row]
            if is_search:
                pixels = _list_pixel_inputs(item, specs)
                endings = (AFTER, ANIMATION) if has_animation else (AFTER,)
                rows = [row for end in endings for row in files.list_pictures(count, pixels, end)]
                names += [name for row in rows for name in row]
            yield PlannedMap(
                item_map,
                tuple(str(plan.options.out / name) for name in names),
                (count or 1) * value_count * copies * 4 + NPZ_OVERHEAD_BYTES,
            )


def _list_pixel_inputs(item: Item, specs: Sequence[InputSpec]) -> list[str]:
    """Return the inputs that are read from picture files, or begin as grey pictures."""
    if item.is_generated:
        return [spec.name for spec in specs if spec.is_image]
    default = item.paths.get(None)
    paths = ((spec.name, item.paths.get(spec.name, default)) for spec in specs)
    return [name for name, path in paths if path and find_reader(path).kind == "image"]


def _build_layout(spec: InputSpec, item: Item, is_search: bool) -> MapLayout:
    """Return the layout of the maps of an input, as far as its file and its signature tell it."""
    shape = spec.image_shape if spec.is_image else spec.shape
    sizes = tuple(dim or 1 for dim in shape or ())
    path = item.paths.get(spec.name, item.paths.get(None))
    kind = find_reader(path).kind if path else None
    facts = MapFacts(sizes, kind == "table", spec.kind == "text", kind == "sound")
    return MapLayout(sizes, is_search, choose_subject(facts))


def _read_samples(plan: Plan, item: Item) -> Samples | None:
    """Read the samples of a file that may hold many; return None for any other file."""
    specs = plan.outline.inputs
    may_be_many = plan.options.viewing.frame == "all" or find_reader(item.path).many
    if specs is None or not may_be_many or item.error:
        return None
    try:
        files = {name: open_file(path) for name, path in item.paths.items()}
        return read_samples(files, item.paths, plan.build_reading(specs))
    except ItemError:
        return None  # the run itself will report the error
