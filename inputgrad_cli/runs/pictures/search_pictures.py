"""Builds what the picture of a search is drawn from: its arrays hold all of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from inputgrad_cli.data.map_record import RecordedMap
from inputgrad_cli.data.pictures.caption import build_caption
from inputgrad_cli.data.pictures.sample_view import build_view
from inputgrad_cli.data.pictures.subjects import ROW, find_subject
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.search_arrays import CHANGE, TRACE
from inputgrad_cli.interfaces.picture import MapLayout, MapSource, SearchView
from inputgrad_cli.numeric.arrays import Array


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
    """Build the source of the picture of one input of one sample.

    Its arrays hold all of it but the names of columns, which `samples` has if it was read.
    """
    after = to_search_layout(recorded, np.asarray(recorded.values[site][row]), site)
    change = to_search_layout(recorded, np.asarray(recorded.values[site + CHANGE][row]), site)
    before, subject = after - change, find_subject(recorded.record, site, change.shape)
    if site in list_pixel_inputs(recorded):
        # Pixels are whole numbers, which a difference of float32 values misses by rounding.
        before, after = (np.rint(pixels).astype(np.uint8) for pixels in (before, after))
    elif subject == ROW and site in samples.arrays:  # with the digits that a large change loses
        before = to_search_layout(recorded, np.asarray(samples.arrays[site][row]), site)
    sample = recorded.record.get_sample(row)
    search = sample.search or {}
    search_view = SearchView(
        before,
        after,
        (f"before: {format_answer(search['before'])}", f"after: {format_answer(search['after'])}"),
        np.asarray(recorded.values[TRACE][row]),
    )
    # The class of the target may be the one that was left, and the probability is that afterwards.
    caption = replace(build_caption(recorded.record, site, row, samples.item), probability=None)
    return MapSource(
        change,
        None,
        caption,
        search_view,
        subject=subject,
        view=build_view(recorded.record, site, row, values=before, names=samples.header),
    )


def format_answer(answer: Mapping[str, Any]) -> str:
    """Return what the model gives, as `cross 99.9%`, or the score if it has no classes."""
    if answer["class"] is None:
        return f"{answer['value']:.6g}"
    label, probability = answer["label"], answer["probability"]
    name = f"class {answer['class']}" if label is None else str(label)
    return name if probability is None else f"{name} {probability:.1%}"
