"""Computes a colour scale that the pictures of a run share: the largest that any map needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from inputgrad_cli.data.attribution import Attribution, to_channels_last
from inputgrad_cli.data.picture_style import Style
from inputgrad_cli.rendering.scale import find_limits, is_signed, reduce_channels
from inputgrad_cli.runs.pictures.map_pictures import list_drawable_sites


def widen(style: Style, attribution: Attribution) -> Style:
    """Return the style with its scale widened to cover the pictures of this attribution too."""
    for limit, signed in _yield_limits(attribution, style):
        both = bool(style.signed or signed)
        style = replace(style, limit=max(style.limit or 0.0, limit), signed=both)
    return style


def _yield_limits(attribution: Attribution, style: Style) -> Iterator[tuple[float, bool]]:
    """Yield the limit of each picture of an attribution, and whether its scale is signed."""
    metadata = attribution.metadata
    reduce = style.reduce or metadata["reduce"]
    for site in list_drawable_sites(attribution):
        stored, copied = attribution.values[site], site in metadata.get("copied", ())
        for row in stored if attribution.many else [stored]:
            image = to_channels_last(np.asarray(row), site, metadata)
            flat = reduce_channels(image[np.newaxis], reduce, copied)
            (limit,) = find_limits(flat, style.clip)
            yield limit, is_signed(flat, reduce, metadata.get("sign", "signed"))
