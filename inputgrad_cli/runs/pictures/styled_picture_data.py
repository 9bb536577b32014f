"""Builds what a picture is drawn from in the style that was asked for: of one input, or of all."""

from __future__ import annotations

import numpy as np

from inputgrad_cli.data.map_record import RecordedMap
from inputgrad_cli.data.pictures.caption import build_caption
from inputgrad_cli.data.pictures.map_source import InputPart, MapSource
from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.runs.pictures.drawable_sites import (
    is_disconnected,
    is_joined,
    list_connected_sites,
    list_members,
    list_part_sites,
)
from inputgrad_cli.runs.pictures.map_picture_data import build_picture_source

DISCONNECTED = "disconnected"


def build_styled_source(
    recorded: RecordedMap, samples: Samples, row: int, site: str, *, style: Style
) -> MapSource:
    """Build the source of a picture of one sample, of all inputs if the style joins them."""
    if not is_joined(recorded, style):
        return build_picture_source(recorded, samples, row, site)
    shares = compute_shares(recorded, row, style)
    parts = [
        _build_part(recorded, samples, row, name, share=shares.get(name))
        for name in list_part_sites(recorded, style)
    ]
    first = next(part.source for part in parts if part.source is not None)
    caption = build_caption(recorded.record, "", row, samples.item)
    return MapSource(first.values, None, caption, subject=first.subject, parts=tuple(parts))


def _build_part(
    recorded: RecordedMap, samples: Samples, row: int, site: str, *, share: float | None
) -> InputPart:
    sites = recorded.record.sites
    if site in sites.unexplained:
        return InputPart(site, None, note=f"not explained: {sites.unexplained[site]}")
    name = ", ".join(list_members(recorded, site))
    if is_disconnected(recorded, site):
        return InputPart(name, None, note=DISCONNECTED)
    return InputPart(name, build_picture_source(recorded, samples, row, site), share)


def compute_shares(recorded: RecordedMap, row: int, style: Style) -> dict[str, float]:
    """Return the share of each site in the sum of all absolute values.

    It is empty unless the values are contributions to the score, for otherwise the inputs may have
    different units; and if all values are zero.
    """
    record = recorded.record
    sample = record.get_sample(row)
    is_contribution = record.quantity == f"contribution to the {sample.space}"
    if record.per_input or not (is_contribution or "completeness" in sample.checks):
        return {}
    sizes = {
        site: sum(_sum_magnitudes(recorded, member, row) for member in list_members(recorded, site))
        for site in list_connected_sites(recorded, style)
    }
    total = sum(sizes.values())
    return {site: size / total for site, size in sizes.items()} if total > 0 else {}


def _sum_magnitudes(recorded: RecordedMap, site: str, row: int) -> float:
    """Return the sum of the absolute values of a site; copies of one value count once."""
    values = recorded.record.axes.to_channels_last(recorded.get_values(site, row), site)
    if site in recorded.record.copied and values.ndim:
        values = values[..., :1]
    sizes = np.abs(np.asarray(values, np.float64))
    return float(sizes[np.isfinite(sizes)].sum())
