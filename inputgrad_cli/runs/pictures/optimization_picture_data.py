"""Builds what the picture of a search is drawn from: its arrays hold all of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from inputgrad_cli.data.map_record import RecordedMap
from inputgrad_cli.data.optimization_arrays import CHANGE, SCORE, TRACE, TRACE_DISTANCES
from inputgrad_cli.data.pictures.caption import MINUS, PERCENT, Caption, build_caption
from inputgrad_cli.data.pictures.input_modality import ROW, find_subject
from inputgrad_cli.data.pictures.map_source import MapLayout, MapSource, SearchView
from inputgrad_cli.data.pictures.sample_view import build_view
from inputgrad_cli.data.prediction_text import PIXEL_UNIT, format_answer
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.tabular_attribution_columns import RowColumns, find_search_columns
from inputgrad_cli.data.target_parser import parse_stored_target
from inputgrad_cli.interfaces.goal import PIXEL_RANGE
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.optimization.goals import goals
from inputgrad_cli.optimization.success_criterion_builder import is_class_comparison


def list_pixel_inputs(recorded: RecordedMap) -> list[str]:
    """Return the inputs whose values are pixels (H, W, C), whatever axes the model has."""
    first = recorded.record.usable_samples[0].search or {}
    return list(first["pictures"])


def to_search_layout(recorded: RecordedMap, values: Array, site: str) -> Array:
    """Return the values of one sample with channels last; pixels have them there already."""
    if site in list_pixel_inputs(recorded):
        return values
    return recorded.record.axes.to_channels_last(values, site)


def get_search_layout(recorded: RecordedMap, site: str) -> MapLayout:
    """Return the layout of the change of one input."""
    # Only the shape is wanted, so a single zero stands for all values.
    template = np.broadcast_to(np.float32(0), recorded.values[site].shape[1:])
    shape = to_search_layout(recorded, template, site).shape
    return MapLayout(shape, is_search=True, subject=find_subject(recorded.record, site, shape))


def build_search_source(recorded: RecordedMap, samples: Samples, row: int, site: str) -> MapSource:
    """Build the source of the picture of one input of one sample, or of a row of several inputs.

    Its arrays hold all of it but the names of columns, which `samples` has if it was read.
    """
    columns = find_search_columns(recorded, samples.header)
    if columns is not None and columns.has_site(site):
        before, after, change = _join_row(recorded, samples, row, columns)
        subject, names = ROW, columns.names
    else:
        before, after, change = _take_values(recorded, row, site)
        subject, names = find_subject(recorded.record, site, change.shape), samples.header
    search = recorded.record.get_sample(row).search or {}
    first, second = (format_answer(search[key], PERCENT) for key in ("before", "after"))
    trace, unit = _scale_trace(np.asarray(recorded.values[TRACE][row]), search["distances"])
    titles = (f"before: {first}", f"after: {second}")
    caption = replace(
        build_caption(recorded.record, site, row, samples.item),
        class_change=format_class_change(search["before"], search["after"]),
    )
    score = (
        "score, the class changes at 0"
        if _has_margin(recorded, row)
        else name_score(caption, trace, search["before"]["value"])
    )
    return MapSource(
        change,
        None,
        caption,
        SearchView(before, after, titles, trace, unit, score),
        subject=subject,
        view=build_view(recorded.record, site, row, values=before, names=names),
    )


def format_class_change(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Return the predicted classes, `cross → square`, or one if it stays; "" without classes."""
    if before["class"] is None:
        return ""
    names = (format_answer({**answer, "probability": None}) for answer in (before, after))
    return " → ".join(dict.fromkeys(names))


def _has_margin(recorded: RecordedMap, row: int) -> bool:
    """Return whether the score of a search is that of a class minus that of the best other one."""
    sample, name = recorded.record.get_sample(row), recorded.record.method["name"]
    has_classes = sample.search is not None and sample.search["before"]["class"] is not None
    if not has_classes or name not in goals.list_names():
        return False
    return is_class_comparison(goals.get(name), parse_stored_target(sample.asked))


def name_score(caption: Caption, trace: Array, loss: float | None) -> str:
    """Return what the score of a trace (S, 5) is, from the loss before the search.

    A search that lowers a loss has its negative for a score.
    """
    if not caption.is_loss or not loss:
        return caption.space
    return "loss" if trace[0, SCORE] / loss > 0 else f"{MINUS} loss"


def _take_values(recorded: RecordedMap, row: int, site: str) -> tuple[Array, Array, Array]:
    """Return an input of one sample before and after, and the change; pixels as uint8."""
    after = to_search_layout(recorded, np.asarray(recorded.values[site][row]), site)
    change = to_search_layout(recorded, np.asarray(recorded.values[site + CHANGE][row]), site)
    if site not in list_pixel_inputs(recorded):
        return after - change, after, change
    # Pixels are whole numbers, which a difference of float32 values misses by rounding.
    before, after = (np.rint(pixels).astype(np.uint8) for pixels in (after - change, after))
    return before, after, change


def _join_row(
    recorded: RecordedMap, samples: Samples, row: int, columns: RowColumns
) -> tuple[Array, Array, Array]:
    """Return the columns of one row before and after, and their changes, (F,) each."""
    values = recorded.values
    sites = [part.site for part in columns.parts]
    afters = {site: np.asarray(values[site][row : row + 1]) for site in sites}
    changes = {site: np.asarray(values[site + CHANGE][row : row + 1]) for site in sites}
    # A large change loses digits of what was before, which the input still has if it is there.
    befores = {
        site: np.asarray(samples.arrays[site][row : row + 1])
        if site in samples.arrays
        else afters[site] - changes[site]
        for site in sites
    }
    before, after, change = (columns.join_values(e)[0] for e in (befores, afters, changes))
    return before, after, change


def _scale_trace(trace: Array, distances: Mapping[str, Any]) -> tuple[Array, str]:
    """Return a trace with its distances in the unit of the item's line, and the unit in words."""
    if "fractions" not in distances:
        return trace, "input units"
    scaled = np.array(trace, np.float64)
    scaled[:, TRACE_DISTANCES] /= PIXEL_RANGE
    return scaled, PIXEL_UNIT
