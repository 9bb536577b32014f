"""What a run would write, told without the model: the answer to a dry run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.signature import Port
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.read import MANY_SUFFIXES, open_file, read_samples, suffix_of
from inputgrad_cli.formats.tables.delimited import SUFFIXES as TABLES
from inputgrad_cli.modelfile.workload import count_numbers
from inputgrad_cli.rendering.image_map import drawable
from inputgrad_cli.runs.inputs.find_inputs import Item
from inputgrad_cli.runs.planning.plan import Plan
from inputgrad_cli.storage.file_names import Map, part_names, picture_names

FRAME = 2048  # bytes that an .npz has beside its arrays, about


@dataclass(frozen=True)
class Move:
    """The files that one map of one item would become, and the bytes of its arrays, about."""

    item: Item
    made: Map
    files: tuple[str, ...]
    size: int


def forecast(plan: Plan) -> Iterator[Move]:
    """Yield every map of the plan. Files of many samples are read, to count them."""
    ports = plan.outline.inputs or ()
    numbers = count_numbers([port.shape for port in ports])
    inputs = [port.name for port in ports if plan.job.style is not None and _is_drawn(port)]
    inputs = [name for name in inputs if plan.job.wrt in (None, name)] or inputs[:1]
    layered = {wish.label for wish in plan.wishes if wish.method.at_layer}
    for _, item in plan.share:
        samples = _samples(plan, item)
        count = len(samples) if samples and samples.many else None
        for made in plan.maps:
            stem = str(plan.job.out / made.stem(item.name))
            apart = samples is not None and samples.uneven
            files = part_names(stem, count or 1) if apart else [f"{stem}.npz"]
            files += [f"{stem}.csv"] if suffix_of(item.path) in TABLES else []
            sites = [] if made.target.kind == "all" else inputs
            sites = sites[:1] if made.label in layered else sites
            files += [name for row in picture_names(stem, count, sites) for name in row]
            yield Move(item, made, tuple(files), (count or 1) * numbers * 4 + FRAME)


def _is_drawn(port: Port) -> bool:
    return port.is_picture or bool(port.shape and drawable(tuple(dim or 1 for dim in port.shape)))


def _samples(plan: Plan, item: Item) -> Samples | None:
    """Return the samples of a file that may hold many, None for any other."""
    ports = plan.outline.inputs
    several = plan.job.viewing.frame == "all" or suffix_of(item.path) in MANY_SUFFIXES
    if ports is None or not several or item.error:
        return None
    try:
        files = {name: open_file(path) for name, path in item.paths.items()}
        return read_samples(files, item.paths, plan.reading(ports))
    except ItemError:
        return None  # the run will say what is wrong with it
